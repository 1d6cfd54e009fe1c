"""Requests per second through the gateway, beside bare Envoy and Envoy with the same rule written by hand in Lua.

    python benchmarks/gateway.py [--seconds 5] [--connections 32] [--workers N] [--rounds 3]

All on one machine in one run, in turns (A, B, C, A, B, C, …), keep-alive over mutual TLS. The load comes from
`autocannon` (npm; fetched by `npx`), so Node must be there. The upstream is an Envoy that answers by itself. Everything
in front of it is set up alike, TLS, limits, cleaning of headers and paths; `envoy+lua+log` writes a line per request
like ours does, `envoy+lua` writes none. Prints rates, latencies, ratios to both, memory, and the processor time that
the gateway's processes (Envoy and decision processes, not upstream and load) took per request: that hardly depends on
what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleRule
from mtls_tui.gateway import Gateway, Settings
from mtls_tui.gateway.envoy import binary as envoy
from mtls_tui.gateway.envoy import config as envoy_config
from mtls_tui.gateway.envoy.hostplan import HostPlan, Upstream
from mtls_tui.gateway.workers.processes import free_port
from mtls_tui.pki.authority import Authority, key_pem
from mtls_tui.pki.roles import RoleSet

HOST = "api.example.com"
CERTIFICATE = "not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked"
FILES = {
    "clauses": (
        'starts_with(http.request.uri.path, "/admin") and not ip.src in {10.0.0.0/8}',
        'http.request.method in {"TRACE" "DELETE"}',
        'any(http.request.headers["x-api-version"][*] eq "0")',
        CERTIFICATE,
    ),
    "certificate": (CERTIFICATE,),
    "regex": ('http.request.uri.path matches "^/(admin|internal)/[a-z]+[0-9]*/edit$"', CERTIFICATE),
}
"""Conditions of the rules, all on one host and all blocking; the last is for a client without certificate."""
LUA = f"""
local function refuse(handle) handle:respond({{[":status"] = "403"}}, "forbidden\\n") end
function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get(":authority") ~= "{HOST}" then return end
  local path, method = headers:get(":path"), headers:get(":method")
  if path:sub(1, 6) == "/admin" and handle:streamInfo():downstreamDirectRemoteAddress():sub(1, 3) ~= "10." then
    return refuse(handle)
  end
  if method == "TRACE" or method == "DELETE" or headers:get("x-api-version") == "0" then return refuse(handle) end
  local ssl = handle:streamInfo():downstreamSslConnection()
  if ssl == nil or not ssl:peerCertificatePresented() or not ssl:peerCertificateValidated() then
    return refuse(handle)
  end
end
"""
"""The conditions of `clauses`, as somebody would write them by hand."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", choices=FILES, default="clauses", help="what the rules read")
    parser.add_argument("--rules", type=int, default=0, help="so many further rules for the host, on paths")
    parser.add_argument("--ask", action="store_true", help="let the decision service decide about every request")
    options = parser.parse_args()
    npx = shutil.which("npx")
    if npx is None:
        sys.exit("npx (Node) is not here; it brings the load tool autocannon")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        site = Files(folder)
        upstream = stack.enter_context(envoy_running(folder / "upstream", upstream_config(folder)))
        variants: dict[str, Variant] = {}
        for name, lua, logged in (("envoy", None, False), ("envoy+lua", LUA, False), ("envoy+lua+log", LUA, True)):
            config = site.config(upstream.port, lua=lua, logged=logged)
            variants[name] = stack.enter_context(envoy_running(folder / name, config))
        settings = Settings(
            listen=("127.0.0.1", 0),
            log=folder / "access.jsonl",
            workers=options.workers,
            state_dir=folder / "state",
            remember_seconds=0 if options.ask else 0.5,
        )
        further = [f'http.request.uri.path eq "/old/{number}/x"' for number in range(options.rules)]
        bundle = site.bundle(upstream.port, [*further, *FILES[options.file]])
        gateway = stack.enter_context(Gateway(bundle, settings))
        others = upstream.processes.union(*(variant.processes for variant in variants.values()))
        variants["mtls-tui"] = Variant(gateway.address[1], children() - others)
        print(
            f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before, {options.connections} connections, "
            f"{options.seconds} s each, {len(gateway.status()['workers'])} decision processes; rules: {options.file}"
            f"{f' and {options.rules} more' if options.rules else ''}, {'asked' if options.ask else 'inside'}"
        )
        for case, client in (("blocked", None), ("passed", site.client)):
            results: dict[str, list[dict]] = {name: [] for name in variants}
            for _ in range(options.rounds):
                for name, variant in variants.items():
                    if case == "blocked" and name == "envoy":
                        continue
                    results[name].append(load(npx, variant, client, site.ca, options, 403 if client is None else 200))
            report(case, results)
        memory = gateway.status()["workers"]
        print(f"memory of the decision processes: {sum(w['resident_kib'] for w in memory) // 1024} MB")
        print(f"load average {os.getloadavg()[0]:.1f} after; hosts: {gateway.status()['hosts']}")


