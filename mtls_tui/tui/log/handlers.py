"""Handlers of the effects of the live log's board: the log is read twice a second while the board is open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtls_tui.tui.log import state
from mtls_tui.tui.log.effects import FindCertificate, FindLogs, Follow, Pause
from mtls_tui.tui.log.follow import Follower, logs_near
from mtls_tui.tui.registry.effects import Host, Timer, handles
from mtls_tui.tui.state.content import Probe

LOOK_S = 0.5


@dataclass
class Following:
    """The file that is followed, what was wrong with it last, and the number of the next entry."""

    follower: Follower | None = None
    problem: str = ""
    timer: Timer | None = None
    looking: bool = False
    number: int = 0

    def pause(self) -> None:
        """Stop following but remember the position."""
        if self.timer is not None:
            self.timer.stop()
            self.timer = None

    def follow(self, path: Path) -> None:
        """Close the file and follow another."""
        self.pause()
        if self.follower is not None:
            self.follower.close()
        self.follower, self.problem = Follower(path), ""


def _probes(host: Host) -> tuple[Probe, ...]:
    content = host.document.content
    return (content.probe, *content.probes)


@handles(FindLogs)
def _find_logs(effect: FindLogs, host: Host) -> None:
    file, probes = host.document.content.file, _probes(host)

    def job() -> None:
        from mtls_tui.pki.authority import default_folder
        from mtls_tui.tui.certificates.by_fingerprint import known, stores_of

        files = logs_near(file.folder)
        chosen = effect.path or (file.folder / files[0] if files else None)
        found = known(file, (*stores_of(file), default_folder()), probes)
        names = {mark: one.name for mark, one in found.items()}
        host.post("tail.opened", path=chosen, files=files, names=names)

    host.in_thread(job, "tail")


@handles(Follow)
def _follow(effect: Follow, host: Host) -> None:
    following = host.kept(Following)
    if effect.fresh or following.follower is None or following.follower.path != effect.path:
        following.follow(effect.path)
    if following.timer is None:
        following.timer = host.every(LOOK_S, lambda: _look(host))
    _look(host)


@handles(Pause)
def _pause(_: Pause, host: Host) -> None:
    host.kept(Following).pause()


def _look(host: Host) -> None:
    """Read what is new; the terminal gets output only if something came."""
    following = host.kept(Following)
    follower = following.follower
    if host.document.board != "tail":
        following.pause()
        return
    if follower is None or following.looking:
        return
    following.looking = True

    def job() -> None:
        try:
            batch = follower.read()
            entries, unreadable = [], batch.overlong
            for line in batch.lines[-state.KEPT :]:
                entry = state.parse(line, following.number)
                if entry is None:
                    unreadable += 1
                    continue
                following.number += 1
                entries.append(entry)
        finally:
            following.looking = False
        if entries or unreadable or batch.skipped or batch.problem != following.problem:
            following.problem = batch.problem
            host.post(
                "tail.arrived", path=follower.path, entries=tuple(entries), unreadable=unreadable,
                skipped=batch.skipped, problem=batch.problem,
            )  # fmt: skip

    host.in_thread(job, "tail")


@handles(FindCertificate)
def _find_certificate(effect: FindCertificate, host: Host) -> None:
    file, probes, entry = host.document.content.file, _probes(host), effect.entry

    def job() -> None:
        from mtls_tui.pki.authority import default_folder
        from mtls_tui.tui.certificates.by_fingerprint import known, stores_of, with_facts

        found = known(file, (*stores_of(file), default_folder()), probes).get(entry.fingerprint)
        host.post(effect.then, entry=entry, known=with_facts(found) if found is not None else None)

    host.in_thread(job, "tail")
