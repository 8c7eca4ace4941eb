"""Sentencepiece models read and run here, against the `sentencepiece` package."""

import pickle
import random
import subprocess
import sys

import pytest
import sentencepiece as theirs
from hypothesis import HealthCheck, given, settings
from sentencepiece import sentencepiece_model_pb2 as protobuf

from pytransformers.tokenizers import sentencepiece as reader
from pytransformers.tokenizers.segment import Pieces

from .corpus import CORPUS, texts
from .sentencepiece_models import MISTRAL_MODELS, SYMBOLS, TRAINED, model_path

MODELS = (*TRAINED, *MISTRAL_MODELS)
TRICKY = (*SYMBOLS, "  ", "aaaa", "\u0301\u0301\u0301", "▁", "▁▁", "<0x0A>", "9,", "=====")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def both(folder):
    """name -> (the package's processor, ours)."""
    made = {}

    def get(name):
        if name not in made:
            path = model_path(name, folder)
            processor = theirs.SentencePieceProcessor()
            processor.Load(str(path))
            made[name] = processor, Pieces(reader.read(path))
        return made[name]

    return get


@pytest.mark.parametrize("name", MODELS)
def test_the_reader_agrees_with_protobuf(both, name):
    model = both(name)[1].model
    proto = protobuf.ModelProto.FromString(model.data)
    assert model.pieces == [piece.piece for piece in proto.pieces]
    assert model.scores == [piece.score for piece in proto.pieces]
    assert model.types == [piece.type for piece in proto.pieces]
    for field in ("model_type", "byte_fallback", "treat_whitespace_as_suffix", "unk_surface", "unk_piece"):
        assert getattr(model, field) == getattr(proto.trainer_spec, field)
    for special in ("unk_id", "bos_id", "eos_id", "pad_id"):
        assert getattr(both(name)[1], special)() == getattr(both(name)[0], special)()
    for ours, spec in ((model.normalizer, proto.normalizer_spec), (model.denormalizer, proto.denormalizer_spec)):
        assert ours.charsmap == spec.precompiled_charsmap
        for field in ("add_dummy_prefix", "remove_extra_whitespaces", "escape_whitespaces"):
            assert getattr(ours, field) == getattr(spec, field)


def check(processor, ours, text):
    pieces = processor.encode(text, out_type=str)
    assert ours.encode(text) == pieces
    assert ours.encode(text, int) == processor.encode(text)
    assert ours.decode(pieces) == processor.decode(pieces)
    drawn = [processor.id_to_piece(index) for index in random.Random(text).sample(range(len(ours)), 16)]
    assert ours.decode(drawn) == processor.decode(drawn)


@pytest.mark.parametrize("name", MODELS)
def test_pieces_of_the_corpus(both, name):
    for text in [*CORPUS, "\x01", " \x01 ", "\u200b", " \u200b\x01a"]:  # some of these vanish
        check(*both(name), text)


@pytest.mark.parametrize("name", MODELS)
def test_pieces_of_fuzzed_text(both, name):
    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(texts(*TRICKY))
    def run(text):
        check(*both(name), text)

    run()


@pytest.mark.parametrize("name", ["t5", "t5-identity", "bpe-symbols"])
def test_ties_in_long_text(both, name):
    """Sums of scores are rounded, and begin anew below -100,000; of two equal segmentations this chooses one."""
    draw = random.Random(0)
    for alphabet in ("al.=", "\u0301\u0331x", "αβγ и", "\ue000a "):
        text = "".join(draw.choice(alphabet) * draw.choice((1, 2, 3, 17, 20)) for _ in range(4000))
        assert both(name)[1].encode(text) == both(name)[0].encode(text, out_type=str)


@pytest.mark.parametrize("name", ["t5", "tokenizer.model.v1"])
def test_a_megabyte_without_a_space(both, name):
    text = "".join(random.Random(1).choices("人権abc", k=400_000))
    assert len(text.encode()) > 700_000
    assert both(name)[1].encode(text) == both(name)[0].encode(text, out_type=str)


@pytest.mark.parametrize("name", ["t5", "bpe-symbols"])
def test_copies_work_alike(both, name):
    ours = both(name)[1]
    copy = pickle.loads(pickle.dumps(ours))
    assert [copy.encode(text) for text in CORPUS] == [ours.encode(text) for text in CORPUS]


def test_unused_pieces_are_taken_apart(both, tmp_path):
    for name in ("bpe-phrases", "t5"):
        proto = protobuf.ModelProto.FromString(both(name)[1].model.data)
        draw = random.Random(0)
        for piece in proto.pieces:
            if piece.type == 1 and len(piece.piece) > 1 and draw.random() < 0.4:
                piece.type = 5
        (tmp_path / "unused.model").write_bytes(proto.SerializeToString())
        processor = theirs.SentencePieceProcessor()
        processor.Load(str(tmp_path / "unused.model"))
        ours = Pieces(reader.read(tmp_path / "unused.model"))
        for text in CORPUS:
            check(processor, ours, text)


