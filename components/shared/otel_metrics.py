"""Sends what a step counts by OpenTelemetry's own SDK, as OTLP over HTTP; its variables OTEL_* are the settings."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from components.shared import processes
from components.shared.counters import COUNTERS, Counter

CLOSE_SECONDS = 3.0  # for what was not sent yet: a process that was told to stop has 8 s


class OtelSink:
    """The counters of one step's process.

    The service is called scalequest, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES name it; each process is an
    instance of its own, so that the counters of pods add up.
    """

    def __init__(self, step: str) -> None:
        """ValueError where a variable OTEL_* is not accepted."""
        own = Resource({"service.name": "scalequest", "service.instance.id": processes.own_name()})
        self._reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self._provider = MeterProvider(
            [self._reader], resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        meter = self._provider.get_meter("scalequest")
        self._step = step
        self._counters = {
            each: meter.create_counter(each.name, unit=each.unit, description=each.description) for each in COUNTERS
        }

    def add(self, counter: Counter, value: float, attributes: Mapping[str, str]) -> None:
        """Add to a counter."""
        self._counters[counter].add(value, {"step": self._step, **attributes})

    def close(self) -> None:
        """Send what was not sent yet; what cannot be sent, the SDK logs."""
        self._provider.shutdown(timeout_millis=CLOSE_SECONDS * 1000)
