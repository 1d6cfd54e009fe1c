"""What actions ask to be done to the world: files, clipboard, editor, terminal. Slow ones run beside the screen."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtls_tui.rulefile import ANYTHING, ChangedOnDiskError, RuleFile, RuleFileError, load, save
from mtls_tui.tui.app import clipboard, settings
from mtls_tui.tui.files import draft
from mtls_tui.tui.registry.register import Effect
from mtls_tui.tui.state.document import Content
from mtls_tui.tui.state.overlays import Page

if TYPE_CHECKING:
    from mtls_tui.tui.app.authority_effects import AuthorityEffects
    from mtls_tui.tui.app.controller import Controller
    from mtls_tui.tui.app.log_effects import TailEffects

DRAFT_DELAY_S = 0.3
WATCH_S = 1.0
GATEWAY_S = 3.0
PEM_ENDINGS = (".pem", ".crt", ".cer", ".p12", ".pfx", ".der", ".p7b")


class Effects:
    """Carries effects out for a controller, and comes back with actions."""

    def __init__(self, controller: Controller) -> None:
        from mtls_tui.tui.app.evaluate import Secrets

        self.controller = controller
        self.secrets = Secrets()
        self.quit_when_saved = False
        self.export_when_saved = False
        self._report = 0
        self._draft_timer: Any = None
        self._stamp: tuple[int, int] | None = None
        self._keep = True
        self._asking = False

    @cached_property
    def authority(self) -> AuthorityEffects:
        """What the certificate authority's board asks for: `authority.…`."""
        from mtls_tui.tui.app.authority_effects import AuthorityEffects

        return AuthorityEffects(self)

    @cached_property
    def tail(self) -> TailEffects:
        """What the live log's board asks for: `tail.…`."""
        from mtls_tui.tui.app.log_effects import TailEffects

        return TailEffects(self)

    def run(self, effect: Effect) -> None:
        """Do it."""
        name = "leave_when_saved" if effect.name == "quit_when_saved" else effect.name
        handler: Callable[..., None] = attrgetter(name)(self)
        handler(**effect.arguments)

    def _back(self, action: str, **arguments: Any) -> None:
        """From a worker: the outcome as an action."""
        self.controller.from_thread(self.controller.dispatch, action, **arguments)

    def _tell(self, text: str, kind: str = "bad") -> None:
        """From a worker: a line for the user."""
        self.controller.from_thread(self.note, text, kind)

    def note(self, text: str, kind: str = "bad") -> None:
        """A line for the user."""
        controller = self.controller
        controller.document = controller.document.noting(text, kind)  # type: ignore[arg-type]
        controller.show()

    # --- the file ------------------------------------------------------------------------------------------------

    def save(self, content: Content, path: str = "", force: bool = False) -> None:
        """Write the rule file."""

        def work() -> None:
            target = Path(path).expanduser() if path else None
            try:
                file = save(content.file, target, expected=ANYTHING) if force else save(content.file, target)
            except ChangedOnDiskError as error:
                if target is not None:
                    self._tell(f"{target} is there already; choose another name")
                else:
                    self._back("file.touched", file=_read_again(content.file))
                    self._tell(f"not saved: {error.problem.message}; ^S asks what to do")
                return
            except RuleFileError as error:
                self._tell(f"not saved: {error.problem.message}; {error.problem.cure}")
                return
            self._back("file.saved", content=content, file=file)
            self.controller.from_thread(self._after_save, file)

        self.controller.in_thread(work, "file")

    def _after_save(self, file: RuleFile) -> None:
        self._stamp = _stamp(file.path)
        document = self.controller.document
        if not document.unsaved and not any(work.muted for work in document.content.work.values()):
            self.discard_draft()
        if self.export_when_saved:
            self.export_when_saved = False
            self.export()
        if self.quit_when_saved:
            self.quit()

    def leave_when_saved(self) -> None:
        """Leave once the file is written."""
        self.quit_when_saved = True

    def reload(self) -> None:
        """Read the file again."""
        file = _read_again(self.controller.document.content.file)
        if file is None:
            self.note("the file can't be read any more")
            return
        self._stamp = _stamp(file.path)
        self.controller.dispatch("file.reloaded", file=file)

    def open(self, path: str) -> None:
        """Open another rule file."""
        try:
            file = load(Path(path).expanduser(), strict=False)
        except RuleFileError as error:
            self.controller.dispatch("overlay.error", text=f"{error.problem.message}; {error.problem.cure}")
            return
        self._opened(file)

    def _opened(self, file: RuleFile) -> None:
        self.controller.dispatch("file.opened", file=file)
        self._stamp = _stamp(file.path)
        remember(file.path)

    def open_sample(self) -> None:
        """The sample: a text of the package, without a file."""
        from mtls_tui.tui.files.sample import rulefile

        self.controller.dispatch("file.opened", file=rulefile())

    def watch(self) -> None:
        """Look every second whether somebody else wrote the file. Nothing is sent to the terminal by that."""
        self._stamp = _stamp(self.controller.document.content.file.path)
        self.controller.app.set_interval(WATCH_S, self.look)
        self.compare()
        if self.controller.app.status:
            self.ask_gateway()
            self.controller.app.set_interval(GATEWAY_S, self.ask_gateway)

    def look(self) -> None:
        """Whether the file was written by somebody else."""
        file = self.controller.document.content.file
        stamp = _stamp(file.path)
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        self.controller.dispatch("file.touched", file=_read_again(file))
        self.controller.evaluate_again()

    # --- drafts --------------------------------------------------------------------------------------------------

    def keep_draft(self) -> None:
        """Write the draft soon; typing that goes on puts it off only so far."""
        controller = self.controller
        if controller.draft_of is controller.document.content or self._draft_timer is not None or not self._keep:
            return
        self._draft_timer = controller.app.set_timer(DRAFT_DELAY_S, self.write_draft)

    def write_draft(self) -> None:
        """Write the draft now."""
        self._draft_timer = None
        controller = self.controller
        content = controller.document.content
        if controller.draft_of is content or not self._keep:
            return
        controller.draft_of = content
        document = controller.document
        if not document.unsaved and not any(work.muted for work in content.work.values()) and not content.probes:
            self.discard_draft()
            return

        def work() -> None:
            try:
                draft.write(content, controller.app.drafts)
            except (OSError, RuleFileError) as error:
                self._tell(f"the draft can't be kept: {error}")

        controller.in_thread(work, "draft")

    def discard_draft(self) -> None:
        """No draft any more."""
        try:
            draft.discard(self.controller.document.content.file.path, self.controller.app.drafts)
        except OSError as error:
            self.note(f"the draft can't be removed: {error}")

    # --- the terminal --------------------------------------------------------------------------------------------

    def quit(self) -> None:
        """Leave; what is unsaved is in the draft by then."""
        self.flush_draft()
        self.controller.app.exit(0)

    def flush_draft(self) -> None:
        """Write the draft at once, in this thread (leaving, SIGHUP)."""
        controller = self.controller
        document = controller.document
        if not self._keep:
            return
        self._keep = False
        if document.unsaved or any(work.muted for work in document.content.work.values()):
            try:
                draft.write(document.content, controller.app.drafts)
            except (OSError, RuleFileError):
                return

    def redraw(self) -> None:
        """Draw everything again."""
        self.controller.app.redraw()

    def mouse(self, on: bool) -> None:
        """Take the mouse, or leave it to the terminal."""
        driver = self.controller.app._driver
        name = "_enable_mouse_support" if on else "_disable_mouse_support"
        if driver is not None and hasattr(driver, name):
            getattr(driver, name)()
            driver.flush()

    def copy(self, text: str) -> None:
        """To the clipboard."""
        driver = self.controller.app._driver

        def write(data: str) -> None:
            if driver is not None:
                driver.write(data)
                driver.flush()

        self.note(clipboard.copy(text, write), "good")

    def editor(self, text: str, then: str) -> None:
        """The user's editor on a text; comes back with the action."""
        command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        app = self.controller.app
        folder = draft.folder().parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w+", suffix=".rules", dir=folder, encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            try:
                with app.suspend():
                    done = subprocess.run([*shlex.split(command), file.name], check=False)  # noqa: S603
            except (OSError, ValueError) as error:
                self.note(f"{command}: {error}; set $EDITOR")
                return
            finally:
                app.redraw()
            new = Path(file.name).read_text(encoding="utf-8", errors="replace")
        if done.returncode != 0:
            self.note(f"{command} ended with {done.returncode}: nothing was changed")
            return
        self.controller.dispatch(then, text=new)

    def setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        if self.controller.app.given_settings is not None:
            return
        try:
            settings.write(name, value)
        except (OSError, ValueError) as error:
            self.note(f"the setting can't be kept: {error}")

    # --- certificates --------------------------------------------------------------------------------------------

    def certificates(self) -> None:
        """Offer certificate files near the rule file."""
        folder = self.controller.document.content.file.folder
        self.controller.dispatch("simulator.certificates", files=tuple(_near(folder)))

    def passphrase(self, path: str) -> None:
        """Ask for the passphrase of a container."""
        self.controller.dispatch("simulator.passphrase", path=path)

    def unlock(self, path: str, passphrase: str) -> None:
        """Keep a passphrase, in memory only."""
        self.secrets.passphrases[path] = passphrase.encode()
        self.controller.evaluate_again()

    # --- deploy --------------------------------------------------------------------------------------------------

    def target(self) -> Path:
        """Where the bundle goes: beside the rule file."""
        path = self.controller.document.content.file.path
        assert path is not None
        stem = path.name.removesuffix(".toml").removesuffix(".rules")
        return path.with_name(f"{stem}.bundle.json")

    def deploy_report(self, content: Content) -> None:
        """What an export would change, and what the tests say; then who is newly let in or blocked. The newest wins."""
        target = self.target()
        self._report += 1
        number = self._report

        def wanted() -> bool:
            overlay = self.controller.document.overlay
            return number == self._report and isinstance(overlay, Page) and overlay.name == "deploy"

        def work() -> None:
            from mtls_tui.tui.deploy.consequences import consequences
            from mtls_tui.tui.deploy.report import report

            made = report(content.file, target)
            if number != self._report:
                return
            before, after = made.before, made.after
            self._back(
                "deploy.show",
                lines=made.lines,
                why_not=made.why_not,
                target=target.name,
                kept=made.kept,
                looking=before is not None,
            )
            if before is None or after is None:
                return
            found = consequences(before, after, wanted)
            if found is not None and wanted():
                self._back("deploy.consequences", lines=found.lines, witnesses=found.witnesses)

        self.controller.in_thread(work, "deploy")

    def compare(self) -> None:
        """See what is exported, and whether the file says something else by now."""
        file = self.controller.document.content.file
        if file.path is None:
            return
        target = self.target()

        def work() -> None:
            from mtls_tui.tui.deploy.report import known

            self._back("deploy.known", deployed=known(file, target))

        self.controller.in_thread(work, "compare")

    def ask_gateway(self) -> None:
        """Ask the gateway what it runs, every few seconds; nothing is sent to the terminal unless it changes."""
        address = self.controller.app.status
        if not address or self._asking:
            return
        self._asking = True

        def work() -> None:
            from mtls_tui.tui.deploy.gatewaystatus import ask

            answer = ask(address)
            self._asking = False
            self._back("gateway.said", gateway=answer)

        self.controller.in_thread(work, "gateway")

    def export(self) -> None:
        """Write the bundle."""
        document = self.controller.document
        if document.unsaved:
            self.export_when_saved = True
            return
        target = self.target()
        file = document.content.file

        def work() -> None:
            from mtls_tui.rulefile import export

            try:
                done = export(file, target)
            except RuleFileError as error:
                self._tell(f"not exported: {error.problem.message}; {error.problem.cure}")
                return
            self._back("deploy.exported", path=target.name, digest=done.digest)

        self.controller.in_thread(work, "deploy")

    def history(self) -> None:
        """The kept exports, to choose from."""
        from mtls_tui.tui.deploy.report import kept_items

        self.controller.dispatch("deploy.pick", items=kept_items(self.target()))

    def restore(self, path: str) -> None:
        """Put a kept export in the bundle's place."""
        target = self.target()

        def work() -> None:
            from mtls_tui.tui.deploy.report import put_back

            try:
                digest = put_back(Path(path), target)
            except (OSError, ValueError) as error:
                self._tell(f"not put back: {error}")
                return
            self._back("deploy.exported", path=target.name, digest=digest, note=" is back in place")

        self.controller.in_thread(work, "deploy")


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


def _near(folder: Path) -> list[str]:
    """Certificate files in the rule file's folder and one level below; keys are left out by name."""
    found: list[str] = []
    try:
        paths = sorted([*folder.glob("*"), *folder.glob("*/*")])[:5000]
    except OSError:
        return []
    for path in paths:
        if path.suffix.lower() in PEM_ENDINGS and "key" not in path.stem.lower() and path.is_file():
            found.append(str(path.relative_to(folder)))
    return found[:200]


def remember(path: Path | None) -> None:
    """The file that `mtls-tui` opens when it is given none."""
    if path is None:
        return
    try:
        last = draft.folder().parent / "last"
        last.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        last.write_text(str(path.absolute()), encoding="utf-8")
    except (OSError, UnicodeEncodeError):
        return
