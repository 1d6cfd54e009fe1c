"""The builder: the selected rule as rails and rows, each with its truth mark and the value it saw."""

from __future__ import annotations

from mtls_tui.tui.builder.words import ACTION_WORDS, MATCH_WORDS
from mtls_tui.tui.drawing.line import Click, Line, LineBuilder, text_line
from mtls_tui.tui.drawing.safe_text import cut, safe, width
from mtls_tui.tui.layout.geometry import Box
from mtls_tui.tui.layout.scroll import top_of
from mtls_tui.tui.state.content import edited_rule_of
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.recent import recent
from mtls_tui.tui.state.results import Mark
from mtls_tui.tui.state.rows import BuilderRow, Part, rows_of

_STYLES = {
    "field": "field", "function": "accent", "index": "soft", "operator": "operator", "value": "value", "not": "word",
    "join": "strong", "mark": "soft", "constant": "word",
}  # fmt: skip


class Columns:
    """Where the columns of the rows begin, for one width."""

    def __init__(self, rows: tuple[BuilderRow, ...], total: int) -> None:
        self.seen = max(8, min(30, total // 5))
        self.mark = total - self.seen - 3
        compared = [row for row in rows if any(part.sort == "operator" and part.column != "left" for part in row.parts)]
        lefts = [_left_width(row) for row in compared]
        operators = [_column_width(row, "operator") for row in compared]
        room = self.mark - 4
        widest = max([0, *(left for left in lefts if left <= room // 2)])
        self.operator = 3 + widest + 2
        most = 22 if self.mark - self.operator >= 48 else 13
        self.value = self.operator + min(max([0, *operators]), most) + 2


def _left_width(row: BuilderRow) -> int:
    lead = 2 * row.depth + (2 if row.depth else 0)
    return lead + sum(width(safe(part.text)) for part in row.parts if part.column == "left") + _nots(row)


def _nots(row: BuilderRow) -> int:
    return sum(2 for part in row.parts if part.sort == "not")


def _column_width(row: BuilderRow, column: str) -> int:
    return sum(width(safe(part.text)) for part in row.parts if part.column == column)


@recent(4)
def columns_of(rows: tuple[BuilderRow, ...], total: int) -> Columns:
    """The columns of rows."""
    return Columns(rows, total)


def heading(document: Document, total: int) -> Line:
    """The rule's name, action, place and state."""
    rule, index = document.rule, document.rule_index
    out = LineBuilder()
    active = document.view.focus == "builder"
    out.add(" Rule  ", "accent-strong" if active else "soft")
    if rule is None or index is None:
        return out.add("none selected", "soft").line(total)
    out.add(cut(safe(rule.ref), max(8, total // 3)), "strong")
    action = ACTION_WORDS.get(rule.action, rule.action)
    if rule.action == "block":
        status = rule.response.status if rule.response else 403
        action = f"{action} {status}"
    out.add("   ").add(action, "text", Click("rule.action"))
    if rule.shadow:
        out.add("  shadow: blocks nothing", "warn")
    state = ("● enabled", "good") if rule.enabled else ("○ disabled", "warn")
    return out.right(
        [(f"{index + 1} of {len(document.content.file.rules)}   ", "soft"), state, (" ", "text")], total
    ).line(total)


def head_height(height: int) -> int:
    """Lines above the rows, by the pane's height."""
    return 4 if height >= 12 else 2 if height >= 8 else 1


def room_for_rows(document: Document, height: int) -> int:
    """Rows that fit."""
    return max(1, height - head_height(height))


def row_y(document: Document, builder: Box) -> int:
    """The screen line of the row under the cursor."""
    head = head_height(builder.height)
    room = room_for_rows(document, builder.height)
    rows = document.rows
    top = top_of(document, "builder", document.row_index, room, len(rows))
    return builder.y + head + document.row_index - top


def builder_lines(document: Document, total: int, height: int) -> list[Line]:
    """The lines of the whole pane."""
    lines = [heading(document, total)]
    rule = document.rule
    if rule is None:
        lines += [Line(), text_line("   No rule yet. Press n for a new mTLS rule.", "soft", total)]
        return lines
    head = head_height(height)
    if head == 4:
        lines.append(text_line(f" {rule.description}" if rule.description else "", "soft", total))
    if head >= 2:
        lines.append(text_line("   When an incoming request matches", "faint", total))
    if head == 4:
        lines.append(Line())
    return lines + _rows(document, total, room_for_rows(document, height))


def _rows(document: Document, total: int, room: int) -> list[Line]:
    rows = document.rows
    if not rows:
        return _broken(document, total)
    columns = columns_of(rows, total)
    cursor = document.row_index
    top = top_of(document, "builder", cursor, room, len(rows))
    shown = [row_line(document, rows[index], index, columns, total) for index in range(top, min(len(rows), top + room))]
    if top > 0 and shown:
        shown[0] = shown[0].with_right(f"↑ {top}", "faint", total)
    hidden = len(rows) - top - room
    if hidden > 0 and shown:
        shown[-1] = shown[-1].with_right(f"↓ {hidden}", "faint", total)
    return shown


def _broken(document: Document, total: int) -> list[Line]:
    edited = document.edited_rule
    lines = [text_line("   ✗ the expression does not parse", "bad-strong", total)]
    if edited is not None and edited.error is not None:
        error = edited.error
        lines.append(text_line(f"     {error.line}:{error.column} {error.message}", "bad", total))
        if error.hint:
            lines.append(text_line(f"     {error.hint}", "soft", total))
    return [*lines, Line(), LineBuilder().add("   t edits it as text", "soft", Click("text.open")).line(total)]


def row_line(document: Document, row: BuilderRow, index: int, columns: Columns, total: int) -> Line:
    """The line of one row."""
    here = index == document.row_index
    active = here and document.view.focus == "builder"
    out = LineBuilder(click=Click("row.click", {"index": index, "part": 0}))
    out.add(" ▌ " if here else "   ", "accent-strong" if active else "faint")
    out.add("│ " * row.depth, "rail")
    if row.kind == "close":
        out.add("╰", "rail")
        return out.line(total)
    out.add("╭ " if row.kind == "open" else ("  " if row.depth else ""), "rail")
    _parts(out, document, row, index, columns, active=active)
    mark = _mark(document, row)
    out.to(columns.mark, minimum=1)
    if row.muted:
        out.add("muted", "faint")
    elif mark is not None:
        _add_mark(out, mark, document, row, columns)
    return out.line(total)


def _parts(
    out: LineBuilder, document: Document, row: BuilderRow, index: int, columns: Columns, *, active: bool
) -> None:
    place = -1
    column = "left"
    for part in row.parts:
        if part.sort != "mark":
            place += 1
        if part.column != column:
            column = part.column
            out.to(columns.operator if column == "operator" else columns.value, minimum=2)
        chosen = active and part.sort != "mark" and place == min(document.view.part, len(row.editable) - 1)
        style = "part" if chosen else ("muted" if row.muted else _style(part))
        room = columns.mark - 1 - out.at
        text = cut(safe(part.text), max(1, room)) if room > 0 else ""
        if chosen and not text:
            text = "…"
        out.add(text, style, Click("row.click", {"index": index, "part": max(0, place)}))
        if part.sort == "not":
            out.add("  " if row.kind == "clause" and column == "left" and part is row.parts[0] else " ")


def _style(part: Part) -> str:
    return _STYLES[part.sort]


def _mark(document: Document, row: BuilderRow) -> Mark | None:
    results = document.results
    return results.marks.get(row.path) if results is not None and marks_hold(document) else None


@recent(2)
def _at_the_same_places(rows: tuple[BuilderRow, ...], others: tuple[BuilderRow, ...]) -> bool:
    return len(rows) == len(others) and all(
        one.path == other.path and one.kind == other.kind and one.muted == other.muted
        for one, other in zip(rows, others, strict=True)
    )


def marks_hold(document: Document) -> bool:
    """Whether the marks are of the rows that are shown.

    While a verdict is being computed the last marks stay as long as no edit moved a row: a mark must never
    stand beside another clause than the one it was made for.
    """
    results, ref = document.results, document.view.rule
    if results is None or results.rule != ref:
        return False
    if results.content is document.content:
        return True
    try:
        before = edited_rule_of(results.content, ref)
    except KeyError:
        return False
    made_for = rows_of(before.full, before.muted) if before.full is not None and before.broken is None else ()
    return _at_the_same_places(document.rows, made_for)


MARK_STYLES = {"true": "good", "false": "bad", "not reached": "faint", "unknown": "warn"}


def _add_mark(out: LineBuilder, mark: Mark, document: Document, row: BuilderRow, columns: Columns) -> None:
    style = MARK_STYLES[mark.truth]
    out.add(mark.sign, style)
    rule = document.rule
    if row.path == () and row.kind == "open" and rule is not None:
        words = MATCH_WORDS.get(rule.action, "MATCHES") if mark.truth == "true" else "no match"
        if mark.truth in {"true", "false"}:
            strong = "bad-strong" if mark.truth == "true" and words != "LOGS" else "soft"
            out.add("  ").add(words, strong)
        return
    if mark.seen:
        out.add("  ").add(cut(safe(mark.seen), columns.seen - 2), "soft" if mark.truth != "not reached" else "faint")
