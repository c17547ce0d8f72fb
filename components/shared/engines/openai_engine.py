"""Any server that speaks OpenAI's chat protocol: requests side by side, up to a limit, and patient with refusals.

Whatever a server answers to one row, that row is to blame only where something harmless, asked for in the same way, is
answered right after; then it is a reject with the server's words. Where the harmless request fails as well, nothing is
rejected: the run ends by what the server said.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from components.shared import stopping
from components.shared.addresses import SERVED
from components.shared.config.engines import EngineConfig
from components.shared.engines import Completion, K, Request, Result, Sampling, unanswered
from components.shared.engines._endpoint import MAX_WAIT_SECONDS, Endpoint, RefusedError
from components.shared.engines._endpoint_dialect import MAX_SEED, SURE, Dialect, are_copies
from components.shared.engines._endpoint_replies import completions_of, usage_of
from components.shared.engines._held_rejects import HeldRejects
from components.shared.errors import InputError, UnavailableError
from components.shared.passing import BUSY_STATUSES, PassingError
from components.shared.restarted import PROBE
from components.shared.stores.refusals import status_of
from components.shared.stores.retries import ENDPOINT_VARIABLE, MIN_TRIES, Patience, until_answered

TIMEOUT_SECONDS = 600.0  # of one request: a long answer from a busy server
# Times that a row failed in MIN_TRIES attempts, and a harmless request was answered then: the row is to blame.
STRIKES = 2
BUSY_STRIKES = 4  # the same where the server said that it is busy
PATH = "chat/completions"
NO_LIST = (404, 405, 501)  # what a server without a list of its models answers

logger = logging.getLogger(__name__)


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
        timeout_seconds: float = TIMEOUT_SECONDS,
        dialect: Dialect | None = None,
    ) -> None:
        """Connect to ``endpoint`` (…/v1) with the key in the environment variable ``api_key_env``, if it is set."""
        self._endpoint = Endpoint(
            endpoint,
            model,
            key_variable=api_key_env,
            max_connections=max_concurrency,
            timeout_seconds=timeout_seconds,
        )
        self._dialect = dialect or Dialect(model)
        self._max_concurrency = max_concurrency
        self._stopped = threading.Event()
        self._probing = threading.Lock()
        self._probed_at = 0.0  # when something harmless was answered last
        self._patience = Patience(
            whom="endpoint",
            variable=ENDPOINT_VARIABLE,
            longest_asked_wait=MAX_WAIT_SECONDS,
            stopped=lambda: self._stopped.is_set() or stopping.requested(),
            pause=self._pause,
        )

    def check(self, sampling: Sampling, num_samples: int) -> None:
        """Raise InputError if the server does not answer something harmless, asked for as rows will be."""
        self._endpoint.in_question = True
        try:
            self._probe(Request(message=PROBE, seed=MAX_SEED - 1, num_samples=num_samples), sampling, num_samples)
            self._look_at_models()
        finally:
            self.close()

    def check_listed(self) -> None:
        """Raise InputError if the server refuses the key or lists other models; sends no prompt.

        Not every server lists its models: then nothing is known.
        """
        self._endpoint.in_question = True
        where = f"--endpoint {self._endpoint.url}"
        try:
            listed = until_answered(where, lambda: self._endpoint.ask("GET", "models"), patience=self._patience)
        except RefusedError as error:
            if error.status not in NO_LIST:
                raise
            logger.warning("the endpoint does not list its models (%s)", error)
            return
        finally:
            self.close()
        names = _names_in(listed)
        if names and self._endpoint.model not in names:
            shown = ", ".join(sorted(names)[:8])
            raise InputError(self._endpoint.unknown_model(f"it lists {shown}{', …' if names[8:] else ''}"))

    def generate(self, requests: Iterable[Request[K]], sampling: Sampling) -> Iterator[Result[K]]:
        """Yield each request's completions as soon as they are done, in any order; never waits for a batch.

        Raises InputError for a refusal that neither waiting nor another text fixes, UnavailableError if waiting was
        in vain.
        """
        source = iter(requests)
        running: set[Future[tuple[Result[K], RefusedError | None]]] = set()
        rejects = HeldRejects[K]()
        threads = ThreadPoolExecutor(self._max_concurrency, thread_name_prefix="openai")
        try:
            while True:
                while len(running) < self._max_concurrency and (request := next(source, None)) is not None:
                    running.add(threads.submit(self._complete, request, sampling))
                if not running:
                    yield from rejects.rest()
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield from rejects.passed(*future.result())
        finally:
            self._stopped.set()
            threads.shutdown(wait=not stopping.requested(), cancel_futures=True)
            self._stopped.clear()

    def close(self) -> None:
        """Release the connections."""
        self._endpoint.close()

    def _complete(self, request: Request[K], sampling: Sampling) -> tuple[Result[K], RefusedError | None]:
        """Collect all samples of a request, or say why it is refused; a server may ignore ``n``: it is asked again."""
        if not request.message:
            raise InputError(
                "--engine openai cannot continue the bare user prefix: a chat endpoint answers messages; "
                "generate questions with --engine vllm"
            )
        completions: list[Completion] = []
        num_prompt_tokens = 0
        try:
            while len(completions) < request.num_samples:
                lacking = request.num_samples - len(completions)
                samples, num_tokens = self._samples(request, sampling, lacking)
                completions += self._differing(request, sampling, samples)
                num_prompt_tokens = max(num_prompt_tokens, num_tokens)
        except RefusedError as error:
            logger.warning("a request is rejected: %s", error)
            return unanswered(request, error.reason, str(error)), error
        if sampling.temperature and are_copies(completions):
            self._dialect.count_copies(self._endpoint.url)
        return Result(request=request, completions=tuple(completions), num_prompt_tokens=num_prompt_tokens), None

    def _samples(self, request: Request[K], sampling: Sampling, lacking: int) -> tuple[list[Completion], int]:
        """Return some of the ``lacking`` samples, at least one, and the tokens of the prompt.

        Raises RefusedError if the row is to blame: each time that it is refused, something harmless is answered.
        """
        refusals = 0
        while True:
            num_changes = self._dialect.num_changes
            num_samples = 1 if self._dialect.one_at_a_time else lacking
            seed = request.seed + request.num_samples - lacking
            try:
                return self._patiently(request, sampling, num_samples, seed)
            except RefusedError as error:
                self._check_harmless(request, sampling, num_samples, error)
                if self._dialect.num_changes != num_changes:
                    continue  # it is asked for in another way
                refusals += 1
                if error.passes or refusals >= STRIKES:
                    raise

    def _patiently(
        self, request: Request[K], sampling: Sampling, num_samples: int, seed: int
    ) -> tuple[list[Completion], int]:
        strikes, tries = 0, 0
        where = f"--endpoint {self._endpoint.url}"

        def attempt() -> tuple[list[Completion], int]:
            nonlocal strikes, tries
            tries += 1
            failed_at = time.monotonic()
            try:
                reply = self._endpoint.ask("POST", PATH, self._dialect.body(request, sampling, num_samples, seed))
                return completions_of(reply, num_samples), usage_of(reply, "prompt_tokens")
            except PassingError as error:
                if tries % MIN_TRIES == 0:
                    strikes = strikes + 1 if self._answers(request, sampling, num_samples, failed_at) else 0
                if strikes < (BUSY_STRIKES if status_of(error) in BUSY_STATUSES else STRIKES):
                    raise
                raise RefusedError(
                    f"{where} did not answer it in {tries} attempts, but answered a harmless request in between and "
                    f"after the last one; its last response: {error}",
                    passes=True,
                ) from error

        try:
            return until_answered(where, attempt, patience=self._patience)
        except UnavailableError:
            if not strikes or self._patience.stopped():
                raise
        # The server is there, and the time is up: some more attempts say whether this row is to blame.
        return until_answered(where, attempt, seconds=0, min_tries=MIN_TRIES * BUSY_STRIKES, patience=self._patience)

    def _differing(self, request: Request[K], sampling: Sampling, samples: list[Completion]) -> list[Completion]:
        """Return the samples; only the first of them where the server draws all with one seed, which is then known."""
        if not are_copies(samples) or not sampling.temperature or self._dialect.num_sure >= SURE:
            return samples
        (other, *_), _ = self._patiently(request, sampling, 1, request.seed + 1)
        if other.text == samples[0].text:  # the model is sure of itself
            return samples
        self._dialect.ask_one_at_a_time(f"all {len(samples)} samples of a request are the same")
        return [samples[0], other]

    def _check_harmless(self, request: Request[K], sampling: Sampling, num_samples: int, refused: RefusedError) -> None:
        """Raise InputError if the server refuses a harmless request too: then no text is to blame.

        Asked at each refusal: an account that is empty, or a server with new limits, refuses from one to the next.
        """
        try:
            self._probe(request, sampling, num_samples)
        except RefusedError as error:
            raise InputError(
                f"{refused}; it also refuses a harmless request: check the account and the options, "
                "then start the same command again: finished parts are kept"
            ) from error

    def _answers(self, request: Request[K], sampling: Sampling, num_samples: int, since: float) -> bool:
        """Tell whether the server answers something harmless now; InputError if it refuses that for good."""
        with self._probing:
            if self._probed_at > since:  # asked by another thread meanwhile
                return True
            try:
                self._ask_harmless(request, sampling, num_samples)
            except PassingError as error:
                logger.warning("a harmless request is not answered either: %s", error)
                return False
            self._probed_at = time.monotonic()
            return True

    def _probe(self, request: Request[K], sampling: Sampling, num_samples: int) -> None:
        """Ask something harmless until it is answered."""
        with self._probing:
            until_answered(
                f"--endpoint {self._endpoint.url}",
                lambda: self._ask_harmless(request, sampling, num_samples),
                patience=self._patience,
            )

    def _ask_harmless(self, request: Request[K], sampling: Sampling, num_samples: int) -> None:
        """Ask something harmless as the row was asked, and learn what the server takes of a request."""
        harmless = dataclasses.replace(request, message=PROBE)
        while True:
            num_asked = 1 if self._dialect.one_at_a_time else num_samples
            body = self._dialect.body(harmless, sampling, num_asked, request.seed)
            try:
                completions_of(self._endpoint.ask("POST", PATH, body), num_asked)
                return
            except (RefusedError, PassingError) as error:
                if not self._dialect.adapt(body, error.words, error.named):
                    raise

    def _look_at_models(self) -> None:
        """Warn where the list of models lacks the one that has just answered; not every server lists its models."""
        try:
            listed = self._endpoint.ask("GET", "models")
        except (InputError, PassingError, UnavailableError) as error:
            logger.warning("the model answers, though the endpoint does not list its models (%s)", error)
            return
        names = _names_in(listed)
        if names and self._endpoint.model not in names:
            shown = ", ".join(sorted(names)[:8])
            logger.warning("%r answers, though the endpoint lists other models: %s", self._endpoint.model, shown)

    def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until the caller stops early or the process is to stop."""
        end = time.monotonic() + seconds
        while not self._patience.stopped() and (left := end - time.monotonic()) > 0:
            self._stopped.wait(min(left, 0.2))


