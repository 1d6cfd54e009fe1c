"""Rules as Cloudflare's Rulesets API and Terraform give them (phase `http_request_firewall_custom`). JSON in and out.

Shapes: "Rulesets API", "Create a custom rule", "Skip options" of Cloudflare's documentation. Nothing is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from mtls_tui import lang
from mtls_tui.engine.model import Action, Response, Rule

PHASE = "http_request_firewall_custom"
RESPONSE_BYTES = 2048
CONTENT_TYPES = ("text/html", "text/plain", "application/json", "text/xml")
ACTIONS = frozenset(get_args(Action))


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is not carried over as it stands; `ref` names the rule ("" for the whole set)."""

    ref: str
    message: str


class TargetError(ValueError):
    """The input is not a ruleset; the message names the place (a JSON pointer) and the cure."""


def ruleset(
    rules: Iterable[Rule], *, name: str = "default", description: str = ""
) -> tuple[dict[str, Any], list[Note]]:
    """The body for "create" or "replace" of the zone's entry point ruleset, and what was not carried over."""
    notes: list[Note] = []
    body = {
        "name": name,
        "description": description,
        "kind": "zone",
        "phase": PHASE,
        "rules": [rule_object(rule, notes) for rule in rules],
    }
    return body, notes


def rule_object(rule: Rule, notes: list[Note]) -> dict[str, Any]:
    """One rule; what has no place there is added to `notes`."""
    body: dict[str, Any] = {
        "ref": rule.ref,
        "description": rule.description or rule.ref,
        "expression": lang.format(rule.expression),
        "action": rule.action,
        "enabled": rule.enabled,
    }
    if rule.shadow:
        body["action"] = "log"
        notes.append(Note(rule.ref, "a rule in shadow mode becomes action log (Enterprise plans only)"))
    elif rule.action == "skip":
        body["action_parameters"] = {"ruleset": "current"}
        body["logging"] = {"enabled": True}
    elif rule.response is not None:
        if rule.action == "block":
            body["action_parameters"] = {"response": _response(rule, rule.response, notes)}
        else:
            notes.append(Note(rule.ref, f"action {rule.action} has no response of its own there: left out"))
    if body["action"] == "log" and not rule.shadow:
        notes.append(Note(rule.ref, "action log needs an Enterprise plan"))
    return body


def _response(rule: Rule, response: Response, notes: list[Note]) -> dict[str, Any]:
    if response.content_type not in CONTENT_TYPES:
        notes.append(
            Note(rule.ref, f"content type {response.content_type} is not offered there ({', '.join(CONTENT_TYPES)})")
        )
    if len(response.body.encode("utf-8")) > RESPONSE_BYTES:
        notes.append(Note(rule.ref, f"the response body is longer than {RESPONSE_BYTES} bytes"))
    return {"status_code": response.status, "content": response.body, "content_type": response.content_type}


def read_ruleset(data: object) -> tuple[list[Rule], list[Note]]:
    """The rules of phase `http_request_firewall_custom`, and what was not carried over.

    `data` is a ruleset object, a list of rulesets, an answer of the API around either, a list of rules, or Terraform's
    JSON: a state file, or what `terraform show -json` prints of a state or plan.

    Raises TargetError if `data` is neither, or if there is no such ruleset or more than one. A rule that
    can't be read, or that would mean something else here, is left out and noted with its place; the others come.
    """
    found = _found(data)
    if not found:
        raise TargetError(
            "/: there is no ruleset here; give one of Cloudflare's API, a list of rules, or Terraform's state as JSON"
        )
    ours = [
        (pointer, item) for pointer, item in found if not isinstance(item, Mapping) or item.get("phase", PHASE) == PHASE
    ]
    if not ours:
        pointer, item = found[0]
        phases = ", ".join(sorted({f"`{other.get('phase')}`" for _, other in found if isinstance(other, Mapping)}))
        raise TargetError(f"{pointer}/phase: {phases} is another phase; mTLS rules live in {PHASE}")
    if len(ours) > 1:
        places = ", ".join(pointer or "/" for pointer, _ in ours)
        raise TargetError(f"{places}: several rulesets of phase {PHASE}; give one of them")
    pointer, item = ours[0]
    rules, at = item, pointer
    if isinstance(item, Mapping):
        if "rules" not in item:
            raise TargetError(
                f"{pointer}/rules: a ruleset without rules; ask the API for the ruleset itself, not the list"
            )
        rules, at = item["rules"], f"{pointer}/rules"
        if rules is None:
            rules = []
    if not isinstance(rules, list):
        raise TargetError(f"{at or '/'}: a list of rules is expected")
    notes: list[Note] = []
    read = [_read_rule(rule, f"{at}/{place}", notes) for place, rule in enumerate(rules)]
    return [rule for rule in read if rule is not None], notes


