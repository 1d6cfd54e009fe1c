"""Hosts and rules: choose, make, name, switch, order, copy, delete."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mtls_tui.rulefile import ResponseEntry, RuleFile, RuleFileError
from mtls_tui.tui.document import Content, Document, flushed, with_file
from mtls_tui.tui.overlays import Form, FormField, Item, Page, Picker
from mtls_tui.tui.registry import Refusal, Result, action
from mtls_tui.tui.textbuffer import Buffer
from mtls_tui.tui.view.builder import ACTION_WORDS
from mtls_tui.tui.view.hosts import Entry, selectable


def chosen(document: Document) -> Entry | None:
    """The line of the list under the cursor."""
    stops = selectable(document)
    return stops[min(document.view.hosts_at, len(stops) - 1)] if stops else None


def on_entry(document: Document) -> str:
    """Why there is nothing under the cursor."""
    return "" if chosen(document) is not None else "there is no host and no rule yet: n makes one"


def select(document: Document, ref: str, host: str = "") -> Document:
    """Another rule in the builder."""
    if ref == document.view.rule:
        return document.looking(host=host or document.view.host)
    return document.looking(rule=ref, host=host, path=(), part=0, closing=False, text=None, completing=False)


def changed(document: Document, title: str, edit: object) -> Result:
    """The document after a change of the rule file; a refusal says why it can't be."""
    base = flushed(document.content)
    try:
        file = edit(base.file)  # type: ignore[operator]
    except RuleFileError as error:
        problem = error.problem
        return Refusal(f"{problem.message}; {problem.cure}" if problem.cure else problem.message)
    assert isinstance(file, RuleFile)
    content: Content = with_file(base, file)
    refs = [rule.ref for rule in file.rules]
    document = replace(document, overlay=None)
    done = document.edited(content, title)
    if done.view.rule not in refs:
        done = select(done, refs[0] if refs else "", "")
    return done


def _and_select(result: Result, ref: str, **view: object) -> Result:
    return result if not isinstance(result, Document) else select(result, ref, result.view.host).looking(**view)


# --- choosing -----------------------------------------------------------------------------------------------------


def _moved(document: Document, step: int) -> Document:
    stops = selectable(document)
    if not stops:
        return document
    at = max(0, min(document.view.hosts_at + step, len(stops) - 1))
    entry = stops[at]
    moved = document.looking(hosts_at=at)
    return select(moved, entry.rule, entry.host).looking(hosts_at=at) if entry.kind == "rule" else moved


@action("hosts.up", "Up", where="hosts", keys="up k", hidden=True)
def _up(document: Document) -> Result:
    return _moved(document, -1)


@action("hosts.down", "Down", where="hosts", keys="down j", hidden=True)
def _down(document: Document) -> Result:
    return _moved(document, 1)


@action("hosts.first", "To the first", where="hosts", keys="home g", hidden=True)
def _first(document: Document) -> Result:
    return _moved(document, -10_000)


@action("hosts.last", "To the last", where="hosts", keys="end G", hidden=True)
def _last(document: Document) -> Result:
    return _moved(document, 10_000)


@action("hosts.enter", "Open", "Open the rule in the builder; on a host, its certificates and settings.", where="hosts",
        keys="enter right l", footer="open", enabled=on_entry)  # fmt: skip
def _enter(document: Document) -> Result:
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "rule":
        return select(document, entry.rule, entry.host).looking(focus="builder")
    return _edit_host(document)


@action("hosts.click", "Choose with the mouse", hidden=True)
def _click(document: Document, index: int) -> Result:
    stops = selectable(document)
    if not 0 <= index < len(stops):
        return document
    same = document.view.focus == "hosts" and document.view.hosts_at == index
    entry = stops[index]
    moved = replace(document.looking(focus="hosts", hosts_at=index), overlay=None)
    if entry.kind == "rule":
        moved = select(moved, entry.rule, entry.host).looking(hosts_at=index)
    return _enter(moved) if same else moved


@action("hosts.open", "Go to the list of hosts and rules", keys="ctrl+o f5")
def _open(document: Document) -> Result:
    return document.looking(focus="hosts")


@action("rule.select", "Choose a rule", hidden=True)
def _select(document: Document, key: str) -> Result:
    return select(replace(document, overlay=None), key)


