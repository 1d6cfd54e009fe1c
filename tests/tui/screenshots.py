"""The pictures of the README, made by driving the real application: `python -m tests.tui.screenshots`."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from textual.pilot import Pilot

from mtls_tui.pki import issue
from mtls_tui.pki.issue import DAY, Issuer
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
RULES = """\
version = 1
anchors = ["acme-devices.pem"]

[[hosts]]
name = "api.example.com"

[[hosts]]
name = "pay.example.com"

[[hosts]]
name = "www.example.com"
mtls = false

[lists.office]
kind = "ip"
items = ["192.0.2.0/24"]

[[rules]]
ref = "mtls-api"
description = "Only devices with a valid certificate; webhooks may come without"
expression = '''(http.host in {"api.example.com" "pay.example.com"}
 and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)
 and not starts_with(http.request.uri.path, "/hook/"))'''

[[rules]]
ref = "admin-from-office"
description = "The admin pages are for the office only"
expression = '''(http.request.uri.path wildcard "/admin/*" and not ip.src in $office)'''

[[rules]]
ref = "debug-header"
expression = '''any(lower(http.request.headers.names[*])[*] == "x-debug")'''
action = "log"
enabled = false

[[tests]]
name = "an expired device"
url = "https://api.example.com/v1/pay"
method = "POST"
certificate = "old-device.pem"
expect = { action = "block", rule = "mtls-api" }

[[tests]]
name = "a good device"
url = "https://api.example.com/v1/pay"
certificate = "device-1.pem"
expect = { action = "allow" }

[[tests]]
name = "Stripe's webhook"
url = "https://pay.example.com/hook/stripe"
method = "POST"
expect = { action = "allow" }

[[tests]]
name = "admin from elsewhere"
url = "https://www.example.com/admin/users"
ip = "198.51.100.7"
expect = { action = "block", rule = "admin-from-office" }
"""
SHOTS: dict[str, tuple[tuple[int, int], str, list[str]]] = {
    "working-120x40": ((120, 40), "dark", ["down", "down", "down"]),
    "narrow-80x24": ((80, 24), "dark", ["down", "down", "down"]),
    "value-120x40": ((120, 40), "dark", ["down", "v"]),
    "fields-120x40": ((120, 40), "dark", ["down", "a", *"revoked"]),
    "text-120x40": ((120, 40), "dark", ["t", "ctrl+end", "backspace", *" and cf.tls_client_auth.cert_is"]),
    "edit-120x40": ((120, 40), "dark", ["end", "up", "exclamation_mark"]),
    "light-120x40": ((120, 40), "light", ["down"]),
}


def workspace(folder: Path) -> Path:
    """A rule file with its authority and two devices, one of them expired three days ago."""
    now = datetime.now(UTC).replace(microsecond=0)
    key = issue.generate_key("ecdsa-p256")
    name = issue.common_name("acme-devices")
    authority = Issuer(
        issue.self_signed_authority(name, key, not_before=now - 300 * DAY, not_after=now + 12 * DAY), key
    )
    (folder / "acme-devices.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    for device, end in (("device-1", now + 10 * DAY), ("old-device", now - timedelta(days=3, hours=2))):
        mine = issue.generate_key("ecdsa-p256").public_key()
        certificate = issue.end_entity(
            authority, issue.common_name(device), mine, not_before=end - 90 * DAY, not_after=end, purpose="client"
        )
        (folder / f"{device}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    path = folder / "payments.rules.toml"
    path.write_text(RULES)
    return path


async def settled(pilot: Pilot[int]) -> None:
    """Until nothing is being worked out."""
    app = pilot.app
    assert isinstance(app, MtlsApp)
    while app.controller is None or app.controller.busy:
        await pilot.pause(0.01)
    await pilot.pause()


async def shoot(path: Path, name: str, folder: Path) -> None:
    """One picture."""
    size, theme, keys = SHOTS[name]
    app = MtlsApp(path, settings=Settings(theme=theme), drafts=path.parent / f"drafts-{name}")
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert app.controller is not None
        app.controller.dispatch("simulator.take_curl", text="curl -X POST https://api.example.com/v1/pay")
        app.controller.dispatch("simulator.set_certificate", key="old-device.pem")
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        (folder / f"{name}.svg").write_text(app.export_screenshot(title="mtls-tui"), encoding="utf-8")


def main() -> None:
    """All pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name in SHOTS:
            asyncio.run(shoot(workspace(Path(temporary)), name, FOLDER))


if __name__ == "__main__":
    main()
