"""The page of the stated properties, and the requests that break them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mtls_tui.lang.edit import Refusal
from mtls_tui.tui.drawing.safe_text import safe, wrap
from mtls_tui.tui.properties.effects import Proved
from mtls_tui.tui.registry.register import Done, Result, action
from mtls_tui.tui.simulator.from_answer import probe_of, request_line, with_request_tried
from mtls_tui.tui.state.content import Content, Probe
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Choice, Page
from mtls_tui.tui.state.properties import MARKS, Properties

if TYPE_CHECKING:
    from mtls_tui.analysis.properties import PropertyAnswer

WIDTH = 72
"""Cells of a line: it fits 80 columns."""
MAX_WITNESSES = 6
"""Choices that fit below the page on a small terminal."""

Runs = tuple[tuple[str, str], ...]


@action("properties.open", "Properties", keys="P")
def _open(document: Document) -> Result:
    """The properties that the file states: proved, broken by a request to try, or open."""
    if not document.content.file.properties:
        return Refusal("the file states no property: write [[properties]] into it")
    known = document.properties
    if known is None or not known.holds_for(document.content):
        if document.results is not None and document.results.problems:
            return Refusal("solve the problems of the file first: F11 shows them")
        if known is None:
            return Refusal("the properties are being proved: wait a moment")
    return replace(document, overlay=_page(document, known, 0))


def _page(document: Document, known: Properties, index: int) -> Page:
    lines: list[Runs] = []
    if not known.holds_for(document.content):
        lines += [(("… the rules were edited since: being proved again", "soft"),), ()]
    for answer in known.answers:
        lines += answer_lines(answer)
    choices = (*witnesses(known.answers), Choice("page.close", "Close"))
    title = f"{known.counted('proved')} of {len(known.answers)} properties proved"
    return Page(title, tuple(lines), choices, index=min(index, len(choices) - 1), name="properties")


def answer_lines(answer: PropertyAnswer) -> Iterator[Runs]:
    """Mark and name, and below them what was found."""
    mark, style = MARKS[answer.status]
    yield (f"{mark} ", style), (safe(answer.stated.name), "strong")
    yield from (((f"    {part}", "soft"),) for part in wrap(safe(answer.reason), WIDTH - 4))


def witnesses(answers: tuple[PropertyAnswer, ...]) -> Iterator[Choice]:
    """A choice for each broken property that puts its request into the simulator, a few at most."""
    broken = [answer for answer in answers if answer.http is not None and answer.request is not None]
    for answer in broken[:MAX_WITNESSES]:
        assert answer.http is not None and answer.request is not None
        probe = probe_of(answer.http, answer.request, answer.client)
        if probe is not None:
            title, detail = f"Try it: {safe(answer.stated.name)}", safe(request_line(answer.http))
            yield Choice("properties.try", title, detail=detail, arguments=(("probe", probe),))


@action("properties.arrived", "The properties were proved", hidden=True)
def _arrived(document: Document, content: Content, found: Properties | None, took_s: float) -> Result:
    """While a rule is half typed nothing is known (None), and the last answers stay, unless the file is another."""
    known = document.properties
    if found is not None:
        document = replace(document, properties=found if found.answers else None)
    elif known is not None and known.content.file.path != content.file.path:
        document = replace(document, properties=None)
    page = document.overlay
    if isinstance(page, Page) and page.name == "properties" and document.properties is not None:
        document = replace(document, overlay=replace(_page(document, document.properties, page.index), top=page.top))
    return Done(document, (Proved(content, took_s),))


@action("properties.try", "Try a request that breaks a property", hidden=True)
def _try(document: Document, probe: Probe) -> Result:
    return with_request_tried(document, probe, "a request that breaks a property tried")
