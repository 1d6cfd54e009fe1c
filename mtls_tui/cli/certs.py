"""`mtls-tui certs`: a certificate authority for clients. `pki.Authority` does everything; here are words and files.

Data goes to stdout, narration to stderr. Private keys go to files of mode 0600 only, never to a terminal.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import platformdirs
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.cli.errors import InputError
from mtls_tui.files import FileError, read_bounded
from mtls_tui.pki import issue
from mtls_tui.pki.authority import LARGEST, Authority, AuthorityError, Issued, bundle_pkcs12, key_pem, write_issued
from mtls_tui.pki.inventory import InventoryError, Record
from mtls_tui.pki.issue import IssueError
from mtls_tui.rulefile.edit import update_host
from mtls_tui.simulate.style import safe

EXPIRING_DAYS = 30
F = TypeVar("F", bound=Callable[..., Any])


class Store:
    """Where the authority is and how to open it; errors become one message and exit code 2."""

    def __init__(self, folder: Path, passphrase_file: Path | None) -> None:
        self.folder = folder
        self.passphrase_file = passphrase_file

    def passphrase(self) -> bytes | None:
        """From the file given, or `MTLS_TUI_CA_PASSPHRASE`; never from the command line, where others can read it."""
        if self.passphrase_file is not None:
            return _read(self.passphrase_file).rstrip(b"\r\n")
        text = os.environ.get("MTLS_TUI_CA_PASSPHRASE")
        return text.encode("utf-8") if text else None

    def open(self) -> Authority:
        """The authority of the folder."""
        return Authority(self.folder, passphrase=self.passphrase())


def fallible(function: F) -> F:
    """Turn what can go wrong with an authority into an `InputError`."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (AuthorityError, InventoryError, IssueError) as error:
            raise InputError(str(error)) from None

    return cast("F", wrapper)


def default_store() -> Path:
    """The user's data folder."""
    return Path(platformdirs.user_data_dir("mtls-tui")) / "authority"


@click.group()
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    envvar="MTLS_TUI_STORE",
    help="Folder of the authority (default: in the user's data).",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="File with the passphrase of ca.key (or MTLS_TUI_CA_PASSPHRASE).",
)
@click.pass_context
def command(ctx: click.Context, store: Path | None, passphrase_file: Path | None) -> None:
    """Run a certificate authority for clients: init, issue, list, show, revoke, restore, crl, import, attach."""
    ctx.obj = Store(store or default_store(), passphrase_file)


