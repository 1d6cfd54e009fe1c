"""Handlers of effects on the rule file; watches the file and keeps its draft."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mtls_tui.rulefile import ANYTHING, ChangedOnDiskError, RuleFile, RuleFileError, load, loads, save
from mtls_tui.tui.files import draft
from mtls_tui.tui.files.effects import Compare, DiscardDraft, Open, OpenSample, Quit, Reload, Save, Written
from mtls_tui.tui.registry.effects import EvaluateAgain, Host, Timer, handles
from mtls_tui.tui.state.content import Content
from mtls_tui.tui.state.document import Document

DRAFT_DELAY_S = 0.3
WATCH_S = 1.0


@dataclass
class Watched:
    """Time of change and size of the file when it was last seen; None if there was none."""

    stamp: tuple[int, int] | None = None


@dataclass
class Drafting:
    """Which content the draft was last written for, and whether one is still kept."""

    of: Content | None = None
    timer: Timer | None = None
    on: bool = True


# --- the file -------------------------------------------------------------------------------------------------------


@handles(Save)
def _save(effect: Save, host: Host) -> None:
    content = effect.content

    def job() -> None:
        target = Path(effect.path).expanduser() if effect.path else None
        try:
            file = save(content.file, target, expected=ANYTHING) if effect.force else save(content.file, target)
        except ChangedOnDiskError as error:
            if target is not None:
                _tell(host, f"{target} is there already; choose another name")
            else:
                host.post("file.touched", file=_read_again(content.file))
                _tell(host, f"not saved: {error.problem.message}; ^S asks what to do")
            return
        except RuleFileError as error:
            _tell(host, f"not saved: {error.problem.message}; {error.problem.cure}")
            return
        host.post("file.saved", content=content, file=file, then=effect.then)

    host.in_thread(job, "file")


def _tell(host: Host, text: str) -> None:
    host.post("notice.show", text=text, kind="bad")


@handles(Written)
def _written(effect: Written, host: Host) -> None:
    host.kept(Watched).stamp = _stamp(effect.path)
    if not _has_unwritten(host.document):
        host.carry_out(DiscardDraft())


def _has_unwritten(document: Document) -> bool:
    """True if something is not in the file: unsaved edits or muted rows."""
    return document.unsaved or any(edited.muted for edited in document.content.edits.values())


@handles(Reload)
def _reload(_: Reload, host: Host) -> None:
    file = _read_again(host.document.content.file)
    if file is None:
        host.dispatch("notice.show", text="the file can't be read any more", kind="bad")
        return
    host.kept(Watched).stamp = _stamp(file.path)
    host.dispatch("file.reloaded", file=file)


@handles(Open)
def _open(effect: Open, host: Host) -> None:
    try:
        file = load(Path(effect.path).expanduser(), strict=False)
    except RuleFileError as error:
        host.dispatch("overlay.error", text=f"{error.problem.message}; {error.problem.cure}")
        return
    host.dispatch("file.opened", file=file)
    host.kept(Watched).stamp = _stamp(file.path)
    remember(file.path)


@handles(OpenSample)
def _open_sample(_: OpenSample, host: Host) -> None:
    text = (resources.files(__package__) / "sample.rules.toml").read_text(encoding="utf-8")
    host.dispatch("file.opened", file=loads(text, strict=False))


def watch(host: Host) -> None:
    """Check every second whether the file changed on disk; this sends nothing to the terminal."""
    host.kept(Watched).stamp = _stamp(host.document.content.file.path)
    host.every(WATCH_S, lambda: _look(host))
    host.carry_out(Compare())


def _look(host: Host) -> None:
    file = host.document.content.file
    watched, stamp = host.kept(Watched), _stamp(file.path)
    if stamp is None or stamp == watched.stamp:
        return
    watched.stamp = stamp
    host.dispatch("file.touched", file=_read_again(file))
    host.carry_out(EvaluateAgain())


def _stamp(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _read_again(file: RuleFile) -> RuleFile | None:
    if file.path is None:
        return None
    try:
        return load(file.path, strict=False)
    except RuleFileError:
        return None


def remember(path: Path | None) -> None:
    """The file that `mtls-tui` opens by default."""
    if path is None:
        return
    try:
        last = draft.folder().parent / "last"
        last.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        last.write_text(str(path.absolute()), encoding="utf-8")
    except (OSError, UnicodeEncodeError):
        return


# --- the draft ------------------------------------------------------------------------------------------------------


def keep_draft(host: Host) -> None:
    """Schedule a draft; continued typing does not postpone it further."""
    drafting = host.kept(Drafting)
    if drafting.of is host.document.content or drafting.timer is not None or not drafting.on:
        return
    drafting.timer = host.after(DRAFT_DELAY_S, lambda: _write_draft(host))


def _write_draft(host: Host) -> None:
    drafting, content = host.kept(Drafting), host.document.content
    drafting.timer = None
    if drafting.of is content or not drafting.on:
        return
    drafting.of = content
    if not _has_unwritten(host.document) and not content.probes:
        host.carry_out(DiscardDraft())
        return

    def job() -> None:
        try:
            draft.write(content, host.drafts)
        except (OSError, RuleFileError) as error:
            _tell(host, f"the draft can't be kept: {error}")

    host.in_thread(job, "draft")


@handles(DiscardDraft)
def _discard(_: DiscardDraft, host: Host) -> None:
    try:
        draft.discard(host.document.content.file.path, host.drafts)
    except OSError as error:
        host.dispatch("notice.show", text=f"the draft can't be removed: {error}", kind="bad")


def flush_draft(host: Host) -> None:
    """Write the draft at once, in this thread (leaving, SIGHUP)."""
    drafting = host.kept(Drafting)
    if not drafting.on:
        return
    drafting.on = False
    if _has_unwritten(host.document):
        try:
            draft.write(host.document.content, host.drafts)
        except (OSError, RuleFileError):
            return


@handles(Quit)
def _quit(_: Quit, host: Host) -> None:
    flush_draft(host)
    host.terminal.exit(0)
