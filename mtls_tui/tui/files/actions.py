"""The rule file on disk: open, save, take over outside changes, drafts, the first run."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from mtls_tui.rulefile import RuleFile
from mtls_tui.tui.files.effects import Compare, DiscardDraft, Open, OpenSample, Quit, Reload, Save, Written
from mtls_tui.tui.registry.effects import Effect
from mtls_tui.tui.registry.key_names import key_name
from mtls_tui.tui.registry.register import ACTIONS, Done, Refusal, Result, action, go_on
from mtls_tui.tui.state.content import Content, Probe, with_edits_written
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.edited_rule import muted_rows
from mtls_tui.tui.state.overlays import Choice, Form, FormField, Item, Page, PartEditor, Picker
from mtls_tui.tui.state.textbuffer import Buffer

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


def start(file: RuleFile, *, theme: str = "dark", mouse: bool = True, on_disk: bool = True) -> Document:
    """The document of a rule file that was just read or made."""
    content = Content(file, probe=first_probe(file))
    ref = file.rules[0].ref if file.rules else ""
    host = file.hosts[0].name if file.hosts else ""
    document = Document(content, saved=content if on_disk else None)
    return document.with_view(rule=ref, host=host, theme=theme, mouse=mouse)


def first_probe(file: RuleFile) -> Probe:
    """The simulator's first request: to the first host, without a certificate."""
    host = next((one.name for one in file.hosts if one.mtls), file.hosts[0].name if file.hosts else "")
    return Probe(url=f"https://{host.replace('*', 'www')}/" if host else "")


@action("file.save", "Save", keys="ctrl+s f2", footer="save", over_boards=True)
def _save(document: Document) -> Result:
    """Write the rule file atomically; comments and order are kept."""
    document = replace(document, overlay=None)
    if document.content.file.path is None:
        return _save_as(document)
    if document.saved is not None and not document.unsaved and not document.changed_on_disk:
        return document.with_notice("there is nothing to save")
    if document.changed_on_disk:
        return _conflict(document)
    return Done(document, (Save(with_edits_written(document.content)),))


@action("file.save_quit", "Save and quit", hidden=True)
def _save_quit(document: Document) -> Result:
    result = _save(document)
    if not isinstance(result, Done):
        return result
    effects = (replace(one, then=(Quit(),)) if isinstance(one, Save) else one for one in result.effects)
    return Done(result.document, tuple(effects))


def _conflict(document: Document) -> Result:
    name = document.content.file.name
    lines = ((("The file on disk was changed by somebody else since it was read:", "text"),), ((name, "strong"),))
    choices = (
        Choice("file.reload", "Read it again", detail="drops the edits here; undo brings them back"),
        Choice("file.overwrite", "Overwrite it", detail="drops the changes there"),
        Choice("file.save_as", "Save under another name"),
    )
    return replace(document, overlay=Page("Changed on disk", lines, choices))


@action("file.overwrite", "Overwrite the file", hidden=True)
def _overwrite(document: Document) -> Result:
    return Done(replace(document, overlay=None), (Save(with_edits_written(document.content), force=True),))


@action("file.save_as", "Save under another name")
def _save_as(document: Document) -> Result:
    path = document.content.file.path
    field = FormField("path", "File", Buffer.of(str(path) if path else "mtls.rules.toml"), help="Ends in .rules.toml.")
    return replace(document, overlay=Form("Save under another name", (field,), "file.save_to", submit="Save"))


@action("file.save_to", "Save to a path", hidden=True)
def _save_to(document: Document, path: str) -> Result:
    if not path.strip():
        return Refusal("give a file name")
    effect = Save(with_edits_written(document.content), path.strip())
    return Done(replace(document, overlay=None), (effect,))


@action("file.saved", "Saved", hidden=True)
def _saved(document: Document, content: Content, file: RuleFile, then: tuple[Effect, ...] = ()) -> Result:
    """Record what is on disk now; edits made during the save stay unsaved."""
    written = replace(content, file=file)
    unchanged = with_edits_written(document.content).file.text == content.file.text
    moved = file.path != document.content.file.path
    current = replace(document.content, file=file, edits=written.edits) if unchanged else document.content
    if moved and not unchanged:
        current = replace(current, file=replace(current.file, path=file.path, folder=file.folder))
    done = replace(document, content=current, saved=written, changed_on_disk=False)
    said = f"saved {file.path.name if file.path else ''}"
    left = muted_rows(current.edits)
    if left:
        said = f"{said}; {left} not in the file, the draft keeps them"
    return Done(done.with_notice(said, "good"), (Compare(), Written(file.path), *then))


@action("file.reload", "Read the file again")
def _reload(document: Document) -> Result:
    """Load what is on disk; undo brings your edits back."""
    if document.content.file.path is None:
        return Refusal("this file was never saved")
    return Done(replace(document, overlay=None), (Reload(),))


