"""Questions with a second version whose relation is known: the same in other words, or another question.

The versions are made by rule, from word problems that somebody gives (GSM8K's, a generator's) and from formulas that
are made here. A rule that finds nothing to change in a question makes no version of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

Rule = Callable[[str, random.Random], str]

_MEN = "Omar Viktor Emil Jonas Pavel Hugo Felix Anton Tom Jack John James Bob Mark David Peter Paul Sam Tim Ben Adam"
_WOMEN = "Ines Amara Lena Greta Nadia Freya Olga Rosa Mary Anna Lisa Emma Sarah Jane Kate Alice Julia Maria Betty Ella"
_NAMES = {"he": _MEN.split(), "she": _WOMEN.split()}
_SWAPPED = {
    "he": "she",
    "she": "he",
    "him": "her",
    "his": "her",
    "her": "his",
    "himself": "herself",
    "herself": "himself",
}
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_NUMBERS = _SMALL.split()
_SYNONYMS = (
    ("How many", "What number of"),
    ("bought", "purchased"),
    ("buys", "purchases"),
    ("buy", "purchase"),
    ("each", "every"),
    ("store", "shop"),
    ("children", "kids"),
    ("begins", "starts"),
    ("received", "got"),
    ("total", "overall"),
    ("car", "automobile"),
    ("needs", "requires"),
    ("need", "require"),
    ("makes", "produces"),
    ("big", "large"),
    ("house", "home"),
    ("remaining", "left"),
    ("students", "pupils"),
    ("mother", "mom"),
    ("friends", "pals"),
    ("collected", "gathered"),
    ("also", "additionally"),
    ("wants", "wishes"),
    ("picked", "selected"),
    ("money", "cash"),
    ("road", "street"),
    ("trip", "journey"),
    ("about", "approximately"),
    ("Find", "Determine"),
    ("Calculate", "Compute"),
    ("bag", "sack"),
    ("cookies", "biscuits"),
    ("pictures", "photographs"),
    ("spends", "pays"),
    ("currently", "now"),
)
_THINGS = {
    "apples": "pears",
    "apple": "pear",
    "books": "magazines",
    "book": "magazine",
    "pencils": "crayons",
    "pencil": "crayon",
    "marbles": "stickers",
    "marble": "sticker",
    "oranges": "lemons",
    "orange": "lemon",
    "stamps": "postcards",
    "cupcakes": "muffins",
    "flowers": "shrubs",
    "cookies": "pretzels",
    "shirts": "scarves",
    "balloons": "whistles",
    "eggs": "buns",
    "clips": "brooches",
    "dogs": "rabbits",
    "tickets": "vouchers",
    "toys": "puzzles",
}
_UNITS = (
    (r"(?<=\d )km\b", "kilometers"),
    (r"(?<=\d )kilometers\b", "km"),
    (r"(?<=\d )cm\b", "centimeters"),
    (r"(?<=\d )kg\b", "kilograms"),
    (r"(?<=\d )feet\b", "ft"),
    (r"(?<=\d )inches\b", "in"),
    (r"(?<=\d )minutes\b", "min"),
    (r"(?<=\d )pounds\b", "lb"),
    (r"(?<=\d )ounces\b", "oz"),
    (r"(?<=\d )hours\b", "hrs"),
    (r"\$(\d[\d,]*(?:\.\d+)?)", r"\1 dollars"),
)
_LABELS = ("Problem {}.", "Example {}.{}", "Question {}:", "**Exercise {}.**", "{}.", "Q{}.", "Task {}:")
_INSTRUCTIONS = (
    "Please reason step by step, and put your final answer within \\boxed{}.",
    "Show your work.",
    "Let's think step by step.",
    "Explain your reasoning.",
    "Write your answer in a box: \\boxed{}.",
)


@dataclass(frozen=True, slots=True)
class Planted:
    """A question, its second version, how this was made, and whether it asks for the same."""

    question: str
    version: str
    kind: str
    is_same: bool


def planted(stories: Iterable[str], *, seed: int, per_kind: int) -> Iterator[Planted]:
    """Yield up to ``per_kind`` versions of each kind; the formulas' first, then those of the stories."""
    source = list(stories)
    generator = random.Random(seed)  # noqa: S311 -- test data, no secret
    for rules, questions in ((FORMULAS, None), (STORIES, source)):
        for (kind, is_same), rule in rules.items():
            found = 0
            asked = [_formula(generator) for _ in range(4 * per_kind)] if questions is None else questions
            for question in generator.sample(asked, len(asked)):
                version = rule(question, generator)
                if version != question:
                    found += 1
                    yield Planted(question, version, kind, is_same)
                if found == per_kind:
                    break


