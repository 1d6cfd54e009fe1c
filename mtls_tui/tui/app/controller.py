"""Between the application and the document: runs actions, draws the result, and starts slow work.

Always in this order: key → action → new document → lines → panes. Workers post what they found; the newest wins.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mtls_tui.rulefile import RuleFile, RuleFileError, load, loads
from mtls_tui.rulefile.seeds import EMPTY
from mtls_tui.tui.app import screen, settings
from mtls_tui.tui.app.evaluating import Evaluating, evaluate_soon
from mtls_tui.tui.deploy.handlers import watch_gateway
from mtls_tui.tui.drawing.theme import DEFAULT, THEMES, Palette
from mtls_tui.tui.files import draft
from mtls_tui.tui.files.actions import start
from mtls_tui.tui.files.handlers import Drafting, keep_draft, watch
from mtls_tui.tui.findings.linting import Linting
from mtls_tui.tui.properties.proving import Proving
from mtls_tui.tui.registry import keymap, register, subjects
from mtls_tui.tui.registry.effects import HANDLERS, Effect, Terminal, Timer
from mtls_tui.tui.registry.parts import CONTEXTS, PANES, Context
from mtls_tui.tui.registry.register import Refusal
from mtls_tui.tui.state.document import Document, Notice
from mtls_tui.tui.text.reading import Reading, read_soon

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId
    from mtls_tui.tui.app.surface import Surface
    from mtls_tui.tui.drawing.pane import Pane

State = TypeVar("State")

NOTICE_S = 10.0
"""How long a message stands when no key is pressed."""


class Controller:
    """Owns the current document; runs actions and redraws."""

    def __init__(self, app: Surface) -> None:
        self.app = app
        self.settings = app.given_settings or settings.read()
        register.use_keys(self.settings.keys)
        self.keys = keymap.build(self.settings.keys)
        subjects.load_handlers()
        self.drafts = app.drafts
        self.status = app.status
        self.keeps_settings = app.given_settings is None
        self.terminal: Terminal = app
        self._kept: dict[type, object] = {}
        self.document: Document = start(loads(EMPTY, strict=False), on_disk=False)
        self._noticed: Notice | None = None

    @property
    def busy(self) -> bool:
        """True while background work is pending; tests poll this instead of sleeping."""
        results = self.document.results
        current = results is not None and results.content is self.document.content
        beside = self.kept(Linting).busy or self.kept(Proving).busy
        working = beside or self.kept(Evaluating).busy or self.kept(Reading).busy
        return working or not current

    # --- start ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Read the file, offer what a former session left, show."""
        theme = self.app.theme_name if self.app.theme_name in THEMES else self.settings.theme_name
        if self.app.no_color:
            theme = "mono"
        look = {"theme": theme, "mouse": self.settings.mouse and self.app.take_mouse}
        file = self._read(self.app.path)
        on_disk = file is not None and file.path is not None and file.read_digest is not None
        self.document = start(file or loads(EMPTY, strict=False), on_disk=on_disk, **look)  # type: ignore[arg-type]
        if not self.settings.mouse:
            self.terminal.use_mouse(on=False)
        if self.settings.cell_diff is False:
            self.app.use_cell_diff(False)
        if self.settings.problems:
            self.document = self.document.with_notice(self.settings.problems[0], "bad")
        left = draft.read(self.document.content.file, self.app.drafts)
        if left is not None:
            self.dispatch("draft.offer", content=left[0], when=left[1])
        elif self.app.path is None:
            self.dispatch("first.page")
        else:
            self.show()
        self.kept(Drafting).of = self.document.content
        evaluate_soon(self)
        read_soon(self)
        watch(self)
        watch_gateway(self)

    def _read(self, path: Path | None) -> RuleFile | None:
        if path is None:
            return None
        if not path.exists():
            return replace(loads(EMPTY, path.absolute().parent, strict=False), path=path)
        try:
            return load(path, strict=False)
        except RuleFileError as error:
            self.app.exit(2, message=str(error))
            return None

    # --- actions -------------------------------------------------------------------------------------------------

    def key(self, key: str, character: str | None) -> None:
        """Run the action that a key stands for here."""
        found = keymap.resolve(self.document, key, character, self.keys)
        if found is not None:
            self.dispatch(found[0], **found[1])

    def paste(self, text: str) -> None:
        """Run the action that a paste stands for here."""
        found = keymap.pasted(self.document, text)
        if found is not None:
            self.dispatch(found[0], **found[1])

    def clicked(self, message: Pane.Clicked) -> None:
        """Run the action of what was clicked; what floats takes all clicks."""
        click = message.click
        arguments: Mapping[str, Any] = click.arguments
        if self.document.overlay is not None and message.pane != "overlay":
            return
        self.dispatch(click.action, **arguments)

    def wheel(self, pane: str, step: int) -> None:
        """Move the cursor of what is under the mouse."""
        overlay = self.document.overlay
        if overlay is not None:
            context: Context | None = CONTEXTS[overlay.context]
        elif pane == "board":
            context = CONTEXTS[self.document.board]
        else:
            context = PANES[pane].context if pane in PANES else None
        if context is not None and context.wheel is not None:
            up, down = context.wheel
            self.dispatch(down if step > 0 else up)

    def dispatch(self, action: ActionId, **arguments: Any) -> None:
        """Run an action, show the result, and carry out its effects."""
        result = register.run(self.document, action, arguments)
        if isinstance(result, Refusal):
            self._show_and_evaluate(self.document.with_notice(result.reason, "bad"))
            return
        self._show_and_evaluate(result.document)
        for effect in result.effects:
            self.carry_out(effect)

    def carry_out(self, effect: Effect) -> None:
        """Hand an effect to its handler."""
        HANDLERS[type(effect)](effect, self)

    def _show_and_evaluate(self, document: Document) -> None:
        self.document = document
        self.show()
        evaluate_soon(self)
        keep_draft(self)
        read_soon(self)

    # --- drawing -------------------------------------------------------------------------------------------------

    @property
    def palette(self) -> Palette:
        """The palette of the chosen theme."""
        return THEMES.get(self.document.view.theme, THEMES[DEFAULT])

    def show(self) -> None:
        """Draw the document; only lines that changed are sent."""
        app = self.app
        width, height = app.size.width, app.size.height
        if width < 20 or height < 6:
            return
        self._let_go()
        frame = screen.frame(self.document, width, height)
        self.document = self.document.scrolled_to(frame.tops)
        app.set_reactive(type(app).theme, self.document.view.theme)  # no watcher: no style sheet depends on it
        with app.batch_update():
            for name, box in frame.boxes.items():
                app.place(name, box.x, box.y, box.width, box.height)
                if box.visible:
                    app.pane(name).show(frame.lines[name], self.palette)
            floating = frame.floating
            if floating is None:
                app.place("overlay", 0, 0, 0, 0)
            else:
                box = floating.box
                app.place("overlay", box.x, box.y, box.width, box.height)
                app.pane("overlay").show(floating.lines, self.palette)
        if frame.cursor is not None:
            from textual.geometry import Offset

            app.cursor_position = Offset(*frame.cursor)

    def _let_go(self) -> None:
        """Let a new message disappear after a while: it covers the keys."""
        notice = self.document.notice
        if notice is self._noticed:
            return
        self._noticed = notice
        if notice is not None:
            self.app.set_timer(NOTICE_S, lambda: self._gone(notice))

    def _gone(self, notice: Notice) -> None:
        if self.document.notice is notice:
            self.dispatch("notice.gone", notice=notice)

    # --- slow work -----------------------------------------------------------------------------------------------

    def post(self, action: ActionId, **arguments: Any) -> None:
        """Run an action from a worker thread; does nothing during shutdown."""
        if not self.app.is_running:
            return
        try:
            self.app.call_from_thread(self.dispatch, action, **arguments)
        except (RuntimeError, asyncio.CancelledError, concurrent.futures.CancelledError):
            return  # it left in the meantime

    def after(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call a function once."""
        return self.app.set_timer(seconds, function)

    def every(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call a function at intervals."""
        return self.app.set_interval(seconds, function)

    def kept(self, kind: type[State]) -> State:
        """A subject's state that lives as long as the application."""
        known = self._kept.get(kind)
        return cast(State, known if known is not None else self._kept.setdefault(kind, kind()))

    def in_thread(self, job: Callable[[], None], group: str) -> None:
        """Run slow work in a worker thread."""
        self.app.run_worker(job, thread=True, group=group, exit_on_error=True)
