"""Subclasses as packages write them: the same source on our base classes and on those of `transformers`."""

import json
import os
import pickle
import re

import pytest

import pytransformers

SMILES = (
    r"(\%\([0-9]{3}\)|\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\||\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$|\%[0-9]{2}"
    r"|[0-9])"
)
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"CNOcno()=#1234[]>.+-", "Cl", "Br", "[nH]", "[C@H]"]


def classes(api):
    """Three subclasses on the base classes of `api`."""

    class SmilesTokenizer(api.BertTokenizer):
        """The pattern of rxnfp's: another `_tokenize` on BERT's vocabulary."""

        def __init__(self, vocab_file, unk_token="[UNK]", sep_token="[SEP]", do_lower_case=False, **kwargs):
            super().__init__(
                vocab_file=vocab_file, unk_token=unk_token, sep_token=sep_token, do_lower_case=do_lower_case, **kwargs
            )
            self.tokenizer = re.compile(SMILES)

        @property
        def vocab_list(self):
            return list(self.vocab.keys())

        def _tokenize(self, text):
            return self.tokenizer.findall(text)

    class CharTokenizer(api.PreTrainedTokenizer):
        """Characters, a vocabulary of its own file, an end token, and text changed before it is cut."""

        vocab_files_names = {"vocab_file": "chars.json"}
        model_input_names = ["input_ids", "attention_mask"]

        def __init__(self, vocab_file, bos_token="<s>", eos_token="</s>", unk_token="<unk>", upper=False, **kwargs):
            with open(vocab_file, encoding="utf-8") as file:
                self.char_to_id = json.load(file)
            self.id_to_char = {i: char for char, i in self.char_to_id.items()}
            self.upper = upper
            super().__init__(bos_token=bos_token, eos_token=eos_token, unk_token=unk_token, upper=upper, **kwargs)

        @property
        def vocab_size(self):
            return len(self.char_to_id)

        def get_vocab(self):
            return dict(self.char_to_id, **self.added_tokens_encoder)

        def prepare_for_tokenization(self, text, is_split_into_words=False, **kwargs):
            shout = kwargs.pop("shout", False)
            text = text.upper() if self.upper else text
            return text + "!" if shout else text, kwargs

        def _tokenize(self, text):
            return list(text)

        def _convert_token_to_id(self, token):
            return self.char_to_id.get(token, self.char_to_id["<unk>"])

        def _convert_id_to_token(self, index):
            return self.id_to_char[index]

        def convert_tokens_to_string(self, tokens):
            return "".join(tokens)

        def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
            ids = token_ids_0 + [self.eos_token_id]
            return ids if token_ids_1 is None else ids + token_ids_1 + [self.eos_token_id]

        def create_token_type_ids_from_sequences(self, token_ids_0, token_ids_1=None):
            return [7] * len(self.build_inputs_with_special_tokens(token_ids_0, token_ids_1))

        def save_vocabulary(self, save_directory, filename_prefix=None):
            path = os.path.join(save_directory, (filename_prefix + "-" if filename_prefix else "") + "chars.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self.char_to_id, file)
            return (path,)

    class WordTokenizer(api.PreTrainedTokenizer):
        """No file at all, lower case by the base class, padding of its own."""

        def __init__(self, words, **kwargs):
            self.words = {word: i for i, word in enumerate(words)}
            self.do_lower_case = True
            super().__init__(words=words, unk_token="<unk>", pad_token="<pad>", **kwargs)

        @property
        def vocab_size(self):
            return len(self.words)

        def get_vocab(self):
            return {**self.words, **self.added_tokens_encoder}

        def _tokenize(self, text):
            return text.split()

        def _convert_token_to_id(self, token):
            return self.words.get(token, self.words.get("<unk>"))

        def _convert_id_to_token(self, index):
            return {i: word for word, i in self.words.items()}.get(index, "<unk>")

        def _pad(self, encoded_inputs, max_length=None, padding_strategy=None, **kwargs):
            padded = super()._pad(encoded_inputs, max_length=max_length, padding_strategy=padding_strategy, **kwargs)
            padded["position_ids"] = list(range(len(padded["input_ids"])))
            return padded

    return {"smiles": SmilesTokenizer, "char": CharTokenizer, "word": WordTokenizer}


def pair(name, *args, **kwargs):
    import transformers

    return [classes(api)[name](*args, **kwargs) for api in (pytransformers, transformers)]


@pytest.fixture
def vocab(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS) + "\n")
    chars = {char: i for i, char in enumerate(["<unk>", *"abcdefgh ABC!", "é", "日", "</s>"])}
    (tmp_path / "chars.json").write_text(json.dumps(chars))
    return tmp_path