_TEMPLATES = (
    r"Simplify $\frac{%a}{%b}$ and write it as a decimal.",
    r"If $\frac{x}{%a}=\frac{%b}{%c}$, what is the value of $x$?",
    r"Find all $x$ with $x^2 \leq %a$ and $x \geq -%b$.",
    r"What is the area of a circle of radius $%a\pi$ metres?",
    r"Compute $\sqrt{%a} + \sqrt{%b} \cdot %c$ to two decimal places.",
    r"Let $a$, $b$ be nonnegative real numbers such that $a + b = %a$. Find the maximum value of $a^2 + %bb^2$.",
    r"Suppose $u \in [-%a,-1]$ and $v \in [1,%b]$. What is the smallest possible value of $\frac{u+v}{u-v}$?",
    r"In triangle $ABC$, $\angle A = %a^\circ$ and $AB = %b$, $AC = %c$. What is $\sin A$?",
    r"Evaluate $\sin %a^\circ + \cos %b^\circ$.",
    r"What is the sum of the integers $n$ for which $%a \leq n^2 < %b$?",
    r"Determine the largest integer $n$ such that $%an + %b \leq %c$.",
    r"Solve $x^2 - %ax + %b = 0$ for $x$.",
    r"Find the product of the roots of $%ax^2 + %bx - %c = 0$.",
    "How many different integers are there between %a and %b inclusive?",
    "A cook needs %a tablespoons of oil for a cake. How many cups does he need for %b cakes?",
    "How many hours are there in %a leap years?",
    "How many musicians play in %a quartets and %b choirs of %c?",
    "How many strings do %a violins have?",
    "How many vowels are there in %a English alphabets?",
    "How many people play in %a soccer teams, with %b more to replace them?",
)


def _formula(generator: random.Random) -> str:
    text = generator.choice(_TEMPLATES)
    for name in "abc":
        text = text.replace(f"%{name}", str(generator.randrange(2, 200)))
    return text


def _unicode(text: str, _: random.Random) -> str:
    for command, sign in (
        (r"\leq", "≤"),
        (r"\geq", "≥"),
        (r"\pi", "π"),
        (r"^\circ", "°"),
        ("^2", "²"),
        (r"\angle ", "∠"),
        (r"\cdot", "·"),
        (r"\in ", "∈ "),
    ):
        text = text.replace(command, sign)
    return re.sub(r"\\sqrt\{(\d+)\}", r"√\1", text)


def _plain(text: str, _: random.Random) -> str:
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", lambda f: f"{_grouped(f[1])}/{_grouped(f[2])}", text)
    text = re.sub(r"\\sqrt\{(\d+)\}", r"sqrt(\1)", text).replace(r"\leq", "<=").replace(r"\geq", ">=")
    text = text.replace(r"\pi", " pi").replace(r"\cdot", "*").replace(r"\sin", "sin").replace(r"\cos", "cos")
    return text.replace("$", "") if "\\" not in text else text


def _grouped(text: str) -> str:
    return text if text.isalnum() else f"({text})"


def _swap(*pairs: tuple[str, str]) -> Rule:
    def rule(text: str, _: random.Random) -> str:
        for one, other in pairs:
            if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text):
                return re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", other.replace("\\", r"\\"), text, count=1)
        return text

    return rule


def _other_number(text: str, generator: random.Random) -> str:
    numbers = list(re.finditer(r"(?<![\d.,])\d+(?![\d.,]*\d)", text))
    if not numbers:
        return text
    number = generator.choice(numbers)
    other = int(number[0]) + generator.choice((1, 2, 3, 10))
    return text[: number.start()] + str(other) + text[number.end() :]


