"""What a step counts for a platform: rows, rejects, tokens, seconds, retries; sent by OpenTelemetry, if OTEL_* asks.

Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`` or ``OTEL_METRICS_EXPORTER=otlp`` is
set; ``OTEL_SDK_DISABLED=true`` and ``OTEL_METRICS_EXPORTER=none`` turn it off again. It never fails a step: what cannot
be sent is logged. Each counter has the attribute ``step``; what is counted once is counted by whoever wrote the part.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from components.shared.redaction import hide

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counter:
    """A number that only grows."""

    name: str
    unit: str  # as UCUM writes it; in braces what is counted
    description: str


ROWS_IN = Counter("scalequest.rows.in", "{row}", "rows that a step has read and settled")
ROWS_OUT = Counter("scalequest.rows.out", "{row}", "rows that it has written")
ROWS_REJECTED = Counter("scalequest.rows.rejected", "{row}", "rows that it has rejected, by reason")
TOKENS = Counter("scalequest.tokens", "{token}", "tokens of models, by direction: read or written")
WORK = Counter("scalequest.work", "s", "seconds of work on rows or a training")
ACCELERATOR_WORK = Counter("scalequest.accelerator.work", "s", "the same times the GPUs held: GPU-seconds")
RETRIES = Counter("scalequest.retries", "{retry}", "calls tried again, by whom they asked: store, endpoint, …")
COUNTERS = (ROWS_IN, ROWS_OUT, ROWS_REJECTED, TOKENS, WORK, ACCELERATOR_WORK, RETRIES)

# Figures of a part or of a model, and what they count as.
_FIGURES: Mapping[str, tuple[Counter, Mapping[str, str]]] = {
    "seconds": (WORK, {}),
    "accelerator_seconds": (ACCELERATOR_WORK, {}),
    "prompt_tokens": (TOKENS, {"direction": "read"}),
    "output_tokens": (TOKENS, {"direction": "written"}),
}


class Sink(Protocol):
    """Takes what is counted."""

    def add(self, counter: Counter, value: float, attributes: Mapping[str, str]) -> None:
        """Add to a counter."""

    def close(self) -> None:
        """Send what was not sent yet; in a few seconds at most."""


_sink: Sink | None = None


def is_asked_for() -> bool:
    """Tell whether the environment asks for metrics."""
    exporter = os.environ.get("OTEL_METRICS_EXPORTER", "")
    if exporter == "none" or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return exporter == "otlp" or any(map(os.environ.get, ENDPOINTS))


@contextlib.contextmanager
def sent_for(step: str) -> Iterator[None]:
    """Send what is counted within the block, if that is asked for."""
    global _sink
    _sink = _open(step) if is_asked_for() else None
    try:
        yield
    finally:
        sink, _sink = _sink, None
        if sink is not None:
            sink.close()


def count_work(*, rows_in: int, rows_out: int, rejected: Mapping[str, int], figures: Mapping[str, float]) -> None:
    """Count a part that this process has written, or a model: how its rows add up, and what it took."""
    if _sink is None:
        return
    _sink.add(ROWS_IN, rows_in, {})
    _sink.add(ROWS_OUT, rows_out, {})
    for reason, number in rejected.items():
        _sink.add(ROWS_REJECTED, number, {"reason": reason})
    for name, (counter, attributes) in _FIGURES.items():
        if figures.get(name):
            _sink.add(counter, figures[name], attributes)


def count_retry(whom: str) -> None:
    """Count a call that is tried again."""
    if _sink is not None:
        _sink.add(RETRIES, 1, {"whom": whom})


def _open(step: str) -> Sink | None:
    for header in os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(","):
        hide(header.partition("=")[2])
    protocol = next(filter(None, map(os.environ.get, PROTOCOLS)), "http/protobuf")
    if protocol != "http/protobuf":
        logger.warning("no metrics are sent: the protocol %r is not known; expected http/protobuf", protocol)
        return None
    try:
        from components.shared.otel_metrics import OtelSink
    except ImportError as error:
        logger.warning("no metrics are sent, %s; install scalequest[otel], or unset OTEL_*", error)
        return None
    try:
        return OtelSink(step)
    except ValueError as error:  # of a variable
        logger.warning("no metrics are sent: a variable OTEL_* is not accepted: %s", error)
        return None
