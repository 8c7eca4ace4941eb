"""Model outputs: mapping, tuple and record at once, in plain Python and through every framework's trees."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from pytransformers import outputs
from pytransformers.outputs import (
    BaseModelOutput,
    BaseModelOutputWithPooling,
    CausalLMOutputWithPast,
    MaskedImageModelingOutput,
    ModelOutput,
)


def test_behaves_as_mapping_tuple_and_record():
    out = BaseModelOutputWithPooling(last_hidden_state=1, hidden_states=(2, 3))
    assert out.last_hidden_state == 1 and out.pooler_output is None
    assert out["hidden_states"] == (2, 3) and "pooler_output" not in out
    assert out[0] == 1 and out[1] == (2, 3) and out[-1] == (2, 3) and out[:1] == (1,)
    assert out.to_tuple() == (1, (2, 3)) and len(out) == 2
    assert list(out) == list(out.keys()) == ["last_hidden_state", "hidden_states"]
    assert dict(out) == {**out} == {"last_hidden_state": 1, "hidden_states": (2, 3)}
    assert isinstance(out, dict) and dataclasses.is_dataclass(out)
    assert repr(out) == (
        "BaseModelOutputWithPooling(last_hidden_state=1, pooler_output=None, hidden_states=(2, 3), attentions=None)"
    )
    with pytest.raises(IndexError):
        out[2]
    with pytest.raises(KeyError):
        out["attentions"]


def test_order_is_field_order_however_it_was_built():
    out = BaseModelOutput(attentions=3, last_hidden_state=1)
    assert out.to_tuple() == (1, 3)
    out.hidden_states = 2
    assert out.to_tuple() == (1, 2, 3)
    out["last_hidden_state"] = None
    assert out.to_tuple() == (2, 3) and out.last_hidden_state is None
    out["last_hidden_state"] = 7
    assert out.to_tuple() == (7, 2, 3) and out.last_hidden_state == 7
    assert BaseModelOutput(1, None, 3).to_tuple() == (1, 3)
    assert dataclasses.replace(out, attentions=None).to_tuple() == (7, 2)


@pytest.mark.parametrize(
    "source",
    [
        {"loss": 1, "logits": 2},
        [("loss", 1), ("logits", 2)],
        (pair for pair in (("loss", 1), ("logits", 2))),
        zip(("loss", "logits"), (1, 2), strict=True),
    ],
)
def test_built_from_pairs(source):
    out = CausalLMOutputWithPast(source)
    assert out.loss == 1 and out.logits == 2 and len(out) == 2


def test_first_field_may_hold_a_tuple():
    assert BaseModelOutput((1, 2)).last_hidden_state == (1, 2)


@pytest.mark.parametrize("change", ["pop", "popitem", "clear", "update", "setdefault", "__delitem__", "__ior__"])
def test_fields_are_fixed(change):
    out = BaseModelOutput(last_hidden_state=1)
    with pytest.raises(TypeError, match="fixed set of fields"):
        getattr(out, change)("last_hidden_state")
    assert out.last_hidden_state == out[0] == 1


def test_unknown_and_repeated_fields_are_refused():
    with pytest.raises(TypeError, match=r"\[BaseModelOutput\] expected fields .*, got logits"):
        BaseModelOutput(logits=1)
    with pytest.raises(TypeError, match="two values for last_hidden_state"):
        BaseModelOutput(1, last_hidden_state=1)
    with pytest.raises(TypeError, match="at most 3 values, got 4"):
        BaseModelOutput(1, 2, 3, 4)
    with pytest.raises(KeyError, match="expected a field"):
        BaseModelOutput()["logits"] = 1


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), dict.copy])
def test_copy_and_pickle(duplicate):
    out = CausalLMOutputWithPast(logits=np.arange(3), hidden_states=(np.ones(2),))
    other = duplicate(out)
    assert list(other) == ["logits", "hidden_states"]
    np.testing.assert_array_equal(other["logits"], out.logits)
    if duplicate is not dict.copy:
        assert type(other) is CausalLMOutputWithPast and other.logits is other["logits"]
        other.loss = 1
        assert out.loss is None and "loss" not in out


@dataclass
class UserOutput(ModelOutput):
    """A subclass made the way `transformers` users make theirs."""

    score: Any | None = None
    extra: Any | None = None


def test_user_defined_dataclass():
    out = UserOutput(score=1)
    assert out.to_tuple() == (1,) and out.extra is None
    out.extra = 2
    assert out[1] == 2
    assert UserOutput({"extra": 5}).to_tuple() == (5,)


def test_masked_image_modeling_answers_to_its_older_name():
    assert MaskedImageModelingOutput(reconstruction=4).logits == 4


def test_same_classes_and_field_orders_as_transformers():
    import transformers.modeling_outputs as theirs
    from transformers.models.albert.modeling_albert import AlbertForPreTrainingOutput
    from transformers.models.bert.modeling_bert import BertForPreTrainingOutput
    from transformers.models.gpt2.modeling_gpt2 import GPT2DoubleHeadsModelOutput

    special = (AlbertForPreTrainingOutput, BertForPreTrainingOutput, GPT2DoubleHeadsModelOutput)
    special = {cls.__name__: cls for cls in special}
    ours = [c for c in vars(outputs).values() if isinstance(c, type) and ModelOutput in c.__mro__[1:]]
    compared = 0
    for cls in ours:
        other = special.get(cls.__name__) or getattr(theirs, cls.__name__, None)
        if other is not None:
            names = tuple(f.name for f in dataclasses.fields(other))
            assert cls.__match_args__ == names == tuple(f.name for f in dataclasses.fields(cls)), cls
            compared += 1
    assert compared >= 24


def test_loads_no_framework():
    code = "import sys, pytransformers.outputs; print({'numpy','torch','jax','tensorflow','keras'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@dataclass(init=False)
class Traced(ModelOutput):
    """Has tree registrations of its own, so that these tests do not lean on the backends'."""

    loss: Any | None = None
    logits: Any | None = None
    hidden_states: Any | None = None


