"""`certs init`: make an authority."""

from __future__ import annotations

import click

from mtls_tui.cli.certs.output import say
from mtls_tui.cli.certs.store import Store, fallible, now
from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority


@click.command("init")
@click.option("--cn", default="mtls-tui client authority", show_default=True, help="Common name of the authority.")
@click.option("--organization", help="Organization (O) of the authority.")
@click.option("--days", type=click.IntRange(1, 36500), default=3650, show_default=True)
@click.option("--key", "key_kind", type=click.Choice(issue.KEY_KINDS), default="ecdsa-p256", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def command(store: Store, cn: str, organization: str | None, days: int, key_kind: issue.KeyKind, as_json: bool) -> None:
    """Make a new authority. Nothing that exists is overwritten."""
    authority = Authority.init(
        store.folder,
        cn=cn,
        at=now(),
        days=days,
        organization=organization,
        key_kind=key_kind,
        passphrase=store.passphrase(),
    )
    facts = {
        "certificate": str(authority.folder / "ca.pem"),
        "key": str(authority.folder / "ca.key"),
        "crl": str(authority.folder / "ca.crl"),
        "subject": authority.certificate.subject.rfc4514_string(),
        "not_after": authority.certificate.not_valid_after_utc.isoformat(),
    }
    say(facts, as_json)
    if not as_json:
        click.echo(
            "next: `mtls-tui certs issue --cn NAME`; in the rule file: anchors = [ca.pem], crls = [ca.crl]", err=True
        )
