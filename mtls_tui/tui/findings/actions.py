"""What lint found: the list, the way to the row, and applying the fix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mtls_tui.lang.edit import Refusal
from mtls_tui.lang.tree import clause_path, path_at
from mtls_tui.rulefile import RuleFile
from mtls_tui.tui.builder.cursor_actions import on_row
from mtls_tui.tui.drawing.safe_text import wrap
from mtls_tui.tui.findings.effects import Linted
from mtls_tui.tui.hosts.list_actions import select
from mtls_tui.tui.registry.register import Done, Result, action
from mtls_tui.tui.state.content import Content, edited_rule_of, with_edited_rule
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.edited_rule import EditedRule
from mtls_tui.tui.state.findings import Findings, counted, host_of
from mtls_tui.tui.state.overlays import Page
from mtls_tui.tui.state.recent import recent
from mtls_tui.tui.state.rows import row_at, rows_of

if TYPE_CHECKING:
    from mtls_tui.analysis import Found

WIDTH = 72
"""Cells of a line: it fits 80 columns."""
_SIGNS = {"error": ("✗", "bad"), "warning": ("!", "warn"), "info": ("·", "soft")}
_WAIT = "the rules were edited since: wait a moment until they have been checked again"

Runs = tuple[tuple[str, str], ...]


@action("findings.open", "Warnings", keys="i f3")
def _open(document: Document) -> Result:
    """What lint found in the rules: where it is and how to fix it."""
    current = document.findings is not None and document.findings.content is document.content
    if not current and document.results is not None and document.results.problems:
        return Refusal("solve the problems of the file first: F11 shows them")
    if document.findings is None:
        return Refusal("the rules are being checked: try again in a moment")
    if not document.findings.found:
        return replace(document.with_notice("no warnings", "good"), overlay=None)
    found = document.findings.found
    here = next((place for place, one in enumerate(found) if one.rule and one.rule == document.view.rule), 0)
    return replace(document, overlay=_page(document, here))


def _page(document: Document, index: int) -> Page:
    assert document.findings is not None
    found, file = document.findings.found, document.findings.content.file
    plain = _plain(document.findings)
    index = max(0, min(index, len(found) - 1))
    lines: list[Runs] = []
    top = 0
    for place, one in enumerate(found):
        if place == index:
            top = len(lines)
        lines += _lines(one, file, here=True) if place == index else plain[place]
    warnings = sum(one.severity != "info" for one in found)
    remarks = len(found) - warnings
    words = [counted(warnings)] * bool(warnings) + [counted(remarks, "remark")] * bool(remarks)
    foot = f"⏎ go there · {'f fix · ' if _has_fix(found[index]) else ''}"
    return Page(", ".join(words), tuple(lines), index=index, top=top, name="findings", foot=foot)


@recent(1)
def _plain(findings: Findings) -> list[list[Runs]]:
    """The lines of every finding while it isn't selected. Cached: a thousand are shown again at each step."""
    return [_lines(one, findings.content.file, here=False) for one in findings.found]


def _has_fix(one: Found) -> bool:
    return one.finding is not None and one.finding.fix is not None


def _lines(one: Found, file: RuleFile, *, here: bool) -> list[Runs]:
    sign, style = _SIGNS[one.severity]
    word = "remark" if one.severity == "info" else one.severity
    lead = "▸ " if here else "  "
    problem = one.problem
    message = one.finding.message if one.finding is not None else problem.message
    place = f"line {problem.line}" + (f":{problem.column}" if problem.column else "")
    name = one.rule or host_of(one, file)
    head = f"{name} · {place}" if name else place
    text = "strong" if here else "text"
    lines: list[Runs] = [
        ((lead, "accent-strong"), (f"{sign} {word} ", style), (problem.code, text), (f"  {head}", "soft"))
    ]
    lines += [((f"    {part}", text),) for part in wrap(message, WIDTH - 4)]
    lines += [((f"    {part}", "soft"),) for part in wrap(problem.cure, WIDTH - 4)]
    if _has_fix(one) and one.finding is not None:
        parts = wrap(f"f writes {one.finding.fix}" if one.finding.fix else "f removes it", WIDTH - 4)
        lines += [((f"    {part}", "accent" if here else "faint"),) for part in parts]
    return lines


