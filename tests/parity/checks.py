"""The parity tests of one framework; `test_<framework>.py` subclasses `Parity`."""

import numpy as np

from .frameworks import model_class
from .harness import assert_gradients, assert_outputs


def read(folder, name):
    with np.load(folder / f"{name}.npz") as arrays:
        return dict(arrays)


class Parity:
    framework = None

    def load(self, case, oracle):
        return model_class(self.framework.name, case).from_pretrained(oracle / case.name, output_loading_info=True)

    def test_outputs(self, case, oracle):
        model, info = self.load(case, oracle)
        assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
        folder = oracle / case.name
        assert_outputs(self.framework.run(model, read(folder, "inputs"), case), read(folder, "outputs"))

    def test_gradients(self, case, oracle):
        model, _ = self.load(case, oracle)
        folder = oracle / case.name
        expected = read(folder, "gradients")
        found = self.framework.gradients(model, read(folder, "inputs"), case)
        # A parameter that the objective does not reach has no gradient in some frameworks and zeros in others.
        assert all(not found[name].any() for name in set(found) - set(expected))
        assert_gradients({name: found[name] for name in expected}, expected)

    def test_fresh_weights(self, case, oracle):
        """Fresh parameters have the oracle's mean and spread, within sampling error, and its constants exactly."""
        import pytransformers  # noqa: F401

        cls = model_class(self.framework.name, case)
        model = cls.from_config(cls.config_class.from_pretrained(oracle / case.name))
        ours, theirs = self.framework.parameters(model), read(oracle / case.name, "fresh")
        wrong = []
        for name, (mean, std, low, high, count) in theirs.items():
            values = ours[name].astype(np.float64)
            if std == 0:
                right = (values == mean).all()
            else:
                error = 5 / np.sqrt(count)
                right = abs(values.std() - std) < 1.5 * error * std and abs(values.mean() - mean) < 1.5 * error * std
                reach = (high - mean) / std  # tells a normal from a uniform or a truncated distribution
                ours_reach = (values.max() - values.mean()) / values.std()
                right = right and (count < 500 or abs(ours_reach - reach) < 1.5)
            if not right:
                wrong.append(f"{name}: mean {values.mean():.4f}, std {values.std():.4f}; oracle {mean:.4f}, {std:.4f}")
        assert not wrong, "\n".join(wrong)
