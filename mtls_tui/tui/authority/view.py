"""The certificate authority's board: the store, its certificates with status and days left, and one in detail."""

from __future__ import annotations

from pathlib import Path

from mtls_tui.tui.authority.state import AuthorityState, CertificateRow, Store, authority_of, trusted_by
from mtls_tui.tui.drawing.line import Click, Line, LineBuilder, text_line
from mtls_tui.tui.drawing.safe_text import cut, pad, safe, width, wrap
from mtls_tui.tui.state.document import Document

HEAD = 4
"""Lines above the list."""
DETAIL = 5
"""Lines below it, where there is room."""
_STATUS = {"valid": "good", "expired": "faint", "revoked": "bad", "on hold": "warn", "not yet valid": "warn"}
_STATES = {"good": "soft", "warn": "warn", "bad": "bad"}


def detail_height(height: int) -> int:
    """Lines for the certificate under the cursor."""
    return DETAIL if height >= 16 else 2


def room_for_rows(document: Document, height: int) -> int:
    """How many rows of the list are shown."""
    return max(1, height - HEAD - detail_height(height))


def authority_lines(document: Document, total: int, height: int) -> list[Line]:
    """The lines of the whole board."""
    state = authority_of(document)
    lines = _head(document, state, total)
    store = state.store
    if store is None:
        return [*lines, text_line("   reading the store …", "faint", total)]
    if store.problem:
        return [*lines, *_nothing(store, total)]
    room = room_for_rows(document, height)
    shown = state.shown
    top = max(0, min(document.view.tops.get("authority", 0), len(shown) - room))
    columns = _columns(shown, total)
    lines.append(_titles(columns, total))
    at = min(state.index, max(0, len(shown) - 1))
    for place, row in enumerate(shown[top : top + room], top):
        lines.append(_row(row, place, columns, total, here=place == at))
    if not shown:
        lines.append(text_line("   nothing fits; / changes the search, x clears it", "soft", total))
    elif len(store.rows) == 1:
        lines.append(text_line("   nothing issued yet: n issues the first certificate", "soft", total))
    lines += [Line()] * (HEAD + room - len(lines))
    return lines + _detail(document, state, total, detail_height(height))


def _head(document: Document, state: AuthorityState, total: int) -> list[Line]:
    store = state.store
    first = LineBuilder().add(" Certificate authority  ", "accent-strong")
    own = store.own if store is not None else None
    if own is not None:
        first.add(safe(own.name), "strong")
    if state.doing:
        first.add(f"  … {state.doing}", "warn")
    add_path(first, state.folder, document, total, "/")
    second = LineBuilder().add(" ")
    if store is not None and not store.problem:
        soon = sum(row.soon for row in store.rows)
        if soon:
            second.add(f"{soon} end{'s' if soon == 1 else ''} soon !", "warn").add(" · ", "faint")
        second.add(store.crl, _STATES[store.crl_state])
        second.add(" · key encrypted" if store.encrypted else " · key not encrypted", "faint")
        if state.query:
            second.add(f" · search “{safe(state.query)}”: {len(state.shown)} of {len(store.rows)}", "accent")
    return [first.line(total), second.line(total), Line()]


def add_path(out: LineBuilder, path: Path | None, document: Document, total: int, ending: str = "") -> None:
    """A path at the right edge, relative to the rule file when it is below it; cut, its end tells more."""
    folder, room = document.content.file.folder.absolute(), total - out.at - 3
    if path is None or room <= 12:
        return
    below = path.is_relative_to(folder) and path != folder
    text = safe(f"{path.relative_to(folder) if below else path}{ending}")
    text = text if width(text) <= room else "…" + text[-(room - 1) :]
    out.right([(text, "faint"), (" ", "text")], total)


def _nothing(store: Store, total: int) -> list[Line]:
    lines = [
        text_line("   " + part, "text" if store.missing else "bad", total) for part in wrap(store.problem, total - 6)
    ]
    lines.append(Line())
    if store.missing:
        lines.append(LineBuilder().add("   i", "key").add(" makes an authority, ", "soft").add("o", "key").add(
            " opens another folder", "soft").line(total))  # fmt: skip
    return lines


def _columns(rows: tuple[CertificateRow, ...], total: int) -> tuple[int, int, int]:
    """Widths of name, status and what is left."""
    status = max([6, *(width(row.status_words) for row in rows[:500])])
    status = min(status, 32 if total >= 100 else 24)
    left = 14
    name = max([12, *(width(safe(row.name)) + (row.kind != "issued") * 2 for row in rows[:500])])
    return min(name, max(12, total - status - left - (29 if total >= 100 else 7))), status, left


def _titles(columns: tuple[int, int, int], total: int) -> Line:
    out = LineBuilder().add("   " + pad("name", columns[0]) + "  " + pad("status", columns[1]) + "  ", "faint")
    out.add(pad("time left", columns[2]), "faint")
    if total >= 100:
        out.add("  " + pad("ends", 10) + "  serial", "faint")
    return out.line(total)


def _row(row: CertificateRow, place: int, columns: tuple[int, int, int], total: int, *, here: bool) -> Line:
    out = LineBuilder(click=Click("authority.click", {"index": place}))
    out.add(" ▌ " if here else "   ", "accent-strong")
    mark = {"own": "● ", "foreign": "○ ", "issued": ""}[row.kind]
    style = "accent-strong" if here else "strong" if row.kind == "own" else "text"
    out.add(pad(mark + safe(row.name), columns[0]), style).add("  ")
    out.add(pad(row.status_words, columns[1]), "warn" if row.soon else _STATUS.get(row.status, "soft")).add("  ")
    over = row.status in ("expired", "revoked")
    out.add(pad(row.left_words, columns[2]), "faint" if over else "warn" if row.soon else "soft")
    if total >= 100:
        out.add("  " + pad(row.ends[:10], 10), "faint").add("  " + safe(row.serial), "faint")
    return out.line(total)


def _detail(document: Document, state: AuthorityState, total: int, room: int) -> list[Line]:
    row = state.row
    if row is None:
        return []
    what = {"own": "this authority", "issued": "issued here", "foreign": "another authority, imported"}[row.kind]
    lines = [text_line("─" * total, "line", total)] if room > 2 else []
    head = LineBuilder().add(" ").add(safe(row.subject) or "(no subject)", "strong").add(f"  {what}", "faint")
    lines.append(head.line(total))
    words = f"{row.status_words} · {'ended' if row.days_left < 0 else 'ends'} {row.ends} · {row.left_words}"
    lines.append(text_line(" " + words, "soft", total))
    if room > 2:
        second = f" serial {row.serial} · sha256 {row.fingerprint}"
        lines.append(text_line(cut(second, total - 1), "faint", total))
        third = [f"names {safe(row.names)}"] if row.names else []
        third += [f"file {safe(row.file)}"] if row.file else []
        if row.kind != "issued":
            trusting = trusted_by(document, row, state)
            third.append(f"trusted by {', '.join(trusting)}" if trusting else "no host of the rule file trusts it: a")
        lines.append(text_line(" " + " · ".join(third), "soft", total))
    return lines