def unflatten_with_context_first(cls, names, values):
    return outputs.unflatten(cls, values, names)


@pytest.fixture(scope="module")
def torch():
    import torch
    from torch.utils import _pytree

    if Traced not in _pytree.SUPPORTED_NODES:
        _pytree.register_pytree_node(
            Traced,
            outputs.flatten,
            partial(outputs.unflatten, Traced),
            serialized_type_name="tests.Traced",
            to_dumpable_context=list,
            from_dumpable_context=tuple,
        )
    return torch


def traced_step(x):
    return Traced(logits=x * 2, hidden_states=(x, x + 1))


def check_traced(out, x):
    assert type(out) is Traced and list(out) == ["logits", "hidden_states"] and out.loss is None
    np.testing.assert_allclose(np.asarray(out.logits), x * 2)
    np.testing.assert_allclose(np.asarray(out["hidden_states"][1]), x + 1)
    assert out[0] is out.logits


X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_torch_compile(torch):
    def step(x):
        out = traced_step(x)
        out.loss = out[0].sum() + out["logits"].sum() + out.to_tuple()[0].sum() + len(out)
        return out

    out = torch.compile(step, fullgraph=True, backend="eager")(torch.tensor(X))
    assert list(out) == ["loss", "logits", "hidden_states"]
    assert float(out.loss) == 3 * (X * 2).sum() + 2


def test_torch_compile_of_a_returned_output(torch):
    check_traced(torch.compile(traced_step, fullgraph=True, backend="eager")(torch.tensor(X)), X)


def test_torch_export(torch, tmp_path):
    class Step(torch.nn.Module):
        def forward(self, x):
            return traced_step(x)

    program = torch.export.export(Step(), (torch.tensor(X),))
    check_traced(program.module()(torch.tensor(X)), X)
    torch.export.save(program, tmp_path / "step.pt2")
    check_traced(torch.export.load(tmp_path / "step.pt2").module()(torch.tensor(X)), X)


def test_torch_tree(torch):
    from torch.utils import _pytree

    out = traced_step(torch.tensor(X))
    check_traced(_pytree.tree_map(lambda t: t + 0, out), X)


@pytest.fixture(scope="module")
def jax():
    import jax

    try:
        jax.tree_util.register_pytree_node(Traced, outputs.flatten, partial(unflatten_with_context_first, Traced))
    except ValueError:
        pass  # a backend loaded by another test has registered it
    return jax


def test_jax_transformations(jax):
    check_traced(jax.jit(traced_step)(X), X)
    check_traced(jax.vmap(traced_step)(X), X)
    gradient = jax.grad(lambda x: traced_step(x).logits.sum())(X)
    np.testing.assert_allclose(gradient, np.full_like(X, 2))
    assert jax.eval_shape(traced_step, X).logits.shape == X.shape
    check_traced(jax.tree.map(lambda a: a, traced_step(X)), X)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_tensorflow_function(jit_compile):
    import tensorflow as tf

    check_traced(tf.function(traced_step, jit_compile=jit_compile)(tf.constant(X)), X)
    check_traced(tf.nest.map_structure(lambda t: t + 0, traced_step(tf.constant(X))), X)


def test_keras_layer_and_model():
    import keras
    import optree

    unflatten = partial(unflatten_with_context_first, Traced)
    try:
        optree.register_pytree_node(Traced, outputs.flatten, unflatten, namespace="keras")
    except ValueError:
        pass  # a backend loaded by another test has registered it

    class Layer(keras.layers.Layer):
        def call(self, x):
            return traced_step(x)

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = Layer()

        def call(self, x):
            return self.layer(x)

    check_traced(Model()(X), X)
    predicted = Model().predict(X, verbose=0)
    check_traced(predicted, X)


def test_registrars_see_classes_of_before_and_after():
    seen = []
    outputs.register_trees(seen.append)
    try:
        assert BaseModelOutput in seen and UserOutput in seen

        class Later(ModelOutput):
            pass

        assert seen[-1] is Later
    finally:
        outputs._registrars.remove(seen.append)
