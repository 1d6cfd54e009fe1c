"""Rules as Cloudflare's Rulesets API takes and gives them (phase `http_request_firewall_custom`). JSON in, JSON out.

Shapes: "Rulesets API", "Create a custom rule", "Skip options" of Cloudflare's documentation. Nothing is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mtls_tui import lang
from mtls_tui.engine.model import Response, Rule

PHASE = "http_request_firewall_custom"
RESPONSE_BYTES = 2048
CONTENT_TYPES = ("text/html", "text/plain", "application/json", "text/xml")
ACTIONS = frozenset({"block", "log", "skip", "managed_challenge", "js_challenge", "challenge"})


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
    """The rules of a ruleset object, an API answer around one, or a list of rules.

    TargetError for what is no such thing or an expression that can't be parsed; rules with actions of other phases
    are left out and noted.
    """
    pointer = ""
    if isinstance(data, Mapping) and "result" in data:
        data, pointer = data["result"], "/result"
    if isinstance(data, Mapping):
        if data.get("phase", PHASE) != PHASE:
            raise TargetError(f"{pointer}/phase: `{data['phase']}` is another phase; mTLS rules live in {PHASE}")
        data, pointer = data.get("rules", []), pointer + "/rules"
    if not isinstance(data, list):
        raise TargetError(f"{pointer or '/'}: a list of rules is expected")
    notes: list[Note] = []
    rules: list[Rule] = []
    for i, item in enumerate(data):
        rule = _read_rule(item, f"{pointer}/{i}", notes)
        if rule is not None:
            rules.append(rule)
    return rules, notes


def _read_rule(item: object, pointer: str, notes: list[Note]) -> Rule | None:
    if not isinstance(item, Mapping):
        raise TargetError(f"{pointer}: a rule object is expected")
    text = item.get("expression")
    if not isinstance(text, str):
        raise TargetError(f"{pointer}/expression: a string is expected")
    ref = str(item.get("ref") or item.get("id") or f"rule-{pointer.rpartition('/')[2]}")
    action: Any = item.get("action")
    if str(action) not in ACTIONS:
        notes.append(Note(ref, f"action `{action}` has no meaning here: the rule is left out"))
        return None
    try:
        expression = lang.parse(text)
    except lang.ParseError as error:
        raise TargetError(f"{pointer}/expression: {error}") from None
    parameters = item.get("action_parameters")
    parameters = parameters if isinstance(parameters, Mapping) else {}
    if action == "skip" and ("ruleset" not in parameters or set(parameters) - {"ruleset"}):
        others = ", ".join(sorted(set(parameters) - {"ruleset"})) or "nothing of this ruleset"
        notes.append(Note(ref, f"the skip rule names {others}: here it skips the rest of the rules only"))
        if "ruleset" not in parameters:
            return None
    return Rule(
        ref=ref,
        expression=expression,
        action=action,
        description=str(item.get("description") or ""),
        enabled=bool(item.get("enabled", True)),
        response=_read_response(parameters.get("response"), f"{pointer}/action_parameters/response"),
    )


def _read_response(item: object, pointer: str) -> Response | None:
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
