"""Name constraints (RFC 5280 4.2.1.10): what an authority may issue names for, and whether a certificate keeps to it.

Kinds: dNSName, rfc822Name (alternative names and emailAddress in the subject), iPAddress, directoryName, URI. A kind
that is not understood refuses once a certificate has a name of it. Under constraints a name has to be well-formed:
one that two readers could read differently is refused, not matched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar

from cryptography import x509

from mtls_tui.pki import certificate as c
from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.der import SEQUENCE, DerError, children, expect, header
from mtls_tui.pki.errors import Code, Refused
from mtls_tui.pki.names import EMAIL_ADDRESS, CanonicalName, FlawedNameError, attributes, textual
from mtls_tui.pki.raw import raw_extension

MAX_CHECKS = 1 << 20
"""Names of one certificate times constraints of one authority; OpenSSL (NAME_CHECK_MAX) stops there as well, and
cryptography (Budget) at as many per path."""
MAX_COMPARISONS = 1 << 16
"""Comparisons one by one, for all kinds but dNSName, where a look-up answers for all constraints at once."""

OTHER, EMAIL, DNS, X400, DIRECTORY, EDI, URI, IP, REGISTERED = range(9)
"""GeneralName's context tags (4.2.1.6)."""
_KIND_NAMES = (
    "otherName", "rfc822Name", "dNSName", "x400Address", "directoryName", "ediPartyName", "URI", "iPAddress",
    "registeredID",
)  # fmt: skip

_N = TypeVar("_N")
_C = TypeVar("_C")

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DNS_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
"""RFC 5321 4.1.2, with the characters outside ASCII of RFC 6532 3.2."""
_SMTP_UTF8_MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


@dataclass(frozen=True, slots=True)
class Subtrees:
    """One side (permitted or excluded) of an extension, sorted by kind."""

    dns: frozenset[str] = frozenset()
    dns_parents: frozenset[str] = frozenset()
    """The domain one label above each of `dns`."""
    email: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()
    ip: tuple[tuple[int, int, int], ...] = ()
    """(length in octets, masked address, mask)"""
    directory: tuple[CanonicalName, ...] = ()
    kinds: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Constraints:
    """One authority's name constraints."""

    permitted: Subtrees
    excluded: Subtrees
    kinds: frozenset[int]
    count: int
    """How many subtrees there are."""


@dataclass(slots=True)
class Budget:
    """What one path may still cost, so that a certificate full of names and constraints ends in time."""

    comparisons: int = MAX_COMPARISONS

    def spend(self, comparisons: int) -> None:
        """Count; Refused when too much."""
        self.comparisons -= comparisons
        if self.comparisons < 0:
            raise _too_many()


def _too_many() -> Refused:
    return Refused(Code.UNSPECIFIED, "has more names than can be compared with the name constraints above it")


def constraints_of(view: ParsedCertificate) -> Constraints | None:
    """An authority's name constraints, None when it has none. Refused when they can't be read or understood."""
    if c.NAME_CONSTRAINTS not in view.extensions:
        return None
    known = view.constraints
    if not isinstance(known, Constraints):
        known = view.constraints = _read(view)
    return known


def check_path(path: Sequence[ParsedCertificate]) -> None:
    """Refused when a certificate breaks the constraints of an authority above it. `path` runs from leaf to anchor."""
    budget = Budget()
    names: dict[int, list[tuple[int, object]]] = {}
    subject_sizes: dict[int, int] = {}
    for above in range(len(path) - 1, 0, -1):
        constraints = constraints_of(path[above])
        if constraints is None:
            continue
        for below in range(above - 1, -1, -1):
            if below and path[below].self_issued:  # 6.1.3 (b), (c): self-issued ones, the last excepted
                continue
            if below not in names:
                names[below] = list(_names(path[below]))
                subject_sizes[below] = sum(1 for _ in attributes(path[below].subject_raw))
            try:
                if (len(names[below]) + subject_sizes[below]) * constraints.count > MAX_CHECKS:
                    raise _too_many()
                for kind, name in names[below]:
                    _check(constraints, kind, name, path[above], budget)
            except Refused as refusal:
                raise refusal.at_depth(below) from None


