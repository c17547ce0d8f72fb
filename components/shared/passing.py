"""Which failures are temporary: the one table, for stores, hubs, Kubernetes and the endpoints of models.

A temporary status, code or kind of error is retried; a step whose retries end exits with 75. Everything else
is for the user to fix, and exits with 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# 408 late, 409 several writers came at once, 421 a moved connection, 425 too early, 429 too many requests.
PASSING_STATUSES = frozenset({408, 409, 421, 425, 429})
# Of the statuses from 500 on, which mean the server's own trouble (also where nobody assigned them: 520 to 530 are
# Cloudflare's, 529 means overloaded): not implemented, version, negotiation, loop, extension, sign-in of a network.
LASTING_STATUSES = frozenset({501, 505, 506, 508, 510, 511})
# Of these it is the server that is busy, whatever it is asked.
BUSY_STATUSES = frozenset({425, 429, 503, 529})

PASSING_CODES = frozenset(
    {
        # Of S3, which calls these bad requests (400) though what arrived is not what was sent.
        *("RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"),
        "IDPCommunicationError",  # of IRSA's token service, which could not reach the cluster's
    }
)
# Names of clients' errors: nothing was answered, or not whole.
PASSING_NAMES = frozenset(
    {
        *("ConnectionError", "TimeoutError", "Timeout", "TransportError", "ProtocolError", "ChunkedEncodingError"),
        *("ClientConnectionError", "ClientPayloadError", "HTTPClientError", "IncompleteReadError"),
        *("ResponseParserError", "FlexibleChecksumError", "DataCorruption", "CredentialRetrievalError"),
        *("MetadataRetrievalError", "PassingError"),
    }
)
# Of an account that is empty, in an error's code or message: no waiting fills it.
_SPENT = re.compile(
    r"insufficient[ _-]?(?:quota|balance|credits?|funds)|exceeded your current quota|billing|payment[ _]required"
    r"|credit balance|out of credits|spend(?:ing)?[ _]limit|quota[ _]exhausted|add (?:more )?(?:credits|funds)"
    r"|arrears|overdue",
    re.IGNORECASE,
)
# Codes of an error that has no status of its own, in the body of an answer that says 200.
_LASTING_CODES = re.compile(
    r"auth|api[ _]?key|permission|forbidden|not[ _]?found|invalid[ _](?:request|model|argument|parameter)|unsupported"
    r"|content[ _]?(?:filter|policy)|context[ _]length",
    re.IGNORECASE,
)


class PassingError(Exception):
    """What may pass, of a client that has no error of its own for it; ``response``: the answer, if one came."""

    def __init__(self, message: str, response: object = None) -> None:
        super().__init__(message)
        self.response = response


def status_passes(status: int) -> bool:
    """Tell whether an answer of this HTTP status may be another one a little later."""
    return status in PASSING_STATUSES or (500 <= status <= 599 and status not in LASTING_STATUSES)


def is_spent(words: str) -> bool:
    """Tell whether an error's code or message says that the account has nothing left."""
    return bool(_SPENT.search(words))


def error_passes(code: str, message: str) -> bool:
    """Tell whether an error without a status may pass: by its code, which may be a status, then by its words.

    What says nothing that is known may pass.
    """
    if is_spent(f"{code} {message}"):
        return False
    if code.isdigit():
        return status_passes(int(code))
    return not _LASTING_CODES.search(code)


def is_untrusted(error: BaseException) -> bool:
    """Tell whether a certificate is the trouble."""
    return any("CERTIFICATE_VERIFY_FAILED" in str(link) for link in links_of(error))


def links_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it was raised from."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        seen.append(link)
        yield link
        link = link.__cause__
