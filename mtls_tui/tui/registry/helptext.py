"""Help and the key table, made from the register of actions. Nothing here is written by hand but the leads."""

from __future__ import annotations

from mtls_tui.tui.drawing.safe_text import wrap
from mtls_tui.tui.registry.key_names import key_name
from mtls_tui.tui.registry.parts import BOARDS, CONTEXTS
from mtls_tui.tui.registry.register import held, in_context, load
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Page


def page_for(context: str, document: Document) -> Page:
    """Help for a part of the screen, then for everything."""
    load()
    lines: list[tuple[tuple[str, str], ...]] = []
    for part in dict.fromkeys((context, "global", *CONTEXTS)):
        actions = [one for one in in_context(part) if held(one, context)]
        if part == "global" and context in BOARDS:
            actions = [one for one in actions if one.over_boards]
        if not actions:
            continue
        if lines:
            lines.append(())
        lines.append(((CONTEXTS[part].title, "accent-strong"),))
        lead = "These keys also work here." if part == "global" else CONTEXTS[part].lead
        lines += [((text, "soft"),) for text in wrap(lead, 92)]
        for one in actions:
            reason = one.why_not(document) if part in (context, "global") and not one.hidden else ""
            text = one.help if len(one.help) < 70 else one.title
            keys = " ".join(key_name(key) for key in held(one, context))
            run = [(f"  {keys:<14}", "key" if not reason else "faint"), (text, "text")]
            if reason:
                run.append((f"  ({reason})", "faint"))
            lines.append(tuple(run))
    return Page(f"Help · {CONTEXTS[context].title}", tuple(lines), name="help")


def keys_markdown() -> str:
    """The text of `docs/keys.md`."""
    load()
    out = [
        "# Keys",
        "",
        "Made from the register of actions by `python -m mtls_tui.tui.registry.helptext > docs/keys.md`; a test fails",
        "when they differ. A key can be changed in the settings file by the action's id: `[keys]`, then",
        '`"row.mute" = "x"`.',
    ]
    for context, part in CONTEXTS.items():
        actions = [one for one in in_context(context) if one.keys or not one.hidden]
        if not actions:
            continue
        out += ["", f"## {part.title}", "", part.lead, "", "| keys | what | id |", "| --- | --- | --- |"]
        for one in actions:
            keys = " ".join(f"`{key}`" for key in one.keys).replace("|", "\\|")
            out.append(f"| {keys} | {one.help} | `{one.id}` |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print(keys_markdown(), end="")  # noqa: T201
