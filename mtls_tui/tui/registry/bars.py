"""The first and the last line of the screen: the file and its state; the keys."""

from __future__ import annotations

from mtls_tui.tui.drawing.line import Click, Line, LineBuilder
from mtls_tui.tui.drawing.safe_text import cut, safe, width
from mtls_tui.tui.layout.geometry import Strip, is_wide
from mtls_tui.tui.registry.key_names import key_name
from mtls_tui.tui.registry.parts import Pane, add_pane
from mtls_tui.tui.registry.register import ACTIONS, Action, context_of, held
from mtls_tui.tui.state.document import Document


def title_line(document: Document, total: int) -> Line:
    """Program, file, unsaved mark; what is deployed; where the commands are."""
    wide = is_wide(total)
    out = LineBuilder(fill="bar")
    out.add(" mtls-tui  ", "bar")
    file = document.content.file
    name = file.path.name if file.path else "new file"
    out.add(cut(safe(name), max(10, total // 3)), "bar-strong", Click("file.menu"))
    if document.changed_on_disk:
        out.add("  ! changed on disk", "bar-warn", Click("file.reload"))
    elif document.saved is None and not document.unsaved:
        out.add(" empty", "bar")
    elif document.unsaved:
        out.add(" ● unsaved", "bar-warn", Click("file.save"))
    else:
        out.add(" saved", "bar")
    if not wide and not document.board:
        rule, index = document.rule, document.rule_index
        if rule is not None and index is not None:
            crumb = f"  {safe(document.view.host)} › " if document.view.host else "  "
            if width(crumb) > total - out.at - 30:  # half a name says less than none
                crumb = "  › "
            out.add(crumb, "bar", Click("hosts.open"))
            out.add(
                cut(f"{index + 1} {safe(rule.ref)}", max(0, total - out.at - 14)), "bar-strong", Click("hosts.open")
            )
    problems = document.results.problems if document.results is not None else 0
    if problems:
        words = f"  ✗ {problems} problem{'s' if problems > 1 else ''}"
        out.add(words, "bar-bad", Click("file.problems"))
    broken = document.properties.counted("broken") if document.properties is not None else 0
    if broken and not problems:
        words = f"  ✗ {broken} propert{'ies' if broken > 1 else 'y'} broken"
        out.add(words, "bar-bad", Click("properties.open"))
    right: list[tuple[str, str]] = _deployed(document) if wide else []
    right += [("^P", "key"), (" commands ", "bar")]
    if out.at + sum(width(text) for text, _ in right) >= total:
        return out.line(total)
    return out.right(right, total).line(total)


def _deployed(document: Document) -> list[tuple[str, str]]:
    """What is exported, what the gateway runs, and how many changes were saved since."""
    deployed, gateway = document.deployed, document.gateway
    found: list[tuple[str, str]] = []
    if gateway is not None:
        if gateway.problem:
            found.append(("gateway ○ no answer   ", "bar-warn"))
        else:
            same = deployed is None or gateway.digest in {deployed.digest, deployed.file_digest}
            short = deployed.short if deployed is not None and same else gateway.digest.removeprefix("sha256:")[:7]
            found.append((f"gateway ● {short}", "bar-good" if same else "bar-warn"))
            found.append(("" if same else ", not what is exported", "bar-warn"))
            found.append(("   ", "bar"))
    if deployed is not None and (gateway is None or gateway.problem):
        found.append((f"exported {deployed.short}   ", "bar"))
    if deployed is not None and deployed.changes:
        plural = "s" if deployed.changes > 1 else ""
        found.append((f"{deployed.changes} change{plural} since export   ", "bar-warn"))
    return found


def footer_actions(document: Document) -> list[Action]:
    """The actions that the footer names, those of the place first."""
    context = context_of(document)
    here = [one for one in ACTIONS.values() if one.context == context and one.footer]
    if document.overlay is not None:
        return here
    there = [one for one in ACTIONS.values() if one.context == "global" and one.footer]
    if document.board:
        there = [one for one in there if one.over_boards]
    return here + there


def footer_line(document: Document, total: int) -> Line:
    """The notice, if any, then as many keys as fit."""
    notice = document.notice
    out = LineBuilder(fill="bar")
    if notice is not None:
        sign, style = {"note": ("·", "bar-strong"), "good": ("✓", "bar-good"), "bad": ("✗", "bar-bad")}[notice.kind]
        out.add(f" {sign} {notice.text}", style).add("   ", "bar")
    context = context_of(document)
    for one in footer_actions(document):
        keys = held(one, context)
        if not keys:
            continue
        key = key_name(keys[0])
        text = f" {one.footer}  "
        if out.at + width(key) + width(text) + 1 > total:
            break
        off = bool(one.why_not(document))
        click = Click(one.id)
        out.add(" ", "bar") if out.at == 0 else None
        out.add(key, "bar" if off else "key", click).add(text, "bar", click)
    return out.line(total)


add_pane(
    Pane(
        "title",
        lambda document, boxes: [title_line(document, boxes["title"].width)],
        lambda *_: Strip(0, "top", 1),
    )
)
add_pane(
    Pane(
        "footer",
        lambda document, boxes: [footer_line(document, boxes["footer"].width)],
        lambda *_: Strip(0, "bottom", 1),
    )
)
