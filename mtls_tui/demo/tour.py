"""The tour without a terminal: every certificate simulated and sent for real, and the two answers side by side.

The simulated answer comes from `engine.Policy` on the exported bundle; the real one from an HTTPS request through the
running gateway to the echoing upstream. They must agree in every row, also after a revocation while it runs.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from mtls_tui import pki, rulefile
from mtls_tui.demo.client import TlsClient
from mtls_tui.demo.upstream import EchoServer
from mtls_tui.demo.workspace import CLIENTS, MTLS_HOSTS, PLAIN_HOST, REVOKED_LATER, DemoError, Workspace, port_is_free
from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway import Gateway, Settings
from mtls_tui.pki.authority import Authority

REVOCATION_SECONDS = 5.0
"""How long a revocation may take to be felt; the gateway's own promise is one second after the list is written."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TourRow:
    """One request: what the simulator says and what really happened."""

    host: str
    path: str
    certificate: str
    simulated: str
    real: str
    why: str

    @property
    def agrees(self) -> bool:
        """Whether simulation told the truth."""
        return self.simulated == self.real


def run(workspace: Workspace, say: Say) -> bool:
    """Take the tour; True when every row agrees. Raises DemoError if a port is taken or the gateway doesn't start."""
    say(f"workspace {workspace.folder}: two authorities, {len(CLIENTS) - 1} client certificates, three hosts")
    loaded = rulefile.load(workspace.rules).raise_problems()
    for rule in loaded.engine_rules:
        say(f"\nrule {rule.ref}: {rule.description} ({rule.action})")
        say("\n".join("    " + line for line in rule.expression.text.strip().splitlines()))
    policy = _export(workspace)
    say(f"\nexported {workspace.bundle}")
    with ExitStack() as stack:
        _serve(workspace, stack)
        say(f"gateway on 127.0.0.1:{workspace.ports.gateway}, upstream on 127.0.0.1:{workspace.ports.upstream}\n")
        rows = [
            *(_row(workspace, policy, MTLS_HOSTS[0], "/v1/items", client) for client in CLIENTS),
            _row(workspace, policy, MTLS_HOSTS[1], "/hook/stripe", "none"),
            _row(workspace, policy, MTLS_HOSTS[1], "/admin", "good"),
            _row(workspace, policy, PLAIN_HOST, "/", "none"),
        ]
        say(table(rows))
        say(f"\nnow {REVOKED_LATER} is revoked, on a connection that stays open:\n")
        later = _revoke_while_running(workspace, policy)
        say(table(later))
    rows += later
    wrong = sum(not row.agrees for row in rows)
    say("\nsimulated and real agree in every row" if not wrong else f"\n{wrong} rows disagree")
    return not wrong


def start(workspace: Workspace, stack: ExitStack) -> None:
    """Export, and run upstream and gateway until the stack closes. Raises DemoError if a port is taken."""
    _export(workspace)
    _serve(workspace, stack)


def _serve(workspace: Workspace, stack: ExitStack) -> None:
    for name, port in (("gateway", workspace.ports.gateway), ("upstream", workspace.ports.upstream)):
        if not port_is_free(port):
            raise DemoError(f"port {port} of the {name} is in use; stop what holds it, or make another workspace")
    stack.enter_context(EchoServer(workspace.ports.upstream))
    stack.enter_context(gateway_of(workspace))


def gateway_of(workspace: Workspace) -> Gateway:
    """The gateway on the workspace's bundle and ports."""
    return Gateway(
        workspace.bundle,
        Settings(
            listen=("127.0.0.1", workspace.ports.gateway),
            status=("127.0.0.1", workspace.ports.status),
            log=workspace.folder / "access.log",
            workers=1,
        ),
    )


def table(rows: list[TourRow]) -> str:
    """Rows as text, with what the verification said as the last column."""
    head = ("certificate", "request", "simulated", "real", "", "why")
    lines = [head] + [
        (row.certificate, f"{row.host}{row.path}", row.simulated, row.real, "=" if row.agrees else "DIFFERS", row.why)
        for row in rows
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _export(workspace: Workspace) -> Policy:
    rulefile.export(rulefile.load(workspace.rules), workspace.bundle)
    return Policy.from_bundle_bytes(workspace.bundle.read_bytes())


def _simulate(workspace: Workspace, policy: Policy, host: str, path: str, client: str) -> tuple[str, str]:
    file = workspace.certificate(client)
    chain = pki.load_certificates(file.read_bytes()) if file is not None else []
    outcome = policy.decide(HttpRequest(host=host, target=path), chain, at=datetime.now(UTC))
    why = outcome.decision.rule.ref if outcome.decision.rule else "no rule matches"
    if outcome.verification is not None and outcome.verification.error is not None:
        why += f": {outcome.verification.error.message}"
    return "blocked" if outcome.decision.blocked else "allowed", why


def _row(
    workspace: Workspace, policy: Policy, host: str, path: str, client: str, connection: TlsClient | None = None
) -> TourRow:
    simulated, why = _simulate(workspace, policy, host, path, client)
    own = connection or _connect(workspace, host, client)
    try:
        answer = own.request(path)
        real = "blocked" if answer.blocked else "allowed"
    except (OSError, http.client.HTTPException) as error:
        real, why = "failed", f"{type(error).__name__}: {error}"
    finally:
        if connection is None:
            own.close()
    return TourRow(host, path, client, simulated, real, why)


def _connect(workspace: Workspace, host: str, client: str) -> TlsClient:
    return TlsClient(
        host, workspace.ports.gateway, workspace.server_authority, workspace.certificate(client), workspace.key(client)
    )


def _revoke_while_running(workspace: Workspace, policy: Policy) -> list[TourRow]:
    host, path = MTLS_HOSTS[0], "/v1/items"
    connection = _connect(workspace, host, REVOKED_LATER)
    try:
        before = _row(workspace, policy, host, path, REVOKED_LATER, connection)
        file = workspace.certificate(REVOKED_LATER)
        assert file is not None
        serial = pki.load_certificates(file.read_bytes())[0].serial_number
        authority = Authority(workspace.store)
        if authority.inventory.find(f"{serial:X}").revoked_at is None:  # a workspace is toured more than once
            authority.revoke(f"{serial:X}", reason="keyCompromise", at=datetime.now(UTC))
        # No export: the gateway takes the new list from the file that the bundle names.
        policy = Policy.from_bundle(rulefile.bundle(rulefile.load(workspace.rules)))
        deadline = time.monotonic() + REVOCATION_SECONDS
        after = _row(workspace, policy, host, path, REVOKED_LATER, connection)
        while not after.agrees and time.monotonic() < deadline:
            time.sleep(0.05)
            after = _row(workspace, policy, host, path, REVOKED_LATER, connection)
        return [before, after]
    finally:
        connection.close()
