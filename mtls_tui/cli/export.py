"""`mtls-tui export`: write the bundle that the engine runs. Refuses what can't or shouldn't be enforced."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mtls_tui.analysis import findings_of
from mtls_tui.analysis.properties_in_file import judged, property_findings
from mtls_tui.cli.errors import InputError
from mtls_tui.cli.output import counted, echo_json, problem_text, problems_text, usable_rule_file
from mtls_tui.engine.bundle import Bundle, BundleError
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.engine.signing import load_signing_key
from mtls_tui.rulefile import RuleFile, RuleFileError, export, exports
from mtls_tui.rulefile.materials import MaterialError, read_bytes
from mtls_tui.simulate.style import Style, safe
from mtls_tui.simulate.testing.suite import run_tests

MOST_NAMED = 3
"""Reasons that are told of one host."""


@click.command(name="export")
@click.argument("file")
@click.option("-o", "--output", required=True, metavar="BUNDLE", help="Where to write the bundle.")
@click.option(
    "--sign",
    "sign_key",
    metavar="KEY",
    help="Sign with this Ed25519 private key (PEM); its passphrase is read from MTLS_TUI_SIGN_PASSPHRASE.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Export although tests fail or properties are broken; overwrite a file that is not a bundle.",
)
@click.option("--strict", is_flag=True, help="Also refuse if `check` finds anything.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(file: str, output: str, sign_key: str | None, force: bool, strict: bool, as_json: bool) -> None:
    """Write the bundle of FILE, a rule file: rules, hosts, lists, trust anchors and revocation lists in one.

    Refuses a file with errors, and one whose tests fail or whose properties are broken (unless --force). Tells what
    `check` finds. Every export is kept in the history. Nothing is written unless all is well.

    Exit code 0: written; 1: a test fails, a property is broken, or with --strict there is a finding; 2: error.
    """
    rulefile = usable_rule_file(file)
    key = _key(sign_key) if sign_key else None
    _tell_findings(rulefile, strict)
    broken = _broken_properties(rulefile)
    if broken and not force:
        _refuse(broken, ("property", "properties"), f"{file} broken", f"prove {file}")
    failed = _failing_tests(rulefile)
    if failed and not force:
        _refuse(failed, ("test",), f"{file} failed", f"test {file}")
    try:
        done = export(rulefile, Path(output), key, force=force)
    except RuleFileError as error:
        raise InputError(problems_text(error.problems)) from None
    if as_json:
        echo_json(
            {
                "bundle": str(done.path),
                "digest": done.digest,
                "signed": done.signed,
                "created": done.bundle.created,
                "rules": len(done.bundle.rules),
                "hosts": [host.name for host in done.bundle.hosts],
                "kept": str(done.kept) if done.kept else None,
                "failed_tests": len(failed),
                "broken_properties": len(broken),
                "gateway": _roads(done.bundle),
            }
        )
        return
    sizes = f"{counted(len(done.bundle.rules), 'rule')}, {counted(len(done.bundle.hosts), 'host')}"
    signed = ", signed" if done.signed else ""
    click.echo(f"{done.path}: {sizes}{signed}\n{done.digest}")
    for line in _asked(done.bundle):
        click.echo(line)
    if failed:
        click.echo(f"warning: exported although {counted(len(failed), 'test')} failed (--force)", err=True)
    if broken:
        click.echo(
            f"warning: exported with {counted(len(broken), 'broken property', 'broken properties')} (--force)", err=True
        )
    if done.kept is None:
        click.echo("warning: no copy could be kept in the history", err=True)
    elif len(exports(done.path)) > 1:
        click.echo(f"the way back: earlier exports are in {done.kept.parent}", err=True)


def _roads(bundle: Bundle) -> list[dict[str, object]]:
    """For each host that the gateway can serve: whether its rules run inside Envoy, and what is asked and why."""
    from mtls_tui.gateway.envoy.hostplan import Upstream
    from mtls_tui.gateway.roads import plan_of
    from mtls_tui.gateway.settings import Settings

    policy = Policy.from_bundle(bundle)
    nowhere = Upstream("", 0)
    return [plan_of(host, nowhere, policy, Settings()).shown() for host in bundle.hosts if host.upstream]


def _asked(bundle: Bundle) -> list[str]:
    """The hosts about whose requests the gateway's Envoy has to ask the decision service, always or at some rules."""
    lines = []
    for host in _roads(bundle):
        reasons = host["asked_because"]
        if isinstance(reasons, list) and reasons:
            when = "when a rule is reached that can't run inside Envoy" if host["inside"] else "about every request"
            more = f"; and {len(reasons) - MOST_NAMED} more" if len(reasons) > MOST_NAMED else ""
            lines.append(f"{host['name']}: the gateway asks {when}: {'; '.join(reasons[:MOST_NAMED])}{more}")
    return lines


def _key(name: str) -> Ed25519PrivateKey:
    passphrase = os.environ.get("MTLS_TUI_SIGN_PASSPHRASE")
    try:
        data = read_bytes(Path(name), 1 << 20, "key file")
        return load_signing_key(data, passphrase.encode() if passphrase else None)
    except MaterialError as error:
        raise InputError(f"--sign: {error.message}; {error.cure}") from None
    except BundleError as error:
        raise InputError(f"--sign {name}: {error}") from None


def _tell_findings(rulefile: RuleFile, strict: bool) -> None:
    """What `check` finds is told before rules are enforced; with --strict it stops the export."""
    found = [entry for entry in findings_of(rulefile, datetime.now(UTC)) if entry.severity != "info"]
    for entry in found:
        click.echo(problem_text(entry.problem, Style(), entry.severity), err=True)
    if found and strict:
        click.echo(f"not exported: {counted(len(found), 'finding')} (--strict)", err=True)
        raise SystemExit(1)


def _refuse(lines: Sequence[str], words: tuple[str, ...], what: str, see: str) -> NoReturn:
    """Tell what stands against an export, and end."""
    for line in lines:
        click.echo(line, err=True)
    click.echo(
        f"not exported: {counted(len(lines), *words)} of {what}; see `mtls-tui {see}`, or export with --force", err=True
    )
    raise SystemExit(1)


def _broken_properties(rulefile: RuleFile) -> list[str]:
    """A line for each property that is broken. One that is open doesn't stop an export: `check` has warned of it."""
    return [
        f"{rulefile.name}:{entry.problem.line}: property broken: {safe(entry.problem.message)}"
        for entry in property_findings(rulefile, judged(rulefile))
        if entry.severity == "error"
    ]


def _failing_tests(rulefile: RuleFile) -> list[str]:
    """A line for each test that doesn't pass; none when there are no tests, which is not a failure here."""
    if not rulefile.tests:
        return []
    try:
        report = run_tests(rulefile)
    except PolicyError as error:
        raise InputError(f"{rulefile.name}: {error}") from None
    return [f"{rulefile.name}:{result.line}: test failed: {safe(result.test.name)}" for result in report.failed]