def _other_sign(text: str, _: random.Random) -> str:
    return re.sub(r"(?<=[\w}]) ([+-]) ", lambda sign: " - " if sign[1] == "+" else " + ", text, count=1)


FORMULAS: dict[tuple[str, bool], Rule] = {
    (r"LaTeX: \dfrac", True): lambda text, _: text.replace(r"\frac", r"\dfrac"),
    ("LaTeX: Unicode", True): _unicode,
    ("LaTeX: plain text", True): _plain,
    ("LaTeX: layout", True): lambda text, _: re.sub(r"\$([^$]*)\$", r"\\( \1 \\)", text).replace("=", " = "),
    ("formula: synonym", True): _swap(
        ("Find", "Determine"), ("Compute", "Calculate"), ("Determine", "Find"), ("What is", "Find")
    ),
    ("formula: instruction", True): lambda text, generator: f"{text} {generator.choice(_INSTRUCTIONS)}",
    ("formula: label", True): lambda text, generator: _labelled(text, generator),
    ("formula: number", False): _other_number,
    ("formula: sign", False): _other_sign,
    ("formula: exponent", False): lambda text, _: text.replace("^2", "^3", 1),
    ("formula: function", False): _swap((r"\sin", r"\cos"), (r"\leq", "<"), (r"\sqrt", r"\sqrt[3]")),
    ("formula: largest", False): _swap(("maximum", "minimum"), ("smallest", "largest"), ("largest", "smallest")),
    ("formula: quantity", False): _swap(
        ("area", "circumference"), ("sum", "product"), ("product", "sum"), ("decimal", "percentage")
    ),
    # How many a thing has is not told: everyone knows it.
    ("formula: known number", False): _swap(
        ("inclusive", "exclusive"),
        ("tablespoons", "teaspoons"),
        ("leap", "common"),
        ("quartets", "trios"),
        ("violins", "guitars"),
        ("vowels", "consonants"),
        ("soccer", "basketball"),
    ),
}


def _labelled(text: str, generator: random.Random) -> str:
    label = generator.choice(_LABELS).format(generator.randrange(1, 40), generator.randrange(1, 9))
    return f"{label} {text}"


def _people(text: str) -> list[tuple[str, str]]:
    known = {name: gender for gender, names in _NAMES.items() for name in names}
    return [(name, known[name]) for name in sorted(set(re.findall(r"\b[A-Z][a-z]+\b", text)) & known.keys())]


def _renamed(text: str, generator: random.Random, *, other_gender: bool = False) -> str:
    people = _people(text)
    if not people or (other_gender and len(people) > 1):
        return text
    for name, gender in people:
        gender = _SWAPPED[gender] if other_gender else gender
        other = generator.choice([each for each in _NAMES[gender] if each not in text])
        text = re.sub(rf"\b{name}\b", other, text)
    if other_gender:
        text = re.sub(r"\b(?:[Hh]e|[Ss]he|[Hh]im|[Hh]is|[Hh]er)\b", _other_pronoun, text)
    return text


def _other_pronoun(pronoun: re.Match[str]) -> str:
    other = _SWAPPED[pronoun[0].lower()]
    return other.capitalize() if pronoun[0][0].isupper() else other


def _in_words(text: str, _: random.Random) -> str:
    return re.sub(
        r"(?<![\d.,$/:\w-])\d{1,2}(?![\d.,/:%\w-])",
        lambda number: _NUMBERS[int(number[0])] if int(number[0]) < len(_NUMBERS) else number[0],
        text,
    )


def _synonyms(number: int) -> Rule:
    def rule(text: str, generator: random.Random) -> str:
        changed, found = text, 0
        for one, other in generator.sample(_SYNONYMS, len(_SYNONYMS)):
            after = re.sub(rf"\b{one}\b", other, changed)
            if after != changed:
                changed, found = after, found + 1
            if found == number:
                return changed
        return text

    return rule


