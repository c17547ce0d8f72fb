"""The words of a verdict: in English, and in the language of a question."""

from __future__ import annotations


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split())


YES = _words(
    "yes yeah yep",
    "sí si sim oui sì ja evet tak kyllä ano igen ya ndiyo có",
    "да так ναι हाँ हां نعم بله ใช่",
    "是 是的 可以 可解 能解 可以解 可以求解 可以解答 可解答 能求解 能解答 有解 はい 解ける 예 네 가능",
    "✅ ✓ ✔",
)
NO = _words(
    "no nope",
    "não nao non nein nee nej ne hayır nie nem hapana không tidak",
    "нет ні όχι नहीं لا خیر ไม่ ไม่ใช่",
    "否 不是 不 不能 不可以 不可解 不能解 不能求解 无法求解 无法解答 无法确定 无解 無解 条件不足 信息不足",
    "いいえ 解けない 아니요 아니오 불가능",
    "❌ ✗ ✘",
)
# Read behind a label only: a box may hold a variable, or the answer to a question.
YES_IN_SHORT, NO_IN_SHORT = ("y", "true", "affirmative"), ("n", "false", "negative")
LACKING = _words(
    "insufficient impossible missing ill-posed ill-defined contradictory contradiction indeterminate undetermined",
    "underdetermined ambiguous inconsistent",
)
SOLVABLE = _words(
    "solvable soluble solved answerable answered sufficient complete valid determinable determined well-posed",
    "well-defined resoluble resolvible solúvel risolvibile lösbar решаема решаемо разрешима",
)
NEGATIONS = r"not\s+(?:be\s+)?|isn['’]t\s+|non\s+|no\s+es\s+|nicht\s+|não\s+é\s+|un|in|im|ir|не\s*"
LABELS = _words(
    "verdict veredicto veredito verdetto verdikt urteil werdykt judgment judgement ruling assessment karar putusan",
    "decision decisión decisão decisione entscheidung conclusion conclusión conclusão conclusione fazit",
    "вердикт вывод निर्णय निष्कर्ष الحكم القرار",
)
# Words of any solution ("the outcome is no more than 10"): read before a sign and a verdict that is alone in its line.
WEAK_LABELS = _words("status label outcome classification")
LABELS_WITHOUT_SPACE = _words("判断 判定 裁决 裁定 结论 結論 判决 判決 判断结果 判定結果 판정 결론 평결")
LEADS = _words(  # before a label: "So, my final verdict"
    "so thus hence therefore then and finally overall i d would say think believe conclude that in conclusion based",
    "on this",
    "the my our a final last correct resulting",
)
