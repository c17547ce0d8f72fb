from __future__ import annotations

import errno

import aiohttp
import botocore.exceptions  # type: ignore[import-untyped]
import google.auth.exceptions
import pytest
import requests  # type: ignore[import-untyped]
from gcsfs.retry import HttpError
from google.api_core import exceptions
from s3fs.errors import translate_boto_error

from components.shared.errors import InputError
from components.shared.stores.refusals import answer_of, explained, may_pass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space is left .*; free some and start again"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "the quota is used up"),
        (OSError(errno.EROFS, "Read-only file system"), "this disk cannot be written to"),
        (OSError("Forbidden: https://storage\nno"), "access denied"),
    ],
)
def test_what_a_store_will_refuse_again_is_an_input_error(error: OSError, message: str) -> None:
    with pytest.raises(InputError, match=message), explained("gs://bucket/x"):
        raise error


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, "NoSuchBucket", "its bucket does not exist; make it first, or check the address"),
        (301, "PermanentRedirect", "its bucket is in another region .*; set that one"),
        (
            400,
            "AuthorizationHeaderMalformed",
            "the store refused the request .*; check address, region and credentials",
        ),
        (400, "ExpiredToken", "access denied"),
        (403, "RequestTimeTooSkewed", "access denied"),
        (403, "SignatureDoesNotMatch", "access denied"),
    ],
)
def test_what_s3_will_refuse_again_is_an_input_error(status: int, code: str, message: str) -> None:
    error = _of_s3(status, code)
    assert not may_pass(error)
    with pytest.raises(InputError, match=f"s3://bucket/x: {message}"), explained("s3://bucket/x"):
        raise error


@pytest.mark.parametrize(("code", "reason"), [(400, "Bad Request"), (401, "Unauthorized"), (403, "Forbidden")])
def test_what_gcs_will_refuse_again_is_an_input_error(code: int, reason: str) -> None:
    for error in (HttpError({"code": code, "message": reason}), exceptions.from_http_status(code, reason)):
        assert not may_pass(error)
        with (
            pytest.raises(InputError, match=r"gs://bucket/x: (access denied|the store refused)"),
            explained("gs://bucket/x"),
        ):
            raise error


def test_a_certificate_that_is_not_trusted_is_no_cut_connection() -> None:
    error = ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")
    assert not may_pass(error)
    with pytest.raises(InputError, match="the store's certificate is not trusted"), explained("s3://bucket/x"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError("gone"),
        aiohttp.ClientPayloadError("not enough data"),
        aiohttp.ServerDisconnectedError(),
        botocore.exceptions.EndpointConnectionError(endpoint_url="http://s3"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://s3"),
        botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        requests.exceptions.ChunkedEncodingError("cut"),
        google.auth.exceptions.TransportError("no metadata server"),
        exceptions.ServiceUnavailable("busy"),
        exceptions.TooManyRequests("slow down"),
        HttpError({"code": 500, "message": "backend"}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_worth_another_try(error: Exception) -> None:
    assert may_pass(error)
    wrapped = RuntimeError("of a client")
    wrapped.__cause__ = error
    assert may_pass(wrapped)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((500, "InternalError"), (503, "SlowDown"), (429, "TooManyRequests"), (409, "ConditionalRequestConflict")),
        *((400, "RequestTimeout"), (400, "IncompleteBody"), (400, "BadDigest")),
    ],
)
def test_what_s3_asks_to_be_tried_again_is_told_by_status_and_code(status: int, code: str) -> None:
    assert may_pass(_of_s3(status, code))


@pytest.mark.parametrize(
    "error", [FileNotFoundError("x"), FileExistsError("x"), ValueError("a bug"), OSError(errno.ENOSPC, "full")]
)
def test_what_is_settled_or_not_the_stores_doing_is_not_tried_again(error: Exception) -> None:
    assert not may_pass(error)


def test_an_answer_in_words_has_status_code_and_message_on_one_line() -> None:
    assert answer_of(_of_s3(503, "SlowDown")) == "503 SlowDown ([Errno 16] of the store)"
    assert answer_of(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize("error", [OSError(errno.EIO, "busy"), TimeoutError("slow"), ConnectionResetError("gone")])
def test_what_may_pass_stays_what_it_is_so_that_a_job_tries_again(error: OSError) -> None:
    with pytest.raises(type(error)), explained("gs://bucket/x"):
        raise error


def _of_s3(status: int, code: str) -> Exception:
    """Return the error that s3fs raises for an answer."""
    answer = {"Error": {"Code": code, "Message": "of\n the store"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = translate_boto_error(botocore.exceptions.ClientError(answer, "GetObject"))
    assert isinstance(error, Exception)
    return error
