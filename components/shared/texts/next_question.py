"""Where a reply runs on to another question: what a base model writes when it goes on after its own end."""

from __future__ import annotations

import re

_HEADERS = (
    "question|problem|exercise|task|instruction|query|example|input|user|human|student|q"
    "|pregunta|problema|ejercicio|pergunta|exercício|exercice|problème|frage|aufgabe|domanda|esercizio"
    "|ejemplo|exemplo|exemple|esempio|beispiel|übung|vraag|opgave|fråga|uppgift|spørgsmål|oppgave|pytanie|zadanie"
    "|otázka|úloha|kérdés|feladat|întrebare|problemă|soru|soal|pertanyaan|câu hỏi|bài toán|kysymys|tehtävä|ερώτηση"
    "|вопрос|задача|пример|упражнение|问题|題目|题目|例题|例題|练习|練習|习题|問題|質問|問|问|문제|질문|예제|प्रश्न|سؤال|مسألة|שאלה|คำถาม|โจทย์"
)
CHAT_MARKER = (  # a pattern
    r"<[|｜][^|｜<>\n]{1,40}[|｜]>|</?s>|</?(?:eos|bos|human|bot)>|<(?:start|end)_of_turn>|\[/?INST\]|<<SYS>>"
)
# A marker of a chat, or the header of another question.
_NEXT_QUESTION = re.compile(
    rf"{CHAT_MARKER}|"
    r"^[ \t>#*_\[]*(?:(?:new|next|another|follow[- ]?up|similar|sample|example|practice)\s+)?"
    rf"(?:{_HEADERS})"
    r"\s*(?:#?\s*\d+(?:\.\d+)*|[ivx]+)?\s*(?:\]?\s*[*_]*\s*[:：.)]|\](?=\s)|\s*[*_\]]*\s*$|(?<=[\divx])(?:\*\*|__)(?!\w))"
    r"|^[ \t>#*_]*(?:(?:now|next),?\s+)?(?:(?:let['’]s|please|try to)\s+)?(?:(?:solve|answer|do|try|consider)\s+"
    r"(?:this|the (?:following|next)|another|an? (?:new|similar|different))|here(?:['’]s| is)\s+(?:another|the next"
    r"|an? (?:new|similar|different|related)))\b[^\n.]{0,30}\b(?:problem|question|exercise)\b",
    re.IGNORECASE | re.MULTILINE,
)


def next_question(text: str, start: int) -> int:
    """Return the position of the first other question that begins at ``start`` or behind; the text's end for none."""
    found = _NEXT_QUESTION.search(text, start)
    return found.start() if found else len(text)