@action("rule.find", "Go to a rule", "Search all rules of the file and open one.", keys="f10")
def _find(document: Document) -> Result:
    items = tuple(
        Item(
            rule.ref,
            f"{number} {rule.ref}",
            detail=ACTION_WORDS[rule.action],
            hint=rule.description,
            keys=rule.expression,
        )
        for number, rule in enumerate(document.content.file.rules, 1)
    )
    return replace(document, overlay=Picker("Go to a rule", items, "rule.select"))


# --- making -------------------------------------------------------------------------------------------------------


@action("rule.new_mtls", "New mTLS rule", "A rule that blocks clients without a valid certificate on some hosts; "
        "refine it in the builder.", where="hosts", keys="n", footer="new mTLS rule")  # fmt: skip
def new_mtls(document: Document) -> Result:
    """The form of a new mTLS rule."""
    entry = chosen(document)
    host = entry.host if entry is not None else ""
    form = Form(
        "New mTLS rule",
        (
            FormField("name", "Name", help="What the rule is for. It becomes the rule's name and description."),
            FormField("hostnames", "Host names", Buffer.of(host, select=True), help="One or more, separated by blanks; *.example.com works, too."),
            FormField("anchors", "Authority", help="PEM file of the authority that your clients' certificates come from; empty keeps what the file has."),
        ),
        "rule.create_mtls",
        intro="Blocks every request to these hosts that shows no valid client certificate.",
    )  # fmt: skip
    return replace(document, overlay=form)


@action("rule.create_mtls", "Create the mTLS rule", hidden=True)
def _create_mtls(document: Document, name: str, hostnames: str, anchors: str = "") -> Result:
    if not name.strip():
        return Refusal("a rule needs a name")
    names = hostnames.replace(",", " ").split()
    settings = {"anchors": tuple(anchors.split())} if anchors.strip() else {}
    before = {rule.ref for rule in document.content.file.rules}
    result = changed(document, f"new rule {name}", lambda file: file.with_mtls_rule(name.strip(), names, **settings))
    if not isinstance(result, Document):
        return result
    new = next((rule.ref for rule in result.content.file.rules if rule.ref not in before), "")
    probe = result.content.probe
    if not probe.url and names:
        result = replace(
            result,
            content=replace(result.content, probe=replace(probe, url=f"https://{names[0].replace('*', 'www')}/")),
        )
    return _and_select(result, new, focus="builder", host=names[0] if names else "")


@action("host.new", "New host", "Add a host without a rule.", where="hosts", keys="h", footer="host")
def _new_host(document: Document) -> Result:
    return replace(document, overlay=_host_form("New host", "host.create", {}))


def _host_form(title: str, then: str, values: dict[str, str], **arguments: object) -> Form:
    def buffer(name: str, default: str = "") -> Buffer:
        return Buffer.of(values.get(name, default))

    return Form(
        title,
        (
            FormField("name", "Host name", buffer("name"), help="api.example.com, *.example.com, or an address; no port."),
            FormField("mtls", "mTLS", buffer("mtls", "on"), choices=("on", "off"), help="Whether clients are asked for a certificate. ← → switch."),
            FormField("anchors", "Authorities", buffer("anchors"), help="PEM files of the trusted authorities, relative to the rule file, separated by blanks."),
            FormField("intermediates", "Intermediates", buffer("intermediates"), help="PEM files that help to build paths to an authority."),
            FormField("crls", "CRLs", buffer("crls"), help="Revocation lists. With one, a usable list for each issuer is required (crl_policy)."),
            FormField("upstream", "Upstream", buffer("upstream"), help="Where the gateway sends requests: http://127.0.0.1:8080"),
        ),
        then,
        arguments,
        submit="Save",
    )  # fmt: skip


def _host_settings(values: dict[str, str], *, clear: bool) -> dict[str, object]:
    empty: object = None if clear else ()
    settings: dict[str, object] = {"name": values["name"].strip(), "mtls": values["mtls"] == "on"}
    for key in ("anchors", "intermediates", "crls"):
        settings[key] = tuple(values[key].split()) or empty
    settings["upstream"] = values["upstream"].strip() or None
    return settings


@action("host.create", "Create the host", hidden=True)
def _create_host(document: Document, **values: str) -> Result:
    if not values["name"].strip():
        return Refusal("a host needs a name")
    settings = {key: value for key, value in _host_settings(values, clear=False).items() if value not in (None, ())}
    return changed(document, f"new host {values['name']}", lambda file: file.with_new_host(settings))


