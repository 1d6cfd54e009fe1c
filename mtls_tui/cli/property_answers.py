"""What was found about stated properties, for people and as JSON; a broken one with its request in every form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mtls_tui.analysis.properties import PropertyAnswer
from mtls_tui.cli.witness import Witness, curl_line, request_data, simulate_line, test_table
from mtls_tui.simulate.style import Style, safe
from mtls_tui.simulate.testing.roles import ROLE_OF_CLIENT

MARKS = {"proved": ("✓", "green"), "broken": ("✗", "red"), "open": ("?", "yellow")}


def property_text(answer: PropertyAnswer, file: str, style: Style) -> str:
    """Name and reason; for a broken one the request for the simulator, for curl and as a test of what must be."""
    mark, colour = MARKS[answer.status]
    lines = [f"{style(mark, colour)} {style(safe(answer.stated.name), 'bold')}: {safe(answer.reason)}"]
    witness = _witness(answer)
    if witness is not None:
        line = simulate_line(witness, file)
        lines.append(f"    try it: {safe(line)}" if line else "    (no command line can hold this request)")
        sent, beyond = curl_line(witness)
        if sent:
            lines.append(f"    curl: {safe(sent)}" + (f"  # and {safe(beyond)}" if beyond else ""))
        table = test_table(witness, answer.stated.name, _action(answer))
        lines += [f"    {safe(row)}" for row in table.splitlines()] or ["    (a test can't say this request)"]
    return "\n".join(lines)


def _action(answer: PropertyAnswer) -> str:
    return "allow" if answer.stated.must == "allowed" else "block"


def property_data(answers: Sequence[PropertyAnswer], file: str) -> list[dict[str, Any]]:
    """An object for each answer; `request`, `try`, `curl` and `test` where the property is broken."""
    made = []
    for answer in answers:
        found: dict[str, Any] = {
            "name": answer.stated.name,
            "expect": answer.stated.must,
            "status": answer.status,
            "reason": answer.reason,
            "vacuous": answer.vacuous,
        }
        witness = _witness(answer)
        if answer.status != "proved":
            found |= {"host": answer.host, "client": _client(answer)}
        if witness is not None:
            found |= request_data(witness, file)
            found["test"] = test_table(witness, answer.stated.name, _action(answer))
        made.append(found)
    return made


def _client(answer: PropertyAnswer) -> str:
    """A kind of client, as options and rule files call it."""
    return "trusted" if answer.client == "valid" else answer.client


def _witness(answer: PropertyAnswer) -> Witness | None:
    """The request of a broken property."""
    if answer.http is None or answer.request is None:
        return None
    return Witness(answer.http, answer.request, ROLE_OF_CLIENT.get(answer.client, ""))
