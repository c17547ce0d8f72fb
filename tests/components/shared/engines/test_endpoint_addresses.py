from __future__ import annotations

import re

import pytest

from components.shared import redaction
from components.shared.engines._endpoint_addresses import check_address, hint_for, key_in, proxy_for
from components.shared.errors import InputError

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    "endpoint", ["https://host/v1", "http://10.0.0.1:8000/v1/", "http://[::1]:8000/v1", "http://a"]
)
def test_a_base_url_is_accepted(endpoint: str) -> None:
    check_address(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("host/v1", "'host/v1' cannot be used; expected the base URL"),
        ("ftp://host/v1", "cannot be used"),
        ("https:///v1", "cannot be used"),
        ("https://host:port/v1", "is not a URL"),
        ("https://host:99999/v1", "is not a URL"),
        ("https://ho st/v1", "cannot be used"),
        ("https://host/v1/chat/completions", "is added: https://host/v1"),
        ("https://host/v1/chat/completions/", "is added: https://host/v1"),
        ("https://host/v1/models", "is added: https://host/v1"),
        ("https://host/v1?api-key=canary", "is followed by a query"),
        ("https://user:canary@host/v1", "--api-key-env names"),
    ],
)
def test_what_is_no_base_url_is_refused_with_the_remedy_and_without_secrets(endpoint: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        check_address(endpoint)
    assert "canary" not in str(refused.value)


def test_an_address_without_a_version_is_to_be_tried_with_one() -> None:
    assert hint_for("http://host:8000") == "try --endpoint http://host:8000/v1"
    assert hint_for("http://host/api/") == "try --endpoint http://host/api/v1"
    assert "/v1/v1" not in hint_for("http://host/v1")


@pytest.mark.parametrize("key", ["sk-abc123", "sk-abc123\n", " sk-abc123 ", "sk-abc123\r\n"])
def test_a_key_is_stripped(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", key)
    assert key_in("SOME_KEY") == "sk-abc123"


@pytest.mark.parametrize("key", ["sk-abc\n123", "sk abc 123", "sk-äbc123", "sk-\u200babc123", "sk-\x7fabc"])
def test_a_key_that_no_header_takes_is_refused_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", key)
    with pytest.raises(InputError, match="the environment variable SOME_KEY holds") as refused:
        key_in("SOME_KEY")
    assert "abc" not in str(refused.value)


def test_a_key_given_as_the_name_of_its_variable_is_not_shown() -> None:
    with pytest.raises(InputError, match="not a name of an environment variable") as refused:
        key_in("sk-canary")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "key", ["hf_canary", "gsk_canary0123", "sk_proj_canary", "CANARY0123CANARY0123", "_hf_canary", "Canary_key"]
)
def test_a_key_that_could_be_a_name_is_not_shown_either(key: str) -> None:
    with pytest.raises(InputError, match="its value is not shown") as refused:
        key_in(key)
    assert key not in str(refused.value)
    assert key not in redaction.redacted(f"options: {key}")


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY_2", "_KEY", "HUGGINGFACE_TOKEN"])
def test_a_name_of_a_variable_that_is_not_set_is_no_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name, raising=False)
    assert not key_in(name)


def test_a_variable_that_is_set_may_have_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("my_own_key", "sk-abc123")
    assert key_in("my_own_key") == "sk-abc123"


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_excepted"),
    [
        ("", "host.example", False),
        ("host.example", "host.example", True),
        ("example", "host.example", True),
        (".example", "host.example", True),
        ("*.example", "host.example", True),
        ("ample", "host.example", False),
        ("*", "host.example", True),
        ("other, host.example", "host.example", True),
        ("HOST.example", "host.EXAMPLE", True),
        ("host.example:8000", "host.example:8000", True),
        ("host.example:9000", "host.example:8000", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("::1", "[::1]:8000", True),
        ("[::1]", "[::1]:8000", True),
        ("[::1]:8000", "[::1]:8000", True),
        ("fe80::/10", "[fe80::1]", True),
        ("localhost,::1,fe80::/10", "10.1.2.3", False),
    ],
)
def test_no_proxy_excepts_names_domains_addresses_and_networks(
    no_proxy: str, host: str, is_excepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", no_proxy)
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert proxy_for(f"http://{host}/v1") == (("", "") if is_excepted else (PROXY, "HTTP_PROXY"))


def test_a_proxy_is_of_the_endpoints_scheme_or_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.example:1")
    monkeypatch.setenv("https_proxy", PROXY)
    assert proxy_for("https://host/v1") == (PROXY, "https_proxy")
    assert proxy_for("http://host/v1") == ("http://proxy.example:1", "ALL_PROXY")


@pytest.mark.parametrize("proxy", ["socks5://user:canary@host:1", "gopher://user:canary@host", "http://user:canary@:x"])
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable_alone(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(InputError, match=r"the environment variable ALL_PROXY .* NO_PROXY") as refused:
        proxy_for("http://host/v1")
    assert "canary" not in str(refused.value)
