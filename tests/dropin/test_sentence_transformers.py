"""sentence-transformers, unmodified, gives on this package what it gives on the real one."""

from pathlib import Path

import numpy as np

from pytransformers.cli.demo import find_model

from .running import dropin, python, succeed

SCRIPT = Path(__file__).with_name("sentences.py")


def test_encodes_the_same(tmp_path):
    model, results = find_model(None), {}
    runs = {"theirs": (python, {"hidden": False, "USE_TF": "0", "USE_FLAX": "0"}), "ours": (dropin, {})}
    for name, (run, options) in runs.items():
        out = tmp_path / f"{name}.npz"
        place = succeed(run(SCRIPT, model, out, tmp_path / name, **options)).splitlines()[-1]
        assert ("pytransformers" in Path(place).parts) == (name == "ours")
        results[name] = np.load(out)
    theirs, ours = results["theirs"], results["ours"]
    assert set(ours) == set(theirs)
    for key in ours:
        assert ours[key].shape == theirs[key].shape, key
        np.testing.assert_allclose(ours[key], theirs[key], atol=1e-5, rtol=0, err_msg=key)
    saved = {name: {path.name for path in (tmp_path / name).rglob("*")} for name in results}
    needed = {"config.json", "model.safetensors", "modules.json", "tokenizer.json", "tokenizer_config.json"}
    assert needed <= saved["ours"] and needed <= saved["theirs"]
