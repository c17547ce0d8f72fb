"""The errors of stores: permanent ones, as messages that say what to check, and temporary ones.

No client of a store is imported here: errors are recognised by name and by their HTTP status.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping
from typing import Any

from components.shared.errors import InputError, NotAllowedError, UnavailableError
from components.shared.passing import PASSING_CODES, PASSING_NAMES, is_untrusted, links_of, status_passes

_DISK_REFUSALS = {
    errno.ENOTDIR: "a part of this path is a file, not a directory ({error}); choose another address",
    errno.EROFS: "this disk cannot be written to ({error}); choose another address",
    errno.ENOSPC: "no space is left ({error}); free some and start again: what was written is kept",
    errno.EDQUOT: "the quota is used up ({error}); free some and start again: what was written is kept",
    errno.EFBIG: "larger than files may be here ({error}); choose another address",
    errno.ENAMETOOLONG: "the path is too long ({error}); choose a shorter address",
    errno.EOPNOTSUPP: "this file system has no hard links ({error}); choose a directory on another one",
    errno.EINVAL: "the store refused the request ({error}); check address, region and credentials",
}
_REFUSED = "the store refused the request ({error}); check address, region and credentials"
_DENIED = "access denied ({error}); check that it may be read and written with the present credentials"
_REFUSED_STATUSES = {
    301: "its bucket is in another region ({error}); set that one (AWS_REGION)",
    307: "its bucket is in another region ({error}); set that one (AWS_REGION)",
    400: _REFUSED,
    401: _DENIED,
    403: _DENIED,
}
_REFUSED_NAMES = {
    "NoCredentialsError": "no credentials found for this store ({error}); give them the way its own client reads them",
    "ParamValidationError": "the store does not know such an address ({error})",
    "UnsetCredentialsError": "{error}",
    "InvalidURL": "the store's endpoint is not an address ({error}); check the variable that sets it",
} | dict.fromkeys(
    ("PartialCredentialsError", "ProfileNotFound", "ConfigParseError", "DefaultCredentialsError"),
    "no credentials found for this store ({error}); give them the way its own client reads them",
)
_UNTRUSTED = "the store's certificate is not trusted ({error}); check the endpoint and the certificates of this machine"
_NO_BUCKET = "its bucket does not exist; make it first, or check the address"

_SETTLED = (FileNotFoundError, FileExistsError, PermissionError, InputError, UnavailableError)


@contextlib.contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn permanent errors of the store into one message that says what to check; temporary ones stay as they are."""
    try:
        yield
    except UnavailableError as error:
        if uri in str(error):
            raise
        raise UnavailableError(f"{uri}: {error}") from error
    except Exception as error:
        if refusal := _refusal(error):
            kind = NotAllowedError if refusal == _DENIED else InputError
            raise kind(f"{uri}: {refusal.format(error=_one_line(error))}") from error
        raise


def may_pass(error: BaseException) -> bool:
    """Tell whether the same call may succeed a little later: the store was busy, late, cut off or out of reach."""
    if isinstance(error, _SETTLED) or is_untrusted(error):
        return False
    links = list(links_of(error))
    names = {kind.__name__ for link in links for kind in type(link).__mro__}
    code = next((_s3_code(link) for link in links if _s3_code(link)), "")
    return bool(names & PASSING_NAMES) or code in PASSING_CODES or status_passes(status_of(error))


def status_of(error: BaseException) -> int:
    """Return the HTTP status of the answer behind an error; 0 if no answer came."""
    for link in links_of(error):
        response = getattr(link, "response", None)
        metadata = response.get("ResponseMetadata", {}) if isinstance(response, Mapping) else {}
        status_of_botocore, status_of_requests = metadata.get("HTTPStatusCode"), getattr(response, "status_code", None)
        for status in (status_of_botocore, status_of_requests, getattr(link, "code", None)):
            if status is not None and str(status).isdigit():
                return int(status)
    return 0


def headers_of(error: BaseException) -> Mapping[str, str]:
    """Return the headers of that answer, in lower case, as far as the client shows them."""
    for link in links_of(error):
        response = getattr(link, "response", None)
        if isinstance(response, Mapping):
            headers: Any = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        else:
            headers = getattr(response, "headers", None) or getattr(link, "headers", None)  # Kubernetes' client: on it
        if headers:
            return {str(name).lower(): str(value) for name, value in headers.items()}
    return {}


def answer_of(error: BaseException) -> str:
    """Return the answer behind an error in words: status and code, if there was an answer, and the message."""
    links = list(links_of(error))
    code = next((_s3_code(link) for link in links if _s3_code(link)), "") or type(error).__name__
    status = status_of(error)
    words = [str(status), code] if status else [code]
    return " ".join(words) + (f" ({_one_line(error)})" if str(error) else "")


def is_lost_race(error: BaseException) -> bool:
    """Tell whether an exclusive create failed because the object exists already."""
    return isinstance(error, FileExistsError) or status_of(error) == 412  # s3fs knows AWS's form of this answer only


def _refusal(error: Exception) -> str:
    """Return what to do about a permanent error; "" for any other error."""
    if is_untrusted(error):
        return _UNTRUSTED
    for kind in type(error).__mro__:
        if refusal := _REFUSED_NAMES.get(kind.__name__):
            return refusal
    if any(_s3_code(link) == "NoSuchBucket" for link in links_of(error)):
        return _NO_BUCKET
    # gcsfs: 403 is an OSError that says so, some of 400 a ValueError
    if isinstance(error, PermissionError) or str(error).startswith("Forbidden: "):
        return _DENIED
    if isinstance(error, ValueError) and str(error).startswith(("Bad Request: ", "Invalid endpoint")):
        return _REFUSED
    if refusal := _REFUSED_STATUSES.get(status_of(error)):
        return refusal
    return _DISK_REFUSALS.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _s3_code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, Mapping) else ""
