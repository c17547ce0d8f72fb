"""Licences as hubs name them, and what the licence of a used model says of a dataset made with it.

The identifiers are those that the Hugging Face hub takes in a card. Configs import this module: it loads nothing else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

UNKNOWN, OTHER = "unknown", "other"
UNNAMED = (UNKNOWN, OTHER)  # which no model forbids
IDENTIFIERS = frozenset({
    "afl-3.0", "agpl-3.0", "apache-2.0", "apple-amlr", "apple-ascl", "artistic-2.0", "bigcode-openrail-m",
    "bigscience-bloom-rail-1.0", "bigscience-openrail-m", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear",
    "bsl-1.0", "c-uda", "cc", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
    "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
    "cdla-sharing-1.0", "creativeml-openrail-m", "deepfloyd-if-license", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0",
    "eupl-1.1", "eupl-1.2", "gemma", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "h-research", "intel-research", "isc", "lgpl",
    "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4", "lppl-1.3c",
    "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "open-mdw", "openrail", "openrail++", "osl-3.0",
    "pddl", "postgresql", "unlicense", "wtfpl", "zlib", OTHER, UNKNOWN,
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a licence of models says of datasets made with them."""

    name: str
    identifiers: re.Pattern[str]  # the whole of what a card names it, as _normalised writes that
    texts: re.Pattern[str]  # a part of the first lines of its LICENSE file, in lower case, or of its address
    accepted: frozenset[str]  # licences that a dataset may have beside "other" and "unknown"
    because: str


CARD_LICENSE = "LICENSE.card"  # what a model's card says of its licence, in the folder of the imported model
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_STATED = re.compile(  # a key, and the lines that go on with its value
    r"""^["']?license(?:_name|_link)?["']?[ \t]*:.*(?:\n(?:[ \t]+\S|-[ \t]|\]).*)*""", re.MULTILINE
)
# The same line by line, as people who are no YAML parser read it: a key twice, or a name with a colon.
_LINES = re.compile(r"""^["']?license(?:_name)?["']?[ \t]*:[ \t]*(.+)""", re.MULTILINE)
_BEFORE, _BEHIND = re.compile(r"^meta-(?=llama)"), re.compile(r"(-community)?(-licen[cs]e)?(-agreement)?$")

# Only what forbids a licence of the dataset is here.
_NON_COMMERCIAL = frozenset(name for name in IDENTIFIERS if "-nc-" in name)
_TERMS = (
    Terms(
        name="Llama 2 Community License",
        identifiers=re.compile(r"llama-?2"),
        texts=re.compile(r"llama 2 community license"),
        accepted=frozenset({"llama2"}),
        because="none of its output may be used to improve another large language model",
    ),
    Terms(
        name="Meta Llama 3 Community License",
        identifiers=re.compile(r"llama-?3"),
        texts=re.compile(r"meta llama 3 community license"),
        accepted=frozenset({"llama3"}),
        because="none of its output may be used to improve another large language model",
    ),
    Terms(
        name="a licence without commercial use",
        identifiers=re.compile(r"apple-amlr|(.*-)?by-nc(-.*)?|(.*-)?research(-.*)?|.*non-?commercial.*"),
        texts=re.compile(
            r"attribution[- ]?non[- ]?commercial|\bby[- ]nc\b|non[- ]?commercial (research|license|(use|purposes) only)"
            r"|(?<!commercial and )(?<!commercial or )non[- ]?commercial purposes|research (use only|license)"
        ),
        accepted=_NON_COMMERCIAL,
        because="what is made with it may not be used commercially",
    ),
)
HEAD = 2000  # characters of a LICENSE file in which its name stands


def check_identifier(license_: str) -> str:
    """Return "" for a licence that hubs know, otherwise what is wrong with it and what may be meant."""
    if license_ in IDENTIFIERS:
        return ""
    near = difflib.get_close_matches(license_.strip().lower(), IDENTIFIERS, n=3, cutoff=0.5)
    meant = f"; did you mean {', '.join(near)}?" if near else "."
    return (
        f"{license_!r} is no licence that hubs know{meant} Expected an identifier such as apache-2.0, mit, cc-by-4.0, "
        f"cc-by-nc-4.0, odc-by; {OTHER} for one that is not listed, {UNKNOWN} for none"
    )


def license_in_card(card: str) -> str:
    """Return the lines of a card's front matter that state the licence; "" where it states none."""
    front_matter = _FRONT_MATTER.match(card)
    return "".join(f"{line}\n" for line in _STATED.findall(front_matter[1])) if front_matter else ""


def terms_of(text: str) -> Terms | None:
    """Return what a LICENSE file of a model, or what its card states, forbids; None where nothing of it is known to."""
    is_card = _STATED.match(text) is not None
    stated = _parsed(text) if is_card else {}
    names = [_normalised(name) for key in ("license", "license_name") for name in _values(stated.get(key))]
    names += [_normalised(name) for line in _LINES.findall(text if is_card else "") for name in line.split(",")]
    told = " ".join(_values(stated.get("license_link"))) if stated else text[:HEAD]
    head = " ".join(told.lower().split())
    return next(
        (terms for terms in _TERMS if any(map(terms.identifiers.fullmatch, names)) or terms.texts.search(head)), None
    )


def _parsed(stated: str) -> Mapping[str, Any]:
    """Return what a card states by its keys; nothing where that is no YAML."""
    try:
        parsed = yaml.safe_load(stated)
    except (yaml.YAMLError, ValueError):  # it is a ValueError for a date that there is not
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _values(value: object) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]


def _normalised(name: str) -> str:
    """Return the name of a licence as hubs spell identifiers, without what only says that it is one."""
    in_words = re.sub(r"[\s_-]+", "-", name.strip(" \t'\"[]").lower())
    return _BEHIND.sub("", _BEFORE.sub("", in_words))


def forbidding(license_: str, texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which models forbid a licence of the dataset; ``texts``: the LICENSE files of each by its address."""
    if license_ in UNNAMED:
        return []
    found = [(model, terms_of(text)) for model, files in texts.items() for text in files]
    told = (
        f"{model} has {terms.name}: {terms.because}; accepted: {', '.join([*sorted(terms.accepted), OTHER])}"
        for model, terms in found
        if terms is not None and license_ not in terms.accepted
    )
    return list(dict.fromkeys(told))
