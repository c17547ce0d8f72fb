"""Checks each step of a run for what is outside of the workspace: models, data, prompts, endpoints, packages."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from components.shared import engines
from components.shared.config import StepConfig
from components.shared.config.engines import EngineConfig
from components.shared.engines import openai_engine
from components.shared.errors import InputError, NotAllowedError, NotHereError, UnavailableError
from components.shared.stores.retries import ENDPOINT_VARIABLE, LIMIT_VARIABLE
from pipelines.arguments import Run
from pipelines.compiled_pipeline import PlannedStep
from pipelines.run_checks.license_checks import with_licenses
from pipelines.run_checks.looking import Looked, Looking, look_at_steps
from pipelines.run_checks.vantage import Vantage
from pipelines.secret_names import SECRET_VARIABLES

PATIENCE_SECONDS = "15"  # for a store, a hub or an endpoint: a check is quick, or done again
SOURCES = ("source", "benchmark_uri", "prompt_file")  # options that name what is read from outside


def check_steps(run: Run, vantage: Vantage) -> list[Looked]:
    """Return what stands of each step; InputError names the parameter by which one of them could not work.

    UnavailableError where a store, a hub or an endpoint does not answer.
    """
    checks = _Checks(run.arguments, vantage)
    with impatient():
        return with_licenses(run, look_at_steps(run, checks.check, vantage))


class _Checks:
    def __init__(self, arguments: Mapping[str, object], vantage: Vantage) -> None:
        self._arguments = arguments
        self._vantage = vantage
        self._asked: set[tuple[str, str, str]] = set()

    def check(self, step: PlannedStep, config: StepConfig) -> None:
        """Raise InputError or UnavailableError if the step could not work."""
        if isinstance(config, EngineConfig):
            self._check_engine(config)
        if not self._vantage.reads_store and _is_in_a_store(config):
            return
        module = importlib.import_module(f"components.{step.name}.step")
        if not hasattr(module, "check_ahead"):
            return
        try:
            module.check_ahead(config, Looking(config.workspace))
        except NotAllowedError as error:
            if not self._vantage.asks_endpoints:
                raise NotHereError(str(error)) from error
            raise NotAllowedError(self._with_secret(str(error), "hub_secret")) from error

    def _check_engine(self, config: EngineConfig) -> None:
        if self._vantage.runs_steps:
            engines.check_installed(config)
        model = str(getattr(config, "model", ""))
        asked = (config.endpoint, model, config.api_key_env)
        if config.engine != "openai" or not self._vantage.asks_endpoints or asked in self._asked:
            return
        self._asked.add(asked)
        if self._vantage.is_outside and is_inside(config.endpoint):
            return
        try:
            openai_engine.check_served(config, model)
        except InputError as error:
            raise InputError(self._with_secret(str(error), "rewriter_secret")) from error
        except UnavailableError as error:
            if self._vantage.is_outside:
                raise NotHereError(str(error)) from error
            raise

    def _with_secret(self, message: str, parameter: str) -> str:
        """Say which Secret a variable comes from in a run's pods, where a message names the variable."""
        ((key, variable),) = SECRET_VARIABLES[parameter].items()
        secret = self._arguments.get(parameter, "")
        if variable not in message or not secret or self._vantage.runs_steps:
            return message
        from_secret = f"comes from the key {key!r} of the Secret {secret} (parameter {parameter})"
        return f"{message}; in a run, the variable {from_secret}"


def is_inside(endpoint: str) -> bool:
    """Tell whether only a cluster knows the name of an endpoint's host."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".svc", ".cluster.local")) or not ("." in host or ":" in host or host == "localhost")


def _is_in_a_store(config: StepConfig) -> bool:
    sources = [str(getattr(config, name, "")) for name in SOURCES]
    return any(source.startswith(("gs://", "s3://")) for source in sources)


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Wait for stores, hubs and endpoints less long than a step would, unless the environment says how long."""
    added = [name for name in (LIMIT_VARIABLE, ENDPOINT_VARIABLE) if name not in os.environ]
    os.environ.update(dict.fromkeys(added, PATIENCE_SECONDS))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
