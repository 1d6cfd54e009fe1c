"""Envoy's changing configuration as files in the run directory, and waiting until Envoy has taken them over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mtls_tui.gateway import rundir
from mtls_tui.gateway.credentials import Credentials
from mtls_tui.gateway.envoy import config
from mtls_tui.gateway.envoy.clusters import upstream_cluster, upstreams
from mtls_tui.gateway.envoy.filters import Data
from mtls_tui.gateway.envoy.hostplan import HostPlan
from mtls_tui.gateway.envoy.listeners import listener
from mtls_tui.gateway.envoy.routes import ROUTES, route_table
from mtls_tui.gateway.settings import GatewayError, Settings

TAKEN_SECONDS = 5.0
"""How long Envoy may take over a change before the reload counts as failed."""


class Files:
    """Writes the files of a run directory; only what differs from what stands there, routes before listeners."""

    def __init__(self, run: Path, settings: Settings) -> None:
        self.run, self.settings = run, settings
        self.xds = run / "xds"
        self._written: dict[Path, str] = {}
        self._version = 0

    def authorities(self, cas: dict[Path, bytes]) -> None:
        """The trust of https upstreams; named by content."""
        for path, pem in cas.items():
            rundir.write(path, pem)

    def routes(self, plans: Iterable[HostPlan], generation: int) -> None:
        """The route table; `generation` of the bundle whose verdicts may be remembered."""
        self._change(self.xds / "routes.json", [route_table(list(plans), self.settings, generation)])

    def clusters(self, plans: Iterable[HostPlan]) -> None:
        """Write the upstreams that these plans use to `clusters.json`, if they changed."""
        clusters = [upstream_cluster(one, self.settings) for one in upstreams(list(plans))]
        self._change(self.xds / "clusters.json", clusters)

    def listeners(self, plans: Iterable[HostPlan], pairs: Mapping[str, Credentials]) -> None:
        """The listener. A chain that didn't change keeps its connections."""
        routes = config.routes_from(self.xds / "routes.json")
        made = listener(list(plans), self.settings, inline(pairs), routes)
        self._change(self.xds / "listeners.json", [made])

    def static(self, plans: list[HostPlan], sockets: list[Path], pairs: dict[str, Credentials]) -> Data:
        """The whole in one piece, to validate."""
        return config.complete(plans, self.settings, self.run / "admin.sock", sockets, inline(pairs))

    def versions(self) -> dict[str, str]:
        """Our versions of the files, by the names of Envoy's statistics of them."""
        files = {
            "listener_manager.lds": self.xds / "listeners.json",
            "cluster_manager.cds": self.xds / "clusters.json",
            f"http.gateway.rds.{ROUTES}": self.xds / "routes.json",
        }
        return {name: str(json.loads(path.read_bytes())["version_info"]) for name, path in files.items()}

    def forget(self) -> None:
        """Write every file again at its next change, also one that would be the same."""
        self._written.clear()

    def _change(self, path: Path, resources: list[Data]) -> None:
        text = json.dumps(resources, sort_keys=True)
        if self._written.get(path) != text:
            self._put(path, resources)
            self._written[path] = text

    def _put(self, path: Path, resources: list[Data]) -> None:
        self._version += 1
        rundir.write(path, json.dumps(config.discovery(str(self._version), resources)).encode())


def inline(pairs: Mapping[str, Credentials]) -> dict[str, Data]:
    """Server certificates as Envoy's configuration has them."""
    return {host: config.tls_inline(pair.certificate, pair.key) for host, pair in pairs.items()}


async def ask_admin(admin: Path, path: str, method: str = "GET", timeout: float = 2.0) -> bytes:
    """Ask Envoy's admin socket. Raises OSError or TimeoutError if it doesn't answer, ValueError if it refuses."""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_unix_connection(str(admin))
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            chunked = b"transfer-encoding: chunked" in head.lower()
            body = await reader.read(-1)
        except asyncio.IncompleteReadError:
            raise ConnectionError("the admin socket was closed") from None
        finally:
            writer.close()
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise ValueError(head.split(b"\r\n", 1)[0].decode("latin-1"))
    return dechunk(body) if chunked else body


def dechunk(body: bytes) -> bytes:
    """The content of a chunked body (RFC 9112 section 7.1), of our own Envoy."""
    parts: list[bytes] = []
    position = 0
    while True:
        end = body.index(b"\r\n", position)
        size = int(body[position:end], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        position = end + 2 + size + 2


async def taken(admin: Path, files: Files) -> None:
    """Wait until Envoy runs our files. Raises GatewayError if it refuses one or doesn't come to it."""
    wanted = files.versions()
    missing: dict[str, str] = {}
    try:
        async with asyncio.timeout(TAKEN_SECONDS):
            while True:
                running = await version_texts(admin)
                missing = {name: version for name, version in wanted.items() if running.get(name, "") != version}
                if not missing:
                    return
                await asyncio.sleep(0.02)
    except (TimeoutError, OSError, ValueError) as error:
        names = ", ".join(sorted(missing)[:5]) or "its configuration"
        raise GatewayError(f"Envoy did not take over {names} ({type(error).__name__})") from None


async def version_texts(admin: Path) -> dict[str, str]:
    """Which version of each resource Envoy runs, by the statistic's name without `.version_text`."""
    text = (await ask_admin(admin, "/stats?filter=version_text$&type=TextReadouts")).decode()
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        found[name.removesuffix(".version_text")] = value.strip('" ')
    return found