TEXTS = ["CC(=O)Nc1ccc(Cl)cc1[nH]>>Br[C@H]", "C", "", "c1 n1 [MASK]C[SEP]zz", "CC.<new>CC<rare>"]


def test_smiles_tokenizer(vocab):
    ours, theirs = pair("smiles", str(vocab / "vocab.txt"))
    assert ours.vocab_list == theirs.vocab_list
    for tokenizer in (ours, theirs):
        assert tokenizer.add_tokens(["<new>", "Br"]) == 1
        assert tokenizer.add_special_tokens({"additional_special_tokens": ["<rare>"]}) == 1
    for text in TEXTS:
        assert dict(ours(text)) == dict(theirs(text)) and ours.tokenize(text) == theirs.tokenize(text)
        assert ours.decode(ours.encode(text)) == theirs.decode(theirs.encode(text))
    kwargs = {"padding": "max_length", "max_length": 12, "truncation": True}
    assert dict(ours(TEXTS, TEXTS[::-1], **kwargs)) == dict(theirs(TEXTS, TEXTS[::-1], **kwargs))
    encoded = ours.batch_encode_plus(TEXTS, return_tensors="np", **kwargs)
    assert encoded["input_ids"].shape == (5, 12)
    assert ours.convert_tokens_to_ids(["C", "Cl", "zz"]) == theirs.convert_tokens_to_ids(["C", "Cl", "zz"])
    ours.save_pretrained(vocab / "saved")
    again = type(ours).from_pretrained(vocab / "saved")
    assert again(TEXTS)["input_ids"] == ours(TEXTS)["input_ids"] == theirs(TEXTS)["input_ids"]


@pytest.mark.parametrize("upper", [False, True])
def test_character_tokenizer(vocab, upper):
    ours, theirs = pair("char", vocab / "chars.json", upper=upper, extra_special_tokens={"image_token": "<i>"})
    assert (len(ours), ours.get_vocab()) == (len(theirs), theirs.get_vocab())
    assert (ours.image_token, ours.image_token_id) == (theirs.image_token, theirs.image_token_id)
    for text in ("abc", "ab Cz", "h\nh", "日é", "a<s>b</s>", "", "<I> <i>"):
        for kwargs in ({}, {"shout": True}, {"return_token_type_ids": True}, {"split_special_tokens": True}):
            assert dict(ours(text, **kwargs)) == dict(theirs(text, **kwargs)), (text, kwargs)
        ids = theirs.encode(text)
        assert ours.decode(ids) == theirs.decode(ids)
        assert ours.decode(ids, skip_special_tokens=True) == theirs.decode(ids, skip_special_tokens=True)
    a, b = (t(["abc", "a"], ["b", "cc"], truncation="only_first", max_length=5) for t in (ours, theirs))
    assert dict(a) == dict(b)
    assert dict(ours.prepare_for_model([1, 2, 3], [4])) == dict(theirs.prepare_for_model([1, 2, 3], [4]))
    mask = ours.get_special_tokens_mask([1, 2], [3])
    assert mask == theirs.get_special_tokens_mask([1, 2], [3]) == [0, 0, 0]
    for strategy in ("longest_first", "only_first", "only_second"):
        for count in (0, 1, 2, 5, 99):
            for ids in ((list(range(5)), list(range(7))), (list(range(9)), [1]), (list(range(4)), None)):
                args = (*ids, count, strategy, 2)
                assert ours.truncate_sequences(*args) == theirs.truncate_sequences(*args)
    ours.save_pretrained(vocab / "saved", filename_prefix="x")
    assert (vocab / "saved" / "x-chars.json").exists()
    ours.save_pretrained(vocab / "saved")
    again = type(ours).from_pretrained(vocab / "saved")
    assert again.upper == upper and again.image_token == "<i>" and again.encode("ab<i>") == ours.encode("ab<i>")
    from_file = type(ours).from_pretrained(vocab / "chars.json", upper=upper)
    assert from_file.encode("abc") == ours.encode("abc")


