"""How long a gateway of many hosts takes to listen and to reload, and how much memory it takes.

    python benchmarks/hosts.py [--hosts 1000] [--certificates 1] [--upstreams 1]

Every host has a rule of its own and asks for a certificate; hosts share server certificates and upstreams in turn. One
host more is added while it runs. Prints seconds, and the resident memory of Envoy and of the other processes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleRule
from mtls_tui.gateway import Gateway, Settings
from mtls_tui.pki.authority import Authority, key_pem
from mtls_tui.pki.roles import RoleSet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--certificates", type=int, default=1)
    parser.add_argument("--upstreams", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        now = datetime.now(UTC)
        pairs = [server_pair(folder, number, now) for number in range(options.certificates)]
        anchor = RoleSet(now).authority.certificate.public_bytes(Encoding.PEM).decode()
        bundle = folder / "many.bundle.json"

        def write(number: int) -> None:
            hosts = tuple(
                BundleHost(
                    name=f"h{index}.example.com", mtls=True,
                    upstream=f"http://127.0.0.1:{9000 + index % options.upstreams}",
                    server_certificate=str(pairs[index % len(pairs)][0]), server_key=str(pairs[index % len(pairs)][1]),
                )
                for index in range(number)
            )  # fmt: skip
            rules = tuple(
                BundleRule(
                    ref=f"r{index}", action="block",
                    expression=f'(http.host eq "h{index}.example.com" and http.request.uri.path contains "/x{index}")',
                )
                for index in range(number)
            )  # fmt: skip
            bundle.write_bytes(Bundle(hosts=hosts, rules=rules, anchors=(anchor,)).encode())

        write(options.hosts)
        print(f"{options.hosts} hosts, load average {os.getloadavg()[0]:.1f} before")
        begin = time.monotonic()
        with Gateway(
            bundle, Settings(listen=("127.0.0.1", 0), log=folder / "access.jsonl", state_dir=folder)
        ) as gateway:
            print(f"listening after {time.monotonic() - begin:.1f} s")
            memory(gateway.status())
            write(options.hosts + 1)
            begin = time.monotonic()
            gateway.reload()
            print(f"one host more after {time.monotonic() - begin:.1f} s; {gateway.status()['last_reload']['result']}")
            memory(gateway.status())


def memory(status: dict) -> None:
    envoy = resident(status["envoy"]["process"])
    workers = [resident(worker["process"]) for worker in status["workers"]]
    print(f"MB: Envoy {envoy:.0f}, decision processes {workers}, supervisor (and this) {resident(os.getpid()):.0f}")


def resident(process: int) -> int:
    """Megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024


def server_pair(folder: Path, number: int, now: datetime) -> tuple[Path, Path]:
    issued = Authority.init(folder / f"server{number}", cn="benchmark server authority", at=now).issue(
        cn="server", sans=["dns:*.example.com"], at=now, purpose="server"
    )
    pair = folder / f"s{number}.pem", folder / f"s{number}.key"
    pair[0].write_bytes(issued.certificate.public_bytes(Encoding.PEM))
    pair[1].touch(0o600)
    pair[1].write_bytes(key_pem(issued.key))
    return pair


if __name__ == "__main__":
    main()