@command.command()
@click.option("--cn", default="mtls-tui client authority", show_default=True, help="Common name of the authority.")
@click.option("--organization", help="Organization (O) of the authority.")
@click.option("--days", type=click.IntRange(1, 36500), default=3650, show_default=True)
@click.option("--key", "key_kind", type=click.Choice(issue.KEY_KINDS), default="ecdsa-p256", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def init(store: Store, cn: str, organization: str | None, days: int, key_kind: issue.KeyKind, as_json: bool) -> None:
    """Make a new authority. Nothing that exists is overwritten."""
    authority = Authority.init(
        store.folder,
        cn=cn,
        at=_now(),
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
    _say(facts, as_json)
    if not as_json:
        click.echo(
            "next: `mtls-tui certs issue --cn NAME`; in the rule file: anchors = [ca.pem], crls = [ca.crl]", err=True
        )


@command.command("issue")
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
def issue_(
    store: Store, cn: str | None, csr: Path | None, days: int, sans: tuple[str, ...], key_kind: issue.KeyKind,
    prefix: Path | None, p12: bool, as_json: bool,
) -> None:  # fmt: skip
    """Issue a client certificate, with a new key or for a signing request."""
    request = _read(csr) if csr is not None else None
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
    issued = authority.issue(cn=cn, at=_now(), days=days, sans=sans, csr=request, key_kind=key_kind)
    _write_issued(issued, authority, prefix, p12_passphrase if p12 else None)
    facts = {
        "serial": issued.record.serial,
        "subject": issued.record.subject,
        "not_after": issued.record.not_after.isoformat(),
        "fingerprint_sha256": issued.record.fingerprint,
        "files": [str(path) for path in targets],
    }
    _say(facts, as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def list_(store: Store, as_json: bool) -> None:
    """List what was issued, with status and expiry; what ends within 30 days is marked."""
    now = _now()
    records = store.open().inventory.all()
    if as_json:
        click.echo(json.dumps([_record_facts(record, now) for record in records], indent=2))
        return
    if not records:
        click.echo("nothing issued yet; `mtls-tui certs issue --cn NAME` makes the first", err=True)
        return
    rows = [("SERIAL", "STATUS", "EXPIRES", "SUBJECT")]
    for record in records:
        status: str = record.status(now)
        days = record.days_left(now)
        if status == "valid" and days <= EXPIRING_DAYS:
            status = f"valid, {days:.0f} days left !"
        if record.reason and status in ("revoked", "on hold"):
            status = f"{status} ({record.reason})"
        rows.append((record.serial, status, f"{record.not_after:%Y-%m-%d %H:%M}Z", safe(record.subject)))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip())


@command.command()
@click.argument("pem", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def show(store: Store, pem: Path, as_json: bool) -> None:
    """Show every fact of a certificate file, as the rules see it (`-` reads stdin)."""
    from mtls_tui import pki

    data = sys.stdin.buffer.read() if str(pem) == "-" else _read(pem)
    try:
        chain = pki.load_certificates(data)
    except pki.LoadError as error:
        raise InputError(f"{pem}: {error}") from None
    facts = pki.facts(chain[0], chain[1:])
    shown: dict[str, object] = {}
    for name, value in facts.items():
        if name.rpartition(".")[2] in ("cert_presented", "cert_verified", "cert_revoked"):
            continue  # answers about a connection to a host, not facts of a file
        shown[name] = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    width = max(len(name) for name in shown)
    for name, fact in shown.items():
        text = str(fact).lower() if isinstance(fact, bool) else str(fact)
        click.echo(f"{name.ljust(width)}  {safe(text)}".rstrip())


@command.command()
@click.argument("serial")
@click.option("--reason", default="unspecified", show_default=True, help=f"One of {', '.join(sorted(issue.REASONS))}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def revoke(store: Store, serial: str, reason: str, as_json: bool) -> None:
    """Revoke a certificate and write the CRL (certificateHold can be lifted, all else is final)."""
    authority = store.open()
    record = authority.revoke(serial, reason=reason, at=_now())
    _say(_record_facts(record, _now()) | {"crl": str(authority.folder / "ca.crl")}, as_json)


@command.command()
@click.argument("serial")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def restore(store: Store, serial: str, as_json: bool) -> None:
    """Lift a certificateHold and write the CRL."""
    authority = store.open()
    record = authority.restore(serial, at=_now())
    _say(_record_facts(record, _now()) | {"crl": str(authority.folder / "ca.crl")}, as_json)


@command.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to (default: ca.crl in the store).")
@click.option(
    "--renew", is_flag=True, help="Write only when it is due: less than half of its time is left (for a timer)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def crl(store: Store, output: Path | None, renew: bool, as_json: bool) -> None:
    """Write a fresh CRL: good for 30 days.

    When a CRL ends, hosts that demand a current one block everybody. Run `certs crl --renew` once a day.
    """
    authority, now = store.open(), _now()
    path = output or authority.folder / "ca.crl"
    due = not renew or authority.crl_due(now, path=path)
    if due:
        authority.write_crl(now, path=path)
    _say({"crl": str(path), "written": due}, as_json)


@command.command("import")
@click.argument("pem", type=click.Path(path_type=Path))
@click.option("--name", help="Name to keep it under (default: the file's).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def import_(store: Store, pem: Path, name: str | None, as_json: bool) -> None:
    """Import another authority's certificate, so that hosts may trust it."""
    _say({"certificate": str(store.open().import_foreign(_read(pem), name or pem.stem))}, as_json)


@command.command()
@click.argument("rules", type=click.Path(path_type=Path))
@click.argument("hosts", nargs=-1, required=True)
@click.option("--ca", "foreign", help="Name of an imported authority (default: this store's own, with its CRL).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def attach(store: Store, rules: Path, hosts: tuple[str, ...], foreign: str | None, as_json: bool) -> None:
    """Let hosts of a rule file trust an authority, and ask their clients for certificates.

    Adds to `anchors` (and, for the own authority, `crls`) and sets `mtls = true`; what is there already stays.
    """
    from mtls_tui import rulefile

    authority = store.open()
    anchor = authority.folder / "foreign" / f"{foreign}.pem" if foreign else authority.folder / "ca.pem"
    if not anchor.exists():
        raise InputError(f"{anchor} is not there; `mtls-tui certs import` takes other authorities in")
    try:
        loaded = rulefile.load(rules)
        for name in hosts:
            index = next((i for i, host in enumerate(loaded.hosts) if host.name.lower() == name.lower()), None)
            if index is None:
                known = ", ".join(host.name for host in loaded.hosts) or "none"
                raise InputError(f"{rules}: has no host `{name}`; its hosts: {known}")
            host = loaded.hosts[index]
            changes: dict[str, Any] = {"mtls": True, "anchors": _with(host.anchors, anchor, rules)}
            if not foreign:
                changes["crls"] = _with(host.crls, authority.folder / "ca.crl", rules)
            loaded = update_host(loaded, index, **changes)
        rulefile.save(loaded, rules)
    except rulefile.RuleFileError as error:
        raise InputError(str(error)) from None
    _say({"rules": str(rules), "hosts": list(hosts), "anchor": str(anchor)}, as_json)


def _with(paths: tuple[str, ...], new: Path, rules: Path) -> tuple[str, ...]:
    folder = rules.absolute().parent
    if new.absolute() in [(folder / path).absolute() for path in paths]:
        return paths
    return (*paths, os.path.relpath(new.absolute(), folder))


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


def _record_facts(record: Record, now: datetime) -> dict[str, object]:
    return {
        "serial": record.serial,
        "status": record.status(now),
        "subject": record.subject,
        "not_before": record.not_before.isoformat(),
        "not_after": record.not_after.isoformat(),
        "days_left": round(record.days_left(now), 1),
        "fingerprint_sha256": record.fingerprint,
        "revoked_at": record.revoked_at.isoformat() if record.revoked_at else None,
        "reason": record.reason,
    }


def _say(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        if value is not None:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            click.echo(f"{name.ljust(width)}  {safe(text)}")


def _file_name(text: str) -> str:
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in text).strip("-.")
    return name or "client"


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, LARGEST, "file", pipes=True)
    except FileError as error:
        raise InputError(str(error)) from None


def _now() -> datetime:
    return datetime.now(UTC)