def _host_index(document: Document, name: str) -> int | None:
    return next((place for place, host in enumerate(document.content.file.hosts) if host.name == name), None)


@action("host.edit", "Host settings", "Name, mTLS, authorities, revocation lists and upstream of the host.", where="hosts",
        keys="e", enabled=on_entry)  # fmt: skip
def _edit_host(document: Document) -> Result:
    entry = chosen(document)
    index = _host_index(document, entry.host) if entry is not None else None
    if index is None:
        return Refusal("this rule belongs to no host of the file")
    host = document.content.file.hosts[index]
    values = {
        "name": host.name,
        "mtls": "on" if host.mtls else "off",
        "anchors": " ".join(host.anchors),
        "intermediates": " ".join(host.intermediates),
        "crls": " ".join(host.crls),
        "upstream": host.upstream or "",
    }
    return replace(document, overlay=_host_form(f"Host {host.name}", "host.update", values, index=index))


@action("host.update", "Save the host", hidden=True)
def _update_host(document: Document, index: int, **values: str) -> Result:
    if not values["name"].strip():
        return Refusal("a host needs a name")
    settings = _host_settings(values, clear=True)
    return changed(document, f"host {values['name']}", lambda file: file.with_host(index, **settings))


@action("host.mtls_of", "Switch mTLS with the mouse", hidden=True)
def _mtls_of(document: Document, name: str) -> Result:
    index = _host_index(document, name)
    if index is None:
        return Refusal("there is no such host")
    on = not document.content.file.hosts[index].mtls
    return changed(document, f"mTLS {'on' if on else 'off'}", lambda file: file.with_host(index, mtls=on))


@action("host.mtls", "mTLS on or off", "Whether this host asks clients for a certificate.", where="hosts", keys="m",
        footer="mTLS", enabled=on_entry)  # fmt: skip
def _mtls(document: Document) -> Result:
    entry = chosen(document)
    assert entry is not None
    return _mtls_of(document, entry.host) if entry.host else Refusal("this rule belongs to no host of the file")


# --- changing -----------------------------------------------------------------------------------------------------


def _rule_index(document: Document) -> int | None:
    """The rule under the list's cursor, or the selected one when the list has no focus."""
    entry = chosen(document)
    if document.view.focus != "hosts":
        return document.rule_index
    return entry.number - 1 if entry is not None and entry.kind == "rule" else None


def on_rule(document: Document) -> str:
    """Why no rule is meant."""
    return "" if _rule_index(document) is not None else "choose a rule first"


@action("rule.toggle", "Enable or disable", "A disabled rule stays in the file and is not evaluated.", where="hosts",
        keys="space", footer="on/off", enabled=on_entry)  # fmt: skip
def _toggle(document: Document) -> Result:
    index = _rule_index(document)
    if index is None:
        return _mtls(document)
    on = not document.content.file.rules[index].enabled
    return changed(document, "enable" if on else "disable", lambda file: file.with_rule(index, enabled=on))


@action("rule.enable", "Enable or disable this rule", where="builder", keys="D", enabled=on_rule)
def _enable(document: Document) -> Result:
    return _toggle(document)


@action("rule.rename", "Rename", "Give the rule another name (or the host another name).", where="hosts", keys="r",
        footer="rename", enabled=on_entry)  # fmt: skip
def _rename(document: Document) -> Result:
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "host":
        name = FormField("name", "Host name", Buffer.of(entry.host, select=True))
        form = Form(
            "Rename the host", (name,), "host.rename", {"index": _host_index(document, entry.host)}, submit="Rename"
        )
        return replace(document, overlay=form)
    rule = document.content.file.rules[entry.number - 1]
    return replace(document, overlay=_rule_form(document, entry.number - 1, rule.ref))


def _rule_form(document: Document, index: int, ref: str) -> Form:
    rule = document.content.file.rules[index]
    return Form(
        f"Rule {ref}",
        (
            FormField(
                "ref", "Name", Buffer.of(rule.ref), help="Stable name, unique in the file; logs and tests use it."
            ),
            FormField("description", "Description", Buffer.of(rule.description), help="What it is for, in a sentence."),
        ),
        "rule.update",
        {"index": index},
        submit="Save",
    )