def _found(data: object, pointer: str = "") -> list[tuple[str, Any]]:
    """Rulesets (and a list of rules, if it is one) with their places."""
    if isinstance(data, list):
        if data and all(isinstance(item, Mapping) and "phase" in item for item in data):
            return [(f"{pointer}/{place}", item) for place, item in enumerate(data)]
        return [(pointer, data)]
    if not isinstance(data, Mapping):
        return []
    if "result" in data:
        return _found(data["result"], f"{pointer}/result")
    if "rules" in data or "phase" in data:
        return [(pointer, data)]
    return list(_in_terraform(data))


def _in_terraform(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Resources `cloudflare_ruleset` of a state file (version 4), or of `terraform show -json` (state or plan)."""
    resources = data.get("resources")
    if isinstance(resources, list):
        for place, resource in enumerate(resources):
            if _is_ruleset(resource):
                for number, instance in enumerate(_list_of(resource.get("instances"))):
                    if isinstance(instance, Mapping):
                        yield f"/resources/{place}/instances/{number}/attributes", instance.get("attributes")
    for key in ("planned_values", "values"):
        inside = data.get(key)
        if isinstance(inside, Mapping):
            yield from _in_module(inside.get("root_module"), f"/{key}/root_module")
            return


def _in_module(module: object, pointer: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(module, Mapping):
        return
    for place, resource in enumerate(_list_of(module.get("resources"))):
        if _is_ruleset(resource):
            yield f"{pointer}/resources/{place}/values", resource.get("values")
    for place, child in enumerate(_list_of(module.get("child_modules"))):
        yield from _in_module(child, f"{pointer}/child_modules/{place}")


def _is_ruleset(resource: object) -> bool:
    return (
        isinstance(resource, Mapping)
        and resource.get("type") == "cloudflare_ruleset"
        and resource.get("mode", "managed") == "managed"
    )


def _list_of(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


KNOWN_KEYS = frozenset({"ref", "id", "description", "expression", "action", "enabled", "action_parameters"})
"""Keys of a rule that are carried over."""
WITHOUT_MEANING = frozenset({"version", "last_updated", "categories", "logging"})
"""Keys of a rule that don't change what it matches or does to a request."""


def _read_rule(item: object, pointer: str, notes: list[Note]) -> Rule | None:
    """A rule; None, with a note, for one that can't be read or would mean something else here."""
    ref = f"rule-{pointer.rpartition('/')[2]}"
    try:
        if not isinstance(item, Mapping):
            raise TargetError(f"{pointer}: a rule object is expected")
        ref = str(item.get("ref") or item.get("id") or ref)
        return _rule(item, ref, pointer)
    except TargetError as error:
        notes.append(Note(ref, f"the rule is left out: {error}"))
        return None


def _rule(item: Mapping[str, Any], ref: str, pointer: str) -> Rule:
    text, action = item.get("expression"), item.get("action")
    if not isinstance(text, str):
        raise TargetError(f"{pointer}/expression: a string is expected")
    if not isinstance(action, str) or action not in ACTIONS:
        raise TargetError(f"{pointer}/action: `{action}` has no meaning here")
    enabled = item.get("enabled")
    if not isinstance(enabled, bool | None):
        raise TargetError(f"{pointer}/enabled: true or false is expected")
    for key, value in item.items():
        # Terraform writes what is not set as null or as an empty list.
        if key not in KNOWN_KEYS | WITHOUT_MEANING and value not in (None, [], {}):
            raise TargetError(
                f"{pointer}/{key}: without `{key}`, which is not known here, the rule would mean another thing"
            )
    parameters = _parameters(item.get("action_parameters"), f"{pointer}/action_parameters")
    response = _read_response(parameters.pop("response", None), f"{pointer}/action_parameters/response")
    if action == "skip":
        if parameters.pop("ruleset", None) != "current" or parameters:
            others = ", ".join(sorted(parameters)) or "nothing of this ruleset"
            raise TargetError(
                f"{pointer}/action_parameters: the skip rule names {others}; here a skip ends this ruleset only"
            )
    elif parameters:
        raise TargetError(f"{pointer}/action_parameters: `{', '.join(sorted(parameters))}` is not known here")
    try:
        expression = lang.parse(text)
    except lang.ParseError as error:
        raise TargetError(f"{pointer}/expression: {error}") from None
    description = str(item.get("description") or "")
    return Rule(ref, expression, action, description, enabled is not False, response)  # type: ignore[arg-type]


def _parameters(value: object, pointer: str) -> dict[str, Any]:
    """What is set of the parameters: the provider's version 4 has them in a list of one."""
    if isinstance(value, list) and len(value) <= 1:
        value = value[0] if value else None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TargetError(f"{pointer}: an object is expected")
    return {key: inner for key, inner in value.items() if inner not in (None, [], {}, "")}


def _read_response(item: object, pointer: str) -> Response | None:
    if isinstance(item, list) and len(item) == 1:
        item = item[0]
    if item is None:
        return None
    if not isinstance(item, Mapping):
        raise TargetError(f"{pointer}: an object is expected")
    try:
        return Response(
            status=int(item.get("status_code", 403)),
            content_type=str(item.get("content_type", "text/plain")),
            body=str(item.get("content", "")),
        )
    except (TypeError, ValueError):
        raise TargetError(f"{pointer}/status_code: a number is expected") from None
