import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from components.shared.errors import EngineDiedError, InputError, UnavailableError
from components.shared.scoring import Score, Text, sequence_classifier
from components.shared.scoring.encoding import Encoded
from components.shared.scoring.sequence_classifier import SequenceClassifier
from components.shared.templates.marked_text import MarkedText, of_row, of_template

# float32 on a CPU; batches of another shape add up in another order
TOLERANCE = 1e-5


def some_texts(count: int) -> list[str]:
    draw = random.Random(0)
    return ["".join(draw.choices("abcdef 0123456789", k=draw.randint(1, 300))) for _ in range(count)]


def scores(
    folder: Path, texts: Sequence[str | MarkedText], *, max_tokens: int = 0, max_batch_tokens: int = 2048
) -> dict[int, Score[Any]]:
    scorer = SequenceClassifier(
        folder, add_special_tokens=True, max_tokens=max_tokens, max_batch_tokens=max_batch_tokens
    )
    found = list(scorer.score(Text(key=number, text=text) for number, text in enumerate(texts)))
    scorer.close()
    assert len(found) == len(texts)
    return {score.key: score for score in found}


def values(found: dict[int, Score[Any]]) -> list[float]:
    in_order = [found[number].value for number in sorted(found)]
    assert all(value is not None for value in in_order)
    return [float(value or 0.0) for value in in_order]


@torch.inference_mode()
def last_token_values(folder: Path, texts: Sequence[str]) -> list[float]:
    """The definition: the head's output at the text's last token, each text by itself, without padding."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    hidden = [model.model(tokenizer(text, return_tensors="pt").input_ids).last_hidden_state for text in texts]
    return [float(model.score(states[0, -1])) for states in hidden]


def test_scores_in_batches_are_those_one_at_a_time(tiny_scorer: Path) -> None:
    texts = some_texts(40)
    batched = values(scores(tiny_scorer, texts))
    assert batched == pytest.approx(values(scores(tiny_scorer, texts, max_batch_tokens=1)), abs=TOLERANCE)
    assert batched == pytest.approx(last_token_values(tiny_scorer, texts), abs=TOLERANCE)
    assert max(batched) - min(batched) > 0.5  # they would be equal too if every text had the same score


@pytest.mark.parametrize("end", ["<|im_end|>", "<|endoftext|>"])
def test_the_score_is_read_at_the_last_token_though_it_be_the_padding_token(tiny_scorer: Path, end: str) -> None:
    texts = [of_row(text) + of_template(end) for text in some_texts(20)]
    expected = last_token_values(tiny_scorer, [*map(str, texts)])
    assert values(scores(tiny_scorer, texts)) == pytest.approx(expected, abs=TOLERANCE)


def test_control_tokens_in_a_row_are_text(tiny_scorer: Path) -> None:
    row, conversation = of_row("a<|im_end|>b"), of_row("a") + of_template("<|im_end|>") + of_row("b")
    found = scores(tiny_scorer, [row, "a<|im_end|>b", conversation])
    assert [found[number].num_tokens for number in range(3)] == [12, 12, 3]


def test_a_model_without_padding_token_scores_in_batches(tiny_scorer: Path, tmp_path: Path) -> None:
    folder = tmp_path / "no_padding"
    shutil.copytree(tiny_scorer, folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.config.pad_token_id = None
    model.save_pretrained(folder)
    texts = some_texts(20)
    assert values(scores(folder, texts)) == pytest.approx(last_token_values(folder, texts), abs=TOLERANCE)


def test_an_over_long_text_is_reported_and_not_cut(tiny_scorer: Path) -> None:
    found = scores(tiny_scorer, ["a" * 20, "a" * 21, "b"], max_tokens=20)
    assert (found[1].num_tokens, found[1].value) == (21, None)
    assert found[0].value is not None
    assert found[2].value is not None


@pytest.mark.parametrize("max_tokens", [0, 5000])
def test_the_models_own_limit_holds_too(tiny_scorer: Path, max_tokens: int) -> None:
    found = scores(tiny_scorer, ["a" * 2048, "a" * 2049], max_tokens=max_tokens)
    assert found[0].value is not None
    assert found[1].value is None


@pytest.mark.parametrize(
    "shortage",
    [
        torch.OutOfMemoryError("20 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
        MemoryError(),
    ],
    ids=["accelerator", "library", "python"],
)
def test_a_batch_that_the_memory_does_not_hold_is_cut_again(
    tiny_scorer: Path, monkeypatch: pytest.MonkeyPatch, shortage: Exception
) -> None:
    some = [*some_texts(40), "a" * 700]
    expected = scores(tiny_scorer, some)
    sizes = _give_it_memory_for(monkeypatch, 500, shortage)

    found = scores(tiny_scorer, some)

    assert found[40].value is None
    assert (found[40].reason, found[40].detail) == (
        "out_of_memory",
        f"700 tokens: {type(shortage).__name__}: {shortage}",
    )
    del expected[40], found[40]
    assert values(found) == pytest.approx(values(expected), abs=TOLERANCE)
    assert sum(size > 500 for size in sizes) <= 3  # it does not run into the same wall again and again


def test_a_failing_accelerator_is_told_from_short_memory(tiny_scorer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = some_texts(10)
    _give_it_memory_for(monkeypatch, 0, torch.AcceleratorError("CUDA error: an illegal memory access"))
    with pytest.raises(EngineDiedError, match="CUDA error: an illegal memory access") as died:
        scores(tiny_scorer, some, max_batch_tokens=900)
    longest = sorted(range(10), key=lambda number: len(some[number]), reverse=True)
    assert list(died.value.at) == longest[: len(died.value.at)]
    assert 0 < len(died.value.at) < 10


@pytest.mark.parametrize(
    ("whole_memory", "kind", "message"),
    [
        (None, UnavailableError, r"does not hold the model in .*Tried to allocate 20 GiB\.\); free some"),
        (2**14, InputError, r"take 0\.0\d+ GiB, and this \w+ has 1.53e-05 GiB in all; use a machine with more"),
    ],
    ids=["now", "ever"],
)
def test_a_model_that_the_memory_does_not_hold_is_one_message(
    tiny_scorer: Path, monkeypatch: pytest.MonkeyPatch, whole_memory: int | None, kind: type[Exception], message: str
) -> None:
    def short(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.\nIncluding …")

    monkeypatch.setattr(torch.nn.Module, "to", short)
    if whole_memory:
        monkeypatch.setattr(sequence_classifier, "_memory_bytes", lambda _: whole_memory)
    with pytest.raises(kind, match=message):
        scores(tiny_scorer, some_texts(1))


def test_what_is_wrong_with_the_model_is_no_short_memory(tiny_scorer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _give_it_memory_for(monkeypatch, 0, RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        scores(tiny_scorer, some_texts(2))


def _give_it_memory_for(monkeypatch: pytest.MonkeyPatch, num_tokens: int, failure: Exception) -> list[int]:
    """Let larger batches fail; return the padded sizes of what was tried, as they come."""
    compute, sizes = SequenceClassifier._logits, list[int]()

    def limited(scorer: SequenceClassifier, batch: Sequence[Encoded[Any]]) -> list[float]:
        sizes.append(len(batch) * max(map(len, batch)))
        if sizes[-1] > num_tokens:
            raise failure
        return compute(scorer, batch)

    monkeypatch.setattr(SequenceClassifier, "_logits", limited)
    return sizes
