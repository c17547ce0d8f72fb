"""Which parameters a server accepts: requests begin with all, and its refusals change all later ones."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.engines import Completion, K, Request, Sampling

MAX_SEED = 2**31  # servers keep seeds in 32 bits, with a sign
SURE = 3  # how often equal samples must also be equal when they are asked for one at a time

# A parameter that a server or this model does not have. A value that it does not accept is for the user to fix.
_NOT_TAKEN = re.compile(
    r"not (?:be )?(?:an? )?(?:set|supported|allowed|permitted|implemented|available|accepted|recogni[sz]ed|valid|known)"
    r"|(?:does|do|did)(?: not|n't) (?:support|accept|allow|have|recogni[sz]e)|unsupported|unrecogni[sz]ed|unknown"
    r"|unexpected|extra[ _](?:inputs?|fields?|forbidden|keys?)|extra_forbidden|forbidden|incompatible|not compatible"
    r"|cannot both|cannot be (?:both|used)|can't|mutually exclusive|only one of|at most one of|not both|no such"
    r"|only the default|deprecated|not_supported|unavailable|no longer|instead|additional propert"
    r"|use ['\"`]?max_completion_tokens"
    r"|invalid (?:\w+ )?(?:param(?:eter)?|argument|field|option|key|property)s?:? ['\"`]?\w+['\"`]?\s*(?:$|[.;,)])",
    re.IGNORECASE,
)
# A parameter with one value, which a server sets by itself.
_ONE = r"(?<![\d.-])(?:\d(?:\.\d+)?|one|(?:the |its )?default|unset|omitted|null|none)(?!\.?\d)\b"
_FIXED = re.compile(
    rf"\bonly\b[^.;]{{0,40}}?{_ONE}|\bfixed\b|(?:must|has to|have to|needs? to|should) (?:always )?(?:be|equal|stay)"
    rf" (?:set to |equal to |exactly |left (?:at |as )?)?{_ONE}|{_ONE} is the only"
    rf"|(?:expected|requires?) \w* ?=? ?{_ONE}",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"between|at most|at least|less|more|greater|smaller|larger|lower|higher|up to|range|within|\bmax|\bmin|[<>≤≥]"
    r"|above|below|\bunder\b|\bover\b|exceed|positive|negative|decimal|\d (?:to|and|or) "
    r"|(?<![\w.-])\d(?:\.\d+)? ?(?:[-–]|\.{2,3}) ?\d(?:\.\d+)?(?![\w-])",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"['\"`]n['\"`]|\bn\s*(?:>|>=|=|==|!=|<=)\s*\d|\bn (?:must|should|has to|needs to|is|are|cannot)"
    r"|\bn (?:can't|can|may|greater|larger|value|parameter)|\b(?:parameter|value|field|option|argument)(?: of|:)? n\b"
    r"|\bbest_of\b|num_return_sequences|candidate_?count|^n: "
    r"|\b(?:multiple|several|more than (?:one|1)|only (?:one|1)|one|1|single|number of) (?:chat )?"
    r"(?:completions?|choices?|samples?|candidates?|generations?|outputs?|sequences?|responses?)",
    re.IGNORECASE | re.MULTILINE,
)
_LENGTHS = ("max_completion_tokens", "max_tokens")
# What a refusal calls each parameter.
_NAMED = {name: name for name in ("seed", *_LENGTHS, "top_p", "temperature")} | {
    "response_format": r"response_?format(?:\.\w+)?|json_schema|guided_json|structured[ _]outputs?"
}

logger = logging.getLogger(__name__)


class Dialect:
    """How requests are sent to one model behind one endpoint."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._left_out: set[str] = set()
        self._length_name = "max_tokens"
        self.one_at_a_time = False
        self.num_changes = 0
        self.num_sure = 0
        self._lock = threading.Lock()

    def body(self, request: Request[K], sampling: Sampling, num_samples: int, seed: int) -> dict[str, Any]:
        """Return the request's body; sample ``i`` of a row has the seed of the row and ``i``."""
        wanted = {
            "model": self._model,
            "messages": _messages(request),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self._length_name: sampling.max_tokens,
            "n": num_samples,
            "seed": seed % MAX_SEED,
        }
        if sampling.schema:
            schema = {"name": "reply", "schema": json.loads(sampling.schema)}
            wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
        return {name: value for name, value in wanted.items() if name not in self._left_out}

    def adapt(self, body: Mapping[str, Any], refusal: str, named: str = "") -> bool:
        """Learn from a refusal of a harmless request what the server does not accept; False if it names nothing.

        ``named``: the parameter that a field of the answer names.
        """
        with self._lock:
            if body.get("n", 1) > 1 and (named in ("n", "best_of") or _SEVERAL.search(refusal)):
                self._change("samples are asked for one at a time", refusal)
                self.one_at_a_time = True
                return True
            words = named or refusal
            is_fixed = bool(_FIXED.search(refusal)) and not _RANGE.search(refusal)
            is_not_taken = bool(_NOT_TAKEN.search(refusal))
            for name, called in _NAMED.items():
                if not (is_not_taken or (is_fixed and name not in _LENGTHS)):
                    continue
                if name in body and re.search(rf"(?<![a-z_])(?:{called})(?![a-z_])", words, re.IGNORECASE):
                    self._drop(name, refusal)
                    return True
            if (is_not_taken or is_fixed) and body.get("n") == 1 and (named == "n" or _SEVERAL.search(refusal)):
                self._drop("n", refusal)
                return True
            return False

    def ask_one_at_a_time(self, reason: str) -> None:
        """Ask for one sample after the other from now on."""
        with self._lock:
            if not self.one_at_a_time:
                self._change("samples are asked for one at a time", reason)
                self.one_at_a_time = True

    def count_copies(self, url: str) -> None:
        """Count a request whose samples are all the same, with several seeds; several such requests give a warning."""
        with self._lock:
            self.num_sure += 1
            if self.num_sure == SURE:
                logger.warning(
                    "--endpoint %s: all samples of a request were the same, in %d requests, whatever the seed; check "
                    "that the server neither ignores the temperature nor caches its responses: copies always agree",
                    url, SURE,
                )  # fmt: skip

    def _drop(self, name: str, refusal: str) -> None:
        if name == "max_tokens":
            self._length_name = "max_completion_tokens"
            self._change("max_tokens is called max_completion_tokens", refusal)
        else:
            self._left_out.add(name)
            self._change(f"{name} is left out", refusal)

    def _change(self, what: str, reason: str) -> None:
        self.num_changes += 1
        logger.warning("from now on, %s, because the endpoint says: %s", what, reason)