def test_tokenizer_without_files():
    words = ["<unk>", "<pad>", "the", "cat", "σ", "ας"]
    ours, theirs = pair("word", words)
    for tokenizer in (ours, theirs):
        tokenizer.add_tokens(["New Word", "CAT2"])
        tokenizer.add_special_tokens({"cls_token": "<CLS>"})
    for text in ("The CAT", "the  new word<CLS>", "<cls> cat2 x", "ΑΣ Σ the", "the\nCAT"):
        assert dict(ours(text)) == dict(theirs(text)) and ours.tokenize(text) == theirs.tokenize(text)
    kwargs = {"padding": True, "pad_to_multiple_of": 4}
    assert dict(ours(["the cat", "the"], **kwargs)) == dict(theirs(["the cat", "the"], **kwargs))
    assert ours.all_special_tokens == theirs.all_special_tokens
    assert ours.sanitize_special_tokens() == theirs.sanitize_special_tokens() == 0


def test_class_attributes_and_settings_may_be_overridden(vocab):
    class Mine(pytransformers.BertTokenizer):
        padding_side = "left"
        model_input_names = ["input_ids"]

        @property
        def mask_token(self):
            return "[UNK]"

    tokenizer = Mine(vocab / "vocab.txt", clean_up_tokenization_spaces=False)
    assert tokenizer(["CC", "C C"], padding=True)["input_ids"] == [[0, 2, 1, 3], [2, 8, 8, 3]]
    assert tokenizer.mask_token_id == 1 or tokenizer.mask_token == "[UNK]"
    with pytest.raises(AttributeError, match="'add_special_tokens' is a method, and no setting"):
        Mine(vocab / "vocab.txt", add_special_tokens=False)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        tokenizer.nothing  # noqa: B018
    with pytest.raises(NotImplementedError, match="expected a fast tokenizer for return_offsets_mapping"):
        tokenizer("C", return_offsets_mapping=True)


class Picklable(pytransformers.BertTokenizer):
    pass


def test_plain_tokenizers_pickle(vocab):
    tokenizer = Picklable(vocab / "vocab.txt", do_lower_case=False)
    tokenizer.add_tokens(["<new>"])
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again("C<new>")["input_ids"] == tokenizer("C<new>")["input_ids"] == [2, 5, 29, 3]


def test_fast_subclass_with_its_own_file(vocab):
    from tokenizers import Tokenizer, models, pre_tokenizers

    class CharTokenizerFast(pytransformers.PreTrainedTokenizerFast):
        vocab_files_names = {"vocab_file": "chars.json", "tokenizer_file": "tokenizer.json"}

        def build(self, settings):
            chars = json.loads(open(settings["vocab_file"]).read())
            tokenizer = Tokenizer(models.WordLevel(chars, unk_token="<unk>"))
            tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
            return tokenizer

    made = CharTokenizerFast.from_pretrained(vocab, unk_token="<unk>")
    assert made("abz")["input_ids"] == [1, 2, 0] == CharTokenizerFast(str(vocab / "chars.json"))("abz")["input_ids"]
    made.save_pretrained(vocab / "saved")
    assert not (vocab / "saved" / "chars.json").exists()
    assert CharTokenizerFast.from_pretrained(vocab / "saved")("abz")["input_ids"] == [1, 2, 0]
    with pytest.raises(ValueError, match="has no files but tokenizer.json"):
        made.save_pretrained(vocab / "saved", legacy_format=True)
