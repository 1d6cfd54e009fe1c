"""Whether the values of a rule file make sense, each alone and together.

Expressions, references, files, contradictions: every check gives a `Problem` with a place and a cure. What may be odd
but can run belongs to lint, not here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from mtls_tui.engine import hostnames
from mtls_tui.lang import catalogue
from mtls_tui.lang.ast import Expression, ListName
from mtls_tui.lang.diagnostics import Diagnostic, render
from mtls_tui.rulefile import expressions, materials
from mtls_tui.rulefile.errors import Problem, nearest
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.schema import HostEntry, TestEntry

ROLES = ("none", "good", "expired", "not_yet_valid", "revoked", "foreign", "self_signed", "server_purpose")
"""What a test's `certificate` may be besides a PEM file."""

LIST_NAME = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*")


def checked(rulefile: RuleFile) -> RuleFile:
    """The same rule file with its parsed expressions and all its problems, in the order of the file."""
    report = _Report(rulefile)
    parsed = _rules(report)
    for check in (_hosts, _files, _lists, _tests):
        check(report)
    problems = sorted(report.problems, key=lambda problem: (problem.line, problem.column))
    return replace(rulefile, expressions=parsed, problems=tuple(problems))


class _Report:
    def __init__(self, rulefile: RuleFile) -> None:
        self.rulefile = rulefile
        self.problems: list[Problem] = []

    def add(self, code: str, path: tuple[str | int, ...], message: str, cure: str) -> None:
        line, column = self.place(path)
        self.problems.append(
            Problem(code, message, self.rulefile.name, line, column, key=_key_name(path), cure=cure),
        )

    def place(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        places = self.rulefile.places
        place = places.find(path) if places else None
        return places.position(place.key) if places and place else (0, 0)

    def file(self, path: tuple[str | int, ...], name: str, read: Callable[[Path], object]) -> None:
        """Report what stops a named file from being read."""
        try:
            read(self.rulefile.resolve(name))
        except materials.MaterialError as error:
            self.add(error.code, path, error.message, error.cure)


def _key_name(path: tuple[str | int, ...]) -> str:
    from mtls_tui.rulefile.reading import key_name

    return key_name(path)


# --- rules ---------------------------------------------------------------------------------------------------------


def _rules(report: _Report) -> tuple[Expression | None, ...]:
    seen: dict[str, int] = {}
    parsed: list[Expression | None] = []
    for index, rule in enumerate(report.rulefile.rules):
        path = ("rules", index)
        if rule.ref in seen:
            first = report.rulefile.line_of("rules", seen[rule.ref], "ref")
            report.add("duplicate", (*path, "ref"), f"`{rule.ref}` is already a rule (line {first})", "rename one")
        elif not rule.ref.isprintable():
            report.add("value", (*path, "ref"), "a ref holds printable characters only", "rename it")
        seen.setdefault(rule.ref, index)
        if rule.response is not None:
            if rule.action != "block":
                report.add(
                    "contradiction",
                    (*path, "response"),
                    f"a rule with action `{rule.action}` gives no response of its own",
                    'remove `response`, or write action = "block"',
                )
            if len(rule.response.body.encode()) > 2048:
                report.add("value", (*path, "response"), "the body has more than 2,048 bytes", "shorten it")
        expression, diagnostic = expressions.parse(rule.expression)
        if diagnostic:
            report.problems.append(expression_problem(report.rulefile, index, diagnostic))
        else:
            _list_names(report, index, rule.expression)
        parsed.append(expression)
    return tuple(parsed)


def expression_problem(rulefile: RuleFile, index: int, diagnostic: Diagnostic) -> Problem:
    """A diagnostic of rule `index`'s expression as a problem at its line within the file."""
    text = rulefile.rules[index].expression
    line, column = position_in_file(rulefile, ("rules", index, "expression"), diagnostic.line, diagnostic.column)
    return Problem(
        code=diagnostic.code,
        message=diagnostic.message,
        file=rulefile.name,
        line=line,
        column=column,
        key=f"rules[{index}].expression",
        cure=diagnostic.hint,
        detail=render(diagnostic, text),
        diagnostic=diagnostic,
    )


def position_in_file(rulefile: RuleFile, path: tuple[str | int, ...], line: int, column: int) -> tuple[int, int]:
    """Line and column in the file of a place within a text value.

    Exact for literal strings, the form that rule files use; in a string with escapes the line is right as long as
    the escapes make no line breaks, and the column counts the value's characters.
    """
    places = rulefile.places
    place = places.values.get(path) if places else None
    if not places or not place:
        return 0, 0
    text = places.text
    start = place.start
    if text.startswith(("'''", '"""'), start):
        start += 3
        # TOML trims a line break right after the opening quotes.
        start += 2 if text.startswith("\r\n", start) else 1 if text.startswith("\n", start) else 0
    else:
        start += 1
    first_line, first_column = places.position(start)
    return first_line + line - 1, column + first_column - 1 if line == 1 else column


def _list_names(report: _Report, index: int, text: str) -> None:
    kinds = {"Ip": "ip", "Bytes": "hostname", "Int": "asn"}
    for node in expressions.list_uses(text):
        assert isinstance(node.right, ListName)
        name, entry = node.right.name, report.rulefile.lists.get(node.right.name)
        if entry is None:
            cure = f"add [lists.{name}]"
            if report.rulefile.lists:
                cure = f"{nearest(name, report.rulefile.lists)} or {cure}"
            if "." in name:
                cure = f'Cloudflare\'s managed lists are not known here: add [lists."{name}"] with items of your own'
            _at_node(report, index, node.right, "unknown-list", f"unknown list `${name}`", cure)
            continue
        wanted = kinds.get(expressions.type_name(node.left))
        if wanted and wanted != entry.kind:
            message = f"`${name}` is a list of kind {entry.kind}, but the field takes one of kind {wanted}"
            _at_node(report, index, node.right, "list-kind", message, "use another list or field")


def _at_node(report: _Report, index: int, node: ListName, code: str, message: str, cure: str) -> None:
    text = report.rulefile.rules[index].expression
    span = node.span
    assert span is not None
    line = text.count("\n", 0, span.start) + 1
    column = span.start - (text.rfind("\n", 0, span.start) + 1) + 1
    diagnostic = Diagnostic(code, message, line, column, span, cure)
    report.problems.append(expression_problem(report.rulefile, index, diagnostic))


# --- hosts ---------------------------------------------------------------------------------------------------------


def _hosts(report: _Report) -> None:
    seen: dict[str, int] = {}
    for index, host in enumerate(report.rulefile.hosts):
        path = ("hosts", index)
        try:
            name = hostnames.configured(host.name)
        except hostnames.HostnameError as error:
            report.add(
                "value", (*path, "name"), f"`{host.name}` is no host name: {error}", 'write it like "api.example.com"'
            )
        else:
            if name in seen:
                first = report.rulefile.line_of("hosts", seen[name], "name")
                report.add("duplicate", (*path, "name"), f"`{name}` is already a host (line {first})", "merge the two")
            seen.setdefault(name, index)
        _certificate_settings(report, path, host)
        _upstream(report, path, host)
        _server_files(report, path, host)


def _certificate_settings(report: _Report, path: tuple[str | int, ...], host: HostEntry) -> None:
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


def _upstream(report: _Report, path: tuple[str | int, ...], host: HostEntry) -> None:
    secure = False
    if host.upstream is not None:
        trouble, secure = _url_trouble(host.upstream)
        if trouble:
            report.add(
                "value",
                (*path, "upstream"),
                f"`{host.upstream}` is no upstream: {trouble}",
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


def _server_files(report: _Report, path: tuple[str | int, ...], host: HostEntry) -> None:
    for key, other in (("server_certificate", "server_key"), ("server_key", "server_certificate")):
        if getattr(host, key) and not getattr(host, other):
            report.add("contradiction", (*path, key), f"`{other}` is missing", f"add `{other}`: one needs the other")


def _files(report: _Report) -> None:
    """Files that are named exist and hold what their key says.

    A server certificate or key with an absolute path may belong to the machine that runs the gateway; the gateway
    looks at it when it starts.
    """
    rulefile = report.rulefile
    owners: Iterator[tuple[tuple[str | int, ...], RuleFile | HostEntry]] = iter(
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
    """A key need not be readable to whoever writes rules, but a relative path leads to a file."""
    if path.is_dir():
        raise materials.MaterialError(f"is a directory: {path}", "name the PEM file inside it", "directory")
    if not path.exists():
        raise materials.MaterialError(f"no such file: {path}", "check the path and the spelling", "missing")


_READERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("anchors", materials.certificates),
    ("intermediates", materials.certificates),
    ("crls", materials.crls),
)


# --- lists ---------------------------------------------------------------------------------------------------------


def _lists(report: _Report) -> None:
    for name, entry in report.rulefile.lists.items():
        if not LIST_NAME.fullmatch(name) or len(name) > 50:
            report.add(
                "value", ("lists", name), "not a list name", "use a-z, 0-9 and _, at most 50 characters, lower case"
            )
        for index, item in enumerate(entry.items):
            trouble, cure = _ITEM_CHECKS[entry.kind](item)
            if trouble:
                report.add("list-item", ("lists", name, "items", index), f"`{item}` {trouble}", cure)


def _ip_item(item: str | int) -> tuple[str, str]:
    if isinstance(item, int):
        return "is a number", "write addresses in quotes"
    try:
        ip_network(item)
    except ValueError:
        try:
            network = ip_network(item, strict=False)
        except ValueError:
            return "is no address or CIDR", 'write it like "192.0.2.7" or "192.0.2.0/24"'
        return "has bits set right of the prefix", f'write "{network}"'
    if "/" in item and not item.partition("/")[2].isdigit():
        return "has a netmask", f'write "{ip_network(item)}"'
    return "", ""


def _hostname_item(item: str | int) -> tuple[str, str]:
    if isinstance(item, int):
        return "is a number", "write host names in quotes"
    try:
        hostnames.configured(item)
    except hostnames.HostnameError as error:
        return f"is no host name: {error}", 'write it like "api.example.com" or "*.example.com"'
    return "", ""


def _asn_item(item: str | int) -> tuple[str, str]:
    if not isinstance(item, int):
        return "is a text", "write AS numbers without quotes and without `AS`"
    return ("", "") if 0 <= item < 2**32 else ("is no AS number", "AS numbers go from 0 to 4294967295")


_ITEM_CHECKS = {"ip": _ip_item, "hostname": _hostname_item, "asn": _asn_item}


# --- tests ---------------------------------------------------------------------------------------------------------


def _tests(report: _Report) -> None:
    refs = {rule.ref for rule in report.rulefile.rules}
    for index, test in enumerate(report.rulefile.tests):
        path = ("tests", index)
        url = _test_url_trouble(test.url)
        if url:
            report.add("value", (*path, "url"), f"`{test.url}` {url}", 'write it like "https://api.example.com/path"')
        if test.expect.action is None and test.expect.rule is None and not test.expect.clauses:
            report.add(
                "value", (*path, "expect"), "nothing is expected", 'add action = "block" or "allow", a rule, or clauses'
            )
        if test.expect.rule is not None and test.expect.rule not in refs:
            cure = nearest(test.expect.rule, refs) if refs else "the file has no rules"
            report.add("unknown-rule", (*path, "expect", "rule"), f"no rule `{test.expect.rule}`", cure)
        if test.certificate not in ROLES:
            _certificate(report, path, test)
        if test.ip is not None:
            try:
                ip_address(test.ip)
            except ValueError:
                report.add("value", (*path, "ip"), f"`{test.ip}` is no address", 'write it like "192.0.2.7"')
        if test.at is not None:
            try:
                moment(test.at)
            except ValueError:
                report.add(
                    "value", (*path, "at"), f"`{test.at}` is no point in time", "write it like 2030-01-31T12:00:00Z"
                )
        for name in test.set:
            if name not in catalogue.FIELDS:
                report.add("unknown-field", (*path, "set", name), "unknown field", nearest(name, catalogue.FIELDS))


def _certificate(report: _Report, path: tuple[str | int, ...], test: TestEntry) -> None:
    """A certificate that is no role is a file; a single word that is no file is more likely a misspelt role."""
    name = test.certificate
    if re.fullmatch(r"[A-Za-z_-]+", name) and not report.rulefile.resolve(name).exists():
        report.add("value", (*path, "certificate"), f"`{name}` is neither a role nor a file", nearest(name, ROLES))
        return
    report.file((*path, "certificate"), name, materials.certificates)


def _test_url_trouble(text: str) -> str:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        return f"is no URL: {str(error).lower()}"
    if url.scheme not in ("http", "https"):
        return "has to begin with https:// or http://"
    return "" if url.hostname else "has no host"


def moment(value: object) -> float:
    """A point in time as POSIX seconds; ValueError for what is none.

    Takes a TOML date or date-time (UTC unless it says otherwise), an RFC 3339 text, or a number.
    """
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11:
        return float(value)
    raise ValueError(value)
