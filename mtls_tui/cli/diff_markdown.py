"""A review as Markdown, for the comment of a pull request: what hurts first, requests as code, long parts folded.

Whatever comes from the files is code: no markup, and no mention or link that the forge would make of plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mtls_tui.analysis.difference import Difference
from mtls_tui.analysis.review import Review
from mtls_tui.cli.witness import Witness, curl_line, test_table
from mtls_tui.simulate.style import safe
from mtls_tui.simulate.testing.roles import ROLE_OF_CLIENT

MAX_SHOWN = 20
"""Requests of one kind; the rest is counted. A comment of GitHub has at most 65,536 characters."""
WORDS = {"newly let in": "Newly let in", "newly blocked": "Newly blocked"}
SIGNS = {"+": "added", "-": "removed", "~": "changed", "=": "unchanged"}
MARKS = {"proved": "✓ proved", "broken": "✗ broken", "open": "? open"}


def markdown(found: Review, old: str, new: str) -> str:
    """The comment."""
    return "\n".join(_blocks(found, old, new))


def _blocks(found: Review, old: str, new: str) -> Iterator[str]:
    yield f"### {code(old)} → {code(new)}"
    yield ""
    yield _verdict(found)
    for change in ("newly let in", "newly blocked"):
        yield from _requests(WORDS[change], [one for one in found.decisions if one.change == change])
    yield from _open([one for one in found.decisions if one.status in ("not found", "not compared")])
    for title, subjects in (("Hosts and settings", ("trust", "host")), ("Rules and lists", ("list", "rule"))):
        lines = [f"- {_change(str(change))}" for change in found.changes if change.subject in subjects]
        if lines:
            yield from ("", f"**{title}**", "", *lines)
    yield from _properties(found)


def _verdict(found: Review) -> str:
    if found.undecided:
        return "**Open**: not every question was answered by a request or a proof."
    if found.same:
        how = " It is only written in another way." if found.changes else ""
        return f"**The same**: proved for every request.{how}"
    decided = [one for one in found.decisions if one.status == "changed"]
    return "**It differs.**" + ("" if decided else " Proved: no request is newly let in or newly blocked.")


def _requests(title: str, asked: Sequence[Difference]) -> Iterator[str]:
    changed = [one for one in asked if one.status == "changed"]
    if not changed:
        return
    yield from ("", f"**{title}**", "")
    for one in changed[:MAX_SHOWN]:
        yield f"- {code(one.host)}: {code(one.reason)}"
        if one.http is not None and one.request is not None:
            line, beyond = curl_line(Witness(one.http, one.request, ROLE_OF_CLIENT.get(one.certificate, "")))
            if line:
                yield from _fenced(line + (f"  # and {beyond}" if beyond else ""), "sh")
    if len(changed) > MAX_SHOWN:
        yield f"- and {len(changed) - MAX_SHOWN} more"


def _open(asked: Sequence[Difference]) -> Iterator[str]:
    if asked:
        yield from ("", "**Open**", "", *(f"- {code(one.host)}: {code(one.reason)}" for one in asked[:MAX_SHOWN]))
    if len(asked) > MAX_SHOWN:
        yield f"- and {len(asked) - MAX_SHOWN} more"


def _properties(found: Review) -> Iterator[str]:
    shown = [one for one in found.properties if one.sign != "=" or one.answer.status != "proved"]
    if not found.properties:
        return
    proved = sum(one.answer.status == "proved" for one in found.properties if one.sign != "-")
    stated = sum(one.sign != "-" for one in found.properties)
    yield from ("", f"**Properties**: {proved} of {stated} proved", "")
    for one in shown:
        answer = one.answer
        yield f"- {code(answer.stated.name)} ({SIGNS[one.sign]}): {MARKS[answer.status]}: {code(answer.reason)}"
        if answer.http is not None and answer.request is not None:
            witness = Witness(answer.http, answer.request, ROLE_OF_CLIENT.get(answer.client, ""))
            table = test_table(witness, answer.stated.name, "allow" if answer.stated.must == "allowed" else "block")
            if table:
                yield from ("  <details><summary>as a test</summary>", "", *_fenced(table, "toml"), "  </details>")


def _change(text: str) -> str:
    """`+ host a.ex: asks for certificates` with its name as code."""
    sign, rest = text[0], text[2:]
    head, colon, words = rest.partition(": ")
    subject, _, name = head.partition(" ")
    verb = SIGNS[sign]
    if not colon and name == "":
        return f"{verb} {_text(subject)}"
    if subject in ("host", "rule", "list", "property"):
        return f"{verb} {subject} {code(name)}{f': {_text(words)}' if colon else ''}"
    return _text(rest)


def code(text: str) -> str:
    """A text as a code span: with more backticks around it than it has in it (CommonMark 6.1)."""
    shown = safe(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def _text(text: str) -> str:
    """Plain text in which nothing is markup (CommonMark 2.4)."""
    return re.sub(r"([\\`*_{}\[\]#!|<>~&])", r"\\\1", safe(text))


def _fenced(text: str, language: str) -> Iterator[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"  {fence}{language}"
    yield from (f"  {safe(line)}" for line in text.rstrip("\n").split("\n"))
    yield f"  {fence}"
