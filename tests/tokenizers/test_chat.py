"""Chat templates: text, ids and masks equal to those of `transformers` 4.57.6; bad ones are one clear error."""

import copy
import subprocess
import sys
from typing import Any, Literal

import pytest

import pytransformers
from pytransformers.tokenizers.jinja import ChatTemplateError
from pytransformers.tokenizers.json_schema import get_json_schema

from .chat_templates import CHATML, TEMPLATES
from .vocabularies import write_gpt2

USER = {"role": "user", "content": "What is <b>2+2</b>? 日本 \n"}
ANSWER = {"role": "assistant", "content": "  It is 4. "}
SYSTEM = {"role": "system", "content": "Be brief & kind."}
CALL = {
    "role": "assistant",
    "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": "é<"}}}],
}
RESULT = {"role": "tool", "content": "4", "tool_call_id": "abcdefghi"}
CHATS = {
    "one": [USER],
    "two": [SYSTEM, USER, ANSWER],
    "long": [USER, ANSWER, {"role": "user", "content": "And 3+3?"}, {"role": "assistant", "content": "6"}],
}


def add(a: int, b: float | None = None, kind: Literal["x", "y"] = "x", rest: list[str] | None = None) -> int:
    """
    Adds two numbers,
    over two lines.

    Args:
        a: The first
            number.
        b: The second number
        kind: Which kind (choices: ["x", "y"])
        rest: Whatever: with a colon

    Returns:
        The sum
    """
    return a