# --- reading the extension -----------------------------------------------------------------------------------------


def _read(view: ParsedCertificate) -> Constraints:
    raw = raw_extension(view.tbs, c.NAME_CONSTRAINTS)
    if raw is None:
        raise Refused(Code.INVALID_EXTENSION, "has name constraints that can't be read")
    sides: dict[int, dict[int, list[Any]]] = {0xA0: {}, 0xA1: {}}
    try:
        start, end = expect(raw, 0, len(raw), SEQUENCE)
        seen: list[int] = []
        count = 0
        for tag, _, content, stop in children(raw, start, end):
            if tag not in sides or (seen and tag <= seen[-1]) or content == stop:
                raise DerError("no GeneralSubtrees")
            seen.append(tag)
            for inner, _, subtree, subtree_end in children(raw, content, stop):
                if inner != SEQUENCE:
                    raise DerError("no GeneralSubtree")
                _read_subtree(sides[tag], raw, subtree, subtree_end)
                count += 1
        if not seen:
            raise DerError("neither permitted nor excluded subtrees")
    except DerError as error:
        raise Refused(
            Code.UNSUPPORTED_CONSTRAINT_SYNTAX, f"has name constraints that can't be read ({error})"
        ) from None
    permitted, excluded = _subtrees(sides[0xA0]), _subtrees(sides[0xA1])
    return Constraints(permitted, excluded, permitted.kinds | excluded.kinds, count)


def _subtrees(found: Mapping[int, Iterable[Any]]) -> Subtrees:
    """What one side says, by kind."""
    dns, email, uri, ip, directory = (tuple(found.get(kind, ())) for kind in (DNS, EMAIL, URI, IP, DIRECTORY))
    parents = frozenset(host.partition(".")[2] for host in dns if "." in host)
    return Subtrees(frozenset(dns), parents, email, uri, ip, directory, frozenset(found))


def _read_subtree(side: dict[int, list[Any]], raw: bytes, start: int, end: int) -> None:
    tag, content, stop = header(raw, start, end)
    if tag & 0xC0 != 0x80 or tag & 0x1F > REGISTERED:
        raise DerError("no GeneralName")
    position = stop
    while position < end:  # minimum has to be 0 (its default), maximum absent
        bound, inner, position = header(raw, position, end)
        if bound != 0x80 or raw[inner:position].strip(b"\0"):
            raise Refused(Code.SUBTREE_MINMAX, "has name constraints with a minimum or maximum, which is not allowed")
    kind = tag & 0x1F
    read = _BASES.get(kind)
    side.setdefault(kind, []).append(None if read is None else read(raw[content:stop]))


def _bad_constraint(kind: str, base: bytes) -> Refused:
    shown = base[:60].decode("ascii", "backslashreplace")
    return Refused(
        Code.UNSUPPORTED_CONSTRAINT_SYNTAX, f"has a name constraint of kind {kind} that is malformed (`{shown}`)"
    )


def _constraint_host(base: bytes, kind: str, *, empty: bool = False) -> str:
    text = base.decode("latin-1").lower()
    if text == "" and empty:
        return text
    if len(text) > 253 or not _HOST.fullmatch(text):
        raise _bad_constraint(kind, base)
    return text


def _constraint_domain(base: bytes, kind: str) -> str:
    """A host, or a domain with a period before it, which stands for the hosts below it."""
    if base[:1] == b".":
        return "." + _constraint_host(base[1:], kind)
    return _constraint_host(base, kind)


def _constraint_email(base: bytes) -> str:
    if b"@" not in base:
        return _constraint_domain(base, "rfc822Name")
    try:
        return _mailbox(base.decode("latin-1"))
    except Refused:
        raise _bad_constraint("rfc822Name", base) from None


def _constraint_network(base: bytes) -> tuple[int, int, int]:
    half = len(base) // 2
    if len(base) not in (8, 32):
        raise _bad_constraint("iPAddress", base.hex().encode())
    address, mask = int.from_bytes(base[:half], "big"), int.from_bytes(base[half:], "big")
    inverted = mask ^ ((1 << (8 * half)) - 1)
    if inverted & (inverted + 1):  # RFC 4632: ones, then zeros
        raise _bad_constraint("iPAddress", base.hex().encode())
    return half, address & mask, mask