def _things(text: str, _: random.Random) -> str:
    if any(re.search(rf"\b{other}\b", text) for other in _THINGS.values()):
        return text
    return re.sub(r"\b[a-z]+\b", lambda word: _THINGS.get(word[0], word[0]), text)


def _units(text: str, _: random.Random) -> str:
    for pattern, unit in _UNITS:
        text = re.sub(pattern, unit, text)
    return text


def _error(text: str, generator: random.Random) -> str:
    words = list(re.finditer(r"\b[a-z]{5,}\b", text))
    if not words:
        return text
    word = generator.choice(words)
    place = generator.randrange(1, len(word[0]) - 1)
    swapped = word[0][:place] + word[0][place + 1] + word[0][place] + word[0][place + 2 :]
    shorter = word[0][:place] + word[0][place + 1 :]
    return text[: word.start()] + generator.choice((swapped, shorter)) + text[word.end() :]


_FACT = re.compile(
    r"^(?!.*\b(?:then|after|later|remaining|rest|left|before|next|this|these|that)\b)[^?]*\.$", re.IGNORECASE
)


def _other_order(text: str, generator: random.Random) -> str:
    """Exchange two facts that stand side by side and hang on nothing before them."""
    sentences = re.split(r"(?<=[.?!])\s+", text)
    places = [
        place
        for place, (one, other) in enumerate(pairwise(sentences))
        if _FACT.match(one) and _FACT.match(other) and not re.match(r"(?:He|She|They|It|His|Her|Their)\b", other)
    ]
    if not places:
        return text
    place = generator.choice(places)
    sentences[place], sentences[place + 1] = sentences[place + 1], sentences[place]
    return " ".join(sentences)


def _asks_else(text: str, generator: random.Random) -> str:
    """Ask for another counted thing of the story."""
    start = max(text.rfind(mark) for mark in (". ", "? ", "! ")) + 2
    story, question = text[:start], text[start:]
    asked = re.search(r"[Hh]ow many (\w+)", question)
    if start < 2 or not asked:
        return text
    counted: set[str] = set(re.findall(r"\d (\w+s)\b", story)) - {asked[1], f"{asked[1]}s"}
    if not counted:
        return text
    return story + question[: asked.start(1)] + generator.choice(sorted(counted)) + question[asked.end(1) :]


STORIES: dict[tuple[str, bool], Rule] = {
    ("case", True): lambda text, _: text.lower(),
    ("punctuation", True): lambda text, _: text.replace(",", "").rstrip("?.") if "," in text else text.rstrip("?."),
    ("layout", True): lambda text, _: re.sub(r"(?<![\w$.,])(\d+)(?![\w.,])", r"$\1$", text).replace(". ", ".\n", 1),
    ("invisible", True): lambda text, _: text.replace(" ", "\u00a0", 3) + "\u200b",
    ("label", True): _labelled,
    ("instruction", True): lambda text, generator: f"{text} {generator.choice(_INSTRUCTIONS)}",
    ("names", True): lambda text, generator: _renamed(text, generator),
    ("names, gender", True): lambda text, generator: _renamed(text, generator, other_gender=True),
    ("number in words", True): _in_words,
    ("synonym", True): _synonyms(1),
    ("two synonyms", True): _synonyms(2),
    ("things", True): _things,
    ("units", True): _units,
    ("typing error", True): _error,
    ("order of sentences", True): _other_order,
    ("dash", True): lambda text, _: re.sub(r", (and|but|which|who) ", r" — \1 ", text, count=1),
    ("number", False): _other_number,
    ("asks for something else", False): _asks_else,
    ("negated", False): _swap(("has", "does not have"), ("are", "are not"), ("can", "cannot"), ("with", "without")),
    ("turned", False): _swap(
        ("more than", "less than"),
        ("less than", "more than"),
        ("fewer", "more"),
        ("more", "less"),
        ("older", "younger"),
        ("first", "second"),
        ("first", "last"),
        ("total", "difference"),
        ("left", "used"),
        ("spend", "save"),
        ("earn", "lose"),
        ("most", "least"),
        ("half", "a third"),
    ),
}
