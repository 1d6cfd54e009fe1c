"""One certificate of the authority's board: its facts, into the simulator; issue, revoke, restore."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mtls_tui.tui.authority.actions import KEY_KINDS, days_of, folder_of, job, on_row, ready, unlocked
from mtls_tui.tui.authority.effects import FetchCertificate, ShowFacts
from mtls_tui.tui.authority.state import CertificateRow, authority_of
from mtls_tui.tui.drawing.safe_text import safe, wrap
from mtls_tui.tui.registry import boards
from mtls_tui.tui.registry.register import Done, Refusal, Result, action
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField, Item, Page, Picker
from mtls_tui.tui.state.textbuffer import Buffer

REASONS = (
    "certificateHold", "unspecified", "keyCompromise", "superseded", "cessationOfOperation", "affiliationChanged",
    "privilegeWithdrawn", "cACompromise", "aACompromise",
)  # fmt: skip
"""Why a certificate is revoked (RFC 5280, 5.3.1). The only one that can be lifted comes first."""


def _chosen(document: Document) -> CertificateRow:
    row = authority_of(document).row
    assert row is not None
    return row


@action("authority.show", "All facts", where="authority", keys="enter", footer="facts", enabled=on_row)
def _show(document: Document) -> Result:
    """Every fact of the certificate, as the rules see it."""
    return Done(document, (ShowFacts(folder_of(document), _chosen(document)),))


@action("authority.facts", "Show the facts", hidden=True)
def _facts(document: Document, row: CertificateRow, facts: tuple[tuple[str, str], ...]) -> Result:
    lines: list[tuple[tuple[str, str], ...]] = []
    for name, value in facts:
        if len(value) <= 26:
            lines.append(((f"{name:<46} ", "field"), (safe(value), "value")))
            continue
        lines.append(((name, "field"),))
        lines += [((f"  {part}", "value"),) for part in wrap(value, 70)[:40]]
    return replace(document, overlay=Page(f"Facts of {row.name}", tuple(lines), name="facts"))


@action("authority.simulate", "Into the simulator", where="authority", keys="s", footer="simulate", enabled=on_row)
def _simulate(document: Document) -> Result:
    """Send the simulator's request with this certificate."""
    return Done(document, (FetchCertificate(folder_of(document), _chosen(document)),))


@action("authority.simulated", "The certificate for the simulator", hidden=True)
def _simulated(document: Document, name: str, file: str, pem: str) -> Result:
    probe = replace(document.content.probe, certificate=file, pem="" if file else pem)
    done = boards.close_board(document).with_content(
        replace(document.content, probe=probe), f"{name} in the simulator", focus="simulator", tab="simulator",
        simulator_at=(0, 2),
    )  # fmt: skip
    return done.with_notice(f"the simulator shows {name} now", "good")


@action("authority.issue", "Issue a certificate", where="authority", keys="n", footer="issue", enabled=ready)
def _issue(document: Document) -> Result:
    """A client certificate, by a new key or for a signing request."""
    return unlocked(document, "authority.issue_form")


@action("authority.issue_form", "Issue a certificate: the form", hidden=True)
def _issue_form(document: Document) -> Result:
    fields = (
        FormField(
            "cn", "Name", help="The common name: who the client is. Empty with a request: its own subject is taken."
        ),
        FormField("days", "Days", Buffer.of("365"), help="How long it is valid; not longer than the authority."),
        FormField("sans", "More names", help="dns:, email:, ip: or uri:, separated by blanks; may stay empty."),
        FormField("csr", "Request", help="File of a signing request (PKCS#10): its maker keeps the key. Else empty."),
        FormField("key", "Key", Buffer.of("ecdsa-p256"), choices=KEY_KINDS, help="← → choose; not with a request."),
        FormField("output", "Files", help="NAME for NAME.pem and NAME.key; empty: by the common name, near the rules."),
        FormField("p12", "PKCS#12", secret=True, help="A passphrase here also writes NAME.p12, for browsers, phones."),
        FormField("again", "Repeat", secret=True, help="The same passphrase again."),
    )
    return replace(document, overlay=Form("Issue a client certificate", fields, "authority.issue_now", submit="Issue"))


@action("authority.issue_now", "Issue the certificate", hidden=True)
def _issue_now(
    document: Document, cn: str, days: str, sans: str, csr: str, key: str, output: str, p12: str, again: str
) -> Result:
    length = days_of(days)
    if isinstance(length, Refusal):
        return length
    cn, csr = cn.strip(), csr.strip()
    if not cn and not csr:
        return Refusal("give a common name, or the file of a signing request")
    if p12 != again:
        return Refusal("the two passphrases differ")
    if p12 and csr:
        return Refusal("PKCS#12 holds the private key, and with a request its maker has it")
    file = document.content.file
    name = output.strip() or _file_name(cn or Path(csr).stem)
    arguments = {
        "cn": cn, "days": length, "sans": tuple(sans.replace(",", " ").split()), "key": key,
        "csr": str(file.resolve(csr)) if csr else "", "output": file.resolve(name), "p12": p12,
    }  # fmt: skip
    return job(document, "issuing", None, "issue", arguments)


def _file_name(text: str) -> str:
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in text).strip("-.")
    return name or "client"


@action("authority.revoke", "Revoke", where="authority", keys="d delete", footer="revoke", enabled=on_row)
def _revoke(document: Document) -> Result:
    """Revoke the certificate for a reason, and write the CRL."""
    row = _chosen(document)
    if row.kind != "issued":
        return Refusal("only what this authority issued can be revoked here")
    if row.status == "revoked":
        return Refusal(f"it is revoked already ({row.reason})")
    return unlocked(document, "authority.revoke_form", serial=row.serial, name=row.name)


@action("authority.revoke_form", "Revoke: the form", hidden=True)
def _revoke_form(document: Document, serial: str, name: str) -> Result:
    items = tuple(Item(reason, reason, hint=_REASON_HINTS.get(reason, "Final.")) for reason in REASONS)
    picker = Picker(f"Revoke {name}: why?", items, "authority.revoke_now", {"serial": serial})
    return replace(document, overlay=picker)


_REASON_HINTS = {
    "unspecified": "No reason is given. Final.",
    "keyCompromise": "The private key is lost or known to others. Final.",
    "superseded": "Another certificate took its place. Final.",
    "certificateHold": "For now: r lifts it again.",
}


@action("authority.revoke_now", "Revoke now", hidden=True)
def _revoke_now(document: Document, key: str, serial: str) -> Result:
    return job(replace(document, overlay=None), "revoking", None, "revoke", {"serial": serial, "reason": key})


@action("authority.restore", "Restore from hold", where="authority", keys="r", footer="restore", enabled=on_row)
def _restore(document: Document) -> Result:
    """Lift a certificateHold, and write the CRL."""
    row = _chosen(document)
    if row.status != "on hold":
        final = row.status == "revoked"
        return Refusal("revoked for good: only a certificateHold can be lifted" if final else "it is not on hold")
    return unlocked(document, "authority.restore_now", serial=row.serial)


@action("authority.restore_now", "Restore now", hidden=True)
def _restore_now(document: Document, serial: str) -> Result:
    return job(document, "restoring", None, "restore", {"serial": serial})
