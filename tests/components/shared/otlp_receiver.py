"""A collector's receiver of OTLP over HTTP: takes what real exporters send, is scraped by Prometheus."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

Attributes = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Series:
    """One counter of one process."""

    name: str
    unit: str
    attributes: Attributes
    instance: str

    def get(self, name: str) -> str:
        """Return an attribute, "" for none."""
        return dict(self.attributes).get(name, "")


@dataclass
class Receiver:
    """What was received."""

    endpoint: str = ""
    status: int = 200  # that it answers
    requests: int = 0
    values: dict[Series, float] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)

    def total(self, name: str, **attributes: str) -> float:
        """Return the sum of a counter over all series that have these attributes."""
        wanted = frozenset(attributes.items())
        found = (value for each, value in self.values.items() if each.name == name and wanted <= each.attributes)
        return sum(found)

    def take(self, content: bytes) -> None:
        """Decode a request, and keep its points: monotonic sums since the start of their process."""
        request = ExportMetricsServiceRequest.FromString(content)
        for resource in request.resource_metrics:
            of = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(of["service.name"])
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                assert metric.sum.is_monotonic, metric.name
                assert metric.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
                for point in metric.sum.data_points:
                    attributes = frozenset((each.key, each.value.string_value) for each in point.attributes)
                    series = Series(metric.name, metric.unit, attributes, of["service.instance.id"])
                    value = float(point.as_int) if point.HasField("as_int") else point.as_double
                    assert value >= self.values.get(series, 0.0), series
                    self.values[series] = value

    def exposition(self) -> str:
        """Return all series as Prometheus scrapes them from a collector, by OpenTelemetry's names."""
        lines = []
        for series, value in sorted(self.values.items(), key=lambda each: (each[0].name, sorted(each[0].attributes))):
            name = series.name.replace(".", "_") + {"s": "_seconds"}.get(series.unit, "") + "_total"
            labels = {"job": "scalequest", "instance": series.instance, **dict(series.attributes)}
            told = ",".join(f'{key}="{text}"' for key, text in sorted(labels.items()))
            lines.append(f"{name}{{{told}}} {value}")
        return "\n".join([*lines, ""])


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests += 1
            is_right = self.path == "/v1/metrics" and self.headers["Content-Type"] == "application/x-protobuf"
            status = receiver.status if is_right else 404
            if status == 200:
                receiver.take(gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content)
            answer = ExportMetricsServiceResponse().SerializeToString()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            text = receiver.exposition().encode()
            self.send_response(200 if self.path == "/metrics" else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