def _constraint_name(base: bytes) -> CanonicalName:
    try:
        return textual(base)
    except FlawedNameError:
        raise _bad_constraint("directoryName", base) from None


_BASES: dict[int, Callable[[bytes], object]] = {
    DNS: lambda base: _constraint_host(base, "dNSName", empty=True),
    EMAIL: _constraint_email,
    URI: lambda base: _constraint_domain(base, "URI"),
    IP: _constraint_network,
    DIRECTORY: _constraint_name,
}
"""How the base of a subtree is read, by kind; others are not understood."""
_UNDERSTOOD = frozenset(_BASES)


# --- the names of a certificate ------------------------------------------------------------------------------------


def _names(view: ParsedCertificate) -> Iterator[tuple[int, object]]:
    """(kind, value) of every name that constraints are about.

    A common name is not one, even where it looks like a host: a client's is a person or device (`john.doe`).
    """
    alternatives = view.extension(c.SUBJECT_ALTERNATIVE_NAME, x509.SubjectAlternativeName)
    for name in alternatives or ():
        if isinstance(name, x509.DNSName):
            yield DNS, name.value
        elif isinstance(name, x509.RFC822Name):
            yield EMAIL, name.value
        elif isinstance(name, x509.IPAddress):
            if not hasattr(name.value, "packed"):
                raise Refused(Code.UNSUPPORTED_NAME_SYNTAX, "has a network where an address belongs")
            yield IP, name.value.packed
        elif isinstance(name, x509.UniformResourceIdentifier):
            yield URI, name.value
        elif isinstance(name, x509.DirectoryName):
            yield DIRECTORY, _directory(name.value.public_bytes())
        elif isinstance(name, x509.RegisteredID):
            yield REGISTERED, name.value
        else:
            yield OTHER, name.value
            if isinstance(name, x509.OtherName) and name.type_id == _SMTP_UTF8_MAILBOX:  # RFC 9598 section 6
                yield EMAIL, _utf8_string(name.value)
    if view.has_subject:
        yield DIRECTORY, _directory(view.subject_raw)
        for attribute in attributes(view.subject_raw):
            if attribute.oid == EMAIL_ADDRESS:
                yield EMAIL, attribute.text()


def _directory(name: bytes) -> CanonicalName | None:
    """A name ready to compare; None for one that constraints of this kind refuse, since it can't be compared."""
    try:
        return textual(name)
    except FlawedNameError:
        return None


def _utf8_string(value: bytes) -> str | None:
    """The text of a UTF8String's DER; None when it is something else."""
    try:
        start, end = expect(value, 0, len(value), 0x0C)
        return value[start:end].decode() if end == len(value) else None
    except (DerError, UnicodeDecodeError):
        return None


def _check(constraints: Constraints, kind: int, name: object, authority: ParsedCertificate, budget: Budget) -> None:
    if kind not in constraints.kinds:
        return
    if kind not in _UNDERSTOOD:
        raise Refused(
            Code.UNSUPPORTED_CONSTRAINT_TYPE,
            f"has a name of kind {_KIND_NAMES[kind]}, which {authority.name} constrains, and that is not understood",
        )
    if name is None:
        raise Refused(
            Code.UNSUPPORTED_NAME_SYNTAX,
            f"has a {_KIND_NAMES[kind]} that can't be compared with the name constraints of {authority.name}",
        )
    permitted, excluded = constraints.permitted, constraints.excluded
    allowed, forbidden = _match(kind, name, permitted, excluded, budget)
    if forbidden:
        raise Refused(
            Code.EXCLUDED_VIOLATION,
            f"has the {_KIND_NAMES[kind]} {_show(name)}, which name constraints of {authority.name} exclude",
        )
    if kind in permitted.kinds and not allowed:
        raise Refused(
            Code.PERMITTED_VIOLATION,
            f"has the {_KIND_NAMES[kind]} {_show(name)}, which name constraints of {authority.name} don't permit",
        )


