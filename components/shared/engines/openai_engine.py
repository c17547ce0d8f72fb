"""Any server that speaks OpenAI's chat protocol: requests side by side, up to a limit, and patient with refusals."""

import httpx  # isort: skip

import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from itertools import count
from typing import Any

from components.shared import stopping
from components.shared.config.engines import EngineConfig
from components.shared.engines import Completion, Request, Result, Sampling, unanswered
from components.shared.errors import InputError, UnavailableError
from components.shared.restarted import PROBE
from components.shared.seeds import derive_fraction

PATIENCE_SECONDS = 300.0  # how long a server may be away: it loads another model, or is moved
MIN_ATTEMPTS = 3  # of one request, however long they take
FIRST_PAUSE_SECONDS = 0.5  # doubles up to
LONGEST_PAUSE_SECONDS = 30.0
MAX_PAUSE_SECONDS = 900.0  # a server that asks to come back later than this stops the run
TIMEOUT_SECONDS = 600.0  # of one request: a long answer from a busy server
RETRIED = (408, 409, 429, 500, 502, 503, 504)
REFUSED = (400, 413, 422)  # what it is asked for, or one text: filters of content answer so
QUOTA = "insufficient_quota"  # a 429 that no waiting mends
SERVED_PREFIX = "openai:"  # a served model's name as a model option: openai:gpt-4o-mini

logger = logging.getLogger(__name__)

HARMLESS = Request(key=None, message=PROBE, seed=0)


