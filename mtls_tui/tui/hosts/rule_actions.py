"""Rules: make, name, switch, order, copy, delete; their action and response."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from mtls_tui.rulefile import ResponseEntry, RuleFile
from mtls_tui.rulefile.edit import copy_rule, move_host, move_rule, remove_host, remove_rule, update_rule
from mtls_tui.rulefile.seeds import add_mtls_rule
from mtls_tui.tui.builder.words import ACTION_WORDS
from mtls_tui.tui.hosts.host_actions import host_index, toggle_mtls
from mtls_tui.tui.hosts.list_actions import and_select, changed, chosen, on_entry, select
from mtls_tui.tui.registry.register import Refusal, Result, action
from mtls_tui.tui.state.content import with_edits_written
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Choice, Form, FormField, Item, Page, Picker
from mtls_tui.tui.state.textbuffer import Buffer

# --- choosing -----------------------------------------------------------------------------------------------------


@action("rule.select", "Choose a rule", hidden=True)
def _select(document: Document, key: str) -> Result:
    return select(replace(document, overlay=None), key)


@action("rule.find", "Go to a rule", keys="f10")
def _find(document: Document) -> Result:
    """Search all rules of the file and open one."""
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


REVOKED_CHOICES = ("blocked", "let in")
"""What the form of a new rule does about revoked certificates; the first is what it starts with."""


# --- making -------------------------------------------------------------------------------------------------------


@action("rule.new_mtls", "New mTLS rule", where="hosts", keys="n", footer="new mTLS rule")
def new_mtls(document: Document) -> Result:
    """A rule that blocks clients without a valid certificate on some hosts; refine it in the builder."""
    entry = chosen(document)
    host = entry.host if entry is not None else ""
    form = Form(
        "New mTLS rule",
        (
            FormField("name", "Name", help="What the rule is for. It becomes the rule's name and description."),
            FormField(
                "hostnames",
                "Host names",
                Buffer.of(host, select=True),
                help="One or more, separated by blanks; *.example.com works, too.",
            ),
            FormField(
                "anchors",
                "Authority",
                help="PEM file of the authority that your clients' certificates come from; may stay empty.",
            ),
            FormField(
                "revoked",
                "Revoked",
                Buffer.of(REVOKED_CHOICES[0]),
                choices=REVOKED_CHOICES,
                help="A revoked one still counts as verified. Let in (→): the rule as Cloudflare's form makes it.",
            ),
        ),
        "rule.create_mtls",
        intro="Blocks every request to these hosts that shows no valid client certificate.",
    )
    return replace(document, overlay=form)


@action("rule.new", "New mTLS rule", where="builder", keys="n", hidden=True)
def _new_from_builder(document: Document) -> Result:
    """The form of a new mTLS rule."""
    return new_mtls(document)


@action("rule.create_mtls", "Create the mTLS rule", hidden=True)
def _create_mtls(
    document: Document, name: str, hostnames: str, anchors: str = "", revoked: str = REVOKED_CHOICES[0]
) -> Result:
    if not name.strip():
        return Refusal("a rule needs a name")
    names = hostnames.replace(",", " ").split()
    settings: dict[str, Any] = {"anchors": tuple(anchors.split())} if anchors.strip() else {}
    settings["block_revoked"] = revoked == REVOKED_CHOICES[0]
    before = {rule.ref for rule in document.content.file.rules}
    result = changed(
        document, f"new rule {name.strip()}", lambda file: add_mtls_rule(file, name.strip(), names, **settings)
    )
    if not isinstance(result, Document):
        return result
    new = next((rule.ref for rule in result.content.file.rules if rule.ref not in before), "")
    probe = result.content.probe
    if not probe.url and names:
        result = replace(
            result,
            content=replace(result.content, probe=replace(probe, url=f"https://{names[0].replace('*', 'www')}/")),
        )
    return and_select(result, new, focus="builder", host=names[0] if names else "")


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


@action("rule.toggle", "Enable or disable", where="hosts", keys="space", footer="on/off", enabled=on_entry)
def _toggle(document: Document) -> Result:
    """A disabled rule stays in the file and is not evaluated."""
    index = _rule_index(document)
    if index is None:
        return toggle_mtls(document)
    rule = document.content.file.rules[index]
    on, ref = not rule.enabled, rule.ref
    return changed(
        document,
        f"{ref} {'enabled' if on else 'disabled: it is not evaluated'}",
        lambda file: update_rule(file, index, enabled=on),
    )


@action("rule.enable", "Enable or disable this rule", where="builder", keys="D", enabled=on_rule)
def _enable(document: Document) -> Result:
    return _toggle(document)


@action("rule.rename", "Rename", where="hosts", keys="r", footer="rename", enabled=on_entry)
def _rename(document: Document) -> Result:
    """Give the rule another name (or the host another name)."""
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "host":
        name = FormField("name", "Host name", Buffer.of(entry.host, select=True))
        form = Form(
            "Rename the host", (name,), "host.rename", {"index": host_index(document, entry.host)}, submit="Rename"
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
        submit="Apply",
    )


@action("rule.details", "Rule name and description", where="builder", keys="r", enabled=on_rule)
def _details(document: Document) -> Result:
    """Rename the selected rule and describe it."""
    index = _rule_index(document)
    assert index is not None
    return replace(document, overlay=_rule_form(document, index, document.content.file.rules[index].ref))


@action("rule.update", "Save the rule", hidden=True)
def _update_rule(document: Document, index: int, ref: str, description: str) -> Result:
    if not ref.strip():
        return Refusal("a rule needs a name")
    old = document.content.file.rules[index].ref
    base = with_edits_written(document.content)
    kept = base.edits.get(old)
    result = changed(
        document,
        f"rule {ref.strip()} named and described",
        lambda file: update_rule(file, index, ref=ref.strip(), description=description.strip() or None),
    )
    if not isinstance(result, Document):
        return result
    if kept is not None and ref.strip() != old:
        from mtls_tui.tui.state.content import with_edited_rule

        result = replace(result, content=with_edited_rule(result.content, ref.strip(), kept))
    return and_select(result, ref.strip(), host=document.view.host) if document.view.rule == old else result


@action("rule.action", "Action of the rule", where="builder", keys="p", enabled=on_rule)
def _action(document: Document) -> Result:
    """What happens to a request that the rule matches."""
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
    edit, rule = partial(_with_action, index=index, key=key), document.content.file.rules[index]
    if rule.action == key:
        return replace(document, overlay=None)
    lost = " and its response is gone" if key != "block" and rule.response is not None else ""
    return changed(document, f"action of {rule.ref} changed to {ACTION_WORDS[key]}{lost}", edit)


def _with_action(file: RuleFile, index: int, key: str) -> RuleFile:
    rule = file.rules[index]
    if key != "block" and rule.response is not None:
        return update_rule(file, index, action=key, response=None)
    return update_rule(file, index, action=key)


_SHADOW = {True: "in shadow: it reports and blocks nothing", False: "out of shadow: it acts again"}


@action("rule.shadow", "Shadow on or off", where="builder", keys="S", enabled=on_rule)
def _shadow(document: Document) -> Result:
    """In shadow a rule reports what it would block, and blocks nothing."""
    index = _rule_index(document)
    assert index is not None
    rule = document.content.file.rules[index]
    on, ref = not rule.shadow, rule.ref
    return changed(document, f"{ref} {_SHADOW[on]}", lambda file: update_rule(file, index, shadow=on or None))


@action("rule.response", "Response of the rule", where="builder", keys="R", enabled=on_rule)
def _response(document: Document) -> Result:
    """Status, type and body that a blocked client gets."""
    index = _rule_index(document)
    assert index is not None
    response = document.content.file.rules[index].response or ResponseEntry()
    form = Form(
        "What a blocked client gets",
        (
            FormField(
                "status", "Status", Buffer.of(str(response.status)), help="400 to 499; Cloudflare's default is 403."
            ),
            FormField(
                "content_type",
                "Type",
                Buffer.of(response.content_type),
                choices=("text/plain", "text/html", "text/xml", "application/json"),
                help="← → choose.",
            ),
            FormField("body", "Body", Buffer.of(response.body), help="At most 2,048 bytes."),
        ),
        "rule.set_response",
        {"index": index},
        submit="Apply",
    )
    return replace(document, overlay=form)


@action("rule.set_response", "Set the response", hidden=True)
def _set_response(document: Document, index: int, status: str, content_type: str, body: str) -> Result:
    if not status.isdigit() or not 400 <= int(status) <= 499:
        return Refusal("the status is a number from 400 to 499")
    if len(body.encode()) > 2048:
        return Refusal(f"the body has {len(body.encode())} bytes; at most 2,048 fit")
    response = ResponseEntry(status=int(status), content_type=content_type, body=body)  # type: ignore[arg-type]
    default, rule = response == ResponseEntry(), document.content.file.rules[index]
    if response == (rule.response or ResponseEntry()):
        return replace(document, overlay=None)
    ref = rule.ref
    return changed(
        document,
        f"response of {ref} changed",
        lambda file: update_rule(file, index, response=None if default else response),
    )


def _reordered(document: Document, step: int) -> Result:
    entry = chosen(document)
    if entry is None:
        return Refusal("there is nothing to move")
    if entry.kind == "host":
        place, count = host_index(document, entry.host), len(document.content.file.hosts)
        if place is None or not 0 <= place + step < count:
            return Refusal("this is the last host already" if step > 0 else "this is the first host already")
        result = changed(document, f"{entry.host} moved", lambda file: move_host(file, place, place + step))
    else:
        place, count = entry.number - 1, len(document.content.file.rules)
        if not 0 <= place + step < count:
            return Refusal("this is the last rule already" if step > 0 else "this is the first rule already")
        result = changed(
            document,
            f"{entry.rule} moved to place {place + step + 1}",
            lambda file: move_rule(file, place, place + step),
        )
    return result


@action("rule.move_up", "Move up", where="hosts", keys="K shift+up", enabled=on_entry)
def _move_up(document: Document) -> Result:
    """Rules are evaluated in order: an earlier one wins."""
    return _reordered(document, -1)


@action("rule.move_down", "Move down", where="hosts", keys="J shift+down", enabled=on_entry)
def _move_down(document: Document) -> Result:
    """Rules are evaluated in order: an earlier one wins."""
    return _reordered(document, 1)


@action("rule.duplicate", "Duplicate", where="hosts", keys="y", footer="copy", enabled=on_entry)
def _duplicate(document: Document) -> Result:
    """A copy of the rule right after it; of a host, under another name."""
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "host":
        index = host_index(document, entry.host)
        field = FormField("name", "Host name", Buffer.of(entry.host, select=True), help="The copy's name.")
        return replace(document, overlay=Form("Copy the host", (field,), "host.copy", {"index": index}, submit="Copy"))
    place = entry.number - 1
    result = changed(document, f"{entry.rule} copied", lambda file: copy_rule(file, place))
    if not isinstance(result, Document):
        return result
    new = result.content.file.rules[place + 1].ref
    return select(result, new, entry.host).with_notice(f"{entry.rule} copied to {new}; u undoes")


@action("rule.delete", "Delete", where="hosts", keys="d delete", footer="delete", enabled=on_entry)
def _delete(document: Document) -> Result:
    """Delete the rule, or the host (asks when rules are about it). Undo brings it back."""
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "rule":
        return changed(document, f"{entry.rule} deleted", lambda file: remove_rule(file, entry.number - 1))
    from mtls_tui.tui.hosts.rule_index import rules_about

    rules = rules_about(document.content, entry.host)
    return _ask_to_delete(document, entry.host, rules) if rules else _delete_host(document, entry.host)


def _ask_to_delete(document: Document, host: str, rules: tuple[str, ...]) -> Result:
    count = "1 rule is" if len(rules) == 1 else f"{len(rules)} rules are"
    stay = "It stays in the file." if len(rules) == 1 else "They stay in the file."
    named = ", ".join(rules[:5]) + (" …" if len(rules) > 5 else "")
    lines = (((f"{count} about {host}:", "text"),), ((f"  {named}", "strong"),), ((stay, "text"),))
    choices = (
        Choice("page.close", "Keep the host"),
        Choice("host.delete", "Delete the host", arguments=(("name", host),)),
    )
    return replace(document, overlay=Page(f"Delete {host}?", lines, choices))


@action("host.delete", "Delete the host", hidden=True)
def _delete_host(document: Document, name: str) -> Result:
    index = host_index(document, name)
    if index is None:
        return Refusal("there is no such host")
    return changed(document, f"{name} deleted", lambda file: remove_host(file, index))


@action("file.problems", "Problems of the file", keys="f11", over_boards=True)
def _problems(document: Document) -> Result:
    """Everything that is wrong with the rule file, with the cure."""
    problems = with_edits_written(document.content).file.problems
    if not problems:
        return document.with_notice("no problems", "good")
    lines: list[tuple[tuple[str, str], ...]] = []
    for problem in problems:
        place = f"line {problem.line}  " if problem.line else ""
        lines.append(((f"✗ {place}{problem.key}", "bad"),))
        lines.append(((f"  {problem.message}", "text"),))
        if problem.cure:
            lines.append(((f"  {problem.cure}", "soft"),))
    return replace(document, overlay=Page("Problems of the file", tuple(lines)))