def report(case: str, results: dict[str, list[dict]]) -> None:
    def middle(name: str, *path: str) -> float:
        values = []
        for run in results[name]:
            value = run
            for key in path:
                value = value[key]
            values.append(value)
        return statistics.median(values)

    for name, runs in results.items():
        if runs:
            rate, p50, p99 = (
                middle(name, *path) for path in (("requests", "average"), ("latency", "p50"), ("latency", "p99"))
            )
            ratios = [f"{rate / middle(base, 'requests', 'average'):4.2f}" for base in ("envoy+lua", "envoy+lua+log")]
            slowest = max(middle("envoy+lua", "latency", "p99"), 1)
            print(
                f"{case:8} {name:14} {rate:7.0f} requests/s  {middle(name, 'cpu'):4.0f} µs CPU each  "
                f"p50 {p50:4.1f} ms  p99 {p99:4.1f} ms   {ratios[0]} of envoy+lua, {ratios[1]} of the logging one, "
                f"p99 × {p99 / slowest:.1f}"
            )


@dataclass(frozen=True)
class Variant:
    """Something to measure: where it listens, and the processes that it is."""

    port: int
    processes: set[int]

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        ticks = 0
        for process in self.processes:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def children() -> set[int]:
    """The processes that this one has started, whichever thread did."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # processes end
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


def load(npx: str, variant: Variant, client: tuple[Path, Path] | None, ca: Path, options, status: int) -> dict:
    command = [npx, "--yes", "autocannon", "--json", "-n", "-c", str(options.connections), "-d", str(options.seconds),
               "-s", HOST, "-H", f"host={HOST}", "--ca", str(ca)]  # fmt: skip
    if client is not None:
        command += ["--cert", str(client[0]), "--key", str(client[1])]
    before = variant.cpu()
    done = subprocess.run(
        [*command, f"https://127.0.0.1:{variant.port}/"], capture_output=True, text=True, check=True,
        env=os.environ | {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"},
    )  # fmt: skip
    result = json.loads(done.stdout)
    result["cpu"] = (variant.cpu() - before) / result["requests"]["total"] * 1e6
    seen = {int(code): number["count"] for code, number in result["statusCodeStats"].items()}
    assert set(seen) == {status} and result["errors"] == 0, f"wanted {status}, got {seen}, {result['errors']} errors"
    return result


class Files:
    """Certificates, bundle and configurations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        now = datetime.now(UTC)
        self.roles = RoleSet(now)
        server = Authority.init(folder / "server", cn="benchmark server authority", at=now)
        issued = server.issue(cn="server", sans=[f"dns:{HOST}"], at=now, purpose="server")
        self.ca = folder / "server" / "ca.pem"
        self.pair = self._write("server", (issued.certificate,), issued.key)
        good = self.roles.mint("good")
        self.client = self._write("client", good.chain, good.key)
        (folder / "anchor.pem").write_bytes(self.roles.authority.certificate.public_bytes(Encoding.PEM))
        (folder / "anchor.crl").write_bytes(self.roles.crl.public_bytes(Encoding.PEM))

    def _write(self, name: str, chain, key) -> tuple[Path, Path]:
        pair = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        pair[0].write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in chain))
        pair[1].touch(0o600)
        pair[1].write_bytes(key_pem(key))
        return pair

    def bundle(self, upstream: int, conditions: list[str]) -> Path:
        host = BundleHost(
            name=HOST, mtls=True, anchors=((self.folder / "anchor.pem").read_text(),),
            crls=((self.folder / "anchor.crl").read_text(),), upstream=f"http://127.0.0.1:{upstream}",
            server_certificate=str(self.pair[0]), server_key=str(self.pair[1]),
        )  # fmt: skip
        path = self.folder / "benchmark.bundle.json"
        rules = tuple(
            BundleRule(ref=f"r{number}", expression=f'(http.host eq "{HOST}" and ({condition}))', action="block")
            for number, condition in enumerate(conditions)
        )
        path.write_bytes(Bundle(hosts=(host,), rules=rules).encode())
        return path

    def config(self, upstream: int, *, lua: str | None, logged: bool) -> dict:
        """Our own configuration without questions; with Lua, Envoy verifies by itself."""
        settings = Settings(listen=("127.0.0.1", free_port("127.0.0.1", 0)), log=self.folder / "envoy.jsonl")
        plan = HostPlan(HOST, True, Upstream("127.0.0.1", upstream), "nothing")
        config = envoy_config.complete([plan], settings, self.folder / "a", [self.folder / "d"],
                                       {HOST: envoy_config.tls_files(*self.pair)})  # fmt: skip
        del config["admin"]
        chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
        manager = chain["filters"][0]["typed_config"]
        manager["http_filters"] = manager["http_filters"][-1:]
        manager["access_log"] = manager["access_log"][:1]
        if logged:
            del manager["access_log"][0]["filter"]
        for host in manager["route_config"]["virtual_hosts"]:
            for route in host["routes"]:
                route.pop("typed_per_filter_config")
        manager["forward_client_cert_details"] = "SANITIZE"
        del manager["set_current_client_cert_details"]
        if lua is not None:
            context = chain["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
            context["trusted_ca"] = {"filename": str(self.folder / "anchor.pem")}
            context["crl"] = {"filename": str(self.folder / "anchor.crl")}
            kind = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
            source = {"@type": kind, "default_source_code": {"inline_string": lua}}
            manager["http_filters"].insert(0, {"name": "lua", "typed_config": source})
        return config


def upstream_config(folder: Path) -> dict:
    """An Envoy that answers 200 with a small body."""
    kind = "type.googleapis.com/envoy.extensions.filters"
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "hello\n"}}}
    manager = {
        "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "upstream",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{kind}.http.router.v3.Router"}}],
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": free_port("127.0.0.1", 0)}}
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"static_resources": {"listeners": [{"name": "upstream", "address": address, "filter_chains": [chain]}]}}


@contextmanager
def envoy_running(folder: Path, config: dict):
    """An Envoy, set up like the gateway's."""
    folder.mkdir()
    path = folder / "envoy.json"
    path.write_text(json.dumps(config))
    port = config["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"]
    command = [str(envoy.find()), "-c", str(path), "--disable-hot-restart", "-l", "error",
               "--file-flush-interval-msec", "200"]  # fmt: skip
    # A session of its own, as the gateway's has: where the scheduler groups by session, all are treated alike.
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield Variant(port, {running.pid})
    finally:
        running.terminate()
        running.wait()


if __name__ == "__main__":
    main()
