"""Handlers of the effects of the certificate authority's board. Each result comes back as an action.

A passphrase is kept in memory while the board is open, never in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtls_tui.tui.authority import jobs
from mtls_tui.tui.authority.effects import (
    FetchCertificate,
    Forget,
    LoadStore,
    RunJob,
    ShowFacts,
    TryPassphrase,
    WithKey,
)
from mtls_tui.tui.registry.effects import Host, handles

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass
class Passphrases:
    """The passphrases of authorities' keys, by folder."""

    known: dict[Path, bytes] = field(default_factory=dict, repr=False)


def _passphrase(host: Host, folder: Path) -> bytes | None:
    if not jobs.is_encrypted(folder):
        return None
    return host.kept(Passphrases).known.get(folder) or jobs.environment_passphrase()


def _shortened(host: Host, text: str) -> str:
    """A message with paths relative to the rule file's folder, so that the rest of the message fits."""
    return text.replace(f"{host.document.content.file.folder.absolute()}/", "")


def _go_on(host: Host, then: ActionId, arguments: Mapping[str, Any]) -> None:
    """Run an action from a worker thread, unless the board was closed in the meantime."""
    host.post("authority.go_on", then=then, then_arguments=arguments)


def _in_thread(host: Host, job: Callable[[], None]) -> None:
    def told() -> None:
        try:
            job()
        except jobs.ERRORS as error:
            host.post("authority.failed", text=_shortened(host, str(error)))

    host.in_thread(told, "authority")


@handles(LoadStore)
def _load(effect: LoadStore, host: Host) -> None:
    file = host.document.content.file

    def job() -> None:
        where = effect.folder or jobs.store_for(file)
        host.post("authority.loaded", store=jobs.read(where, file, jobs.now_utc()))

    _in_thread(host, job)


@handles(WithKey)
def _with_key(effect: WithKey, host: Host) -> None:
    folder = effect.folder

    def job() -> None:
        if jobs.is_encrypted(folder) and _passphrase(host, folder) is None:
            _go_on(host, "authority.ask", {"then": effect.then, "then_arguments": effect.arguments})
            return
        jobs.unlock(folder, _passphrase(host, folder))
        _go_on(host, effect.then, effect.arguments)

    _in_thread(host, job)


@handles(TryPassphrase)
def _try(effect: TryPassphrase, host: Host) -> None:
    folder = effect.folder

    def job() -> None:
        jobs.unlock(folder, effect.passphrase.encode())
        host.kept(Passphrases).known[folder] = effect.passphrase.encode()
        _go_on(host, "authority.unlocked", {"then": effect.then, "then_arguments": effect.arguments})

    _in_thread(host, job)


@handles(RunJob)
def _run(effect: RunJob, host: Host) -> None:
    file, folder = host.document.content.file, effect.folder

    def job() -> None:
        given = effect.passphrase.encode() if effect.passphrase else _passphrase(host, folder)
        text = jobs.JOBS[effect.job](folder, given, **effect.arguments)  # type: ignore[operator]
        if effect.passphrase:
            host.kept(Passphrases).known[folder] = effect.passphrase.encode()
        store = jobs.read(folder, file, jobs.now_utc())
        host.post("authority.done", store=store, text=_shortened(host, text))

    _in_thread(host, job)


@handles(ShowFacts)
def _show(effect: ShowFacts, host: Host) -> None:
    folder, row = effect.folder, effect.row

    def job() -> None:
        _go_on(host, "authority.facts", {"row": row, "facts": tuple(jobs.facts_of(folder, row))})

    _in_thread(host, job)


@handles(FetchCertificate)
def _fetch(effect: FetchCertificate, host: Host) -> None:
    folder, row = effect.folder, effect.row

    def job() -> None:
        pem = "" if row.file else jobs.pem_of(folder, row).decode("ascii")
        host.post("authority.simulated", name=row.name, file=row.file, pem=pem)

    _in_thread(host, job)


@handles(Forget)
def _forget(_: Forget, host: Host) -> None:
    host.kept(Passphrases).known.clear()
