"""The chat families: each is what its models' own template writes, and fits a tokenizer or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from components.shared.errors import InputError
from components.shared.templates import load_chat_template
from components.shared.templates.families import CHAT_TEMPLATES, OWN
from components.shared.templates.families import FAMILIES as FAMILY_NAMES
from tests.components.shared.templates.zoo import DEEPSEEK_MATH, chatml, save_tokenizer, shipped, turns_of

QUESTION = "A train travels 60 km in 45 minutes. What is its speed?"
EXAMPLES = (("What is 2 + 2?", "4"), ("Solve $3x = 12$.\n\nShow each step.", "Divide by 3:\n\n$x = 4$"))

MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ ' ' + message['content'] + eos_token }}"
    "{% endif %}{% endfor %}"
)
ALPACA = (
    "{{ bos_token }}Below is an instruction that describes a task. Write a response that appropriately completes the "
    "request.{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '\n\n### Instruction:\n' + message['content'] + '\n\n### Response:' }}{% else %}"
    "{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
DEEPSEEK = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", (), DEEPSEEK_MATH)
# family: BOS, EOS, the other special tokens, the model's own chat template
FAMILIES = {
    "chatml": ("", "<|im_end|>", ("<|im_start|>",), chatml()),
    "qwen2_math": ("", "<|im_end|>", ("<|im_start|>",), chatml("You are a helpful assistant.")),
    "smollm2": (
        "<|im_start|>", "<|im_end|>", (),
        chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
    ),
    "deepseek_math": DEEPSEEK,
    "deepseek_math_qgen": DEEPSEEK,
    "llama3": (
        "<|begin_of_text|>", "<|end_of_text|>", ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        shipped("llama3"),
    ),
    "mistral": ("<s>", "</s>", (), MISTRAL),
    "alpaca": ("<s>", "</s>", (), ALPACA),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_prompt_is_the_text_that_the_models_own_template_writes(tmp_path: Path, family: str) -> None:
    bos, eos, others, jinja = FAMILIES[family]
    tokenizer = save_tokenizer(tmp_path, bos, eos, others)
    turns = turns_of(QUESTION)
    expected = tokenizer.apply_chat_template(turns, chat_template=jinja, tokenize=False, add_generation_prompt=True)
    assert str(load_chat_template(family, tmp_path).prompt(QUESTION)) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_answer_ends_as_in_the_models_own_template(tmp_path: Path, family: str) -> None:
    bos, eos, others, jinja = FAMILIES[family]
    tokenizer = save_tokenizer(tmp_path, bos, eos, others)
    turns = turns_of(QUESTION, "80 km/h")
    template = load_chat_template(family, tmp_path)
    written = str(template.prompt(QUESTION) + template.written_response("80 km/h"))
    assert tokenizer.apply_chat_template(turns, chat_template=jinja, tokenize=False).rstrip("\n") == written


@pytest.mark.parametrize("family", FAMILIES)
def test_the_opening_of_a_turn_is_what_a_model_without_an_end_writes_behind_its_answer(
    tmp_path: Path, family: str
) -> None:
    bos, eos, others, _ = FAMILIES[family]
    save_tokenizer(tmp_path, bos, eos, others)
    template = load_chat_template(family, tmp_path)
    opening = template.turn_opening
    behind = str(template.prompt("Second?", [("First?", "One.")])).partition("One.")[2]
    assert opening.strip() in behind.partition("Second?")[0]
    headings = {"alpaca": "\n### Instruction:", "mistral": "[INST]"} | dict.fromkeys(
        ("deepseek_math", "deepseek_math_qgen"), "\nUser:"
    )
    assert opening == headings.get(family, opening)
    assert eos not in opening


@pytest.mark.parametrize("family", FAMILIES)
def test_examples_are_the_earlier_turns_of_the_models_own_template(tmp_path: Path, family: str) -> None:
    bos, eos, others, jinja = FAMILIES[family]
    tokenizer = save_tokenizer(tmp_path, bos, eos, others)
    expected = tokenizer.apply_chat_template(
        turns_of(*EXAMPLES[0], *EXAMPLES[1], QUESTION), chat_template=jinja, tokenize=False, add_generation_prompt=True
    )
    assert str(load_chat_template(family, tmp_path).prompt(QUESTION, EXAMPLES)) == expected


@pytest.mark.parametrize("examples", [(), EXAMPLES], ids=["alone", "with_examples"])
@pytest.mark.parametrize("family", ["deepseek_math", "llama3", "mistral"])
def test_bos_stands_exactly_once(tmp_path: Path, family: str, examples: tuple[tuple[str, str], ...]) -> None:
    bos, eos, others, _ = FAMILIES[family]
    tokenizer = save_tokenizer(tmp_path, bos, eos, others)
    prompt = str(load_chat_template(family, tmp_path).prompt(QUESTION, examples))
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_question_ends_in_one_token_which_stands_once(tmp_path: Path, family: str) -> None:
    bos, eos, others, _ = FAMILIES[family]
    tokenizer = save_tokenizer(tmp_path, bos, eos, others)
    template = load_chat_template(family, tmp_path)
    ids = tokenizer(str(template.written_question(QUESTION)), add_special_tokens=False)["input_ids"]
    end = tokenizer.convert_tokens_to_ids(template.question_end)
    assert ids[-1] == end
    assert ids.count(end) == 1


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "deepseek_math_qgen"])  # a lone space
def test_prefixes_keep_their_tokens_when_the_text_goes_on(tmp_path: Path, family: str) -> None:
    bos, eos, others, _ = FAMILIES[family]
    tokenizer = save_tokenizer(tmp_path, bos, eos, others)
    template = load_chat_template(family, tmp_path)
    for prefix, rest in (
        (template.bare_prefix, str(template.written_question(QUESTION))),
        (str(template.prompt(QUESTION)), str(template.written_response("Each"))),
    ):
        prefix_ids = tokenizer(prefix, add_special_tokens=False)["input_ids"]
        assert tokenizer(prefix + rest, add_special_tokens=False)["input_ids"][: len(prefix_ids)] == prefix_ids


def test_empty_message_is_the_bare_prefix(tiny_model: Path) -> None:
    template = load_chat_template("qwen2_math", tiny_model)
    assert str(template.prompt("")) == template.bare_prefix
    assert template.bare_prefix.endswith("<|im_start|>user\n")


def test_deepseek_family_takes_bos_and_eos_of_another_tokenizer(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, "<|im_start|>", "<|im_end|>")
    template = load_chat_template("deepseek_math", tmp_path)
    assert str(template.prompt("Why?")) == "<|im_start|>User: Why?\n\nAssistant:"
    assert str(template.written_question("Why?")) == " Why?<|im_end|>"


def test_braces_in_a_message_stay_as_they_are(tiny_model: Path) -> None:
    assert "{bos}{eos}" in str(load_chat_template("deepseek_math", tiny_model).prompt("{bos}{eos}"))


def test_unknown_family_names_the_families(tiny_model: Path) -> None:
    with pytest.raises(InputError, match=r"'vicuna' is not a chat family; expected own .* or one of alpaca, chatml"):
        load_chat_template("vicuna", tiny_model)


def test_tokenizer_without_the_end_token_is_refused(tiny_model: Path) -> None:
    with pytest.raises(
        InputError, match=r"has no single token '<\|eot_id\|>' \(question_end\); take --chat-template own"
    ):
        load_chat_template("llama3", tiny_model)


def test_tokenizer_without_eos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no eos_token"):
        load_chat_template("deepseek_math", tmp_path)


@pytest.mark.model
@pytest.mark.parametrize("family", ["smollm2", "chatml", "qwen2_math", "deepseek_math", "mistral"])
def test_real_tokenizer_keeps_prefixes_and_ends(smollm2: Path, family: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    template = load_chat_template(family, smollm2)
    prefix = tokenizer(template.bare_prefix, add_special_tokens=False)["input_ids"]
    whole = tokenizer(template.bare_prefix + str(template.written_question(QUESTION)), add_special_tokens=False)[
        "input_ids"
    ]
    assert whole[: len(prefix)] == prefix
    assert whole[len(prefix) :].count(tokenizer.convert_tokens_to_ids(template.question_end)) == 1
    assert tokenizer(template.bare_prefix)["input_ids"] == prefix  # this tokenizer adds no BOS of its own


@pytest.mark.model
def test_smollm2_family_is_the_real_models_template(smollm2: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    template = load_chat_template("smollm2", smollm2)
    for examples in ((), EXAMPLES):
        turns = turns_of(*(text for turn in examples for text in turn), QUESTION)
        expected = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        assert str(template.prompt(QUESTION, examples)) == expected


def test_every_family_is_tested() -> None:
    assert set(FAMILIES) == set(FAMILY_NAMES) == set(CHAT_TEMPLATES) - {OWN}


def test_the_published_generators_prefixes_are_families(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, *DEEPSEEK)
    template = load_chat_template("deepseek_math_qgen", tmp_path)
    assert str(template.prompt("")) == "<｜begin▁of▁sentence｜>User: "
    assert str(template.written_question(" Why?\n")) == "Why?\n\n<｜end▁of▁sentence｜>"
    save_tokenizer(tmp_path / "qwen", *FAMILIES["qwen2_math"])
    qwen = load_chat_template("qwen2_math", tmp_path / "qwen")
    assert str(qwen.prompt("")) == "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    assert str(qwen.written_question("Why?")) == "Why?<|im_end|>"


def test_a_text_keeps_who_wrote_it(tiny_model: Path) -> None:
    template = load_chat_template("chatml", tiny_model)
    for text in (template.prompt("Q", [("Q1", "A1")]), template.conversation("Q", "A"), template.written_response("A")):
        assert all(piece.is_of_row == (piece.text in ("Q", "A", "Q1", "A1")) for piece in text.pieces)


def test_white_space_around_a_message_is_left_out(tiny_model: Path) -> None:
    template = load_chat_template("chatml", tiny_model)
    assert str(template.prompt(" Why?\n", [("\nQ ", " A\n")])) == str(template.prompt("Why?", [("Q", "A")]))
    assert str(template.conversation(" Q", "A\n")) == str(template.conversation("Q", "A"))
