import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from components.shared.errors import EngineDiedError, InputError
from components.shared.scoring import Score, Text
from components.shared.scoring.sequence_classifier import SequenceClassifier

# float32 on a CPU; batches of another shape add up in another order
TOLERANCE = 1e-5


def some_texts(count: int, end: str = "") -> list[str]:
    draw = random.Random(0)
    return ["".join(draw.choices("abcdef 0123456789", k=draw.randint(1, 300))) + end for _ in range(count)]


def scores(
    folder: Path, texts: Sequence[str], *, max_tokens: int = 0, max_batch_tokens: int = 2048
) -> dict[int, Score]:
    scorer = SequenceClassifier(
        folder, add_special_tokens=True, max_tokens=max_tokens, max_batch_tokens=max_batch_tokens
    )
    found = list(scorer.score(Text(key=number, text=text) for number, text in enumerate(texts)))
    scorer.close()
    assert len(found) == len(texts)
    return {score.key: score for score in found}


def values(found: dict[int, Score]) -> list[float]:
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
    texts = some_texts(20, end)
    assert values(scores(tiny_scorer, texts)) == pytest.approx(last_token_values(tiny_scorer, texts), abs=TOLERANCE)


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
    ("failure", "num_texts", "error", "message"),
    [
        (torch.OutOfMemoryError("20 GiB"), 2, InputError, "--max-batch-tokens 2048 is more than .* holds"),
        (torch.OutOfMemoryError("20 GiB"), 1, EngineDiedError, "a text of .* tokens: 20 GiB"),
        (torch.AcceleratorError("illegal address"), 2, EngineDiedError, "the accelerator failed: illegal address"),
    ],
    ids=["memory_for_a_batch", "memory_for_a_text", "device"],
)
def test_an_accelerator_that_fails_is_told_from_a_budget_that_is_too_high(
    tiny_scorer: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    num_texts: int,
    error: type[Exception],
    message: str,
) -> None:
    def fail(scorer: SequenceClassifier, batch: object) -> list[float]:
        raise failure

    monkeypatch.setattr(SequenceClassifier, "_logits", fail)
    with pytest.raises(error, match=message):
        scores(tiny_scorer, some_texts(num_texts))
