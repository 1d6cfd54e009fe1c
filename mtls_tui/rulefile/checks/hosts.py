"""Checks of hosts: names, contradictory settings, upstreams, and the files that a rule file names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mtls_tui.engine import hostnames
from mtls_tui.rulefile import materials
from mtls_tui.rulefile.checks.report import ProblemReport
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.places import KeyPath
from mtls_tui.rulefile.schema import HostEntry


def check_hosts(report: ProblemReport) -> None:
    """Each host alone, and that no two have one name."""
    seen: dict[str, int] = {}
    for index, host in enumerate(report.rulefile.hosts):
        path = ("hosts", index)
        try:
            name = hostnames.configured(host.name)
        except hostnames.HostnameError as error:
            report.add(
                "value",
                (*path, "name"),
                f"`{host.name}` is not a host name: {error}",
                'write it like "api.example.com"',
            )
        else:
            if name in seen:
                first = report.rulefile.line_of("hosts", seen[name], "name")
                report.add("duplicate", (*path, "name"), f"`{name}` is already a host (line {first})", "merge the two")
            seen.setdefault(name, index)
        _certificate_settings(report, path, host)
        _upstream(report, path, host)
        _server_files(report, path, host)


def _certificate_settings(report: ProblemReport, path: KeyPath, host: HostEntry) -> None:
    if not host.mtls:
        for key in ("anchors", "intermediates", "crls", "crl_policy", "revocation"):
            if getattr(host, key):
                report.add(
                    "contradiction",
                    (*path, key),
                    "the host asks for no certificate (mtls = false)",
                    f"remove `{key}`, or write mtls = true",
                )
        return
    if host.crl_policy == "require" and not (host.crls or report.rulefile.crls):
        report.add(
            "contradiction",
            (*path, "crl_policy"),
            "revocation lists are required, but none is given: no certificate could be verified",
            "add crls = [ … ], or remove `crl_policy`",
        )


def _upstream(report: ProblemReport, path: KeyPath, host: HostEntry) -> None:
    secure = False
    if host.upstream is not None:
        trouble, secure = _url_trouble(host.upstream)
        if trouble:
            report.add(
                "value",
                (*path, "upstream"),
                f"`{host.upstream}` is not an upstream URL: {trouble}",
                'write it like "http://127.0.0.1:8080"',
            )
            return
    if host.upstream_ca is not None and not secure:
        report.add(
            "contradiction",
            (*path, "upstream_ca"),
            "an authority is given, but the upstream is not https",
            'write upstream = "https://…", or remove `upstream_ca`',
        )


def _url_trouble(text: str) -> tuple[str, bool]:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        return str(error).lower(), False
    if url.scheme not in ("http", "https"):
        return "it has to begin with http:// or https://", False
    if not url.hostname:
        return "it has no host", False
    if port == 0:
        return "port 0 is none", False
    if url.username or url.password:
        return "it has a user name", False
    if url.path not in ("", "/") or url.query or url.fragment:
        return "it has a path; requests keep their own", False
    return "", url.scheme == "https"


def _server_files(report: ProblemReport, path: KeyPath, host: HostEntry) -> None:
    for key, other in (("server_certificate", "server_key"), ("server_key", "server_certificate")):
        if getattr(host, key) and not getattr(host, other):
            report.add("contradiction", (*path, key), f"`{other}` is missing", f"add `{other}`: one needs the other")


def check_files(report: ProblemReport) -> None:
    """Files that are named exist and hold what their key says.

    A server certificate or key with an absolute path may belong to the machine that runs the gateway; the gateway
    looks at it when it starts.
    """
    rulefile = report.rulefile
    owners: Iterator[tuple[KeyPath, RuleFile | HostEntry]] = iter(
        [((), rulefile), *((("hosts", index), host) for index, host in enumerate(rulefile.hosts))]
    )
    for path, owner in owners:
        for key, read in _READERS:
            for index, name in enumerate(getattr(owner, key)):
                report.file((*path, key, index), name, read)
        if not isinstance(owner, HostEntry):
            continue
        if owner.upstream_ca is not None:
            report.file((*path, "upstream_ca"), owner.upstream_ca, materials.certificates)
        for key in ("server_certificate", "server_key"):
            name = getattr(owner, key)
            if name is not None and not Path(name).expanduser().is_absolute():
                report.file((*path, key), name, _exists)


def _exists(path: Path) -> None:
    """The author of the rules need not be able to read a key, but a relative path leads to a file."""
    if path.is_dir():
        raise materials.MaterialError(f"is a directory: {path}", "name the PEM file inside it", "directory")
    if not path.exists():
        raise materials.MaterialError(f"no such file: {path}", "check the path and the spelling", "missing")


_READERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("anchors", materials.certificates),
    ("intermediates", materials.certificates),
    ("crls", materials.crls),
)
