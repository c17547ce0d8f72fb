"""Reject questions that are not English mathematics."""

from __future__ import annotations

from components.filter_language.config import FilterLanguageConfig
from components.filter_language.gibberish import garbage_in
from components.shared.filters import KEEP, Verdict, filter_questions
from components.shared.texts.canonical import without_pictures
from components.shared.texts.language import other_language
from components.shared.texts.prose import prose_words
from components.shared.workspace import Workspace


def judge(question: str) -> Verdict:
    """Return KEEP, or why a question is rejected."""
    if not question.strip():
        return Verdict("empty")
    if garbage := garbage_in(without_pictures(question)):
        return Verdict("garbage", garbage)
    if language := other_language(question):
        return Verdict("non_english", language)
    if not prose_words(question):
        return Verdict("garbage", "no words")
    return KEEP


def run(config: FilterLanguageConfig, workspace: Workspace) -> str:
    """Judge every question; return the folder's address."""
    return filter_questions(config, workspace, lambda row: judge(row.question))
