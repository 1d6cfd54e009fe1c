"""Handlers of effects on the bundle beside the rule file; asks the gateway what it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtls_tui.rulefile import RuleFile, RuleFileError
from mtls_tui.tui.deploy.effects import Export, MakeReport, OfferKept, Restore
from mtls_tui.tui.files.effects import Compare
from mtls_tui.tui.registry.effects import Host, handles
from mtls_tui.tui.state.overlays import Page

GATEWAY_S = 3.0


@dataclass
class Asked:
    """The number of the newest report, and whether the gateway is being asked."""

    report: int = 0
    gateway: bool = False


def target_of(file: RuleFile) -> Path:
    """Where the bundle goes: beside the rule file."""
    assert file.path is not None
    stem = file.path.name.removesuffix(".toml").removesuffix(".rules")
    return file.path.with_name(f"{stem}.bundle.json")


@handles(MakeReport)
def _report(effect: MakeReport, host: Host) -> None:
    target = target_of(host.document.content.file)
    asked = host.kept(Asked)
    asked.report += 1
    number = asked.report

    def wanted() -> bool:
        overlay = host.document.overlay
        return number == asked.report and isinstance(overlay, Page) and overlay.name == "deploy"

    def job() -> None:
        from mtls_tui.tui.deploy.consequences import consequences
        from mtls_tui.tui.deploy.report import report

        made = report(effect.content.file, target)
        if number != asked.report:
            return
        before, after = made.before, made.after
        host.post(
            "deploy.show",
            lines=made.lines,
            why_not=made.why_not,
            target=target.name,
            kept=made.kept,
            looking=before is not None,
            witnesses=made.witnesses,
        )
        if before is None or after is None:
            return
        found = consequences(before, after, wanted)
        if found is not None and wanted():
            host.post("deploy.consequences", lines=found.lines, witnesses=found.witnesses)

    host.in_thread(job, "deploy")


@handles(Compare)
def _compare(_: Compare, host: Host) -> None:
    file = host.document.content.file
    if file.path is None:
        return
    target = target_of(file)

    def job() -> None:
        from mtls_tui.tui.deploy.report import known

        host.post("deploy.known", deployed=known(file, target))

    host.in_thread(job, "compare")


@handles(Export)
def _export(_: Export, host: Host) -> None:
    document = host.document
    # Edits made while it was being saved are not in it: the bundle is that of the file on disk.
    file = document.saved.file if document.unsaved and document.saved is not None else document.content.file
    target = target_of(file)

    def job() -> None:
        from mtls_tui.rulefile import export

        try:
            done = export(file, target)
        except RuleFileError as error:
            text = f"not exported: {error.problem.message}; {error.problem.cure}"
            host.post("notice.show", text=text, kind="bad")
            return
        host.post("deploy.exported", path=target.name, digest=done.digest)

    host.in_thread(job, "deploy")


@handles(OfferKept)
def _offer(_: OfferKept, host: Host) -> None:
    from mtls_tui.tui.deploy.report import kept_items

    host.dispatch("deploy.pick", items=kept_items(target_of(host.document.content.file)))


@handles(Restore)
def _restore(effect: Restore, host: Host) -> None:
    target = target_of(host.document.content.file)

    def job() -> None:
        from mtls_tui.tui.deploy.report import put_back

        try:
            digest = put_back(Path(effect.path), target)
        except (OSError, ValueError) as error:
            host.post("notice.show", text=f"not put back: {error}", kind="bad")
            return
        host.post("deploy.exported", path=target.name, digest=digest, note=" is back in place")

    host.in_thread(job, "deploy")


def watch_gateway(host: Host) -> None:
    """Ask the gateway what it runs every few seconds; the terminal gets output only on a change."""
    if host.status:
        _ask(host)
        host.every(GATEWAY_S, lambda: _ask(host))


def _ask(host: Host) -> None:
    asked = host.kept(Asked)
    if asked.gateway:
        return
    asked.gateway = True

    def job() -> None:
        from mtls_tui.tui.deploy.gatewaystatus import ask

        answer = ask(host.status)
        asked.gateway = False
        host.post("gateway.said", gateway=answer)

    host.in_thread(job, "gateway")