@action("rule.details", "Rule name and description", "Rename the selected rule and describe it.", where="builder",
        keys="r", enabled=on_rule)  # fmt: skip
def _details(document: Document) -> Result:
    index = _rule_index(document)
    assert index is not None
    return replace(document, overlay=_rule_form(document, index, document.content.file.rules[index].ref))


@action("rule.update", "Save the rule", hidden=True)
def _update_rule(document: Document, index: int, ref: str, description: str) -> Result:
    if not ref.strip():
        return Refusal("a rule needs a name")
    old = document.content.file.rules[index].ref
    base = flushed(document.content)
    kept = base.work.get(old)
    result = changed(
        document,
        f"rule {ref}",
        lambda file: file.with_rule(index, ref=ref.strip(), description=description.strip() or None),
    )
    if not isinstance(result, Document):
        return result
    if kept is not None and ref.strip() != old:
        from mtls_tui.tui.document import with_work

        result = replace(result, content=with_work(result.content, ref.strip(), kept))
    return _and_select(result, ref.strip()) if document.view.rule == old else result


@action("host.rename", "Rename the host", hidden=True)
def _rename_host(document: Document, index: int, name: str) -> Result:
    if not name.strip():
        return Refusal("a host needs a name")
    return changed(document, f"rename to {name}", lambda file: file.with_host(index, name=name.strip()))


@action("rule.action", "Action of the rule", "What happens to a request that the rule matches.", where="builder", keys="p",
        enabled=on_rule)  # fmt: skip
def _action(document: Document) -> Result:
    index = _rule_index(document)
    assert index is not None
    rule = document.content.file.rules[index]
    hints = {
        "block": "Answers with 403 (or the rule's own response) and ends the evaluation.",
        "log": "Writes the match down and goes on with the next rule.",
        "skip": "Lets the request through past all rules below.",
    }
    challenge = "A browser has to pass a test at Cloudflare; the bundled engine has no browser to test and blocks."
    items = tuple(Item(key, title, hint=hints.get(key, challenge)) for key, title in ACTION_WORDS.items())
    at = list(ACTION_WORDS).index(rule.action)
    return replace(document, overlay=Picker("Action", items, "rule.set_action", {"index": index}, index=at))


@action("rule.set_action", "Set the action", hidden=True)
def _set_action(document: Document, key: str, index: int) -> Result:
    edit = partial(_with_action, index=index, key=key)
    return changed(document, f"action {key}", edit)


def _with_action(file: RuleFile, index: int, key: str) -> RuleFile:
    rule = file.rules[index]
    if key != "block" and rule.response is not None:
        return file.with_rule(index, action=key, response=None)
    return file.with_rule(index, action=key)


@action("rule.shadow", "Shadow on or off", "In shadow a rule reports what it would block, and blocks nothing.",
        where="builder", keys="S", enabled=on_rule)  # fmt: skip
def _shadow(document: Document) -> Result:
    index = _rule_index(document)
    assert index is not None
    on = not document.content.file.rules[index].shadow
    return changed(document, f"shadow {'on' if on else 'off'}", lambda file: file.with_rule(index, shadow=on or None))


@action("rule.response", "Response of the rule", "Status, type and body that a blocked client gets.", where="builder",
        keys="R", enabled=on_rule)  # fmt: skip
def _response(document: Document) -> Result:
    index = _rule_index(document)
    assert index is not None
    response = document.content.file.rules[index].response or ResponseEntry()
    form = Form(
        "What a blocked client gets",
        (
            FormField("status", "Status", Buffer.of(str(response.status)), help="400 to 499; Cloudflare's default is 403."),
            FormField("content_type", "Type", Buffer.of(response.content_type),
                      choices=("text/plain", "text/html", "text/xml", "application/json"), help="← → choose."),
            FormField("body", "Body", Buffer.of(response.body), help="At most 2,048 bytes."),
        ),
        "rule.set_response",
        {"index": index},
        submit="Save",
    )  # fmt: skip
    return replace(document, overlay=form)


