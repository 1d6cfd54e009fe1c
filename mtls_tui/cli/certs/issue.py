"""`certs issue`: a client certificate, with a new key or for a signing request."""

from __future__ import annotations

import os
from pathlib import Path

import click
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.cli.certs.output import say
from mtls_tui.cli.certs.store import Store, fallible, now, read
from mtls_tui.cli.errors import InputError
from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority, Issued, bundle_pkcs12, key_pem, write_issued


@click.command("issue")
@click.option("--cn", help="Common name of the client (taken from the request when there is one).")
@click.option("--csr", type=click.Path(path_type=Path), help="A signing request (PKCS#10); its maker keeps the key.")
@click.option("--days", type=click.IntRange(1, 36500), default=365, show_default=True)
@click.option("--san", "sans", multiple=True, help="Alternative name: dns:, email:, ip: or uri: (repeatable).")
@click.option("--key", "key_kind", type=click.Choice(issue.KEY_KINDS), default="ecdsa-p256", show_default=True)
@click.option("-o", "--output", "prefix", type=click.Path(path_type=Path), help="Write PREFIX.pem and PREFIX.key.")
@click.option(
    "--p12",
    is_flag=True,
    help="Also write PREFIX.p12; its passphrase is asked for, or read from MTLS_TUI_P12_PASSPHRASE.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def command(
    store: Store, cn: str | None, csr: Path | None, days: int, sans: tuple[str, ...], key_kind: issue.KeyKind,
    prefix: Path | None, p12: bool, as_json: bool,
) -> None:  # fmt: skip
    """Issue a client certificate, with a new key or for a signing request."""
    request = read(csr) if csr is not None else None
    if prefix is None:
        prefix = Path(_file_name(cn or (csr.stem if csr else "client")))
    targets = [prefix.with_name(prefix.name + ".pem")]
    if request is None:
        targets.append(prefix.with_name(prefix.name + ".key"))
    if p12:
        if request is not None:
            raise InputError("--p12 needs the private key, and with --csr its maker has it")
        targets.append(prefix.with_name(prefix.name + ".p12"))
    for path in targets:  # before anything is issued: nothing is overwritten, nothing is half done
        if path.exists():
            raise InputError(f"{path} exists already; choose another name with -o")
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise InputError(f"{path.parent}: is not a folder that can be written")
    p12_passphrase = _p12_passphrase() if p12 else b""
    authority = store.open()
    issued = authority.issue(cn=cn, at=now(), days=days, sans=sans, csr=request, key_kind=key_kind)
    _write_issued(issued, authority, prefix, p12_passphrase if p12 else None)
    facts = {
        "serial": issued.record.serial,
        "subject": issued.record.subject,
        "not_after": issued.record.not_after.isoformat(),
        "fingerprint_sha256": issued.record.fingerprint,
        "files": [str(path) for path in targets],
    }
    say(facts, as_json)


def _write_issued(issued: Issued, authority: Authority, prefix: Path, p12_passphrase: bytes | None) -> None:
    if issued.key is not None:
        write_issued(prefix.with_name(prefix.name + ".key"), key_pem(issued.key), secret=True)
        if p12_passphrase is not None:
            data = bundle_pkcs12(issued, authority.certificate, p12_passphrase)
            write_issued(prefix.with_name(prefix.name + ".p12"), data, secret=True)
    write_issued(prefix.with_name(prefix.name + ".pem"), issued.certificate.public_bytes(Encoding.PEM), secret=False)


def _p12_passphrase() -> bytes:
    text = os.environ.get("MTLS_TUI_P12_PASSPHRASE")
    if not text:
        text = click.prompt("passphrase for the PKCS#12 file", hide_input=True, confirmation_prompt=True, err=True)
    return str(text).encode("utf-8")


def _file_name(text: str) -> str:
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in text).strip("-.")
    return name or "client"