def _names_in(listed: Mapping[str, Any]) -> list[str]:
    """Return the models of a server's list; none where it is no such list."""
    items = listed.get("data") or []
    return [str(item.get("id")) for item in items if isinstance(item, dict)] if isinstance(items, list) else []


_dialects: dict[tuple[str, str], Dialect] = {}  # learnt by this process, by endpoint and model


def check_served(config: EngineConfig, model: str) -> None:
    """Raise InputError if the endpoint does not serve the model, as its list of models says."""
    open_engine(config, model).check_listed()


def check(config: EngineConfig, model: str, sampling: Sampling, num_samples: int) -> None:
    """Raise InputError if the server does not answer something harmless, asked for as rows will be."""
    open_engine(config, model).check(sampling, num_samples)


def open_engine(config: EngineConfig, model: str) -> OpenAIEngine:
    """Return the model ``openai:NAME`` behind the endpoint that the options name; InputError if they do not fit."""
    if not config.endpoint:
        raise InputError("--engine openai needs --endpoint, the base URL of an OpenAI-compatible server (https://…/v1)")
    if not model.startswith(SERVED) or model == SERVED:
        raise InputError(f"the model {model!r} is not a served model; with --engine openai write {SERVED}NAME")
    name = model.removeprefix(SERVED)
    return OpenAIEngine(
        config.endpoint,
        name,
        api_key_env=config.api_key_env,
        max_concurrency=config.max_concurrency,
        dialect=_dialects.setdefault((config.endpoint, name), Dialect(name)),
    )
