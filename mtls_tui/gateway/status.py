"""Health, status and metrics over HTTP, on a loopback port or Unix socket of their own. Read-only; no secrets.

`/healthz` 200 or 503, and what is pending · `/status` JSON · `/metrics` Prometheus · `/metrics/envoy` Envoy's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mtls_tui.gateway.counters import BUCKETS, Counters
from mtls_tui.gateway.settings import GatewayError, ListenAddress, address_text

if TYPE_CHECKING:
    from prometheus_client.core import Metric

REQUEST_SECONDS = 5.0


class Subject(Protocol):
    """What is reported on."""

    @property
    def healthy(self) -> bool:
        """Whether requests are being decided."""
        ...

    @property
    def pending(self) -> Sequence[str]:
        """What on disk is not in force, and why."""
        ...

    @property
    def counters(self) -> Counters:
        """What was decided."""
        ...

    async def refresh(self) -> None:
        """Fetch fresh counters."""
        ...

    def status(self) -> dict[str, Any]:
        """What `/status` tells, ready for JSON."""
        ...

    async def envoy_metrics(self) -> bytes:
        """Envoy's own metrics."""
        ...


class StatusServer:
    """Serves the status."""

    def __init__(self, subject: Subject, address: ListenAddress) -> None:
        self.subject, self.address = subject, address
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises GatewayError if the address can't be had."""
        try:
            if isinstance(self.address, Path):
                self._server = await asyncio.start_unix_server(self._serve, self.address)
                self.address.chmod(0o600)
            else:
                self._server = await asyncio.start_server(self._serve, *self.address)
                self.address = self._server.sockets[0].getsockname()[:2]
        except OSError as error:
            text = address_text(self.address)
            raise GatewayError(f"{text}: the status can't be served there: {error.strerror}") from None

    async def stop(self) -> None:
        """Stop listening, and remove the Unix socket's file."""
        if self._server is not None:
            self._server.close()
            if isinstance(self.address, Path):
                self.address.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                method, path = head.split(b" ", 2)[:2]
                status, kind, body = await self._answer(method, path.partition(b"?")[0].decode("latin-1"))
                writer.write(
                    f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
                    "cache-control: no-store\r\nconnection: close\r\n\r\n".encode()
                    + (b"" if method == b"HEAD" else body)
                )
                await writer.drain()
        writer.close()

    async def _answer(self, method: bytes, path: str) -> tuple[str, str, bytes]:
        if method not in (b"GET", b"HEAD"):
            return "405 Method Not Allowed", "text/plain", b"only GET\n"
        if path == "/healthz":
            # 200 although something is pending: the last good state decides, and a broken file that stands everywhere
            # must not take every gateway out of a load balancer at once.
            waiting = "".join(f"pending: {line}\n" for line in self.subject.pending)
            if self.subject.healthy:
                return "200 OK", "text/plain", f"ok\n{waiting}".encode()
            return "503 Unavailable", "text/plain", f"not ready\n{waiting}".encode()
        if path == "/metrics/envoy":
            return "200 OK", "text/plain; version=0.0.4", await self.subject.envoy_metrics()
        if path in ("/status", "/metrics"):
            await self.subject.refresh()
            if path == "/status":
                return "200 OK", "application/json", json.dumps(self.subject.status(), indent=2).encode() + b"\n"
            return "200 OK", "text/plain; version=0.0.4", metrics(self.subject.status(), self.subject.counters)
        return "404 Not Found", "text/plain", b"/healthz /status /metrics /metrics/envoy\n"


def metrics(status: dict[str, Any], counters: Counters) -> bytes:
    """The counters in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    class Collector:
        def collect(self) -> list[Metric]:
            return _families(status, counters)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry)


def _families(status: dict[str, Any], counters: Counters) -> list[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily

    def several(
        kind: type[CounterMetricFamily | GaugeMetricFamily],
        name: str,
        about: str,
        labels: Sequence[str],
        values: Iterable[tuple[Sequence[str], float]],
    ) -> Metric:
        family = kind(f"mtls_tui_{name}", about, labels=labels)
        for key, value in values:
            family.add_metric(list(key), value)
        return family

    def counts(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
        return several(CounterMetricFamily, name, about, [label], (((key,), value) for key, value in values.items()))

    def gauge(name: str, about: str, value: float) -> Metric:
        return GaugeMetricFamily(f"mtls_tui_{name}", about, value=value)

    def of_lists(name: str, about: str, key: str) -> Metric:
        values = ((labels, one[key]) for labels, one in lists.items())
        return several(GaugeMetricFamily, f"crl_{name}", about, ["issuer", "key", "scope", "checked"], values)

    decision_seconds = HistogramMetricFamily("mtls_tui_decision_seconds", "Time of a decision, without the network.")
    bounds = (*map(str, BUCKETS), "+Inf")
    buckets = list(zip(bounds, accumulate(counters.buckets), strict=True))
    decision_seconds.add_metric([], buckets, sum_value=counters.seconds)
    restarts = {
        "decision": sum(worker["restarts"] for worker in status["workers"]),
        "envoy": status.get("envoy", {}).get("restarts", 0),
    }
    lost = status.get("log", {}).get("lost", {})
    lists = _newest(status["revocation_lists"])
    return [
        several(
            CounterMetricFamily, "decisions", "Decisions by host, rule and outcome.", ["host", "rule", "outcome"],
            sorted(counters.decisions.items()),
        ),
        several(
            CounterMetricFamily, "identity_headers_left_out",
            "Identity headers that were too long for the upstream to be told.", ["host", "header"],
            sorted(counters.left_out.items()),
        ),
        decision_seconds,
        counts("reloads", "Reloads by result.", "result", status["reloads"]),
        counts("restarts", "Processes that had to be replaced.", "kind", restarts),
        CounterMetricFamily(
            "mtls_tui_inside_failures",
            "Requests that the decision service was asked about because rules failed inside Envoy.",
            value=status.get("inside_failures", 0),
        ),
        counts("log_lines_lost", "Log lines that could not be written or died with a process.", "by", lost),
        gauge("reload_pending", "1 while something on disk is not in force.", bool(status["pending"])),
        gauge("last_reload_successful", "1 when the last reload took over all.", not status["refused"]),
        gauge(
            "last_reload_success_timestamp_seconds", "When a reload last took over all, POSIX seconds.",
            status["last_reload_success"],
        ),
        of_lists("number", "Number of the list in force.", "number"),
        of_lists("this_update_timestamp_seconds", "When the list in force was written.", "this_update"),
        of_lists("next_update_timestamp_seconds", "When the list in force goes stale.", "next_update"),
        gauge("healthy", "1 while requests are being decided.", status["healthy"]),
        gauge("generation", "Bundles taken since the start.", status["generation"]),
        InfoMetricFamily("mtls_tui_bundle", "The running bundle.", value={"digest": str(status["digest"])}),
    ]  # fmt: skip


def _newest(lists: Iterable[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    """By labels. Of lists with equal ones (that can't be checked, or contradict each other) the highest number's."""
    newest: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in lists:
        newest.setdefault((one["issuer"], one["key"], one["scope"], str(one["checked"]).lower()), one)
    return newest
