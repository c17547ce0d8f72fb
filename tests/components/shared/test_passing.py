import ssl

import pytest

from components.shared.passing import error_passes, is_spent, is_untrusted, status_passes


@pytest.mark.parametrize(
    "status", [408, 409, 425, 429, 499, 500, 502, 503, 504, 507, 520, 521, 522, 524, 529, 530, 599]
)
def test_the_servers_own_trouble_passes_also_by_a_status_that_nobody_assigned(status: int) -> None:
    assert status_passes(status)


@pytest.mark.parametrize("status", [200, 307, 400, 401, 402, 403, 404, 405, 413, 418, 422, 451, 501, 505, 511, 600])
def test_what_is_refused_does_not_pass(status: int) -> None:
    assert not status_passes(status)


@pytest.mark.parametrize(
    "words",
    [
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
        "Insufficient Balance",
        "Your credit balance is too low to access the API",
        "Payment Required",
        "This organization has reached its spending limit",
    ],
)
def test_an_empty_account_is_told_by_its_words(words: str) -> None:
    assert is_spent(words)
    assert not error_passes("429", words)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ("", "Rate limit reached for requests per min"),
        ("", "overloaded"),
        ("", "quota per minute exceeded"),
        ("tokens rate_limit_exceeded", "Please try again in 9.9s. Need more? console.example/settings/billing"),
        ("requests", "add a payment method to your account at https://platform.example/account/billing"),
        ("", "You exceeded your current quota, please check your plan and billing details. Please retry in 22.5s."),
        ("", "Spending limit of this minute reached; wait for 12 seconds"),
        ("too_many_requests", "insufficient funds for this burst"),
        ("", "cannot take: 'How is the billing of 3 customers overdue?'"),
    ],
)
def test_a_limit_that_time_lifts_is_no_empty_account(codes: str, words: str) -> None:
    assert not is_spent(words, codes=codes)
    assert error_passes(codes, words)


def test_an_empty_account_is_told_for_sure_by_its_code_and_not_by_words_beside_a_time_to_come_back() -> None:
    assert is_spent("try again in 5s", codes="requests insufficient_quota", waits=True)
    assert is_spent("You exceeded your current quota")
    assert not is_spent("You exceeded your current quota", waits=True)


@pytest.mark.parametrize(
    ("code", "words", "passes"),
    [
        ("1302", "rate limit", True),
        ("1002", "rate limit", True),
        ("50001", "", True),
        ("200", "system is busy", True),
        ("-1", "unknown", True),
        ("1004", "authentication failed", False),
        ("1000", "invalid api key", False),
        ("1211", "the model zz does not exist", False),
        ("1008", "insufficient balance", False),
        ("2013", "invalid params", False),
        ("1026", "How many authors were not found?", True),
    ],
)
def test_a_number_that_is_no_status_of_an_error_says_nothing_and_the_words_decide(
    code: str, words: str, passes: bool
) -> None:
    assert error_passes(code, words) is passes


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        ("429", True),
        ("502", True),
        ("400", False),
        ("401", False),
        ("rate_limit_exceeded", True),
        ("overloaded_error", True),
        ("server_error", True),
        ("", True),
        ("invalid_request_error", False),
        ("authentication_error", False),
        ("model_not_found", False),
        ("content_filter", False),
    ],
)
def test_an_error_without_a_status_is_told_by_its_code(code: str, passes: bool) -> None:
    assert error_passes(code, "words") is passes


def test_a_certificate_is_found_behind_other_errors() -> None:
    error = ConnectionError("connection failed")
    error.__cause__ = ssl.SSLCertVerificationError("CERTIFICATE_VERIFY_FAILED: self-signed certificate")
    assert is_untrusted(error)
