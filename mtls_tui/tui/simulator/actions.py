"""The simulator's request: its fields, a pasted curl command or certificate, saved requests, tests of the file."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.rulefile import RuleFileError
from mtls_tui.rulefile.edit import insert_test, remove_test
from mtls_tui.tui.registry.register import Done, Refusal, Result, action
from mtls_tui.tui.simulator.effects import AskPassphrase, KeepPassphrase, OfferCertificates
from mtls_tui.tui.simulator.fields import FIELDS
from mtls_tui.tui.state.content import with_edits_written, with_file
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField, Item, Picker, standing
from mtls_tui.tui.state.results import Case
from mtls_tui.tui.state.textbuffer import Buffer

ROLES = {
    "none": "no certificate",
    "good": "valid, from the file's authority",
    "expired": "expired",
    "not_yet_valid": "not valid yet",
    "revoked": "revoked",
    "foreign": "from another authority",
    "self_signed": "self-signed",
    "server_purpose": "valid, but for servers",
}
"""Certificates by role, made on the fly for tests and the simulator."""


CONTAINERS = (".p12", ".pfx")
"""Endings of PKCS#12 files, which have a passphrase."""


def cases(document: Document) -> int:
    """How many lines the table has."""
    return len(document.results.cases) if document.results is not None else 0


def _moved(document: Document, rows: int, columns: int) -> Document:
    row, column = document.view.simulator_at
    row = max(0, min(row + rows, cases(document)))
    column = max(0, min(column + columns, len(FIELDS) - 1)) if row == 0 else 0 if rows else column
    return document.with_view(simulator_at=(row, column))


@action("simulator.up", "Up", where="simulator", keys="up k", hidden=True)
def _up(document: Document) -> Result:
    return _moved(document, -1, 0)


@action("simulator.down", "Down", where="simulator", keys="down j", hidden=True)
def _down(document: Document) -> Result:
    return _moved(document, 1, 0)


@action("simulator.left", "Field to the left", where="simulator", keys="left h", hidden=True)
def _left(document: Document) -> Result:
    return _moved(document, 0, -1)


@action("simulator.right", "Field to the right", where="simulator", keys="right l", hidden=True)
def _right(document: Document) -> Result:
    return _moved(document, 0, 1)


@action("simulator.click", "Choose with the mouse", hidden=True)
def _click(document: Document, row: int, column: int) -> Result:
    same = document.view.focus == "simulator" and document.view.simulator_at == (row, column)
    moved = replace(document.with_view(focus="simulator", tab="simulator", simulator_at=(row, column)), overlay=None)
    return _edit(moved) if same else moved


@action("simulator.edit", "Edit", where="simulator", keys="enter", footer="edit")
def _edit(document: Document) -> Result:
    """Edit the field; on a saved request, load it into the simulator."""
    row, column = document.view.simulator_at
    if row > 0:
        return _load(document, row - 1)
    name = FIELDS[column]
    if name == "certificate":
        return _certificate(document)
    return _form(document, name)


def case_at(document: Document, index: int) -> Case | None:
    """A line of the table; None if there is none, or if its request or test has changed since."""
    results = document.results
    if results is None or not 0 <= index < len(results.cases):
        return None
    case = results.cases[index]
    if case.test is not None:
        same = results.content.file.tests == document.content.file.tests
    else:
        same = results.content.probes == document.content.probes
    return case if same else None


def _load(document: Document, index: int) -> Result:
    case = case_at(document, index)
    if case is None:
        return Refusal("there is no saved request")
    if case.test is not None:
        from mtls_tui.tui.simulator.probes import from_test

        probe = from_test(document.content.file.tests[case.test])
    else:
        assert case.probe is not None
        probe = document.content.probes[case.probe]
    content = replace(document.content, probe=probe)
    return document.with_content(content, "another request loaded").with_notice("this request is in the simulator now")


@action("simulator.form", "Edit the whole request", where="simulator", keys="e", footer="all fields")
def _whole(document: Document) -> Result:
    """All fields of the request in one form."""
    return _form(document, "url")