def are_copies(samples: Sequence[Completion]) -> bool:
    """Tell whether several samples have one text."""
    return len(samples) > 1 and bool(samples[0].text) and len({sample.text for sample in samples}) == 1


def named_parameter(error: Any) -> str:
    """Return the parameter that an error names in a field: ``param``, or the location in a list of details."""
    if isinstance(error, Mapping) and isinstance(error.get("param"), str):
        return str(error["param"]).rpartition(".")[2]
    details = error.get("detail") if isinstance(error, Mapping) else error
    if isinstance(details, list) and details and isinstance(details[0], Mapping):
        return _place(details[0])
    return ""


def words_of(error: Any) -> str:
    """Return an error's message, with the locations that a list of details names."""
    details = error.get("detail", error) if isinstance(error, Mapping) else error
    if isinstance(details, list) and details and all(isinstance(item, Mapping) for item in details):
        told = [(_place(item), item.get("type", ""), item.get("msg", "")) for item in details]
        return "; ".join(f"{place}: {message or kind} ({kind})" for place, kind, message in told)
    if isinstance(error, Mapping):
        for name in ("message", "msg", "detail", "error", "status_msg", "error_msg"):
            if isinstance(error.get(name), str):
                return str(error[name])
    return error if isinstance(error, str) else json.dumps(error)


def _place(detail: Mapping[str, Any]) -> str:
    place = detail.get("loc")
    return str(place[-1]) if isinstance(place, list) and place else ""


def _messages(request: Request[K]) -> list[dict[str, str]]:
    turns = [text for example in request.examples for text in example]
    return [
        {"role": "assistant" if number % 2 else "user", "content": text}
        for number, text in enumerate([*turns, request.message])
    ]