def search(query: str, where: dict[str, Any], n: int | str, size: tuple[int, float] = (1, 2.0), z: list = ()):
    """Searches.

    Args:
        query: What to look for
        where: Where to look
        n: How many
        size: Of what
        z: More
    Raises:
        KeyError: never
    """


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Our GPT-2 tokenizer and theirs, with a few special tokens."""
    import transformers

    folder = write_gpt2(tmp_path_factory.mktemp("gpt2"))
    made = [api.GPT2TokenizerFast.from_pretrained(folder) for api in (pytransformers, transformers)]
    for tokenizer in made:
        tokenizer.add_special_tokens({"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"})
        tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", "[INST]"]})
    return made


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_text_and_ids(pair, template, chat):
    ours, theirs = pair
    calls = [{}, {"add_generation_prompt": True}, {"tokenize": False}, {"tools": [add, search], "tokenize": False}]
    calls += [{"date_string": "then", "bos_token": "<other>", "tokenize": False}, {"return_dict": True}]
    calls += [{"documents": [{"title": "t", "text": "x"}], "tokenize": False}]
    for kwargs in calls:
        kwargs = {"chat_template": TEMPLATES[template], **kwargs}
        assert ours.apply_chat_template(CHATS[chat], **kwargs) == theirs.apply_chat_template(CHATS[chat], **kwargs)
    batch = [CHATS[chat], CHATS["one"]]
    kwargs = {"chat_template": TEMPLATES[template], "padding": True, "return_dict": True, "return_tensors": "np"}
    a, b = ours.apply_chat_template(batch, **kwargs), theirs.apply_chat_template(batch, **kwargs)
    assert a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)
    kwargs = {"chat_template": TEMPLATES[template], "truncation": True, "max_length": 9}
    assert ours.apply_chat_template(batch, **kwargs) == theirs.apply_chat_template(batch, **kwargs)


def test_tools_in_a_conversation(pair):
    ours, theirs = pair
    chat = [USER, CALL, RESULT, {"role": "assistant", "content": "Four."}, {"role": "user", "content": "Thanks"}]
    for template in ("llama-3", "mistral"):
        kwargs = {"chat_template": TEMPLATES[template], "tools": [add, get_json_schema(search)], "tokenize": False}
        text = ours.apply_chat_template(chat, **kwargs)
        assert text == theirs.apply_chat_template(chat, **kwargs) and '"é<"' in text


def test_schemas_equal(pair):
    from transformers.utils import get_json_schema as theirs

    for function in (add, search):
        assert get_json_schema(function) == theirs(function)
    for function, message in (
        (lambda x: x, "to have a docstring"),
        (eval("lambda x: x", {}), "to have a docstring"),
    ):
        with pytest.raises(ValueError, match=message):
            get_json_schema(function)

    def untyped(x):
        """Does.

        Args:
            x: something
        """

    def undescribed(x: int):
        """Does."""

    def odd(x: tuple[int, ...]):
        """Does.

        Args:
            x: something
        """

    for function, message in ((untyped, "type hint for 'x'"), (undescribed, "describe 'x'"), (odd, "expected a hint")):
        with pytest.raises(ValueError, match=message):
            get_json_schema(function)


@pytest.mark.parametrize(
    "kwargs", [{}, {"return_tensors": "np", "padding": True}, {"max_length": 9, "truncation": True}]
)
def test_assistant_masks(pair, kwargs):
    ours, theirs = pair
    kwargs = {"chat_template": CHATML, "return_assistant_tokens_mask": True, "return_dict": True, **kwargs}
    for chat in (CHATS["long"], [CHATS["long"], CHATS["two"]]):
        a, b = (tokenizer.apply_chat_template(chat, **kwargs) for tokenizer in pair)
        x, y = a["assistant_masks"], b["assistant_masks"]
        assert x == y if isinstance(x, list) else (x == y).all()
    ids = ours.apply_chat_template(CHATS["long"], **kwargs)
    row, mask = ids["input_ids"], ids["assistant_masks"]
    row, mask = (row[0], mask[0]) if "return_tensors" in kwargs else (row, mask)
    words = ours.decode([i for i, bit in zip(row, mask, strict=True) if bit])
    assert not words if "truncation" in kwargs else words.startswith("  It is 4. <|im_end|>")


@pytest.mark.parametrize("template", TEMPLATES)
def test_continuing_the_last_message(pair, template):
    ours, theirs = pair
    for content in ("It is", "It is \n", [{"type": "text", "text": "It is"}]):
        chat = [USER, {"role": "assistant", "content": content}]
        if not isinstance(content, str):
            if template != "chatml":
                continue
            text = "{% for m in messages %}{{ m.content if m.content is string else m.content[0].text }}.{% endfor %}"
        else:
            text = TEMPLATES[template]
        before = copy.deepcopy(chat)
        kwargs = {"chat_template": text, "continue_final_message": True, "tokenize": False}
        assert ours.apply_chat_template(chat, **kwargs) == theirs.apply_chat_template(chat, **kwargs)
        assert chat == before
    for wrong in ("{{ messages[0].content }}", "nothing"):
        with pytest.raises(ValueError, match="this template cannot continue it"):
            ours.apply_chat_template(chat, chat_template=wrong, continue_final_message=True)


def test_one_more_message(pair):
    ours, theirs = pair
    for message, history in ((USER, None), (ANSWER, [USER]), (USER, [USER, ANSWER])):
        for template in TEMPLATES.values():
            for tokenizer in pair:
                tokenizer.chat_template = template
            expected = theirs.encode_message_with_chat_template(message, history)
            assert ours.encode_message_with_chat_template(message, history) == expected
    with pytest.raises(ValueError, match="expected no add_generation_prompt"):
        ours.encode_message_with_chat_template(USER, add_generation_prompt=True)
    for tokenizer in pair:
        tokenizer.chat_template = None


@pytest.mark.parametrize("jinja_files", [True, False])
@pytest.mark.parametrize("template", ["{{ messages[0].content }}", {"default": "d", "tool_use": "t", "rag": "r"}])
def test_templates_are_saved_and_found(pair, tmp_path, template, jinja_files):
    import transformers

    for who, tokenizer in zip(("ours", "theirs"), pair, strict=True):
        tokenizer.chat_template = template
        tokenizer.save_pretrained(tmp_path / who, save_jinja_files=jinja_files)
        tokenizer.chat_template = None
    files = [sorted(str(p.relative_to(tmp_path / w)) for p in (tmp_path / w).rglob("*")) for w in ("ours", "theirs")]
    assert files[0] == files[1] and ("chat_template.jinja" in files[0]) == jinja_files
    for who in ("ours", "theirs"):
        for api in (pytransformers, transformers):
            again = api.AutoTokenizer.from_pretrained(tmp_path / who)
            assert again.chat_template == template
            if isinstance(template, dict):
                for kwargs, name in (({}, "d"), ({"tools": [add]}, "t"), ({"chat_template": "rag"}, "r")):
                    assert again.apply_chat_template([USER], tokenize=False, **kwargs) == name
                assert again.get_chat_template("x {{ 1 }}") == "x {{ 1 }}"


def test_templates_by_name_need_a_name(pair):
    ours = copy.deepcopy(pair[0])
    with pytest.raises(ValueError, match="chat template. this tokenizer has none"):
        ours.apply_chat_template([USER])
    ours.chat_template = {"a": "x", "b": "y"}
    with pytest.raises(ValueError, match="name of one of several templates, a, b, got none"):
        ours.apply_chat_template([USER])


ATTACKS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.__class__.__base__ }}",
    "{{ raise_exception.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ tojson.__globals__['json'] }}",
    "{{ ('{0.__class__.__mro__}').format(messages) }}",
    "{{ messages.append(1) }}",
    "{{ messages[0].update(role='system') }}",
    "{{ strftime_now.__globals__ }}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{{ lipsum.__globals__ }}",
    "{{ (messages|attr('__class__')).x.y }}",
]
MISTAKES = {
    "{{ messages[0].role": r"\[chat template\] line 1: unexpected end of template",
    "a\n{% if %}": r"\[chat template\] line 2: ",
    "{% frobnicate %}": r"\[chat template\] line 1: Encountered unknown tag 'frobnicate'",
    "x\n\n{{ nothing.at.all }}": r"\[chat template\] line 3: .*'nothing' is undefined",
    "{{ 1 // 0 }}": r"\[chat template\] line 1: ZeroDivisionError",
    "a\n{{ raise_exception('roles must alternate') }}": r"\[chat template\] line 2: roles must alternate",
    "{{ messages[0].content + 1 }}": r"\[chat template\] line 1: TypeError",
    "{{ object|tojson }}": r"\[chat template\] ",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": r"\[chat template\] .*RecursionError",
    "{% generation %}x": r"\[chat template\] line 1: ",
    "{% include 'file' %}": r"\[chat template\] ",
}


@pytest.mark.parametrize("template", ATTACKS)
def test_no_template_reaches_the_interpreter(pair, template):
    chat = copy.deepcopy([USER])
    with pytest.raises(ChatTemplateError, match=r"^\[chat template\] "):
        pair[0].apply_chat_template(chat, chat_template=template, tokenize=False)
    assert chat == [USER]


@pytest.mark.parametrize("template", MISTAKES)
def test_mistakes_of_templates_are_named(pair, template):
    import jinja2

    with pytest.raises(ChatTemplateError, match=MISTAKES[template]) as error:
        pair[0].apply_chat_template([USER], chat_template=template, tokenize=False)
    assert isinstance(error.value, (jinja2.TemplateError, ValueError))


@pytest.mark.parametrize("args, kwargs, message", [
    ([[USER]], {"return_dict": True, "tokenize": False}, "expected tokenize=True with return_dict=True"),
    ([[USER]], {"return_assistant_tokens_mask": True}, "expected return_dict=True"),
    ([[USER]], {"continue_final_message": True, "add_generation_prompt": True}, "got both; leave one out"),
    ([[]], {"continue_final_message": True}, "expected text in the last message"),
    ([None], {}, "expected a list of messages, got None"),
    (["hello"], {}, "expected a list of messages, got 'hello'"),
    ([[USER]], {"tools": [3]}, "expected each tool to be a JSON schema or a function, got 3"),
    ([[USER]], {"documents": ["x"]}, "expected each document to be a dictionary, got 'x'"),
])  # fmt: skip
def test_bad_calls_are_refused(pair, args, kwargs, message):
    with pytest.raises((ValueError, TypeError), match=r"\[chat template\] .*" + message):
        pair[0].apply_chat_template(*args, chat_template=CHATML, **kwargs)


def test_jinja_is_imported_on_first_use():
    code = "import sys, pytransformers; pytransformers.BertTokenizerFast; print('jinja2' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