@action("file.reloaded", "Read again", hidden=True)
def _reloaded(document: Document, file: RuleFile) -> Result:
    texts = {rule.ref: rule.expression for rule in file.rules}
    held = {ref: edited for ref, edited in document.content.edits.items() if edited.muted}
    # Muted rows are in no file: they stay where the rest of their rule is the same on disk.
    kept = {ref: edited for ref, edited in held.items() if texts.get(ref) == edited.text}
    content = Content(file, MappingProxyType(kept), document.content.probe, document.content.probes)
    refs = list(texts)
    ref = document.view.rule if document.view.rule in refs else (refs[0] if refs else "")
    done = document.with_content(content, "reading the file again", rule=ref, path=(), part=0, closing=False, text=None)
    lost = muted_rows({ref: edited for ref, edited in held.items() if ref not in kept})
    said = f"read again from disk, without {lost.removesuffix(' are').removesuffix(' is')}; u brings them back"
    # An editor over a part may be over something else by now.
    overlay = None if isinstance(done.overlay, PartEditor) else done.overlay
    shown = replace(done, saved=content, changed_on_disk=False, overlay=overlay)
    return shown.with_notice(said, "bad") if lost else shown.with_notice("read again from disk", "good")


@action("file.touched", "The file changed on disk", hidden=True)
def _touched(document: Document, file: RuleFile | None) -> Result:
    """Take over a file that changed on disk if nothing is unsaved here; otherwise only say so."""
    if file is None or (document.saved is not None and file.text == document.saved.file.text):
        return document
    if not document.unsaved:
        return _reloaded(document, file)
    return replace(document, changed_on_disk=True).with_notice(
        "the file was changed on disk; ^S asks what to do, nothing is overwritten", "bad"
    )


@action("file.problems", "Problems of the file", keys="f11", over_boards=True)
def _problems(document: Document) -> Result:
    """Everything that is wrong with the rule file, and how to fix it."""
    problems = with_edits_written(document.content).file.problems
    if not problems:
        return document.with_notice("no problems", "good")
    lines: list[tuple[tuple[str, str], ...]] = []
    for problem in problems:
        place = f"line {problem.line}  " if problem.line else ""
        lines.append(((f"✗ {place}{problem.key}", "bad"),))
        lines.append(((f"  {problem.message}", "text"),))
        if problem.cure:
            lines.append(((f"  {problem.cure}", "soft"),))
    return replace(document, overlay=Page("Problems of the file", tuple(lines)))


MENU: tuple[ActionId, ...] = ("file.save", "file.save_as", "file.reload", "file.problems", "deploy.open")


@action("file.menu", "File", hidden=True)
def _menu(document: Document) -> Result:
    shown = [ACTIONS[one] for one in MENU]
    items = tuple(Item(one.id, one.title, detail=key_name(one.keys[0]) if one.keys else "") for one in shown)
    return replace(document, overlay=Picker("File", items, "palette.run"))


# --- drafts -------------------------------------------------------------------------------------------------------


@action("draft.offer", "Offer the draft", hidden=True)
def _offer(document: Document, content: Content, when: str) -> Result:
    """Ask what to do with work that a former session left unsaved."""
    lines = (
        (("A former session ended with work that is not in the file:", "text"),),
        ((f"draft of {when}", "strong"),),
    )
    choices = (Choice("draft.take", "Restore the draft"), Choice("draft.drop", "Throw the draft away"))
    return replace(document, overlay=Page("Restore the draft?", lines, choices, arguments={"content": content}))


@action("draft.take", "Restore the draft", hidden=True)
def _take(document: Document, content: Content) -> Result:
    refs = [rule.ref for rule in content.file.rules]
    ref = document.view.rule if document.view.rule in refs else (refs[0] if refs else "")
    done = replace(document, overlay=None).with_content(content, "restoring the draft", rule=ref, path=(), part=0)
    return done.with_notice("restored; undo goes back to what is on disk", "good")


@action("draft.drop", "Throw the draft away", hidden=True)
def _drop(document: Document, content: Content) -> Result:
    return Done(replace(document, overlay=None), (DiscardDraft(),))


# --- first run ----------------------------------------------------------------------------------------------------


@action("first.page", "What to begin with", hidden=True)
def _first_page(document: Document) -> Result:
    items = (
        Item("new", "New mTLS rule", detail="name and host names",
             hint="Makes a rule that blocks clients without a valid certificate; you land in the builder."),
        Item("sample", "Open the sample", detail="three hosts, three rules",
             hint="A rule file to look around in. Nothing of yours is touched."),
        Item("open", "Open a file", detail="*.rules.toml", hint="A rule file that you have already."),
    )  # fmt: skip
    return replace(document, overlay=Picker("Welcome to mtls-tui", items, "first.choose"))


@action("first.choose", "First steps", hidden=True)
def _first(document: Document, key: str) -> Result:
    document = replace(document, overlay=None)
    if key == "sample":
        return Done(document, (OpenSample(),))
    if key == "open":
        field = FormField("path", "File", Buffer.of(""), help="A *.rules.toml file.")
        return replace(document, overlay=Form("Open a file", (field,), "file.open", submit="Open"))
    return go_on(document, "rule.new_mtls")


@action("file.open_form", "Open another file")
def _open_form(document: Document) -> Result:
    if document.unsaved:
        return Refusal("save first (^S): there are changes that are not in the file")
    field = FormField("path", "File", Buffer.of(""), help="A *.rules.toml file.")
    return replace(document, overlay=Form("Open a file", (field,), "file.open", submit="Open"))


@action("file.open", "Open a file", hidden=True)
def _open(document: Document, path: str) -> Result:
    if not path.strip():
        return Refusal("give a file name")
    return Done(document, (Open(path.strip()),))


@action("file.opened", "Opened", hidden=True)
def _opened(document: Document, file: RuleFile) -> Result:
    return start(file, theme=document.view.theme, mouse=document.view.mouse)