def _show(name: object) -> str:
    if isinstance(name, bytes):
        return f"`{name.hex()}`" if len(name) not in (4, 16) else f"`{ip_address(name)}`"
    return f"`{name[:80]}`" if isinstance(name, str) else "of its subject"


def _match(kind: int, name: object, permitted: Subtrees, excluded: Subtrees, budget: Budget) -> tuple[bool, bool]:
    """(matches a permitted subtree, matches an excluded one)."""
    if kind == DNS:
        assert isinstance(name, str)
        return _match_dns(name, permitted, excluded, budget)
    if kind == EMAIL:
        assert isinstance(name, str)
        mailbox = _mailbox(name)
        return _any(mailbox, permitted.email, _in_email, budget), _any(mailbox, excluded.email, _in_email, budget)
    if kind == URI:
        assert isinstance(name, str)
        host = _uri_host(name)
        return _any(host, permitted.uri, _in_domain, budget), _any(host, excluded.uri, _in_domain, budget)
    if kind == IP:
        assert isinstance(name, bytes)
        return _any(name, permitted.ip, _in_network, budget), _any(name, excluded.ip, _in_network, budget)
    assert isinstance(name, tuple)
    return (
        _any(name, permitted.directory, _in_directory, budget),
        _any(name, excluded.directory, _in_directory, budget),
    )


def _any(name: _N, constraints: Sequence[_C], inside: Callable[[_N, _C], bool], budget: Budget) -> bool:
    budget.spend(len(constraints))
    return any(inside(name, constraint) for constraint in constraints)


def _match_dns(name: str, permitted: Subtrees, excluded: Subtrees, budget: Budget) -> tuple[bool, bool]:
    """Hosts by looking up the name and each domain above it: linear in its labels, however many constraints."""
    if len(name) > 253 or not _DNS_NAME.fullmatch(name):
        raise Refused(Code.UNSUPPORTED_NAME_SYNTAX, f"has the dNSName `{name[:80]}`, which is malformed")
    budget.spend(1)
    text = name.lower()
    above = [""]
    labels = text.split(".")
    above += [".".join(labels[i:]) for i in range(len(labels))]
    allowed = any(domain in permitted.dns for domain in above)
    forbidden = any(domain in excluded.dns for domain in above)
    if labels[0] == "*":
        # A wildcard stands for each host one label below its domain: none of them may be excluded.
        forbidden = forbidden or text[2:] in excluded.dns_parents
    return allowed, forbidden


def _mailbox(text: str) -> str:
    """A mailbox ready to compare: the host in lower case. Refused unless it is a plain `local@host`."""
    local, at, host = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(host) > 253 or not _HOST.fullmatch(host):
        raise Refused(Code.UNSUPPORTED_NAME_SYNTAX, f"has the rfc822Name `{text[:80]}`, which is malformed")
    return f"{local}@{host.lower()}"


def _in_email(mailbox: str, constraint: str) -> bool:
    if "@" in constraint:
        return mailbox == constraint
    return _in_domain(mailbox.rpartition("@")[2], constraint)


def _in_domain(host: str, constraint: str) -> bool:
    return host.endswith(constraint) if constraint[0] == "." else host == constraint


def _uri_host(text: str) -> str:
    """The host of a URI (RFC 3986 3.2). Refused when it has none or an address: 4.2.1.10 asks for a name."""
    match = _URI.match(text)
    host = match[1].rpartition("@")[2] if match else ""
    host, colon, port = host.partition(":")
    if (colon and port and not port.isdigit()) or not _HOST.fullmatch(host) or _IPV4.fullmatch(host):
        raise Refused(Code.UNSUPPORTED_NAME_SYNTAX, f"has the URI `{text[:80]}`, which has no host name to constrain")
    return host.lower()


def _in_network(address: bytes, constraint: tuple[int, int, int]) -> bool:
    length, network, mask = constraint
    return len(address) == length and int.from_bytes(address, "big") & mask == network


def _in_directory(name: CanonicalName, constraint: CanonicalName) -> bool:
    return name[: len(constraint)] == constraint
