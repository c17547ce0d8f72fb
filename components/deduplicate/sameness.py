"""Whether two questions ask for the same: each place where their words differ has to be one that changes nothing.

What changes nothing: other names, and other things that are counted, if they are exchanged wherever they stand; a
typing error; sentences in another order. Synonyms, articles and spellings are no differences (``wording_of``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from components.shared.texts.vocabulary import is_english
from components.shared.texts.word_groups import KNOWN, ORDER, THINGS, stem_of
from components.shared.texts.wording import NAME, Word, Wording

_SHORTEST_ERROR = 4  # letters: among shorter words, most errors are words
_SHORTEST_EXCHANGED = 5  # letters of a word of which one may be another
_BODIES = frozenset(
    ("leg", "wheel", "wing", "eye", "arm", "tentacle", "horn", "tail", "petal", "paw", "string", "musician", "player")
)  # stems
_COUNTING = frozenset(map(stem_of, ("many", "some", "of", "several")))
_ASKED = frozenset((("how", "many"), ("number", "of")))  # before the noun that is asked for
_LONGEST_ASKED = 4  # words: "How many more red apples"
_VERBS = frozenset(("do", "be", "have", "can", "will"))  # a verb, no noun, follows "how many"
_PLURALS = frozenset(("children", "men", "women", "people", "feet", "teeth", "mice", "geese", "sheep", "fish", "deer"))
_NO_THINGS = KNOWN - THINGS
Sentences = Sequence[Sequence[Word]]
Pairs = Sequence[tuple[Word, Word]]


def ask_the_same(one: Wording, other: Wording, min_similarity: float) -> bool:
    """Tell whether two questions ask for the same, with at least this share of equal words."""
    if len(one.words) != len(other.words):
        return False
    if one.letters_count or other.letters_count:
        min_similarity = 1.0
    is_told = one.is_story and other.is_story
    pairs = list(zip(one.words, other.words, strict=True))
    if _agree(pairs, min_similarity, is_told=is_told):
        return True
    ordered = _in_order_of(one.sentences, other.sentences)
    return ordered is not None and _agree(list(zip(one.words, ordered, strict=True)), min_similarity, is_told=is_told)


def _agree(pairs: Pairs, min_similarity: float, *, is_told: bool) -> bool:
    """Tell whether word by word nothing differs that counts."""
    differing = [(a, b) for a, b in pairs if a.meaning != b.meaning]
    if len(differing) > (1 - min_similarity) * len(pairs):
        return False
    if any(a.is_datum or b.is_datum or NAME in (a.meaning, b.meaning) for a, b in differing):
        return False
    if not _is_renaming([(a.token, b.token) for a, b in pairs if a.meaning == NAME]):
        return False
    forms = Counter(word.token for pair in pairs for word in pair)
    exchanged = {(a.meaning, b.meaning) for a, b in differing if not _is_error(a.token, b.token, forms)}
    return not exchanged or (is_told and _are_things(exchanged, pairs))


def _is_renaming(pairs: Sequence[tuple[str, str]]) -> bool:
    """Tell whether each name has one other name throughout."""
    return len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(set(pairs))


def _are_things(exchanged: set[tuple[str, str]], pairs: Pairs) -> bool:
    """Tell whether words that differ are things that are counted, and stand for each other throughout."""
    meanings = [(a.meaning, b.meaning) for a, b in pairs]
    if any(word in _NO_THINGS or word.startswith("unit ") for pair in exchanged for word in pair):
        return False
    if any(word in _BODIES for pair in meanings for word in pair):  # how many legs a thing has is no secret
        return False
    one, other = {a for a, _ in exchanged}, {b for _, b in exchanged}
    touched = {(a, b) for a, b in meanings if a in one or b in other}
    if touched != exchanged or not len(one) == len(other) == len(exchanged):
        return False
    return exchanged <= _counted(pairs) and not _asks_what_things_have(exchanged, pairs)


def _counted(pairs: Pairs) -> set[tuple[str, str]]:
    """Return the plural nouns with a number before them, with at most one word between: "12 red lamps"."""
    counts = [a.meaning[:1].isdigit() or a.meaning in _COUNTING for a, _ in pairs]
    return {
        (a.meaning, b.meaning)
        for place, (a, b) in enumerate(pairs)
        if _is_plural(a) and _is_plural(b) and any(counts[max(place - 2, 0) : place])
    }


def _is_plural(word: Word) -> bool:
    if word.is_datum:  # "dozens"
        return False
    return word.token in _PLURALS or (word.token.endswith("s") and not word.token.endswith("ss"))


def _asks_what_things_have(exchanged: set[tuple[str, str]], pairs: Pairs) -> bool:
    """Tell whether another noun than a thing is asked for that stands nowhere else: the strings of 4 violins.

    How many of these one thing has is not told, and is another number for another thing.
    """
    meanings = [a.meaning for a, _ in pairs]
    things = {a for a, _ in exchanged}
    for place, phrase in enumerate(pairwise(meanings), start=2):
        if phrase not in _ASKED:
            continue
        behind = (word for word, _ in pairs[place : place + _LONGEST_ASKED])
        asked = next((word.meaning for word in behind if word.meaning in _VERBS or _is_plural(word)), "")
        is_told = asked in _VERBS | things or asked.startswith("unit ")
        if not is_told and meanings.count(asked) == 1:
            return True
    return False


def _in_order_of(sentences: Sentences, others: Sentences) -> list[Word] | None:
    """Return the others' words in the order of the sentences; None unless these are the same in any order."""
    keys = [_key(sentence) for sentence in sentences]
    places = {_key(sentence): place for place, sentence in enumerate(others)}
    if len(keys) != len(others) or len(places) != len(others) or places.keys() != set(keys):
        return None
    moved = [others[places[key]] for place, key in enumerate(keys) if places[key] != place]
    if any(stem_of(word.token) in ORDER for sentence in moved for word in sentence):
        return None
    return [word for key in keys for word in others[places[key]]]


def _key(sentence: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.meaning for word in sentence)


def _is_error(a: str, b: str, forms: Counter[str]) -> bool:
    """Tell whether one word is the other with a typing error: a form that neither question has again."""
    return _is_slip(a, b) and 1 in (forms[a], forms[b]) and not (is_english(a) and is_english(b))


def _is_slip(a: str, b: str) -> bool:
    """Tell whether two words differ by a letter too few, two in the wrong order or, in longer words, a wrong one."""
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) < _SHORTEST_ERROR or a[0] != b[0] or len(longer) - len(shorter) > 1:
        return False
    start = next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(shorter))
    if len(a) != len(b):
        return shorter[start:] == longer[start + 1 :]
    swapped = a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]
    return swapped or (len(a) >= _SHORTEST_EXCHANGED and a[start + 1 :] == b[start + 1 :])
