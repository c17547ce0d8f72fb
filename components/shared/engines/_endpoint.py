"""A server that speaks OpenAI's protocol: one request and its answer; errors are temporary or permanent."""

import httpx  # isort: skip

import json
import logging
import re
import socket
import ssl
import time
from typing import Any

from components.shared.engines._endpoint_addresses import check_address, hint_for, key_in, proxy_for
from components.shared.engines._endpoint_dialect import named_parameter, words_of
from components.shared.engines._endpoint_replies import error_of, from_events, is_event_stream
from components.shared.errors import InputError, UnavailableError
from components.shared.passing import PassingError, error_passes, is_spent, is_untrusted, status_passes
from components.shared.redaction import excerpt, redacted
from components.shared.stores.retries import CONNECT_SECONDS, asked_wait

MAX_WAIT_SECONDS = 900.0  # a server that asks to come back later than this stops the run
NAME_SECONDS = 15.0  # for which a host name may be unknown: the name of a Service that was just created
STRANGE = 3  # so many answers that no API gives, before any other, mean that the address is wrong
LONGEST_MESSAGE = 300  # characters of a server's words


_ALERT = r"\x15\x03"  # how TLS says that it was not spoken to, as a message quotes it
_NO_TLS = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER|record layer")


class RefusedError(InputError):
    """The server does not take a request: perhaps none of ours, perhaps not this one."""

    def __init__(
        self,
        message: str,
        *,
        words: str = "",
        named: str = "",
        reason: str = "refused",
        passes: bool = False,
        status: int = 0,
    ) -> None:
        super().__init__(message)
        self.status = status  # of HTTP; 0: not said
        self.words = words  # the server's own
        self.named = named  # the parameter that it names in a field
        self.reason = reason
        self.passes = passes  # for another row, or later


