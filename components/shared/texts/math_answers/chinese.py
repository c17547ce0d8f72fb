"""Chinese words of answers in English: units (5厘米), counters (100个), "or" and "no solution" (无解)."""

from __future__ import annotations

import re

_LENGTHS = {
    "千米": "km", "公里": "km", "米": "m", "分米": "dm", "厘米": "cm", "毫米": "mm",
    "英里": "mi", "英尺": "ft", "英寸": "in",
}  # fmt: skip
_UNITS = {
    **_LENGTHS,
    **{f"平方{word}": f"{name}^2" for word, name in _LENGTHS.items()},
    **{f"立方{word}": f"{name}^3" for word, name in _LENGTHS.items()},
    "千克": "kg", "公斤": "kg", "克": "g", "毫克": "mg", "吨": "t", "升": "l", "毫升": "ml",
    "小时": "h", "分钟": "min", "秒": "s", "天": "day", "周": "week", "星期": "week", "个月": "month", "年": "yr",
    "岁": "yr", "人民币": "cny", "元": "cny", "美元": "usd", "欧元": "eur", "日元": "jpy", "英镑": "gbp", "度": "deg",
}  # fmt: skip
_COUNTERS = "个人只本次名位张页头辆条支枝朵棵块件种颗盒箱袋瓶组排层题场把台套双"
_WORDS = {"或者": "or", "或": "or", "且": "and", "和": "and", "无解": "no solution", "不存在": "does not exist"}
_ALONE = {"是": "yes", "否": "no", "空集": r"\emptyset", "无": "none"}
_SCALES = {"万": 4, "亿": 8}

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_PART = re.compile(r"(\d+)分之(\d+)")
_PERCENT = re.compile(r"百分之(\d+(?:\.\d+)?)")
_SCALED = re.compile(rf"(?<=\d)\s*([{''.join(_SCALES)}])")
_RATE = re.compile(r"(?<=米)\s*(?:/|每)\s*(?:小?时|秒|分钟?)")
_NAMED = re.compile("|".join(sorted(map(re.escape, {*_UNITS, *_WORDS}), key=len, reverse=True)))
_AND_A_HALF = re.compile(r"(?<![\d.,/}])(\d+)个半(?=\W*\Z|小时)")  # 3个半
# What changes the number that stands before it: 3个亿, 3个以上, 3个左右.
_NO_THING = r"半(?![圆球径])|[十百千万亿余]|几(?!何)|多(?!边形|面体)|左右|上下|以|至|不[到足少多超]"
_COUNTED = re.compile(rf"[{_COUNTERS}](?:(?:(?!{_NO_THING})[\u4e00-\u9fff]){{1,6}}(?=\W*\Z))?")  # 100个苹果
_LEAD_IN = re.compile(r"^\W*(?:最终|所以|因此)?(?:答案|结果|解)(?:是|为)?\s*[:：]?")


def in_english(text: str) -> str:
    """Return an answer with its Chinese words in English; the text itself if it has other Chinese words."""
    if not _CHINESE.search(text):
        return text
    if text.strip() in _ALONE:
        return _ALONE[text.strip()]
    plain = _PERCENT.sub(r"\1%", _PART.sub(r"\\frac{\2}{\1}", text))
    plain = _AND_A_HALF.sub(r"\1.5", plain)
    plain = _SCALED.sub(lambda scale: rf"\times 10^{{{_SCALES[scale[1]]}}} ", plain)
    plain = _RATE.sub(lambda rate: "/" + ("s" if "秒" in rate[0] else "min" if "分" in rate[0] else "h"), plain)
    plain = _NAMED.sub(_named, _LEAD_IN.sub("", plain))
    plain = _COUNTED.sub(" ", plain)
    return text if _CHINESE.search(plain) else plain


def _named(found: re.Match[str]) -> str:
    return f" {_UNITS.get(found[0]) or _WORDS.get(found[0])} "
