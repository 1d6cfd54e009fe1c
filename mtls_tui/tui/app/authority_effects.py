"""What the certificate authority's board asks of the world. Each comes back as an action; passphrases stay in here.

A passphrase is kept in memory while the board is open, never in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtls_tui.tui.authority import jobs
from mtls_tui.tui.authority.state import Row

if TYPE_CHECKING:
    from mtls_tui.tui.app.effects import Effects


class AuthorityEffects:
    """Carries out `authority.…` effects."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.controller = effects.controller
        self.passphrases: dict[Path, bytes] = {}

    def _back(self, action: str, **arguments: Any) -> None:
        self.controller.from_thread(self.controller.dispatch, action, **arguments)

    def _go_on(self, action: str, **arguments: Any) -> None:
        """As `_back`, unless the board was closed meanwhile."""

        def go_on() -> None:
            if self.controller.document.board == "authority":
                self.controller.dispatch(action, **arguments)

        self.controller.from_thread(go_on)

    def _passphrase(self, folder: Path) -> bytes | None:
        if not jobs.is_encrypted(folder):
            return None
        return self.passphrases.get(folder) or jobs.environment_passphrase()

    def _near(self, text: str) -> str:
        """A message in which paths near the rule file are short, so that what is wrong with them is in sight."""
        return text.replace(f"{self.controller.document.content.file.folder.absolute()}/", "")

    def _work(self, work: Callable[[], None]) -> None:
        def told() -> None:
            try:
                work()
            except jobs.ERRORS as error:
                self._back("authority.failed", text=self._near(str(error)))

        self.controller.in_thread(told, "authority")

    def load(self, folder: Path | None) -> None:
        """Read a store; None: the one that fits the rule file."""
        file = self.controller.document.content.file

        def work() -> None:
            where = folder or jobs.store_for(file)
            self._back("authority.loaded", store=jobs.read(where, file, jobs.now_utc()))

        self._work(work)

    def unlocked(self, folder: Path, then: str, arguments: Mapping[str, Any]) -> None:
        """Go on with an action that needs the key; ask for its passphrase first where it has one."""

        def work() -> None:
            if jobs.is_encrypted(folder):
                known = self._passphrase(folder)
                if known is None:
                    self._go_on("authority.ask", then=then, then_arguments=arguments)
                    return
            jobs.unlock(folder, self._passphrase(folder))
            self._go_on(then, **arguments)

        self._work(work)

    def unlock(self, folder: Path, passphrase: str, then: str, arguments: Mapping[str, Any]) -> None:
        """Try what was typed, and go on."""

        def work() -> None:
            jobs.unlock(folder, passphrase.encode())
            self.passphrases[folder] = passphrase.encode()
            self._go_on("authority.unlocked", then=then, then_arguments=arguments)

        self._work(work)

    def run(self, folder: Path, job: str, arguments: Mapping[str, Any], passphrase: str = "") -> None:
        """Have a job done, then read the store again."""
        file = self.controller.document.content.file

        def work() -> None:
            given = passphrase.encode() if passphrase else self._passphrase(folder)
            text = jobs.JOBS[job](folder, given, **arguments)  # type: ignore[operator]
            if passphrase:
                self.passphrases[folder] = passphrase.encode()
            store = jobs.read(folder, file, jobs.now_utc())
            self._back("authority.done", store=store, text=self._near(text))
            self.controller.from_thread(self.controller.evaluate_again)

        self._work(work)

    def show(self, folder: Path, row: Row) -> None:
        """Every fact of a certificate."""
        self._work(lambda: self._go_on("authority.facts", row=row, facts=tuple(jobs.facts_of(folder, row))))

    def simulate(self, folder: Path, row: Row) -> None:
        """A certificate for the simulator."""

        def work() -> None:
            pem = "" if row.file else jobs.pem_of(folder, row).decode("ascii")
            self._back("authority.simulated", name=row.name, file=row.file, pem=pem)

        self._work(work)

    def forget(self) -> None:
        """Forget passphrases: the board is closed."""
        self.passphrases.clear()
