"""Prompts and their examples as files: the first line is a comment with the source."""

from __future__ import annotations

import string
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SOLVE = Path(__file__).with_name("solve_prompt.txt")  # the prompt for answering a question
SOLVE_EXAMPLES = Path(__file__).with_name("solve_examples.yaml")
MAX_SOLVE_EXAMPLES = 3  # as many as the file holds


@cache
def load_prompt(path: Path) -> str:
    """Return a prompt file's text with its ``{variables}``, without the first line, which names its source."""
    source, _, text = path.read_text(encoding="utf-8").partition("\n")
    assert source.startswith("#"), f"{path}: the first line has to be '# source: …'"
    return text.strip()


def load_examples(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a YAML file: a list of named texts, or of lists of them."""
    examples: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return examples


def load_solve_examples(prompt: str, num_examples: int) -> tuple[tuple[str, str], ...]:
    """Return the first ``num_examples`` worked examples as turns: the question as ``prompt`` asks it, the response."""
    examples = load_examples(SOLVE_EXAMPLES)[:num_examples]
    return tuple((fill_prompt(prompt, question=example["question"]), example["response"]) for example in examples)


def variables_of(template: str) -> set[str]:
    """Return the names in single braces; ValueError for braces that do not match."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def fill_prompt(template: str, **values: str) -> str:
    """Put values in place of ``{names}``, in one pass: braces in a value stay as they are.

    Raises ValueError that lists the names for which no value was given.
    """
    if missing := sorted(variables_of(template) - values.keys()):
        raise ValueError(f"the prompt needs {', '.join(missing)}; given: {', '.join(sorted(values)) or 'nothing'}")
    return template.format(**values)