def _form(document: Document, focus: str) -> Result:
    probe = document.content.probe
    headers = "; ".join(f"{name}: {value}" for name, value in probe.headers)
    overrides = "; ".join(f"{name}={value}" for name, value in probe.overrides)
    fields = (
        FormField("method", "Method", Buffer.of(probe.method), help="GET, POST, …"),
        FormField("url", "URL", Buffer.of(probe.url), help="Or paste a whole curl command here."),
        FormField(
            "ip", "Source address", Buffer.of(probe.ip), help="Where the request comes from; 127.0.0.1 when empty."
        ),
        FormField("at", "Time", Buffer.of(probe.at), help="2026-11-24T10:00:00Z, or empty for now."),
        FormField("headers", "Headers", Buffer.of(headers), help="Name: value, separated by semicolons."),
        FormField("body", "Body", Buffer.of(probe.body), help="The body of the request."),
        FormField(
            "overrides",
            "Overrides",
            Buffer.of(overrides),
            help="field=value, separated by semicolons; they win over everything.",
        ),
    )
    index = next((place for place, one in enumerate(fields) if one.name == focus), 0)
    return replace(
        document, overlay=Form("Request", fields, "simulator.set", index=index, submit="Done", before=document.content)
    )


@action("simulator.set", "Set the request", hidden=True)
def _set(document: Document, **values: str) -> Result:
    from mtls_tui.tui.simulator import probes

    url = values["url"].strip()
    if url.startswith(("curl ", "$ curl ", "curl\t")):
        return _curl(document, url)
    made = probes.from_form(document.content.probe, values)
    if isinstance(made, str):
        return Refusal(made)
    content = document.content if made == document.content.probe else replace(document.content, probe=made)
    return replace(document, overlay=None).with_content(content, "request changed")


@action("simulator.curl", "Paste a curl command", where="simulator", keys="c", footer="curl")
def _curl_form(document: Document) -> Result:
    """Make the request from a curl command, as browsers copy it."""
    field = FormField("text", "curl", help="Paste the command; everything in it that makes up the request is taken.")
    return replace(document, overlay=Form("Paste a curl command", (field,), "simulator.take_curl", submit="Take"))


@action("simulator.take_curl", "Take the curl command", hidden=True)
def _curl(document: Document, text: str) -> Result:
    from mtls_tui.tui.simulator import probes

    made = probes.from_curl(document.content.probe, text)
    if isinstance(made, str):
        return Refusal(made)
    content = replace(document.content, probe=made.probe)
    done = replace(document, overlay=None).with_content(content, "curl command pasted")
    if made.notes:
        done = done.with_notice(f"taken; {'; '.join(made.notes)}")
    path = made.probe.certificate
    if made.passphrase is not None:
        return Done(done, (KeepPassphrase(path, made.passphrase),))
    if path != document.content.probe.certificate and path.lower().endswith(CONTAINERS):
        return Done(done, (AskPassphrase(path),))
    return done


@action("simulator.certificate", "Choose the certificate", where="simulator", keys="x", footer="certificate")
def _certificate(document: Document) -> Result:
    """A file (PEM, DER, PKCS#12), a role, or none."""
    return Done(document, (OfferCertificates(),))


@action("simulator.certificates", "Offer certificates", hidden=True)
def _offer(document: Document, files: tuple[str, ...] = ()) -> Result:
    """The list of certificates: files found near the rule file, the roles, and any path by typing it."""
    probe = document.content.probe
    items = [Item(name, name, detail=title, group="by role") for name, title in ROLES.items()]
    items += [Item(name, name, group="files near the rule file") for name in files]
    if probe.pem:
        items.insert(0, Item("", "the pasted certificate", detail="as it is"))
    listed, at = standing(tuple(items), probe.certificate)
    picker = Picker("Client certificate", listed, "simulator.set_certificate", index=at, free="use this path")
    return replace(document, overlay=picker)


