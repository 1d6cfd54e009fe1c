"""Checks of properties: names, hosts that the file has, expressions that parse."""

from __future__ import annotations

from mtls_tui.engine import hostnames
from mtls_tui.rulefile.checks.report import ProblemReport
from mtls_tui.rulefile.checks.texts import check_text
from mtls_tui.rulefile.errors import nearest
from mtls_tui.rulefile.places import KeyPath


def check_properties(report: ProblemReport) -> None:
    """Each property alone, and that no two have one name."""
    known = _hosts(report)
    seen: dict[str, int] = {}
    for index, entry in enumerate(report.rulefile.properties):
        path = ("properties", index)
        if entry.name in seen:
            first = report.rulefile.line_of("properties", seen[entry.name], "name")
            report.add(
                "duplicate", (*path, "name"), f"`{entry.name}` is already a property (line {first})", "rename one"
            )
        elif not entry.name.isprintable():
            report.add("value", (*path, "name"), "a name holds printable characters only", "rename it")
        seen.setdefault(entry.name, index)
        for place, host in enumerate(entry.hosts):
            _host(report, (*path, "hosts", place), host, known)
        check_text(report, (*path, "when"), entry.when)
        if entry.unless is not None:
            check_text(report, (*path, "unless"), entry.unless)


def _hosts(report: ProblemReport) -> dict[str, str]:
    known = {}
    for host in report.rulefile.hosts:
        try:
            name = hostnames.configured(host.name)
        except hostnames.HostnameError:
            continue  # said of the host itself
        known[name] = name
    return known


def _host(report: ProblemReport, path: KeyPath, given: str, known: dict[str, str]) -> None:
    """A property of a host that is not served would hold of nothing: every such request is blocked anyway."""
    try:
        name = hostnames.configured(given)
    except hostnames.HostnameError as error:
        report.add("value", path, f"`{given}` is not a host name: {error}", 'write it like "api.example.com"')
        return
    if hostnames.serving(name, known) is None:
        cure = nearest(name, known) if known else "the file has no hosts: add [[hosts]]"
        report.add("unknown-host", path, f"the file has no host `{given}`", cure)
