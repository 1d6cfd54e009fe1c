"""What the live log's board asks of the world: the log is looked at twice a second while the board is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtls_tui.tui.log import state as log
from mtls_tui.tui.log.follow import Follower, logs_near

if TYPE_CHECKING:
    from textual.timer import Timer

    from mtls_tui.tui.app.effects import Effects

LOOK_S = 0.5


class TailEffects:
    """Carries out `tail.…` effects. Nothing is sent to the terminal unless something came."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.controller = effects.controller
        self.follower: Follower | None = None
        self.problem = ""
        self._timer: Timer | None = None
        self._looking = False
        self._number = 0

    def _back(self, action: str, **arguments: Any) -> None:
        self.controller.from_thread(self.controller.dispatch, action, **arguments)

    def start(self, path: Path | None) -> None:
        """Find logs near the rule file, and follow one: the given one, else the last written."""
        file, probes = self.controller.document.content.file, self._probes()

        def work() -> None:
            from mtls_tui.tui.authority.jobs import default_store
            from mtls_tui.tui.certificates.by_fingerprint import known, stores_of

            files = logs_near(file.folder)
            chosen = path or (file.folder / files[0] if files else None)
            found = known(file, (*stores_of(file), default_store()), probes)
            names = {mark: one.name for mark, one in found.items()}
            self._back("tail.opened", path=chosen, files=files, names=names)

        self.controller.in_thread(work, "tail")

    def _probes(self) -> tuple[Any, ...]:
        content = self.controller.document.content
        return (content.probe, *content.probes)

    def follow(self, path: Path, fresh: bool) -> None:
        """Follow a file: a `fresh` one from its end, one that was followed before goes on where it was."""
        if fresh or self.follower is None or self.follower.path != path:
            self.stop()
            self.follower, self.problem = Follower(path), ""
        if self._timer is None:
            self._timer = self.controller.app.set_interval(LOOK_S, self.look)
        self.look()

    def pause(self) -> None:
        """The board is closed: look no more, but remember the place."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def stop(self) -> None:
        """Let go of the file."""
        self.pause()
        if self.follower is not None:
            self.follower.close()
            self.follower = None

    def look(self) -> None:
        """Whether something came."""
        follower = self.follower
        if self.controller.document.board != "tail":
            self.pause()
            return
        if follower is None or self._looking:
            return
        self._looking = True

        def work() -> None:
            try:
                batch = follower.read()
                entries, unreadable = [], batch.overlong
                for line in batch.lines[-log.KEPT :]:
                    entry = log.parse(line, self._number)
                    if entry is None:
                        unreadable += 1
                        continue
                    self._number += 1
                    entries.append(entry)
            finally:
                self._looking = False
            if entries or unreadable or batch.skipped or batch.problem != self.problem:
                self.problem = batch.problem
                self._back(
                    "tail.arrived", path=follower.path, entries=tuple(entries), unreadable=unreadable,
                    skipped=batch.skipped, problem=batch.problem,
                )  # fmt: skip

        self.controller.in_thread(work, "tail")

    def find(self, entry: log.Entry, then: str) -> None:
        """The certificate of an entry, for the simulator or a test."""
        file, probes = self.controller.document.content.file, self._probes()

        def work() -> None:
            from mtls_tui.tui.authority.jobs import default_store
            from mtls_tui.tui.certificates.by_fingerprint import known, stores_of, with_facts

            found = known(file, (*stores_of(file), default_store()), probes).get(entry.fingerprint)
            self._back(then, entry=entry, known=with_facts(found) if found is not None else None)

        self.controller.in_thread(work, "tail")
