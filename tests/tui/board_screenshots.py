"""The pictures of the boards for the docs, from the real application: `python -m tests.tui.board_screenshots`."""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtls_tui.pki.authority import Authority
from mtls_tui.pki.issue import DAY
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.settings import Settings
from tests.tui.screenshots import FOLDER, RULES, settled

SHOTS = {"authority-120x40": ("C", "device-4", ["down"]), "live-log-120x40": ("L", "BLOCKED", ["up", "up"])}


def workspace(folder: Path, now: datetime) -> Path:
    """A rule file, its authority with devices in every state, and a log of what they did."""
    authority = Authority.init(folder / "ca", cn="acme-devices", at=now - 300 * DAY)
    (folder / "devices").mkdir()
    marks = []
    for number, (days, begin) in enumerate([(365, 20), (90, 81), (365, 40), (90, 93), (365, 2), (365, 7)], 1):
        at = now - begin * DAY
        issued = authority.issue(cn=f"device-{number}", at=at, days=days, sans=[f"dns:device-{number}.acme.example"])
        (folder / "devices" / f"device-{number}.pem").write_bytes(issued.certificate_pem())
        marks.append(issued.record.fingerprint)
        if number in (3, 6):
            reason = "keyCompromise" if number == 3 else "certificateHold"
            authority.revoke(issued.record.serial, reason=reason, at=now)
    path = folder / "payments.rules.toml"
    path.write_text(
        RULES.replace('anchors = ["acme-devices.pem"]', 'anchors = ["ca/ca.pem"]\ncrls = ["ca/ca.crl"]')
        .replace("old-device.pem", "devices/device-4.pem")
        .replace("device-1.pem", "devices/device-1.pem")
    )
    (folder / "access.log").write_bytes(b"".join(log(marks, now)))
    return path


def log(marks: list[str], now: datetime) -> list[bytes]:
    """Lines as the gateway writes them."""
    good = {"action": "allow", "reason": "no rule matched", "verified": True}
    bad = {"action": "block", "rule": "mtls-api", "reason": "rule mtls-api matched"}
    revoked = "it was revoked, reason keyCompromise, by CN=acme-devices (error 23, X509_V_ERR_CERT_REVOKED)"
    expired = "the certificate expired 3 days ago (error 10, X509_V_ERR_CERT_HAS_EXPIRED)"
    lines = [
        good | {"fingerprint": marks[0], "path": "/v1/pay", "method": "POST"},
        bad | {"path": "/v1/pay", "method": "POST"},
        good | {"verified": False, "path": "/hook/stripe", "method": "POST", "host": "pay.example.com"},
        good | {"fingerprint": marks[1], "path": "/v1/orders/4711"},
        bad | {"fingerprint": marks[3], "path": "/v1/pay", "method": "POST", "certificate_error": expired},
        good | {"fingerprint": marks[4], "path": "/v1/orders"},
        {"action": "block", "rule": "admin-from-office", "reason": "rule admin-from-office matched",
         "fingerprint": marks[0], "verified": True, "path": "/admin/users", "host": "pay.example.com"},
        {"kind": "answer", "status": 421, "details": "direct_response", "host": "pay.example.com", "path": "/v1/pay"},
        bad | {"fingerprint": marks[2], "verified": True, "revoked": True, "path": "/v1/orders",
               "certificate_error": revoked},
        bad | {"fingerprint": "5e" * 32, "path": "/v1/orders", "certificate_error": "issued by CN=elsewhere"},
        good | {"fingerprint": marks[0], "path": "/v1/orders/4712"},
    ]  # fmt: skip
    made = []
    for place, values in enumerate(lines * 2):
        when = now - timedelta(seconds=1.7 * (len(lines) * 2 - place))
        time = f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"
        common = {"kind": "decision", "time": time, "id": f"037a1e49-{place:04d}",
                  "client": "192.0.2.7", "host": "api.example.com", "method": "GET"}  # fmt: skip
        made.append(json.dumps(common | values).encode() + b"\n")
    return made


async def shoot(path: Path, name: str) -> None:
    """One picture."""
    key, awaited, keys = SHOTS[name]
    app = MtlsApp(path, settings=Settings(), drafts=path.parent / "drafts")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press(key)
        while awaited not in "".join(line.text for line in app.pane("board").lines):
            await pilot.pause(0.01)
        await pilot.press(*keys)
        await pilot.pause()
        (FOLDER / f"{name}.svg").write_text(app.export_screenshot(title="mtls-tui"), encoding="utf-8")


def main() -> None:
    """All pictures."""
    with tempfile.TemporaryDirectory() as temporary:
        path = workspace(Path(temporary), datetime.now(UTC))
        for name in SHOTS:
            asyncio.run(shoot(path, name))


if __name__ == "__main__":
    main()
