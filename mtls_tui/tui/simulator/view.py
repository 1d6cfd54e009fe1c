"""The simulator: one request and what it gets, why, and what would change it; and the table of saved requests."""

from __future__ import annotations

from mtls_tui.tui.drawing.line import Click, Line, LineBuilder, text_line
from mtls_tui.tui.drawing.safe_text import cut, pad, safe, width
from mtls_tui.tui.layout.geometry import HOSTS_WIDTH
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.simulator.fields import FIELDS
from mtls_tui.tui.state.content import Probe
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.results import Case

_OUTCOMES = {"BLOCKED": "bad", "allowed": "good", "?": "warn"}


def shown_field(probe: Probe, name: str) -> str:
    """A field of the request as the line shows it."""
    match name:
        case "method":
            return probe.method or "GET"
        case "url":
            return probe.url or "https://…"
        case "certificate":
            return "pasted certificate" if probe.pem else probe.certificate or "none"
        case "ip":
            return probe.ip or "127.0.0.1"
        case "at":
            return probe.at or "now"
        case "headers":
            return _counted(len(probe.headers), "header")
        case "body":
            return f"body {len(probe.body.encode())} B" if probe.body else "no body"
        case _:
            return _counted(len(probe.overrides), "override")


def _counted(count: int, word: str) -> str:
    return f"no {word}s" if not count else f"{count} {word}" if count == 1 else f"{count} {word}s"


LABELS = {"method": "", "url": "", "certificate": "cert ", "ip": "from ", "at": "at "}


def simulator_lines(document: Document, total: int, height: int, *, wide: bool, hosts: int = HOSTS_WIDTH) -> list[Line]:
    """The whole pane; in the narrow arrangement without the verdict, which has a pane of its own there."""
    lines: list[Line] = []
    if wide:
        rule = "─" * (hosts - 1) + "┴" + "─" * max(0, total - hosts)
        lines.append(text_line(rule, "line", total))
    lines.append(request_line(document, total))
    if wide:
        lines += verdict_lines(document, total)
    room = height - len(lines)
    return lines + table_lines(document, total, room)


def request_line(document: Document, total: int) -> Line:
    """The request field by field, with the cursor's field marked."""
    probe = document.content.probe
    active = document.view.focus == "simulator"
    row, column = document.view.simulator_at
    out = LineBuilder()
    out.add(" Simulator  ", "accent-strong" if active else "soft", Click("pane.focus", {"pane": "simulator"}))
    for place, name in enumerate(FIELDS):
        if name in {"headers", "body", "overrides"} and not getattr(probe, name) and total < 150 and not active:
            continue
        chosen = active and row == 0 and place == column
        text = safe(shown_field(probe, name))
        room = {"url": max(16, total // 3), "certificate": max(12, total // 5)}.get(name, 24)
        out.add(LABELS.get(name, ""), "faint")
        style = "part" if chosen else "strong" if name in {"method", "url"} else "text"
        out.add(cut(text, room), style, Click("simulator.click", {"row": 0, "column": place}))
        out.add("  " if name != "method" else " ")
        if name == "certificate" and document.results is not None:
            known = document.results.certificate
            if known.text and probe.certificate != "none" and total >= 110:
                style = {"good": "soft", "warn": "warn", "bad": "bad", "none": "faint"}[known.state]
                out.add(cut(f"({safe(known.text)})", max(10, total // 4)), style).add("  ")
    return out.line(total)


def verdict_lines(document: Document, total: int) -> list[Line]:
    """The verdict: blocked or allowed, by which rule, why, and what would flip it."""
    results = document.results
    first, second = LineBuilder().add(" "), LineBuilder().add("   ")
    if results is None:
        return [first.add("… working it out", "soft").line(total), Line()]
    if results.problem:
        first.add("? can't be told: ", "warn").add(results.problem, "text")
        return [first.line(total), Line()]
    verdict = results.verdict
    if verdict is None:
        return [first.add("no request yet: Tab goes to the simulator, ⏎ edits it", "soft").line(total), Line()]
    if verdict.blocked:
        first.add(" ■ BLOCKED ", "blocked")
        first.add("  by ").add(
            f"{verdict.number} {verdict.rule}", "strong", Click("rule.select", {"key": verdict.rule})
        )
    else:
        first.add(" □ ALLOWED ", "allowed").add("  ")
        if not verdict.reason:
            first.add("no rule blocks it", "text")
    if verdict.reason:
        first.add(", " if verdict.blocked else "").add(verdict.reason, "text")
    if verdict.logged:
        first.add(f" · logged by {', '.join(verdict.logged)}", "soft")
    if verdict.flips:
        second.add("to let it in: " if verdict.blocked else "to block it: ", "faint")
        second.add(" · ".join(verdict.flips), "soft")
    return [first.line(total), second.line(total)]


def table_lines(document: Document, total: int, room: int) -> list[Line]:
    """Saved requests and the file's tests: before this edit and now."""
    results = document.results
    if room < 2 or results is None:
        return []
    cases = results.cases
    if not cases:
        hint = LineBuilder().add("   s saves this request here: every edit then shows who is newly locked out", "faint")
        return [hint.line(total)]
    active = document.view.focus == "simulator"
    at = document.view.simulator_at[0] - 1
    wide = min(max(width(safe(case.request)) for case in cases), max(20, total - 54))
    cert = min(max([11, *(width(safe(case.certificate)) for case in cases)]), 24)
    head = LineBuilder().add("   ")
    head.add(pad("request", wide) + "  " + pad("certificate", cert) + "  " + pad("before", 9) + "now", "faint")
    lines = [head.line(total)]
    top = scrolled(document.view.tops.get("cases", 0), max(0, at), room - 1, len(cases), 0)
    for place, case in enumerate(cases[top : top + room - 1], top):
        lines.append(_case_line(case, place, (wide, cert), total, here=active and place == at))
    failed, changed = sum(case.failed for case in cases), sum(case.changed for case in cases)
    lines[0] = _summary(lines[0], len(cases), changed, failed, total)
    return lines


def _summary(head: Line, count: int, changed: int, failed: int, total: int) -> Line:
    text = (
        f"{count} request{'s' if count > 1 else ''}"
        + (f" · {changed} changed" if changed else "")
        + (f" · {failed} test{'s fail' if failed > 1 else ' fails'}" if failed else "")
    )
    return head.with_right(text, "bad" if failed else "warn" if changed else "faint", total - 1)


def _case_line(case: Case, place: int, widths: tuple[int, int], total: int, *, here: bool) -> Line:
    out = LineBuilder(click=Click("simulator.click", {"row": place + 1, "column": 0}))
    out.add(" ▌ " if here else "   ", "accent-strong")
    out.add(pad(safe(case.request), widths[0]), "strong" if here else "text").add("  ")
    out.add(pad(safe(case.certificate), widths[1]), "soft").add("  ")
    out.add(pad(case.before or "–", 9), _OUTCOMES.get(case.before, "faint"))
    out.add(
        pad(case.now, 9), (_OUTCOMES.get(case.now, "soft")) + ("-strong" if case.changed and case.now != "?" else "")
    )
    if case.problem:
        out.add(case.problem, "warn")
    elif case.failed:
        out.add(f"✗ test expects {case.expected}", "bad")
        if case.changed:
            out.add(" ← changed by this edit", "warn")
    elif case.changed:
        out.add("← changed by this edit", "warn")
    elif case.expected:
        out.add("✓ test", "faint")
    return out.line(total)