def test_a_denormalizer_is_applied(both, tmp_path):
    proto = protobuf.ModelProto.FromString(both("t5")[1].model.data)
    proto.denormalizer_spec.CopyFrom(protobuf.ModelProto.FromString(both("t5-bytes")[1].model.data).normalizer_spec)
    (tmp_path / "denormalized.model").write_bytes(proto.SerializeToString())
    processor = theirs.SentencePieceProcessor()
    processor.Load(str(tmp_path / "denormalized.model"))
    ours = Pieces(reader.read(tmp_path / "denormalized.model"))
    for text in CORPUS:
        check(processor, ours, text)


# Bad input


def test_truncated_files_are_named(both, tmp_path):
    data = both("t5")[1].model.data
    path = tmp_path / "cut.model"
    for size in {0, 1, 2, 3, 10, 1000, *random.Random(0).sample(range(len(data)), 40)}:
        path.write_bytes(data[:size])
        try:
            model = reader.read(path)
        except OSError as error:
            assert "cut.model] expected a sentencepiece model" in str(error)
        else:  # cut between two fields
            assert 0 < len(model.pieces) <= len(both("t5")[1])


def test_corrupt_files_are_errors_or_models(both, tmp_path):
    """Whatever byte is wrong, the answer is an error that says so, or a model that runs."""
    whole = both("t5")[1].model.data
    draw = random.Random(0)
    path = tmp_path / "corrupt.model"
    failures = 0
    for _ in range(80):
        data = bytearray(whole)
        for _ in range(draw.choice((1, 4, 64))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(data)
        try:
            Pieces(reader.read(path)).encode("Ünïcödé ﬁ ㍿ ½ e\u0301 text")
        except (OSError, ValueError) as error:
            failures += 1
            assert "corrupt.model] expected" in str(error) or "[sentencepiece] expected" in str(error)
    assert failures


def changed(data, part, name, value):
    """A model with one field changed: of the tenth piece, or of a spec."""
    proto = protobuf.ModelProto.FromString(data)
    setattr(proto.pieces[9] if part == "piece" else getattr(proto, part), name, value)
    return proto.SerializeToString()


# What is wrong -> (the file's content or the change, what the error says).
WRONG = {
    "text": (b"just some text\n" * 9, "got"),
    "nothing": (b"", "no pieces"),
    "a number that does not end": (b"\xff" * 20, "does not end"),
    "two unknown pieces": (("piece", "type", 2), "2 unknown pieces"),
    "a piece twice": (("piece", "piece", "</s>"), "the piece '</s>' twice"),
    "an empty piece": (("piece", "piece", ""), "no text for piece 9"),
    "no score": (("piece", "score", float("nan")), "a score that is no number"),
    "a byte that is none": (("piece", "type", 6), "the byte piece"),
    "bytes missing": (("trainer_spec", "byte_fallback", True), "0 byte pieces instead of 256"),
    "a broken table": (("normalizer_spec", "precompiled_charsmap", b"\xff" * 40), "precompiled_charsmap"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files(both, tmp_path, case):
    content, says = WRONG[case]
    if not isinstance(content, bytes):
        content = changed(both("t5-identity")[1].model.data, *content)
    path = tmp_path / "wrong.model"
    path.write_bytes(content)
    with pytest.raises(OSError, match="wrong.model] expected a sentencepiece model") as caught:
        reader.read(path)
    assert says in str(caught.value)


def test_other_kinds_of_models_are_refused(both):
    data = changed(both("t5")[1].model.data, "trainer_spec", "model_type", 3)
    with pytest.raises(ValueError, match="expected a unigram or BPE model, got word"):
        Pieces(reader.parse(data))


def test_ids_and_text_that_are_none(both):
    ours = both("t5")[1]
    for index in (-1, len(ours), 10**12):
        with pytest.raises(IndexError, match="expected an id below"):
            ours.id_to_piece(index)
    with pytest.raises(ValueError, match="lone surrogate"):
        ours.encode("a\ud800b")
    assert ours.piece_to_id("no such piece") == ours.unk_id() == 2
    assert ours.encode("") == [] and ours.decode([]) == ""


def test_neither_sentencepiece_nor_protobuf_is_imported(folder):
    path = model_path("t5", folder)
    code = (
        "import sys, pytransformers as p\n"
        f"for cls in (p.T5Tokenizer, p.T5TokenizerFast): cls({str(path)!r})('some text')\n"
        "assert not {'sentencepiece', 'google.protobuf', 'transformers', 'torch'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
