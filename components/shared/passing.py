"""Which failures are temporary: the one table, for stores, hubs, Kubernetes and the endpoints of models.

A temporary status, code or kind of error is retried; a step whose retries end exits with 75. Everything else
is for the user to fix, and exits with 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# 408 late, 409 several writers came at once, 421 a moved connection, 425 too early, 429 too many requests,
# 499 a gateway that lost patience.
PASSING_STATUSES = frozenset({408, 409, 421, 425, 429, 499})
# Of the statuses from 500 on, which mean the server's own trouble (also where nobody assigned them: 520 to 530 are
# Cloudflare's, 529 means overloaded): not implemented, version, negotiation, loop, extension, sign-in of a network.
LASTING_STATUSES = frozenset({501, 505, 506, 508, 510, 511})
# With these, the server is busy, whatever the request.
BUSY_STATUSES = frozenset({425, 429, 503, 529})

PASSING_CODES = frozenset(
    {
        # Of S3, which calls these bad requests (400) though what arrived is not what was sent.
        *("RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"),
        "IDPCommunicationError",  # of IRSA's token service, which could not reach the cluster's
    }
)
# Names of clients' errors for no answer, or an incomplete one.
PASSING_NAMES = frozenset(
    {
        *("ConnectionError", "TimeoutError", "Timeout", "TransportError", "ProtocolError", "ChunkedEncodingError"),
        *("ClientConnectionError", "ClientPayloadError", "HTTPClientError", "IncompleteReadError"),
        *("ResponseParserError", "FlexibleChecksumError", "DataCorruption", "CredentialRetrievalError"),
        *("MetadataRetrievalError", "PassingError"),
    }
)
# Of an empty account, which no retry fills. A code is certain; words in a message are only a hint, because a message
# about a limit for each minute also says where to pay for a higher one, and may quote the row.
_SPENT_CODES = re.compile(
    r"insufficient[ _-]?(?:quota|balance|credits?|funds)|billing|payment[ _-]?required|quota[ _-]?exhausted|arrear"
    r"|overdue",
    re.IGNORECASE,
)
_SPENT_WORDS = re.compile(
    r"insufficient[ _-]?(?:quota|balance|credits?|funds)|exceeded your current quota|payment[ _]required"
    r"|credit balance|out of credits|spend(?:ing)?[ _]limit|billing[ _](?:hard[ _])?limit|quota[ _]exhausted"
    r"|account is not active|(?:account|payment|bill|invoice)s? (?:is |are )?(?:in arrears|overdue)"
    r"|add (?:more )?(?:credits|funds)",
    re.IGNORECASE,
)
# Of a limit that passes with time.
_LIMIT_CODES = re.compile(
    r"rate[ _-]?limit|too[ _-]?many[ _-]?requests|throttl|slow[ _-]?down|(?:^| )(?:tokens|requests)(?: |$)",
    re.IGNORECASE,
)
_LIMIT_WORDS = re.compile(
    r"(?:retry|again|wait|come back|resets?|available)(?: again)? (?:in|after|for|at least) (?:about )?~?\d"
    r"|retry[ _-]?(?:after|delay)|per[ _-]?(?:second|min(?:ute)?|hour|day)\b|rate[ _-]?limit(?:ed| reached| exceeded)",
    re.IGNORECASE,
)
# Codes of an error that has no status of its own, in the body of an answer that says 200.
_LASTING_CODES = re.compile(
    r"auth|api[ _]?key|permission|forbidden|not[ _]?found|invalid[ _](?:request|model|argument|parameter)|unsupported"
    r"|content[ _]?(?:filter|policy)|context[ _]length",
    re.IGNORECASE,
)
# The same in a message, whose code is a number that only this server knows.
_LASTING_WORDS = re.compile(
    r"\bauthenticat|unauthori[sz]ed|api[ _-]?key|permission denied|\bforbidden\b|invalid[ _](?:request|model|argument"
    r"|param)|unsupported|content[ _](?:filter|policy)|context[ _]length|model\b.{0,40}\bnot[ _](?:found|exist)",
    re.IGNORECASE,
)


class PassingError(Exception):
    """A temporary failure of a client that has no error of its own for it.

    ``response``: the answer, if one came; ``words``: the server's own; ``named``: the parameter that a field names.
    """

    def __init__(self, message: str, response: object = None, *, words: str = "", named: str = "") -> None:
        super().__init__(message)
        self.response, self.words, self.named = response, words, named


def status_passes(status: int) -> bool:
    """Tell whether an HTTP status is temporary."""
    return status in PASSING_STATUSES or (500 <= status <= 599 and status not in LASTING_STATUSES)


def is_spent(words: str, *, codes: str = "", waits: bool = False) -> bool:
    """Tell whether an error says that the account is empty; ``waits``: it says when to retry.

    An error that may be a limit for some time does not count: waiting in vain costs minutes, not waiting costs rows.
    """
    if _SPENT_CODES.search(codes):
        return True
    if waits or _LIMIT_CODES.search(codes) or _LIMIT_WORDS.search(words):
        return False
    return bool(_SPENT_WORDS.search(words))


def error_passes(codes: str, words: str, *, waits: bool = False) -> bool:
    """Tell whether an error without a status is temporary: by its codes, of which one may be a status, or its words.

    An error without known codes and words counts as temporary.
    """
    if is_spent(words, codes=codes, waits=waits):
        return False
    numbers = [int(code) for code in codes.split() if re.fullmatch(r"\d{1,9}", code)]
    if statuses := [number for number in numbers if 400 <= number <= 599]:
        return status_passes(statuses[0])
    if re.search("[a-z]", codes, re.IGNORECASE):
        return not _LASTING_CODES.search(codes)
    return not (codes and _LASTING_WORDS.search(words))


def is_untrusted(error: BaseException) -> bool:
    """Tell whether a certificate is not trusted."""
    return any("CERTIFICATE_VERIFY_FAILED" in str(link) for link in links_of(error))


def links_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its chain of causes."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        seen.append(link)
        yield link
        link = link.__cause__
