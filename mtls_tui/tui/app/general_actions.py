"""Undo, redo, help, the command palette, looks, leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from mtls_tui.tui.app.effects import Copy, Evaluated, KeepSetting, Redraw, TakeMouse
from mtls_tui.tui.drawing.theme import THEMES
from mtls_tui.tui.files.effects import DiscardDraft, Quit
from mtls_tui.tui.registry import boards
from mtls_tui.tui.registry.key_names import key_name
from mtls_tui.tui.registry.parts import CONTEXTS
from mtls_tui.tui.registry.register import (
    ACTIONS,
    Done,
    Refusal,
    Result,
    action,
    context_of,
    go_on,
    held,
)
from mtls_tui.tui.state.document import Document, Notice
from mtls_tui.tui.state.edited_rule import muted_rows
from mtls_tui.tui.state.overlays import Choice, Item, Page, Picker
from mtls_tui.tui.state.results import Results
from mtls_tui.tui.state.view_state import Step


@action("help.open", "Help", keys="f1 ?", footer="help", over_boards=True)
def _help(document: Document) -> Result:
    """What can be done here, with the keys of the focused part first."""
    from mtls_tui.tui.registry.helptext import page_for

    return replace(document, overlay=page_for(document.board or document.view.focus, document))


@action("palette.open", "All commands", keys="ctrl+p f9", over_boards=True)
def _palette(document: Document) -> Result:
    """Search every command by name."""
    return replace(document, overlay=Picker("Commands", palette_items(document), "palette.run"))


def palette_items(document: Document) -> tuple[Item, ...]:
    """Every command, those of the focused part first; a disabled one says why."""
    first = context_of(document)
    order: list[str] = [first, "global", *(context for context in CONTEXTS if context not in (first, "global"))]
    items = []
    for context in order:
        if CONTEXTS[context].floats:
            continue
        for one in ACTIONS.values():
            if one.context != context or one.hidden or one.id == "palette.open":
                continue
            keys = " ".join(key_name(key) for key in held(one, first)[:2])
            items.append(
                Item(
                    one.id,
                    one.title,
                    detail=keys,
                    group=CONTEXTS[context].title,
                    hint=one.help,
                    why_not=one.why_not(document),
                )
            )
    return tuple(items)


@action("palette.run", "Run a command", hidden=True)
def _run(document: Document, key: str) -> Result:
    found = ACTIONS[key]
    return go_on(boards.cleared_for(replace(document, overlay=None), found), found.id)


@action(
    "undo",
    "Undo",
    keys="ctrl+z u",
    footer="undo",
    enabled=lambda document: "" if document.past else "there is nothing to undo",
    over_boards=True,
)
def _undo(document: Document) -> Result:
    """Undo the last edit; continuous typing counts as one."""
    step = document.past[-1]
    back = Step(document.content, document.view, step.title)
    undone = _at_step(document, step, past=document.past[:-1], future=(*document.future, back))
    return undone.with_notice(f"undone: {step.title}")


@action(
    "redo",
    "Redo",
    keys="ctrl+y U",
    enabled=lambda document: "" if document.future else "there is nothing to redo",
    over_boards=True,
)
def _redo(document: Document) -> Result:
    """Redo what was undone."""
    step = document.future[-1]
    forth = Step(document.content, document.view, step.title)
    done = _at_step(document, step, past=(*document.past, forth), future=document.future[:-1])
    return done.with_notice(f"done again: {step.title}")


def _at_step(document: Document, step: Step, *, past: tuple[Step, ...], future: tuple[Step, ...]) -> Document:
    """Another state of the content; focus, tab and looks stay as they are now."""
    now = document.view
    view = replace(step.view, focus=now.focus, tab=now.tab, theme=now.theme, mouse=now.mouse, completing=False)
    there = replace(document, content=step.content, view=view, past=past, future=future, overlay=None)
    if now.text is None:
        return replace(there, view=replace(view, text=None))
    edited = there.edited_rule
    if edited is None:
        return replace(there, view=replace(view, text=None, focus="builder"))
    buffer = replace(now.text, text=edited.text, cursor=min(now.text.cursor, len(edited.text)), anchor=None)
    return replace(there, view=replace(view, text=buffer))


@action("theme.choose", "Theme", keys="f8", over_boards=True)
def _theme(document: Document) -> Result:
    """Choose the colours: dark, light, high contrast, or the terminal's own sixteen."""
    items = tuple(Item(name, palette.title) for name, palette in THEMES.items())
    index = list(THEMES).index(document.view.theme) if document.view.theme in THEMES else 0
    return replace(document, overlay=Picker("Theme", items, "theme.set", index=index))


