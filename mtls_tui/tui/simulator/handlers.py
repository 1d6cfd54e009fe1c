"""Handlers of the simulator's effects."""

from __future__ import annotations

from pathlib import Path

from mtls_tui.files import near
from mtls_tui.tui.registry.effects import EvaluateAgain, Host, handles
from mtls_tui.tui.simulator.effects import AskPassphrase, KeepPassphrase, OfferCertificates
from mtls_tui.tui.simulator.secrets import Secrets

PEM_ENDINGS = (".pem", ".crt", ".cer", ".p12", ".pfx", ".der", ".p7b")


@handles(OfferCertificates)
def _offer(_: OfferCertificates, host: Host) -> None:
    folder = host.document.content.file.folder
    host.dispatch("simulator.certificates", files=tuple(certificate_files_near(folder)))


@handles(AskPassphrase)
def _ask(effect: AskPassphrase, host: Host) -> None:
    host.dispatch("simulator.passphrase", path=effect.path)


@handles(KeepPassphrase)
def _keep(effect: KeepPassphrase, host: Host) -> None:
    host.kept(Secrets).passphrases[effect.path] = effect.passphrase.encode()
    host.carry_out(EvaluateAgain())


def certificate_files_near(folder: Path) -> list[str]:
    """Certificate files in the rule file's folder and one level below; keys are left out by name."""
    found = (path for path in near(folder, PEM_ENDINGS) if "key" not in path.stem.lower() and path.is_file())
    return [str(path.relative_to(folder)) for path in found][:200]
