"""What the verbs print: facts as lines or as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from mtls_tui.pki.inventory import Record
from mtls_tui.simulate.style import safe


def record_facts(record: Record, at: datetime) -> dict[str, object]:
    """An issued certificate as `--json` prints it; `days_left` is below 0 once it has expired."""
    return {
        "serial": record.serial,
        "status": record.status(at),
        "subject": record.subject,
        "not_before": record.not_before.isoformat(),
        "not_after": record.not_after.isoformat(),
        "days_left": round(record.days_left(at), 1),
        "fingerprint_sha256": record.fingerprint,
        "revoked_at": record.revoked_at.isoformat() if record.revoked_at else None,
        "reason": record.reason,
    }


def say(facts: dict[str, Any], as_json: bool) -> None:
    """Print facts: aligned lines without those that are None, or JSON."""
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        if value is not None:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            click.echo(f"{name.ljust(width)}  {safe(text)}")