@action("rule.set_response", "Set the response", hidden=True)
def _set_response(document: Document, index: int, status: str, content_type: str, body: str) -> Result:
    if not status.isdigit() or not 400 <= int(status) <= 499:
        return Refusal("the status is a number from 400 to 499")
    if len(body.encode()) > 2048:
        return Refusal(f"the body has {len(body.encode())} bytes; at most 2,048 fit")
    response = ResponseEntry(status=int(status), content_type=content_type, body=body)  # type: ignore[arg-type]
    default = response == ResponseEntry()
    return changed(document, "response", lambda file: file.with_rule(index, response=None if default else response))


def _reordered(document: Document, step: int) -> Result:
    entry = chosen(document)
    if entry is None:
        return Refusal("there is nothing to move")
    if entry.kind == "host":
        place, count = _host_index(document, entry.host), len(document.content.file.hosts)
        if place is None or not 0 <= place + step < count:
            return Refusal("this is the last host already" if step > 0 else "this is the first host already")
        result = changed(document, "move the host", lambda file: file.with_host_moved(place, place + step))
    else:
        place, count = entry.number - 1, len(document.content.file.rules)
        if not 0 <= place + step < count:
            return Refusal("this is the last rule already" if step > 0 else "this is the first rule already")
        result = changed(document, "move the rule", lambda file: file.with_rule_moved(place, place + step))
    if not isinstance(result, Document):
        return result
    stops = selectable(result)
    at = next(
        (
            index
            for index, one in enumerate(stops)
            if one.kind == entry.kind and one.host == entry.host and (entry.kind == "host" or one.rule == entry.rule)
        ),
        result.view.hosts_at,
    )
    return result.looking(hosts_at=at)


@action("rule.move_up", "Move up", "Rules are evaluated in order: an earlier one wins.", where="hosts", keys="K shift+up",
        enabled=on_entry)  # fmt: skip
def _move_up(document: Document) -> Result:
    return _reordered(document, -1)


@action("rule.move_down", "Move down", "Rules are evaluated in order: an earlier one wins.", where="hosts",
        keys="J shift+down", enabled=on_entry)  # fmt: skip
def _move_down(document: Document) -> Result:
    return _reordered(document, 1)


@action("rule.duplicate", "Duplicate", "A copy of the rule right after it; of a host, under another name.", where="hosts",
        keys="y", footer="copy", enabled=on_entry)  # fmt: skip
def _duplicate(document: Document) -> Result:
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "host":
        index = _host_index(document, entry.host)
        field = FormField("name", "Host name", Buffer.of(entry.host, select=True), help="The copy's name.")
        return replace(document, overlay=Form("Copy the host", (field,), "host.copy", {"index": index}, submit="Copy"))
    place = entry.number - 1
    result = changed(document, "duplicate", lambda file: file.with_rule_copied(place))
    if not isinstance(result, Document):
        return result
    return _and_select(result, result.content.file.rules[place + 1].ref)


@action("host.copy", "Copy the host", hidden=True)
def _copy_host(document: Document, index: int, name: str) -> Result:
    if not name.strip() or _host_index(document, name.strip()) is not None:
        return Refusal("the copy needs a name that no host has yet")
    return changed(document, "copy the host", lambda file: file.with_host_copied(index, name.strip()))


@action("rule.delete", "Delete", "Delete the rule, or the host. Undo brings it back.", where="hosts", keys="d delete",
        footer="delete", enabled=on_entry)  # fmt: skip
def _delete(document: Document) -> Result:
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "host":
        index = _host_index(document, entry.host)
        assert index is not None
        result = changed(document, f"delete {entry.host}", lambda file: file.without_host(index))
    else:
        result = changed(document, f"delete {entry.rule}", lambda file: file.without_rule(entry.number - 1))
    return (
        result if not isinstance(result, Document) else result.noting(f"deleted {entry.rule or entry.host}; u undoes")
    )


@action(
    "file.problems", "Problems of the file", "Everything that is wrong with the rule file, with the cure.", keys="f11"
)
def _problems(document: Document) -> Result:
    problems = flushed(document.content).file.problems
    if not problems:
        return document.noting("no problems", "good")
    lines: list[tuple[tuple[str, str], ...]] = []
    for problem in problems:
        place = f"line {problem.line}  " if problem.line else ""
        lines.append(((f"✗ {place}{problem.key}", "bad"),))
        lines.append(((f"  {problem.message}", "text"),))
        if problem.cure:
            lines.append(((f"  {problem.cure}", "soft"),))
    return replace(document, overlay=Page("Problems of the file", tuple(lines)))