@action("findings.arrived", "Lint has run", hidden=True)
def _arrived(document: Document, content: Content, found: Findings | None, took_s: float) -> Result:
    """While a rule is half typed lint gives None, and the last findings stay unless another file was opened."""
    known = document.findings
    if found is not None:
        document = renewed(replace(document, findings=found))
    elif known is not None and known.content.file.path != content.file.path:
        document = replace(document, findings=None)
    return Done(document, (Linted(content, took_s),))


def renewed(document: Document) -> Document:
    """With the open list of findings brought up to date after a run of lint."""
    page = document.overlay
    if not isinstance(page, Page) or page.name != "findings" or document.findings is None:
        return document
    if not document.findings.found:
        return replace(document.with_notice("no warnings left", "good"), overlay=None)
    return replace(document, overlay=_page(document, page.index))


def stepped(document: Document, step: int) -> Document:
    """With another finding of the list selected."""
    assert isinstance(document.overlay, Page)
    if document.findings is None or not document.findings.found:
        return document
    return replace(document, overlay=_page(document, document.overlay.index + step))


def _chosen(document: Document) -> Found | Refusal:
    page, findings = document.overlay, document.findings
    assert isinstance(page, Page)
    if findings is None or findings.content is not document.content or not findings.found:
        return Refusal(_WAIT)
    return findings.found[min(page.index, len(findings.found) - 1)]


def go(document: Document) -> Result:
    """Go to the row, the rule or the host that the finding is about."""
    one = _chosen(document)
    if isinstance(one, Refusal):
        return one
    document = replace(document, overlay=None)
    if not one.rule:
        return _to_host(document, host_of(one, document.content.file), one)
    document = select(document, one.rule).with_view(focus="builder", text=None, completing=False)
    if one.finding is None or one.finding.span is None:
        return on_row(document, 0)
    return on_row(document, _row_of(document, one.finding.span.start), 0)


def _to_host(document: Document, host: str, one: Found) -> Result:
    there = document.with_view(focus="hosts", at_host=host if host else document.view.at_host)
    return there.with_notice(one.problem.message)


def _row_of(document: Document, offset: int) -> int:
    """The row of the builder for a place in the rule's text, which leaves muted rows out."""
    edited = document.edited_rule
    if edited is None or edited.effective is None:
        return 0
    path = clause_path(edited.effective, path_at(edited.effective, offset))
    plain = rows_of(edited.effective)
    index = row_at(plain, path)
    if not edited.muted:
        return index
    clauses = [place for place, row in enumerate(document.rows) if row.kind == "clause" and not row.muted]
    before = sum(row.kind == "clause" for row in plain[:index])
    return clauses[min(before, len(clauses) - 1)] if clauses else 0


def _no_fix(document: Document) -> str:
    page = document.overlay
    if not isinstance(page, Page) or page.name != "findings":
        return ""
    one = _chosen(document)
    if isinstance(one, Refusal):
        return one.reason
    return "" if _has_fix(one) else "there is no clear fix for this one: ⏎ goes to the row"


@action("findings.fix", "Apply the fix", where="page", keys="f", enabled=_no_fix)
def _fix(document: Document) -> Result:
    """In the list of warnings: apply the suggested fix to the rule, if there is one; undo takes it back."""
    page = document.overlay
    if not isinstance(page, Page) or page.name != "findings":
        return document
    one = _chosen(document)
    if isinstance(one, Refusal):
        return one
    from mtls_tui.analysis import fixed

    assert one.finding is not None
    edited = edited_rule_of(document.content, one.rule)
    if edited.muted:
        return Refusal("some rows of the rule are muted: bring them back (space) or delete them first")
    changed = fixed(edited.full, one.finding) if edited.full is not None and edited.broken is None else None
    if changed is None:
        return Refusal("the fix no longer fits the rule: ⏎ goes to the row")
    content = with_edited_rule(document.content, one.rule, EditedRule(changed))
    there = select(document, one.rule).with_view(text=None, completing=False)
    done = there.with_content(content, f"fixed {one.problem.code}", path=(), part=0, closing=False)
    return replace(done, overlay=page).with_notice(f"fixed {one.problem.code} in {one.rule}; u undoes")