class Refusal(Exception):  # noqa: N818 -- not an error yet: the request is sent again
    """A refusal or a lost connection that another attempt may mend."""

    def __init__(self, reason: str, pause_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.pause_seconds = pause_seconds


class TooLongError(Exception):
    """The prompt and the answer together are longer than the served model takes."""

    reason = "too_long"


class UnservedError(InputError):
    """The server has no such path or model."""


class RefusedError(InputError):
    """The server does not take a request: perhaps none of ours, perhaps not this one."""

    reason = "refused"


class OpenAIEngine:
    """A model behind ``{endpoint}/chat/completions``."""

    arithmetic = ""

    def __init__(
        self,
        endpoint: str,
        model: str,
        *,
        api_key_env: str,
        max_concurrency: int,
        patience_seconds: float = PATIENCE_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Connect to ``endpoint`` (…/v1) with the key in the environment variable ``api_key_env``, if it is set."""
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes a line a request
        key = os.environ.get(api_key_env, "")
        try:
            self._client = httpx.Client(
                base_url=endpoint.rstrip("/") + "/",
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=timeout_seconds,
                limits=httpx.Limits(max_connections=max_concurrency, max_keepalive_connections=max_concurrency),
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            what = f"--endpoint {endpoint!r}" if isinstance(error, httpx.InvalidURL) else f"the key in {api_key_env}"
            raise InputError(f"{what} cannot be used: {type(error).__name__}; expected https://…/v1") from error
        self._endpoint = endpoint
        self._model = model
        self._api_key_env = api_key_env
        self._max_concurrency = max_concurrency
        self._patience_seconds = patience_seconds
        self._first_pause_seconds = first_pause_seconds
        self._stopped = threading.Event()

    def check(self) -> None:
        """Raise InputError where the server refuses the key or does not serve the model."""
        try:
            listing = self._patiently("GET", "models", None, 0)
        except UnservedError:
            return  # not every server lists its models
        finally:
            self.close()
        names = [str(item.get("id")) for item in listing.get("data") or [] if isinstance(item, dict)]
        if names and self._model not in names:
            raise InputError(self._unknown_model(f"; it serves {', '.join(sorted(names)[:8])}"))

    def generate(self, requests: Iterable[Request], sampling: Sampling) -> Iterator[Result]:
        """Yield each request's completions as soon as they are done, in any order; never waits for a batch.

        Raises InputError for a refusal that neither waiting nor another text mends, UnavailableError where waiting was
        in vain.
        """
        source = iter(requests)
        running: set[Future[Result]] = set()
        threads = ThreadPoolExecutor(self._max_concurrency, thread_name_prefix="openai")
        try:
            while True:
                while len(running) < self._max_concurrency and (request := next(source, None)) is not None:
                    running.add(threads.submit(self._complete, request, sampling))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            self._stopped.set()
            threads.shutdown(wait=not stopping.requested(), cancel_futures=True)
            self._stopped.clear()

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _complete(self, request: Request, sampling: Sampling) -> Result:
        """Collect all samples of a request; a server that ignores ``n`` is asked again for the others."""
        if not request.message:
            raise InputError(
                "--engine openai cannot continue the bare user prefix: a chat endpoint answers messages; "
                "generate questions with --engine vllm"
            )
        completions: list[Completion] = []
        num_prompt_tokens = 0
        while len(completions) < request.num_samples:
            lacking = request.num_samples - len(completions)
            body = self._body(request, sampling, lacking, request.seed + len(completions))
            try:
                reply = self._patiently("POST", "chat/completions", body, request.seed)
            except (TooLongError, RefusedError) as error:
                self._check_harmless(sampling, lacking, error)
                logger.warning("a request is rejected: %s", error)
                return unanswered(request, error.reason, str(error))
            num_prompt_tokens = max(num_prompt_tokens, _usage(reply, "prompt_tokens"))
            completions += _completions(reply, lacking)
        return Result(request=request, completions=tuple(completions), num_prompt_tokens=num_prompt_tokens)

    def _check_harmless(self, sampling: Sampling, num_samples: int, refused: Exception) -> None:
        """Raise InputError where the server refuses a harmless request too: then no text is to blame.

        Asked at each refusal: an account that is empty, or a server with new limits, refuses from one to the next.
        """
        try:
            self._patiently("POST", "chat/completions", self._body(HARMLESS, sampling, num_samples, 0), 0)
        except (RefusedError, TooLongError) as error:
            raise InputError(
                f"{refused}; it refuses a harmless one as well: check the account and the options by what it says, "
                "then start the same command again: finished parts stay"
            ) from error

    def _body(self, request: Request, sampling: Sampling, num_samples: int, seed: int) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": _messages(request),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "n": num_samples,
            "seed": seed,
        }

    def _patiently(self, method: str, path: str, body: dict[str, Any] | None, seed: int) -> dict[str, Any]:
        """Send until there is a reply: after Retry-After, or after a pause that doubles, with jitter."""
        started = time.monotonic()
        for attempt in count(1):
            try:
                return self._send(method, path, body)
            except Refusal as refusal:
                elapsed = time.monotonic() - started
                if (attempt >= MIN_ATTEMPTS and elapsed > self._patience_seconds) or self._stopped.is_set():
                    raise UnavailableError(
                        f"--endpoint {self._endpoint} gave no reply in {attempt} attempts over {elapsed:.0f} s; the "
                        f"last one: {refusal}; check that the server runs, then start the same command again: finished "
                        "parts stay"
                    ) from refusal
                backoff = min(self._first_pause_seconds * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
                pause = max(backoff * (0.5 + derive_fraction(seed, attempt)), refusal.pause_seconds)
                logger.warning("attempt %d: %s; next in %.1f s", attempt, refusal, pause)
                self._stopped.wait(pause)
        raise AssertionError("an attempt returns or raises")

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, json=body)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise InputError(f"--endpoint {self._endpoint!r} cannot be used: {error}; expected https://…/v1") from error
        except httpx.TransportError as error:
            raise Refusal(f"{type(error).__name__}: {error}") from error
        if response.is_success:
            return _parsed(response)
        code, message = _explanation(response)
        if response.status_code in RETRIED and code != QUOTA:
            raise Refusal(f"HTTP {response.status_code}: {message}", self._asked_pause(response))
        raise self._final(response.status_code, code, message)

    def _final(self, status: int, code: str, message: str) -> Exception:
        """Return what a refusal that no waiting mends is raised as."""
        if status in (401, 403):
            given = "refuses the key in" if os.environ.get(self._api_key_env) else "wants a key; none is in"
            return InputError(
                f"--endpoint {self._endpoint} {given} the environment variable {self._api_key_env} (HTTP {status}); "
                "set it to a valid key, or name another variable with --api-key-env"
            )
        refused = f"--endpoint {self._endpoint} refuses the request: HTTP {status}: {message}"
        if code == "context_length_exceeded" or (status == 400 and "context length" in message):
            return TooLongError(refused)
        if code == "model_not_found" or (status == 404 and "model" in message.lower()):
            return UnservedError(self._unknown_model(f" (HTTP {status}: {message})"))
        kinds = {404: UnservedError, 405: UnservedError} | dict.fromkeys(REFUSED, RefusedError)
        return kinds.get(status, InputError)(refused)

    def _unknown_model(self, detail: str) -> str:
        return f"--endpoint {self._endpoint} does not serve the model {self._model!r}{detail}; name one that it serves"

    def _asked_pause(self, response: httpx.Response) -> float:
        """Return the seconds that Retry-After asks for (a number or a date), 0 where there is none."""
        text = response.headers.get("Retry-After", "")
        try:
            pause = float(text)
        except ValueError:
            try:
                # By the server's own clock, where it says it: this machine's may be hours off.
                present = parsedate_to_datetime(response.headers.get("Date") or format_datetime(datetime.now(UTC)))
                pause = (parsedate_to_datetime(text) - present).total_seconds()
            except (ValueError, TypeError):
                return 0.0
        if pause > MAX_PAUSE_SECONDS:
            raise UnavailableError(
                f"--endpoint {self._endpoint} asks to come back in {pause:.0f} s; start the step again then"
            )
        return max(pause, 0.0)


def check(config: EngineConfig, model: str) -> None:
    """Raise InputError where the server refuses the key or does not serve the model."""
    open_engine(config, model).check()


def open_engine(config: EngineConfig, model: str) -> OpenAIEngine:
    """Return the model ``openai:NAME`` behind the endpoint that the options name; InputError where they do not fit."""
    if not config.endpoint:
        raise InputError("--engine openai needs --endpoint, the base URL of an OpenAI-compatible server (https://…/v1)")
    if "@" in config.endpoint.rpartition("://")[2].partition("/")[0]:
        raise InputError(
            "--endpoint has a user or a key before its host, which would stand in plans, logs and the dataset's "
            "lineage; give the URL without it, and the key in the environment variable that --api-key-env names"
        )
    if not model.startswith(SERVED_PREFIX) or model == SERVED_PREFIX:
        raise InputError(f"the model {model!r} is no served model; with --engine openai write {SERVED_PREFIX}NAME")
    return OpenAIEngine(
        config.endpoint,
        model.removeprefix(SERVED_PREFIX),
        api_key_env=config.api_key_env,
        max_concurrency=config.max_concurrency,
    )


def _parsed(response: httpx.Response) -> dict[str, Any]:
    try:
        reply = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"the reply is not JSON: {response.text[:100]!r}") from error
    if not isinstance(reply, dict):
        raise Refusal(f"the reply is no JSON object: {response.text[:100]!r}")
    return reply


def _messages(request: Request) -> list[dict[str, str]]:
    turns = [text for example in request.examples for text in example]
    return [
        {"role": "assistant" if number % 2 else "user", "content": text}
        for number, text in enumerate([*turns, request.message])
    ]


def _explanation(response: httpx.Response) -> tuple[str, str]:
    """Return the error's code and message, as OpenAI's and vLLM's servers word them."""
    try:
        error = response.json()
        error = error.get("error", error)
        return str(error.get("code") or error.get("type") or ""), str(error.get("message") or error)[:300]
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        return "", response.text[:300]


def _completions(reply: dict[str, Any], num_wanted: int) -> list[Completion]:
    choices = [choice for choice in reply.get("choices") or [] if isinstance(choice, dict)][:num_wanted]
    if not choices:
        raise InputError(f"the endpoint's reply has no choices: {json.dumps(reply)[:200]}")
    # The protocol counts the tokens of all choices together: their sum is right, and each one's share is even.
    share, rest = divmod(_usage(reply, "completion_tokens"), len(choices))
    return [
        Completion(
            text=str((choice.get("message") or {}).get("content") or ""),
            finish_reason=str(choice.get("finish_reason") or ""),
            num_tokens=share + (number < rest),
        )
        for number, choice in enumerate(choices)
    ]


def _usage(reply: dict[str, Any], name: str) -> int:
    return int((reply.get("usage") or {}).get(name) or 0)
