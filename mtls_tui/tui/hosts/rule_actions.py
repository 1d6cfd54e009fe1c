"""One rule: choose, switch, name; its action and response."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mtls_tui.rulefile import ResponseEntry, RuleEntry, RuleFile
from mtls_tui.rulefile.edit import update_rule
from mtls_tui.tui.builder.words import ACTION_WORDS
from mtls_tui.tui.hosts.host_actions import host_index, toggle_mtls
from mtls_tui.tui.hosts.list_actions import and_select, changed, chosen, on_entry, select
from mtls_tui.tui.registry.register import Refusal, Result, action
from mtls_tui.tui.state.content import with_edits_written
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField, Item, Picker
from mtls_tui.tui.state.textbuffer import Buffer


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


def _rule_index(document: Document) -> int | None:
    """The rule under the list's cursor, or the selected one when the list has no focus."""
    entry = chosen(document)
    if document.view.focus != "hosts":
        return document.rule_index
    return entry.number - 1 if entry is not None and entry.kind == "rule" else None


def _meant(document: Document) -> tuple[int, RuleEntry]:
    """The rule that is meant, with its index; `on_rule` has made sure that there is one."""
    index = _rule_index(document)
    assert index is not None
    return index, document.content.file.rules[index]


def on_rule(document: Document) -> str:
    """The reason why no rule is selected; "" if one is."""
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
    index = entry.number - 1
    return replace(document, overlay=_rule_form(index, document.content.file.rules[index]))


def _rule_form(index: int, rule: RuleEntry) -> Form:
    return Form(
        f"Rule {rule.ref}",
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
    return replace(document, overlay=_rule_form(*_meant(document)))


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
    index, rule = _meant(document)
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
    index, rule = _meant(document)
    on, ref = not rule.shadow, rule.ref
    return changed(document, f"{ref} {_SHADOW[on]}", lambda file: update_rule(file, index, shadow=on or None))


@action("rule.response", "Response of the rule", where="builder", keys="R", enabled=on_rule)
def _response(document: Document) -> Result:
    """Status, type and body that a blocked client gets."""
    index, rule = _meant(document)
    response = rule.response or ResponseEntry()
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
