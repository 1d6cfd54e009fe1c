"""Requests per second through the gateway, beside bare Envoy and Envoy with the same rule written by hand in Lua.

    python benchmarks/gateway.py [--seconds 5] [--connections 32] [--workers N]

All on one machine in one run, one after the other, keep-alive over mutual TLS. The load comes from `autocannon` (npm;
fetched by `npx`), so Node must be there. The upstream is an Envoy that answers by itself. Prints rates, latencies,
memory, and ratios to Envoy with Lua; what counts are the ratios.
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
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleRule
from mtls_tui.gateway import Gateway, Settings, envoy, envoy_config
from mtls_tui.gateway.hostplan import HostPlan, Upstream
from mtls_tui.gateway.processes import free_port
from mtls_tui.pki.authority import Authority, key_pem
from mtls_tui.pki.roles import RoleSet

HOST = "api.example.com"
RULE = f'(http.host eq "{HOST}" and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked))'
LUA = f"""
function envoy_on_request(handle)
  if handle:headers():get(":authority") == "{HOST}" then
    local ssl = handle:streamInfo():downstreamSslConnection()
    if ssl == nil or not ssl:peerCertificatePresented() or not ssl:peerCertificateValidated() then
      handle:respond({{[":status"] = "403"}}, "forbidden\\n")
    end
  end
end
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    npx = shutil.which("npx")
    if npx is None:
        sys.exit("npx (Node) is not here; it brings the load tool autocannon")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        site = Files(folder)
        upstream = stack.enter_context(envoy_running(folder / "upstream", upstream_config(folder)))
        ports = {
            "envoy": stack.enter_context(envoy_running(folder / "bare", site.config(upstream, lua=None))),
            "envoy+lua": stack.enter_context(envoy_running(folder / "lua", site.config(upstream, lua=LUA))),
        }
        settings = Settings(listen=("127.0.0.1", 0), log=folder / "access.jsonl", workers=options.workers)
        gateway = stack.enter_context(Gateway(site.bundle(upstream), settings))
        ports["mtls-tui"] = gateway.address[1]
        print(f"{os.cpu_count()} cores, {options.connections} connections, {options.seconds} s each, "
              f"{len(gateway.status()['workers'])} decision processes, access log on")  # fmt: skip
        for case, client in (("blocked", None), ("passed", site.client)):
            results: dict[str, list[dict]] = {name: [] for name in ports}
            for _ in range(options.rounds):
                for name, port in ports.items():
                    if case == "blocked" and name == "envoy":
                        continue
                    results[name].append(load(npx, port, client, site.ca, options, 403 if client is None else 200))
            report(case, results)
        memory = gateway.status()["workers"]
        print(f"memory of the decision processes: {sum(w['resident_kib'] for w in memory) // 1024} MB")


def report(case: str, results: dict[str, list[dict]]) -> None:
    base = statistics.median(run["requests"]["average"] for run in results["envoy+lua"])
    slowest = statistics.median(run["latency"]["p99"] for run in results["envoy+lua"])
    for name, runs in results.items():
        if runs:
            rate = statistics.median(run["requests"]["average"] for run in runs)
            p50, p99 = (statistics.median(run["latency"][key] for run in runs) for key in ("p50", "p99"))
            print(
                f"{case:8} {name:10} {rate:9.0f} requests/s   p50 {p50:5.1f} ms   p99 {p99:5.1f} ms   "
                f"{rate / base:5.2f} of envoy+lua, p99 × {p99 / max(slowest, 1):.1f}"
            )


def load(npx: str, port: int, client: tuple[Path, Path] | None, ca: Path, options, status: int) -> dict:
    command = [npx, "--yes", "autocannon", "--json", "-n", "-c", str(options.connections), "-d", str(options.seconds),
               "-s", HOST, "-H", f"host={HOST}", "--ca", str(ca)]  # fmt: skip
    if client is not None:
        command += ["--cert", str(client[0]), "--key", str(client[1])]
    done = subprocess.run(
        [*command, f"https://127.0.0.1:{port}/"], capture_output=True, text=True, check=True,
        env=os.environ | {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"},
    )  # fmt: skip
    result = json.loads(done.stdout)
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

    def bundle(self, upstream: int) -> Path:
        host = BundleHost(
            name=HOST, mtls=True, anchors=((self.folder / "anchor.pem").read_text(),),
            crls=((self.folder / "anchor.crl").read_text(),), upstream=f"http://127.0.0.1:{upstream}",
            server_certificate=str(self.pair[0]), server_key=str(self.pair[1]),
        )  # fmt: skip
        path = self.folder / "benchmark.bundle.json"
        rule = BundleRule(ref="mtls", expression=RULE, action="block")
        path.write_bytes(Bundle(hosts=(host,), rules=(rule,)).encode())
        return path

    def config(self, upstream: int, *, lua: str | None) -> dict:
        """Our own configuration without questions; with Lua, Envoy verifies by itself."""
        settings = Settings(listen=("127.0.0.1", free_port("127.0.0.1", 0)), log=self.folder / "envoy.jsonl")
        plan = HostPlan(HOST, True, Upstream("127.0.0.1", upstream), "nothing")
        config = envoy_config.complete([plan], settings, self.folder / "a", [self.folder / "d"],
                                       {HOST: envoy_config.tls_files(*self.pair)})  # fmt: skip
        del config["admin"]
        chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
        manager = chain["filters"][0]["typed_config"]
        manager["http_filters"] = manager["http_filters"][-1:]
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
    """An Envoy; yields its port."""
    folder.mkdir()
    path = folder / "envoy.json"
    path.write_text(json.dumps(config))
    port = config["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"]
    command = [str(envoy.find()), "-c", str(path), "--disable-hot-restart", "-l", "error"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        running.terminate()
        running.wait()


if __name__ == "__main__":
    main()