class Endpoint:
    """The connections to one server; permanent errors of it and of the network are InputErrors with the remedy."""

    def __init__(
        self, url: str, model: str, *, key_variable: str, max_connections: int, timeout_seconds: float
    ) -> None:
        check_address(url)
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes a line a request
        self.url = url.rstrip("/")
        self.model = model
        self._key_variable = key_variable
        self._key = key_in(key_variable)
        proxy, self._proxy_variable = proxy_for(url)
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            verify=_certificates(),
            proxy=proxy or None,
            trust_env=False,  # httpx reads NO_PROXY in its own way, and ~/.netrc
        )
        self._begun = 0.0
        self._num_strange = 0
        self._has_answered = False
        self.in_question = False  # whether the address is being checked; later, the server was there before

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a request, sent once; PassingError, RefusedError or InputError if there is none."""
        self._begun = self._begun or time.monotonic()
        try:
            response = self._client.request(method, f"{self.url}/{path}", json=body)
            text = response.text
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise self._unsent(error) from error
        except UnicodeDecodeError as error:
            raise PassingError(f"the reply cannot be decoded: {error.reason}") from error
        if not response.is_success:
            raise self._refusal(response)
        reply = self._parsed(response, text)
        if failure := error_of(reply):
            raise self._error_in_reply(response, failure)
        if method == "POST" and not reply.get("choices"):
            what = f"the reply has no choices: {excerpt(json.dumps(reply), 200)}"
            raise PassingError(what) if "choices" in reply else self._strange(what)
        self._has_answered = True
        return reply

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _parsed(self, response: httpx.Response, text: str) -> dict[str, Any]:
        kind = response.headers.get("content-type", "")
        if is_event_stream(kind, text):
            return from_events(text)
        try:
            reply = json.loads(response.content)
        except (ValueError, RecursionError) as error:
            if "html" in kind or text.lstrip()[:1] == "<":
                raise self._strange("the reply is a web page") from error
            raise PassingError(f"the reply is not JSON: {excerpt(text, 100)!r}") from error
        if isinstance(reply, list):
            return {"data": reply}  # of models, as some servers list them
        if not isinstance(reply, dict):
            raise PassingError(f"the reply is not a JSON object: {excerpt(text, 100)!r}")
        return reply

    def _strange(self, what: str) -> Exception:
        """Return the error for an answer that no such API gives; before any other answer, the address is to blame."""
        self._num_strange += 1
        if not self._is_doubtful() or self._num_strange < STRANGE:
            return PassingError(what)
        return InputError(
            f"--endpoint {self.url}: {what}, {self._num_strange} times, at {self.url}/chat/completions; "
            f"{hint_for(self.url)}"
        )

    def _is_doubtful(self) -> bool:
        return self.in_question and not self._has_answered

    def _unsent(self, error: Exception) -> Exception:
        """Return the error if no answer came: PassingError, or InputError with what to do."""
        links = _origins(error)
        said = f"{type(error).__name__}: {redacted(str(error))}"
        if is_untrusted(error):
            return InputError(
                f"--endpoint {self.url}: its certificate is not trusted ({said}); put the certificate of its authority "
                "into a file, and name that in the environment variable SSL_CERT_FILE"
            )
        if self._proxy_variable:
            said += f", by the proxy that the environment variable {self._proxy_variable} names"
        if isinstance(error, httpx.ProxyError) and re.search(r"\b40[1-7]\b", str(error)):
            return InputError(
                f"--endpoint {self.url} cannot be reached ({said}); set its credentials, or except the endpoint's host "
                "by NO_PROXY"
            )
        if any(isinstance(link, ssl.SSLError) and _NO_TLS.search(str(link)) for link in links):
            return InputError(
                f"--endpoint {self.url} does not speak TLS ({said}); try http://{self.url.removeprefix('https://')}"
            )
        if isinstance(error, httpx.RemoteProtocolError) and _ALERT in str(error) and self.url.startswith("http:"):
            return InputError(f"--endpoint {self.url} speaks TLS; try https://{self.url.removeprefix('http://')}")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return InputError(f"--endpoint {self.url} cannot be used ({said}); expected https://host/v1")
        if isinstance(error, httpx.LocalProtocolError):  # it may quote a header
            return InputError(
                f"--endpoint {self.url}: the request cannot be sent; check the key in {self._key_variable}"
            )
        is_late = time.monotonic() - self._begun > NAME_SECONDS
        if any(_is_unknown_name(link) for link in links) and is_late and self._is_doubtful():
            return InputError(f"--endpoint {self.url}: no such host ({said}); check the name")
        return PassingError(said)

    def _refusal(self, response: httpx.Response) -> Exception:
        """Return the error for an answer that is not a success."""
        status = response.status_code
        error = _body_of(response)
        inner = error.get("error", error) if isinstance(error, dict) else error
        words, codes = excerpt(words_of(inner), LONGEST_MESSAGE), _codes_of(inner)
        if response.has_redirect_location or 300 <= status < 400:
            return self._redirection(response)
        if status_passes(status) and not is_spent(words, codes=" ".join(codes), waits=_asks_to_wait(response, inner)):
            return self._passing(f"HTTP {status}: {words}", response, words, named_parameter(inner))
        if status in (401, 403):
            return RefusedError(self._unwelcome(status, words), words=words)
        if "model_not_found" in codes or (status == 404 and "model" in words.lower()):
            return RefusedError(self.unknown_model(f"HTTP {status}: {words}"), words=words)
        message = f"--endpoint {self.url} refuses the request: HTTP {status}: {words}"
        if status in (404, 405):
            message += f"; {self.url}/chat/completions was asked: {hint_for(self.url)}"
        if status == 407:
            message += f"; check the proxy in the environment variable {self._proxy_variable or 'HTTP_PROXY'}"
        if status == 400 and "https" in words.lower() and self.url.startswith("http:"):
            message += f"; try --endpoint https://{self.url.removeprefix('http://')}"
        too_long = "context_length_exceeded" in codes or (status in (400, 422) and "context length" in words)
        reason = "too_long" if too_long else "refused"
        return RefusedError(message, words=words, named=named_parameter(inner), reason=reason, status=status)

    def _error_in_reply(self, response: httpx.Response, error: Any) -> Exception:
        words, codes = excerpt(words_of(error), LONGEST_MESSAGE), redacted(" ".join(_codes_of(error)))
        said = f"an error in the reply: {codes} {words}"
        if error_passes(codes, words, waits=_asks_to_wait(response, error)):
            return self._passing(said, response, words, named_parameter(error))
        message = f"--endpoint {self.url} refuses the request: {said}"
        return RefusedError(message, words=words, named=named_parameter(error))

    def _passing(self, message: str, response: httpx.Response, words: str, named: str) -> Exception:
        error = PassingError(message, response, words=words, named=named)
        if (pause := asked_wait(error)) > MAX_WAIT_SECONDS:
            return UnavailableError(
                f"--endpoint {self.url} asks to come back in {pause:.0f} s ({message}); start the step again then"
            )
        return error

    def _redirection(self, response: httpx.Response) -> Exception:
        place = response.headers.get("location", "").partition("?")[0]
        base = str(response.request.url.join(place)).removesuffix("/chat/completions") if place else "another address"
        return RefusedError(
            f"--endpoint {self.url} has moved: {response.request.url} responds with a redirect (HTTP "
            f"{response.status_code}) to {place or 'nowhere'}; try --endpoint {base}"
        )

    def _unwelcome(self, status: int, words: str) -> str:
        given = "refuses the key in" if self._key else "requires a key, but none is in"
        return (
            f"--endpoint {self.url} {given} the environment variable {self._key_variable} (HTTP {status}: {words}); "
            "set it to a valid key, or name another variable with --api-key-env"
        )

    def unknown_model(self, detail: str) -> str:
        """Say that the server does not serve the model; ``detail``: how that is known."""
        return f"--endpoint {self.url} does not serve the model {self.model!r} ({detail}); name one that it serves"


def _certificates() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context(trust_env=True)
    except OSError as error:
        raise InputError(
            f"the environment variables SSL_CERT_FILE and SSL_CERT_DIR name no certificates that can be read ({error})"
        ) from error


def _origins(error: BaseException) -> list[BaseException]:
    """Return an error and what was underway when it was raised: httpx's pool cuts the chain of causes."""
    links = [error]
    while (link := links[-1].__cause__ or links[-1].__context__) is not None and link not in links:
        links.append(link)
    return links


def _is_unknown_name(error: BaseException) -> bool:
    names = ("EAI_NONAME", "EAI_NODATA")
    return isinstance(error, socket.gaierror) and error.errno in [getattr(socket, name, None) for name in names]


def _body_of(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return response.content.decode(errors="replace")


def _asks_to_wait(response: httpx.Response, error: Any) -> bool:
    """Tell whether an answer says when to retry: in a header, or as a delay in its details."""
    return "retry-after" in response.headers or bool(re.search(r'"retry_?(?:delay|after)', json.dumps(error).lower()))


def _codes_of(error: Any) -> list[str]:
    names = ("code", "type", "status", "status_code")
    return [str(error[name]) for name in names if error.get(name)] if isinstance(error, dict) else []
