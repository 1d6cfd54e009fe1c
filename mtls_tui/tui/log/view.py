"""The live log's board: the gateway's decisions, newest below, and the one under the cursor in detail."""

from __future__ import annotations

from mtls_tui.tui.authority.view import add_path
from mtls_tui.tui.drawing.line import Click, Line, LineBuilder, text_line
from mtls_tui.tui.drawing.safe_text import cut, pad, safe, width, wrap
from mtls_tui.tui.log.state import LogEntry, TailState, log_of
from mtls_tui.tui.state.document import Document

HEAD = 4
"""Lines above the list."""
DETAIL = 6
"""Lines below it, where there is room."""
CERTIFICATE = 24
"""Columns of the certificate, on a wide screen."""


def detail_height(height: int) -> int:
    """Lines for the entry under the cursor."""
    return DETAIL if height >= 16 else 3


def room_for_rows(document: Document, height: int) -> int:
    """How many entries are shown."""
    return max(1, height - HEAD - detail_height(height))


def tail_lines(document: Document, total: int, height: int) -> list[Line]:
    """The lines of the whole board."""
    state = log_of(document)
    room = room_for_rows(document, height)
    lines = [_first(document, state, total), _second(state, total), Line()]
    shown = state.shown
    top = max(0, min(document.view.tops.get("tail", 0), len(shown) - room))
    columns = _columns(shown[top : top + room], total)
    lines.append(_titles(columns, total))
    for place, entry in enumerate(shown[top : top + room], top):
        lines.append(_row(state, entry, columns, total, here=place == state.index))
    if not shown:
        lines += _nothing(state, total)
    lines = lines[: HEAD + room]
    lines += [Line()] * (HEAD + room - len(lines))
    chosen = state.entry
    return lines + (_detail(state, chosen, total, detail_height(height)) if chosen is not None else [])


def _first(document: Document, state: TailState, total: int) -> Line:
    out = LineBuilder().add(" Live log  ", "accent-strong")
    if state.paused:
        out.add("‖ paused", "warn").add(f" · {len(state.waiting)} waiting", "warn" if state.waiting else "faint")
    elif state.at is not None:
        out.add("▸ following, cursor held", "soft")
    else:
        out.add("▸ following", "good")
    add_path(out, state.path, document, total)
    return out.line(total)


def _second(state: TailState, total: int) -> Line:
    out = LineBuilder().add(" ")
    if state.filters:
        out.add(f"{len(state.shown)} of {len(state.entries)}: {' · '.join(state.filters)}", "accent")
    else:
        blocked = sum(one.blocked for one in state.entries)
        out.add(f"{len(state.entries)} lines, {blocked} blocked", "soft")
    if state.unreadable:
        out.add(f" · {state.unreadable} line{'' if state.unreadable == 1 else 's'} can't be read", "warn")
    if state.skipped:
        out.add(f" · {state.skipped // 1024} KiB passed unseen", "warn")
    if state.problem and state.entries:
        out.add(f" · {state.problem}", "bad")
    return out.line(total)


def _nothing(state: TailState, total: int) -> list[Line]:
    if state.problem:
        return [text_line("   " + part, "bad", total) for part in wrap(state.problem, total - 6)]
    if state.entries:
        text = "nothing fits the filter; x clears it"
    elif state.path is None:
        text = "which log? o chooses the file that the gateway writes (serve --log FILE)"
    else:
        text = "nothing yet: requests appear here as the gateway decides on them"
    return [text_line(f"   {text}", "soft", total)]


def _columns(entries: tuple[LogEntry, ...], total: int) -> tuple[int, int]:
    """Widths of the rule and of the request."""
    rule = min(max([4, *(width(safe(rule_words(one))) for one in entries)]), 22 if total >= 100 else 14)
    cert = CERTIFICATE if total >= 100 else 0
    return rule, max(12, total - 3 - 12 - 2 - 13 - 2 - rule - 2 - (cert + 2 if cert else 1))


def _titles(columns: tuple[int, int], total: int) -> Line:
    out = LineBuilder().add("   " + pad("time (UTC)", 12) + "  " + pad("verdict", 13) + "  ", "faint")
    out.add(pad("rule", columns[0]) + "  " + pad("request", columns[1]), "faint")
    if total >= 100:
        out.add("  certificate", "faint")
    return out.line(total)


def rule_words(entry: LogEntry) -> str:
    """Which rule decided, or that none did."""
    return entry.rule or ("–" if entry.kind == "decision" else "")


def verdict_words(entry: LogEntry) -> tuple[str, str]:
    """The outcome, as a sign with a word, and its style."""
    if entry.kind == "answer":
        return f"▪ answer {entry.status[:4]}", "warn"
    if entry.would:
        return f"□ would {entry.would}", "warn"
    if entry.blocked:
        return "■ BLOCKED", "bad"
    return ("□ allowed", "good") if not entry.logged else ("□ logged", "good")


def certificate_words(state: TailState, entry: LogEntry) -> str:
    """Whose certificate it was, as far as known, and whether it verified."""
    if not entry.fingerprint:
        return "none"
    name = state.names.get(entry.fingerprint) or entry.fingerprint[:12]
    if entry.kind == "answer":
        return name
    return f"✗ {name} revoked" if entry.revoked else f"{'✓' if entry.verified else '✗'} {name}"


def _row(state: TailState, entry: LogEntry, columns: tuple[int, int], total: int, *, here: bool) -> Line:
    out = LineBuilder(click=Click("tail.click", {"number": entry.number}))
    out.add(" ▌ " if here else "   ", "accent-strong")
    verdict, style = verdict_words(entry)
    out.add(pad(safe(entry.clock), 12), "faint").add("  ").add(pad(safe(verdict), 13), style).add("  ")
    out.add(pad(safe(rule_words(entry)), columns[0]), "soft").add("  ")
    request = f"{entry.method} {entry.host}{entry.path}".strip()
    out.add(pad(safe(request), columns[1]), "accent-strong" if here else "text")
    if total >= 100:
        words = certificate_words(state, entry)
        out.add("  ").add(cut(safe(words), CERTIFICATE), "soft" if entry.verified and not entry.revoked else "faint")
    return out.line(total)


def _detail(state: TailState, entry: LogEntry, total: int, room: int) -> list[Line]:
    lines = [text_line("─" * total, "line", total)]
    head = (
        LineBuilder().add(" ").add(entry.method, "strong").add(" ").add(f"https://{entry.host}{entry.path}", "strong")
    )
    lines.append(head.add(f"  from {entry.client}" if entry.client else "", "soft").line(total))
    why = [entry.reason or entry.details or ("no rule blocks it" if not entry.blocked else "")]
    why += [f"logged by {', '.join(entry.logged)}"] if entry.logged else []
    why += ["decided inside Envoy"] if entry.inside else []
    lines.append(text_line(" " + " · ".join(one for one in why if one), "text", total))
    if room > 3:
        out = LineBuilder().add(" ")
        if entry.fingerprint:
            name = state.names.get(entry.fingerprint)
            worth = "revoked" if entry.revoked else "verified" if entry.verified else "not verified"
            worth = "" if entry.kind == "answer" else f"  {worth}"
            out.add(f"certificate {name or 'not known here'}{worth}", "text" if name else "soft")
            out.add(f"  sha256 {entry.fingerprint}", "faint")
        else:
            out.add("no certificate", "soft")
        lines.append(out.line(total))
        lines.append(text_line(" " + entry.certificate_error, "warn", total))
        lines.append(text_line(f" {entry.time}  id {entry.id}" if entry.id else f" {entry.time}", "faint", total))
    return lines[:room]