@action("theme.set", "Set the theme", hidden=True)
def _set_theme(document: Document, key: str) -> Result:
    shown = replace(document.with_view(theme=key), overlay=None)
    return Done(shown, (KeepSetting("theme", key),))


@action("mouse.toggle", "Mouse on or off", keys="f7", over_boards=True)
def _mouse(document: Document) -> Result:
    """Give the mouse back to the terminal, to select and copy there."""
    on = not document.view.mouse
    shown = document.with_view(mouse=on).with_notice("mouse on" if on else "mouse off: the terminal selects text again")
    return Done(shown, (TakeMouse(on),))


@action("screen.redraw", "Redraw the screen", keys="ctrl+l", over_boards=True)
def _redraw(document: Document) -> Result:
    """Clear the terminal and draw everything again."""
    return Done(document, (Redraw(),))


@action("copy.expression", "Copy the expression", keys="ctrl+c f6")
def _copy(document: Document) -> Result:
    """Copy the rule's expression to the clipboard; the message says how."""
    buffer = document.view.text
    text = (
        (buffer.selected or buffer.text)
        if buffer is not None
        else document.edited_rule.text
        if document.edited_rule
        else ""
    )
    if not text:
        return Refusal("there is no expression to copy")
    return Done(document, (Copy(text),))


@action("quit", "Quit", keys="ctrl+q", footer="quit", over_boards=True)
def _quit(document: Document) -> Result:
    """Quit. Unsaved changes stay in the draft, which is offered at the next start."""
    if not document.unsaved:
        return Done(document, (Quit(),))
    choices = (
        Choice("file.save_quit", "Save and quit"),
        Choice("quit.keep", "Quit, keep the draft", detail="offered at the next start"),
        Choice("quit.discard", "Quit and throw the changes away"),
    )
    lines = [(("There are changes that are not in the file.", "text"),)]
    left = muted_rows(document.content.edits)
    if left:
        lines.append(((f"{left} never in the file: only the draft keeps them.", "text"),))
    return replace(document, overlay=Page("Quit", tuple(lines), choices))


@action("quit.keep", "Quit and keep the draft", hidden=True)
def _keep(document: Document) -> Result:
    return Done(replace(document, overlay=None), (Quit(),))


@action("quit.discard", "Quit and throw the changes away", hidden=True)
def _discard(document: Document) -> Result:
    return Done(replace(document, overlay=None), (DiscardDraft(), Quit()))


@action("quit.hint", "How to leave", keys="q :", hidden=True)
def _hint(document: Document) -> Result:
    """How to quit, and where to find every command."""
    return document.with_notice("^Q leaves; ^P finds every command")


# --- what comes back ------------------------------------------------------------------------------------------------


@action("notice.show", "A line for the user", hidden=True)
def _notice(document: Document, text: str, kind: Literal["note", "good", "bad"] = "note") -> Result:
    return document.with_notice(text, kind)


@action("notice.gone", "A line for the user goes", hidden=True)
def _gone(document: Document, notice: Notice) -> Result:
    return replace(document, notice=None) if document.notice is notice else document


@action("results.arrived", "The verdict is worked out", hidden=True)
def _arrived(document: Document, results: Results, took_s: float) -> Result:
    """What would flip the verdict is found later; if the verdict is unchanged, the last answer stays until then."""
    before = document.results
    if results.verdict is not None and before is not None and before.verdict is not None and not results.verdict.flips:
        same = before.verdict.blocked == results.verdict.blocked and before.content.probe == results.content.probe
        if same:
            results = replace(results, verdict=replace(results.verdict, flips=before.verdict.flips))
    return Done(replace(document, results=results), (Evaluated(took_s),))


@action("results.flips", "What would flip the verdict is found", hidden=True)
def _flips(document: Document, results: Results, found: tuple[str, ...]) -> Result:
    if document.results is not results or results.verdict is None or found == results.verdict.flips:
        return document
    return replace(document, results=replace(results, verdict=replace(results.verdict, flips=found)))
