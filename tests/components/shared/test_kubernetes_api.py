"""Which answers of the Kubernetes API are retried, and what the others mean."""

from __future__ import annotations

import ssl

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError, SSLError
from urllib3.response import HTTPResponse

from components.shared.errors import InputError
from components.shared.kubernetes_api import ask
from components.shared.stores import retries

POOL = HTTPConnectionPool("localhost")
UNTRUSTED = SSLError(ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))


class Answers:
    """A call that fails with each of these errors in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.left = list(errors)

    def __call__(self) -> str:
        if self.left:
            raise self.left.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries.BACKOFF, "multiplier", 0.01)


@pytest.mark.parametrize(
    "error", [ApiException(503, "away"), ApiException(0, "cut"), ApiException(429, "busy"), ProtocolError("cut")]
)
def test_a_temporary_failure_is_retried(error: Exception) -> None:
    assert ask("reading the pod", Answers(error)) == "done"


@pytest.mark.parametrize("status", [404, 409, 410])
def test_what_the_caller_knows_the_meaning_of_is_raised_at_once(status: int) -> None:
    answers = Answers(ApiException(status, "no"), ApiException(status, "no"))
    with pytest.raises(ApiException):
        ask("creating the TrainJob", answers)
    assert len(answers.left) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            'jobs.batch is forbidden: User "u" cannot create resource "jobs"',
            r"not allowed \(403 .*\); the Role r allows it",
        ),
        (
            'admission webhook "validate.kyverno.svc" denied the request: resource Job was blocked',
            r"refused by a rule of the cluster, and not for want of a right \(403 .* was blocked\)$",
        ),
    ],
)
def test_a_refusal_by_a_policy_is_not_taken_for_a_lack_of_rights(said: str, expected: str) -> None:
    with pytest.raises(InputError, match=f"^creating the Job: {expected}"):
        ask("creating the Job", Answers(ApiException(403, said)), allowed_by="the Role r allows it")


@pytest.mark.parametrize("error", [ApiException(0, f"SSLError\n{UNTRUSTED}"), MaxRetryError(POOL, "/api", UNTRUSTED)])
def test_a_certificate_that_is_not_trusted_is_bad_input(error: Exception) -> None:
    answers = Answers(error, error)
    with pytest.raises(InputError, match=r"reading the pod: the certificate of the Kubernetes API is not trusted"):
        ask("reading the pod", answers)
    assert len(answers.left) == 1


def test_the_wait_that_the_api_asks_for_is_read_from_its_answer() -> None:
    response = RESTResponse(HTTPResponse(status=429, headers={"Retry-After": "7"}, body=b""))
    assert retries.asked_wait(ApiException(http_resp=response)) == 7
    assert retries.asked_wait(HTTPError()) == 0
