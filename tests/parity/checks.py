"""The parity tests of one framework; `test_<framework>.py` subclasses `Parity`."""

import numpy as np

from .frameworks import model_class
from .harness import assert_gradients, assert_outputs, statistics


def read(folder, name):
    with np.load(folder / f"{name}.npz") as arrays:
        return dict(arrays)


class Parity:
    framework = None

    def load(self, case, oracle):
        return model_class(self.framework.name, case).from_pretrained(
            oracle / case.name, output_loading_info=True, attn_implementation=case.attention
        )

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
        assert_gradients(found, expected)

    def test_fresh_weights(self, head_case, oracle):
        """Fresh parameters have the oracle's mean and spread, within sampling error, and its constants exactly."""
        cls = model_class(self.framework.name, head_case)
        self.framework.seed(3)
        model = cls.from_config(cls.config_class.from_pretrained(oracle / head_case.name))
        ours, theirs = self.framework.parameters(model), read(oracle / head_case.name, "fresh")
        wrong = []
        for name, (mean, std, kurtosis, count) in theirs.items():
            our_mean, our_std, our_kurtosis, our_count = statistics(ours[name])
            assert our_count == count, f"{name}: {our_count} values, oracle's {count}"
            if std == 0:
                right = our_std == 0 and our_mean == mean
            else:
                error = 6 / np.sqrt(count)  # six standard errors of a difference of two samples, and more
                right = abs(our_std - std) < error * std and abs(our_mean - mean) < 1.5 * error * std
                right = right and (count < 1000 or abs(our_kurtosis - kurtosis) < 6 * error)
            if not right:
                wrong.append(f"{name}: mean {our_mean:.4f}, std {our_std:.4f}; oracle {mean:.4f}, {std:.4f}")
        assert not wrong, "\n".join(wrong)