@action("simulator.set_certificate", "Set the certificate", hidden=True)
def _set_certificate(document: Document, key: str) -> Result:
    if "-----BEGIN" in key:
        return _paste_pem(document, key)
    if key.strip() == document.content.probe.certificate:
        return replace(document, overlay=None)
    probe = replace(document.content.probe, certificate=key.strip(), pem="")
    done = replace(document, overlay=None).with_content(replace(document.content, probe=probe), "certificate chosen")
    if key.strip().lower().endswith(CONTAINERS):
        return Done(done, (AskPassphrase(key.strip()),))
    return done


@action("simulator.paste_pem", "Paste a certificate", hidden=True)
def _paste_pem(document: Document, text: str) -> Result:
    """Take the certificates out of a pasted PEM; a private key in it is left out and never kept."""
    from mtls_tui.tui.simulator import probes

    pem = probes.certificates_only(text)
    if not pem:
        return Refusal("there is no certificate in what was pasted")
    probe = replace(document.content.probe, pem=pem, certificate="")
    done = replace(document, overlay=None).with_content(replace(document.content, probe=probe), "certificate pasted")
    left_out = "PRIVATE KEY" in text
    return done.with_notice("certificate taken" + ("; the private key in it was left out" if left_out else ""), "good")


@action("simulator.passphrase", "Ask for the passphrase", hidden=True)
def _ask_passphrase(document: Document, path: str) -> Result:
    field = FormField("passphrase", "Passphrase", help=f"Of {path}. It is kept in memory only.", secret=True)
    form = Form("Passphrase", (field,), "simulator.unlock", {"path": path}, submit="Unlock")
    return replace(document, overlay=form)


@action("simulator.unlock", "Unlock the certificate", hidden=True)
def _unlock(document: Document, path: str, passphrase: str) -> Result:
    return Done(replace(document, overlay=None), (KeepPassphrase(path, passphrase),))


@action("simulator.save", "Save the request", where="simulator", keys="s", footer="save request")
def _save(document: Document) -> Result:
    """Keep this request in the table to see after every edit what it gets."""
    probe = document.content.probe
    if not probe.url:
        return Refusal("give a URL first (⏎)")
    if probe in document.content.probes:
        return Refusal("this request is in the table already")
    content = replace(document.content, probes=(*document.content.probes, probe))
    return document.with_content(content, "request saved").with_notice(
        "saved: every edit now shows what it gets", "good"
    )


@action("simulator.as_test", "Save as a test", where="simulator", keys="t T", footer="as test")
def _as_test(document: Document) -> Result:
    """Write this request and its current outcome into the file's tests."""
    results, probe = document.results, document.content.probe
    if results is None or results.verdict is None or results.problem:
        return Refusal("there is no verdict to expect")
    if probe.pem:
        return Refusal("a test names its certificate by role or file: save the pasted one as a file first")
    from mtls_tui.tui.simulator import probes

    names = {test.name for test in document.content.file.tests}
    base = with_edits_written(document.content)
    try:
        file = insert_test(base.file, probes.to_test(probe, results.verdict, names))
    except (RuleFileError, ValueError) as error:
        return Refusal(str(error).splitlines()[0])
    return document.with_content(with_file(base, file), "saved as a test").with_notice(
        "written into the file's tests", "good"
    )


@action("simulator.remove", "Remove from the table", where="simulator", keys="d delete", footer="remove")
def _remove(document: Document) -> Result:
    """Remove the saved request, or the test from the file."""
    case = case_at(document, document.view.simulator_at[0] - 1)
    if case is None:
        return Refusal("choose a line of the table (↓)")
    if case.probe is not None:
        probes = document.content.probes
        content = replace(document.content, probes=probes[: case.probe] + probes[case.probe + 1 :])
        return document.with_content(content, "request removed").with_notice("the saved request is gone; u undoes")
    assert case.test is not None
    base = with_edits_written(document.content)
    content = with_file(base, remove_test(base.file, case.test))
    return document.with_content(content, "test removed").with_notice("the test is gone from the file; u undoes")
