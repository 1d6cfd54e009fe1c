"""The fields of a request as places of it: which text, number or fact each follows from.

Path, query and the whole URI are one text only where some clause looks at more than one of them; so are a header's
list of values and the field that joins them. Whether the path as received is the path as rules see it, whether a body
is as long as it says, and whether there are too many headers to look at, are facts of their own, supposed to be as
usual in a request that is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.fields_of import canonical_field, walk
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.types import BYTES, INT, IP
from mtls_tui.theory import intervals
from mtls_tui.theory.circuits import FALSE, TRUE, Circuit, Literal
from mtls_tui.theory.errors import OpaqueError
from mtls_tui.theory.intervals import Intervals
from mtls_tui.theory.languages import BYTES as OCTETS
from mtls_tui.theory.languages import MISSING, SEPARATOR, Algebra, Language, symbols_of
from mtls_tui.theory.numbers import ADDRESSES, INTEGERS, MAPPED, NONE, numbered
from mtls_tui.theory.requests import Requests
from mtls_tui.theory.subjects import Subject, number_subject, text_subject
from mtls_tui.theory.transducers import LOWERED, RAISED, Followed, Joined

CERTIFICATE = "cf.tls_client_auth."
PRESENTED, VERIFIED, REVOKED = (f"{CERTIFICATE}cert_{word}" for word in ("presented", "verified", "revoked"))
NEVER_EMPTY = frozenset(
    f"{CERTIFICATE}cert_{name}"
    for name in ("serial", "fingerprint_sha256", "fingerprint_sha1", "not_before", "not_after", "issuer_dn")
)
"""What every certificate that can be verified has (RFC 5280, 4.1)."""
MAX_COUNT = 100
"""Elements of an array up to which they are counted."""
MAX_LENGTH = 10_000
"""Bytes up to which a text is counted."""
MAX_PORTS = 5_000
"""Ports that one condition may name where they are part of a URI."""
_URI = {
    "http.request.uri.path": "path", "http.request.uri.path.extension": "extension", "http.request.uri": "uri",
    "http.request.uri.query": "query", "http.request.full_uri": "full",
}  # fmt: skip
_PATHS = frozenset(name for name, kind in _URI.items() if kind != "query")
_ARGUMENTS = "http.request.uri.args"
_COOKIE_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_TOKEN = _COOKIE_NAME | frozenset(b"!#$%&'*+^`|~")


Seen: TypeAlias = "Mapping[str, Any] | None"
"""The fields of a certificate as some rules see them; None: of any certificate or none."""


@dataclass(frozen=True)
class Wildcard:
    """The names that `*.example.com` stands for; `others` are the names of all hosts."""

    name: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Uses:
    """What some expressions look at, as far as it settles which parts of a request are one text."""

    names: frozenset[str] = frozenset()
    """Fields that follow from the URI."""
    listed: frozenset[bytes] = frozenset()
    """Headers whose values are asked for one by one."""

    @classmethod
    def of(cls, nodes: Iterable[ast.Expr]) -> Uses:
        """Of some expressions."""
        names: set[str] = set()
        listed: set[bytes] = set()
        for root in nodes:
            for node in walk(root):
                match node:
                    case ast.Field(name=name) if "uri" in name:
                        names.add(canonical_field(name))
                    case (
                        ast.Index(base=ast.Field(name=name), key=ast.String(value=key))
                        | ast.Call(name="has_key", arguments=(ast.Field(name=name), ast.String(value=key)))
                    ) if canonical_field(name) == "http.request.headers":
                        listed.add(key)
        return cls(frozenset(names), frozenset(listed))

    def __or__(self, other: Uses) -> Uses:
        return Uses(self.names | other.names, self.listed | other.listed)

    @property
    def mode(self) -> str:
        """How much of the URI is one text."""
        kinds = {_URI.get(name.removeprefix("raw.")) for name in self.names}
        return "full" if "full" in kinds else "target" if "uri" in kinds else "parts"

    @property
    def raw(self) -> bool:
        """Whether the path as received is looked at."""
        return any(f"raw.{name}" in self.names for name in _PATHS)

    @property
    def normal(self) -> bool:
        """Whether the path as rules see it is looked at."""
        return bool(_PATHS & self.names)


class ArrayPlace:
    """An array whose items stand in one text, each with what ends it, among other pieces."""

    def __init__(
        self,
        places: Places,
        item: Callable[[Language], Language],
        other: Language,
        piece: Language,
        literal: Callable[[Language], Literal],
        *,
        optional: bool = True,
        listed: bool = False,
    ) -> None:
        self.circuit = places.circuit
        self.algebra = places.algebra
        self.item = item
        """The pieces that are an item with a value among some."""
        self.others = self.algebra.star(other)
        """The pieces that are not."""
        self.rest = self.algebra.star(piece)
        self.literal = literal
        self.optional = optional
        """Whether the array is missing where it has no item."""
        self.listed = listed
        """Whether the text is the list itself."""

    def some(self, items: Language) -> Literal:
        """Some element is among these."""
        found = self.item(items)
        return FALSE if found is self.algebra.nothing else self.literal(self.algebra.then(self.rest, found, self.rest))

    def _after(self, count: int, *tail: Language) -> Language:
        piece = (self.others, self.item(self.algebra.texts))
        return self.algebra.then(*(piece * count), *tail)

    def element(self, place: int, items: Language, missing: bool) -> Literal:
        """The element at a place is among these; with `missing`, or there is none."""
        if place > MAX_COUNT:
            raise OpaqueError("a far element of an array")
        there = self.literal(self._after(place, self.others, self.item(items), self.rest))
        return self.circuit.some((there, -self.count(place + 1, None) if missing else FALSE))

    def count(self, least: int, most: int | None) -> Literal:
        """So many elements."""
        if max(least, most or 0) > MAX_COUNT:
            raise OpaqueError("many elements of an array")
        low = self.literal(self._after(least, self.rest)) if least > 0 else TRUE
        high = -self.literal(self._after(most + 1, self.rest)) if most is not None else TRUE
        return self.circuit.every((low, high))

    def counted(self, least: int, most: int) -> Literal:
        """`len` is between these."""
        last = None if most > 1 << 60 else most
        return self.count(max(least, 1) if self.optional else least, last)

    @property
    def missing(self) -> Literal:
        """Whether there is no such array."""
        return -self.count(1, None) if self.optional else FALSE

    def joined(self, join: Joined, members: Language, missing: bool) -> Literal:
        """The items joined are in a set."""
        if not self.listed:
            raise OpaqueError("`join`")
        there = self.literal(self.algebra.before_image(join, members))
        gone = self.missing
        return self.circuit.some((self.circuit.every((there, -gone)), gone if missing else FALSE))


class Places:
    """The places of the requests of one question.

    `host` is the one name that is asked about, or the names of a wildcard; None: any. `uses` is what the expressions
    look at. `plain` are the fields of the plainest request.
    """

    def __init__(
        self,
        circuit: Circuit,
        algebra: Algebra,
        uses: Uses,
        *,
        host: bytes | Wildcard | None = None,
        plain: Mapping[str, Any] | None = None,
    ) -> None:
        self.circuit = circuit
        self.algebra = algebra
        self.requests = Requests(algebra)
        self.host = host
        self.any_path = False
        """Whether ambiguous paths are not refused: a policy refuses them only where some rule reads paths."""
        self.plain_fields = dict(plain or {})
        self.subjects: dict[str, Subject[Any, Any]] = {}
        self.members: dict[int, tuple[Subject[Any, Any], Any]] = {}
        """What each atom about a value says."""
        self.facts: dict[int, str] = {}
        """The name of what each other atom says."""
        self._atoms: dict[Any, Literal] = {}
        self.wholes: dict[str, ast.Value] = {}
        """The values that are places of their own."""
        self._arrays: dict[Any, ArrayPlace | None] = {}
        self.supposed: list[Literal] = []
        """What holds in every request that is made."""
        self.mode = uses.mode
        self.raw_too, self.normal_too = uses.raw, uses.normal
        self.listed = uses.listed

    # --- atoms ---

    def fact(self, name: str, hint: bool) -> Literal:
        """The atom of something that is so or not."""
        known = self._atoms.get(name)
        if known is None:
            known = self._atoms[name] = self.circuit.atom(hint)
            self.facts[known] = name
        return known

    def member(self, subject: Subject[Any, Any], members: Any) -> Literal:
        """The atom of a value being in a set."""
        if members is self.algebra.nothing or members == ():
            return FALSE
        if subject.plain.__class__ is tuple and subject.texts:
            inner = self._complement(members)
            if inner is not None:
                return -self.member(subject, inner)
            if members is self.algebra.everything or members is self.algebra.texts:
                return TRUE
        key = (subject.name, members)
        known = self._atoms.get(key)
        if known is None:
            known = self._atoms[key] = self.circuit.atom(subject.has(members, subject.plain))
            self.members[known] = (subject, members)
        return known

    def _complement(self, members: Language) -> Language | None:
        """The set whose texts are all that are not in this one, where it is made so."""
        parts = members.parts
        if parts and parts[0] == "both" and len(parts[1]) == 2 and self.algebra.texts in parts[1]:
            other = next(item for item in parts[1] if item is not self.algebra.texts)
            parts = other.parts
        inner: Language | None = parts[1] if parts and parts[0] == "not" else None
        return inner

    def _text_subject(
        self,
        name: str,
        can_be: Callable[[], Language],
        made: Callable[[], Language],
        plain: Iterable[int],
        *,
        texts: bool = True,
        field: str = "",
    ) -> Subject[Any, Any]:
        found = self.subjects.get(name)
        if found is None:
            found = self.subjects[name] = text_subject(self.algebra, name, can_be(), made(), tuple(plain))
            found.texts = texts
            found.usual = _usual(field)
        return found

    def _number_subject(
        self, name: str, can_be: Intervals, made: Intervals, plain: int, *, addresses: bool = False
    ) -> Subject[Any, Any]:
        found = self.subjects.get(name)
        if found is None:
            found = self.subjects[name] = number_subject(name, can_be, made, plain, addresses=addresses)
        return found

    def lengths(self, members: Intervals) -> Language:
        """The texts whose length is among these."""
        if any(MAX_LENGTH < end < 1 << 60 for pair in members for end in pair):
            raise OpaqueError("a length of many bytes")
        return self.algebra.either(
            [self.algebra.lengths(first, None if last > 1 << 60 else last) for first, last in members if last >= 0]
        )

    def known(self, seen: Seen) -> dict[str, Any]:
        """The fields that have one value in every request asked about."""
        found: dict[str, Any] = {"http.host": self.host} if isinstance(self.host, bytes) else {}
        return {**found, **(seen or {})}

    # --- facts ---

    def truth(self, name: str, seen: Seen) -> Literal:
        """A field that is true or false; a missing one counts as false."""
        info = FIELDS[name]
        if name.startswith(CERTIFICATE):
            return self._certificate_fact(name, seen)
        if name == "ssl":
            return self.secure
        if name == "cf.edge.client_tcp":
            third = self.algebra.then(self.algebra.word(b"HTTP/3"), self.algebra.texts)
            return -self.text("http.request.version", self.algebra.before_image(RAISED, third), False, seen)
        if name == "http.request.headers.truncated":
            raise OpaqueError("the number of headers")
        return self.fact(name, bool(info.default))

    @property
    def secure(self) -> Literal:
        """Whether the connection is encrypted."""
        if self.mode == "full":
            return self.member(self._uri_subject(), self.algebra.then(self.algebra.word(b"https:"), self.algebra.texts))
        return self.fact("ssl", True)

    def _certificate_fact(self, name: str, seen: Seen) -> Literal:
        if seen is not None and name in seen:
            return TRUE if seen[name] else FALSE
        implied = {PRESENTED: None, VERIFIED: PRESENTED, REVOKED: VERIFIED}.get(name, PRESENTED)
        new = name not in self._atoms
        atom = self.fact(name, False)
        if implied is None:
            return atom
        other = self._certificate_fact(implied, seen)
        if name not in (VERIFIED, REVOKED):
            return self.circuit.every((atom, other))
        if new:
            self.circuit.learn([-atom, other])
        return atom

    # --- texts ---

    def text(self, name: str, members: Language, missing: bool, seen: Seen) -> Literal:
        """The text of a field is in a set; with `missing`, or there is none."""
        if name.startswith(CERTIFICATE):
            return self._certificate_text(name, members, seen)
        info = FIELDS[name]
        plain_name = name.removeprefix("raw.")
        if plain_name in _URI:
            return self._uri(_URI[plain_name], members, raw=name != plain_name)
        if name == "http.host":
            return self._host(members)
        if info.header and info.type == BYTES:
            return self._header(info.header.encode(), members)
        if name == "http.request.method":
            return self.member(
                self._text_subject("method", self.requests.raised, self.requests.methods, b"GET", field=name), members
            )
        if name == "http.request.version":
            plain = self._plain(name, b"HTTP/2")
            subject = self._text_subject("version", self._texts, self.requests.visible, plain, field=name)
            return self.member(subject, members)
        if name in ("cf.tls_version", "cf.tls_cipher"):
            plain = self._plain(name, b"")
            subject = self._text_subject(name, self._texts, self.requests.visible, plain, field=name)
            return self._if(self.secure, self.member(subject, members), TRUE if members.nullable else FALSE)
        if name == "http.request.body.raw":
            return self.member(self._text_subject("body", self._texts, self._texts, b""), members)
        if name in EXTRACTORS:
            raise OpaqueError(f"`{name}`")
        return self._edge_text(name, members, missing)

    def _texts(self) -> Language:
        return self.algebra.texts

    def _plain(self, name: str, otherwise: Any) -> Any:
        found = self.plain_fields.get(name)
        return otherwise if found is None else found

    def _if(self, condition: Literal, then: Literal, otherwise: Literal) -> Literal:
        circuit = self.circuit
        return circuit.some((circuit.every((condition, then)), circuit.every((-condition, otherwise))))

    def _edge_text(self, name: str, members: Language, missing: bool) -> Literal:
        algebra, default = self.algebra, FIELDS[name].default
        if default is not None:
            assert isinstance(default, bytes)
            plain = self._plain(name, default)
            return self.member(self._text_subject(name, self._texts, self.requests.visible, plain, field=name), members)
        gone = algebra.word((MISSING,))
        subject = self._text_subject(
            name, lambda: algebra.either((algebra.texts, gone)),
            lambda: algebra.either((algebra.texts, gone)),
            self._plain(name, (MISSING,)), texts=False, field=name,
        )  # fmt: skip
        there = algebra.both((members, algebra.texts))
        return self.member(subject, algebra.either((there, gone)) if missing else there)

    def _certificate_text(self, name: str, members: Language, seen: Seen) -> Literal:
        algebra = self.algebra
        default = FIELDS[name].default
        assert isinstance(default, bytes)
        without = TRUE if algebra.has(members, default) else FALSE
        presented = self._certificate_fact(PRESENTED, seen)
        if presented == FALSE:
            return without
        if seen is not None and name in seen:
            return TRUE if algebra.has(members, seen[name]) else FALSE
        return self._if(presented, self.member(self._certificate_subject(name), members), without)

    def _certificate_subject(self, name: str) -> Subject[Any, Any]:
        return self._text_subject(
            name, self._texts, self.requests.visible, self._plain(name, FIELDS[name].default), field=name
        )  # fmt: skip

    def of_verified(self) -> list[Literal]:
        """What holds of the texts of a certificate that could be verified."""
        return [
            -self.member(self._certificate_subject(name), self.algebra.empty)
            for name in sorted(NEVER_EMPTY & self.subjects.keys())
        ]

    def _host(self, members: Language) -> Literal:
        if isinstance(self.host, bytes):
            return TRUE if self.algebra.has(members, self.host) else FALSE
        if self.mode == "full":
            inner = self._complement(members)
            if inner is not None:
                return -self._host(inner)
            algebra = self.algebra
            names = algebra.both((members, self._authority()))
            tail = algebra.then(self._ports(), self._path_start(), algebra.texts)
            return self.member(self._uri_subject(), algebra.then(self._schemes(), names, tail))
        return self.member(self._host_subject(), members)

    def _host_subject(self) -> Subject[Any, Any]:
        return self._text_subject("host", self._host_names, self._made_host_names, self._plain_host())

    def _plain_host(self) -> bytes:
        return f"www{self.host.name[1:]}".encode() if isinstance(self.host, Wildcard) else b"www.example.com"

    def _host_names(self) -> Language:
        if isinstance(self.host, Wildcard):
            return self.requests.names_below(self.host.name, self.host.others)
        if isinstance(self.host, bytes):
            return self.algebra.word(self.host)
        return self.algebra.texts

    def _made_host_names(self) -> Language:
        if isinstance(self.host, bytes):
            return self._host_names()
        return self.algebra.both((self._host_names(), self.requests.made_names()))

    def _header(self, name: bytes, members: Language) -> Literal:
        separator = b"; " if name == b"cookie" else b", "
        inner = self._complement(members)
        if inner is not None:
            return -self._header(name, inner)
        kind = "far header" if name in self.listed else "header"
        subject = self._text_subject(
            f"{kind}:{name.decode()}", lambda: self.requests.joined_values(separator), self.requests.sent_values, b""
        )
        if name not in self.listed:
            return self.member(subject, members)
        joined = self.member(self._header_list(name), self.algebra.before_image(Joined(separator), members))
        return self._if(self.all_headers, joined, self.member(subject, members))

    @property
    def all_headers(self) -> Literal:
        """Whether arrays of headers have all of them: beyond `engine.fields.MAX_HEADERS` only joined fields do."""
        return self._supposed("all headers")

    def _supposed(self, name: str) -> Literal:
        """A fact that holds in every request that is made."""
        first = name not in self._atoms
        atom = self.fact(name, True)
        if first:
            self.supposed.append(atom)
        return atom

    def _header_list(self, name: bytes) -> Subject[Any, Any]:
        requests = self.requests
        sent = frozenset(name) <= _TOKEN and bool(name)
        return self._text_subject(
            f"headers:{name.decode('latin-1')}", lambda: requests.listed(requests.header_values()),
            lambda: requests.listed(requests.sent_values()) if sent else self.algebra.empty, (), texts=False,
        )  # fmt: skip

    # --- the URI ---

    def _uri(self, kind: str, members: Language, *, raw: bool) -> Literal:
        inner = self._complement(members)
        if inner is not None:
            return -self._uri(kind, inner, raw=raw)
        if kind == "query":
            return self._uri_part(kind, members)
        if raw and self.normal_too:
            free = self._text_subject(f"raw {kind}", self._texts, self._texts, b"")
            return self._if(self.as_received, self._uri_part(kind, members), self.member(free, members))
        return self._uri_part(kind, members)

    @property
    def as_received(self) -> Literal:
        """Whether the path as received is normal already."""
        return self._supposed("as received")

    def _paths(self) -> Language:
        received = self.any_path or (self.raw_too and not self.normal_too)
        return self.requests.raw_paths() if received else self.requests.normal_paths()

    def _uri_part(self, kind: str, members: Language) -> Literal:
        algebra, requests = self.algebra, self.requests
        if kind == "extension":
            return self._uri_part("path", self._with_extension(members))
        if self.mode == "parts":
            if kind == "path":
                return self.member(self._text_subject("path", self._paths, requests.made_paths, b"/"), members)
            return self.member(self._text_subject("query", self._texts, requests.made_queries, b""), members)
        before = self._before_path() if self.mode == "full" else algebra.empty
        if kind == "path":
            paths = algebra.both((members, requests.no_question, algebra.then(self._path_start(), algebra.texts)))
            return self.member(self._uri_subject(), requests.targets(algebra.then(before, paths), algebra.texts))
        if kind == "query":
            question = algebra.then(
                before, requests.no_question, algebra.word(b"?"), algebra.both((members, algebra.texts))
            )
            none = algebra.then(before, requests.no_question) if members.nullable else algebra.nothing
            return self.member(self._uri_subject(), algebra.either((question, none)))
        if kind == "uri":
            targets = algebra.both((members, algebra.then(self._path_start(), algebra.texts)))
            return self.member(self._uri_subject(), algebra.then(before, targets))
        return self.member(self._uri_subject(), members)

    def _path_start(self) -> Language:
        """`*` is the target of OPTIONS (RFC 9112 3.2.4), and stands in the whole URI too."""
        return self.algebra.one_of(symbols_of(b"/*"))

    def _uri_subject(self) -> Subject[Any, Any]:
        algebra, requests = self.algebra, self.requests
        if self.mode == "target":
            return self._text_subject(
                "target", lambda: requests.targets(self._paths(), algebra.texts),
                lambda: requests.targets(requests.made_paths(), requests.made_queries()), b"/",
            )  # fmt: skip
        plain = b"https://" + (self.host if isinstance(self.host, bytes) else self._plain_host()) + b"/"

        def whole(names: Language, ports: Language, paths: Language, queries: Language) -> Language:
            return algebra.then(self._schemes(), names, ports, requests.targets(paths, queries))

        return self._text_subject(
            "uri", lambda: whole(self._host_names(), self._ports(), self._paths(), algebra.texts),
            lambda: whole(
                self._made_host_names(), self._made_ports(), requests.made_paths(), requests.made_queries()
            ),
            plain,
        )  # fmt: skip

    def _schemes(self) -> Language:
        return self.algebra.words([b"https://", b"http://"])

    def _ports(self) -> Language:
        """What a Host header may say (`engine.fields.RequestView.explicit_port`): 0 as well."""
        return self.algebra.either((self._made_ports(), self.algebra.word(b":0")))

    def _made_ports(self) -> Language:
        algebra = self.algebra
        digits = algebra.repeated(algebra.one_of(symbols_of(b"0123456789")), 0, 4)
        port = algebra.then(algebra.word(b":"), algebra.one_of(symbols_of(b"123456789")), digits)
        return algebra.either((algebra.empty, port))

    def _authority(self) -> Language:
        """The host of a whole URI: one name, or all up to a port or path; an IPv6 address stands in brackets."""
        algebra = self.algebra
        if isinstance(self.host, bytes):
            return algebra.word(self.host)
        address = algebra.star(algebra.one_of(OCTETS & ~symbols_of(b"/*]")))
        return algebra.either(
            (
                algebra.star(algebra.one_of(OCTETS & ~symbols_of(b"/:*"))),
                algebra.then(algebra.word(b"["), address, algebra.word(b"]")),
            )
        )

    def _before_path(self) -> Language:
        return self.algebra.then(self._schemes(), self._authority(), self._ports())

    def _with_extension(self, members: Language) -> Language:
        """The paths whose extension is in a set (`engine.paths.extension`)."""
        algebra = self.algebra
        ends = algebra.both(
            (algebra.before_image(LOWERED, members), algebra.star(algebra.one_of(OCTETS & ~symbols_of(b"./"))))
        )
        name = algebra.one_of(OCTETS & ~symbols_of(b"/"))
        named = algebra.then(algebra.either((algebra.empty, algebra.then(algebra.texts, algebra.word(b"/")))),
                             name, algebra.star(name), algebra.word(b"."))  # fmt: skip
        found = algebra.then(named, ends)
        if not members.nullable:
            return found
        some = algebra.then(named, algebra.star(algebra.one_of(OCTETS & ~symbols_of(b"./"))))
        return algebra.either((found, algebra.texts_other_than(some)))

    # --- numbers ---

    def number(self, name: str, members: Intervals, missing: bool, seen: Seen) -> Literal:
        """The number or address of a field is in a set; with `missing`, or there is none."""
        info = FIELDS[name]
        match name:
            case "ip.src":
                real = intervals.without(ADDRESSES, MAPPED)
                plain = self._plain_number(name)
                return self.member(self._number_subject("client", real, real, plain, addresses=True), members)
            case "cf.edge.server_port":
                return self._port(members)
            case "http.request.timestamp.sec":
                at = self._plain_number(name)
                return self.member(self._number_subject("second", INTEGERS, ((0, (1 << 33) - 1),), at), members)
            case "http.request.timestamp.msec":
                return self.member(self._number_subject("millisecond", ((0, 999),), ((0, 999),), 0), members)
            case "http.request.body.size":
                return self._body_size(members)
        if name in EXTRACTORS or info.type not in (INT, IP):
            raise OpaqueError(f"`{name}`")
        whole = ADDRESSES if info.type == IP else INTEGERS
        if info.default is None:
            subject = self._number_subject(name, intervals.united((*whole, NONE)), intervals.united((*whole, NONE)),
                                           self._plain_number(name, NONE[0]), addresses=info.type == IP)  # fmt: skip
            return self.member(subject, intervals.united((*members, NONE)) if missing else members)
        subject = self._number_subject(name, whole, whole, self._plain_number(name), addresses=info.type == IP)
        return self.member(subject, members)

    def _plain_number(self, name: str, otherwise: int = 0) -> int:
        found: Any = self.plain_fields.get(name, FIELDS[name].default)
        if found is None:
            return otherwise
        return found if isinstance(found, int) else numbered(found)

    def _port(self, members: Intervals) -> Literal:
        if self.mode != "full":
            subject = self._number_subject("port", ((1, 99999),), ((1, 65535),), 443)
            return self.member(subject, members)
        algebra = self.algebra
        ports = intervals.common(members, ((1, 99999),))
        if sum(last - first + 1 for first, last in ports) > MAX_PORTS:
            raise OpaqueError("many ports beside the whole URI")
        path = algebra.then(self._path_start(), algebra.texts)
        texts = algebra.words([b":%d" % port for first, last in ports for port in range(first, last + 1)])
        found = [algebra.then(self._schemes(), self._authority(), texts, path)]
        # Where the Host header says no port, or 0, it is the usual one.
        none = algebra.either((algebra.empty, algebra.word(b":0")))
        for scheme, port in ((b"https://", 443), (b"http://", 80)):
            if intervals.has(members, port):
                found.append(algebra.then(algebra.word(scheme), self._authority(), none, path))
        return self.member(self._uri_subject(), algebra.either(found))

    def _body_size(self, members: Intervals) -> Literal:
        body = self._text_subject("body", self._texts, self._texts, b"")
        whole = self._supposed("whole body")
        free = self._number_subject("body size", INTEGERS, INTEGERS, 0)
        return self._if(whole, self.member(body, self.lengths(members)), self.member(free, members))

    # --- arrays ---

    def array(self, name: str, key: bytes | None, seen: Seen) -> ArrayPlace | None:
        """An array, or an entry of a map of arrays; None where it is not described."""
        name = name.removeprefix("raw.")
        found = self._arrays.get((name, key))
        if found is None:
            found = self._arrays[name, key] = self._made_array(name, key)
        return found

    def _made_array(self, name: str, key: bytes | None) -> ArrayPlace | None:
        algebra = self.algebra
        if name == "http.request.headers" and key is not None and key != b"host":
            if key != key.lower():
                return self._no_array()
            subject = self._header_list(key)
            end = algebra.one_of(1 << SEPARATOR)
            return ArrayPlace(
                self, lambda items: algebra.then(algebra.both((items, algebra.texts)), end), algebra.nothing,
                algebra.then(algebra.texts, end), lambda lists: self.member(subject, lists), listed=True,
            )  # fmt: skip
        if name in (_ARGUMENTS, f"{_ARGUMENTS}.names", f"{_ARGUMENTS}.values"):
            return self._arguments(name, key)
        if name == "http.request.cookies" and key is not None and key and frozenset(key) <= _COOKIE_NAME:
            return self._cookies(key)
        return None

    def _no_array(self) -> ArrayPlace:
        nothing = self.algebra.nothing
        return ArrayPlace(
            self, lambda _items: nothing, nothing, nothing, lambda lists: TRUE if lists.nullable else FALSE
        )

    def _arguments(self, name: str, key: bytes | None) -> ArrayPlace | None:
        """Pairs between `&` (`engine.fields.split_pairs`)."""
        algebra = self.algebra
        part = algebra.star(algebra.one_of(OCTETS & ~symbols_of(b"&")))
        names = algebra.star(algebra.one_of(OCTETS & ~symbols_of(b"&=")))
        equals, end = algebra.word(b"="), algebra.word(b"&")

        def literal(lists: Language) -> Literal:
            return self._uri_part("query", algebra.before_image(Followed(b"&"), lists))

        def pair(wanted: Language, values: Language) -> Language:
            found = algebra.then(wanted, equals, algebra.both((values, part)))
            if values.nullable:
                found = algebra.either((found, algebra.both((wanted, algebra.lengths(1)))))
            return algebra.then(found, end)

        piece = algebra.then(part, end)
        if key is not None:
            if name != _ARGUMENTS:
                return None
            if b"&" in key or b"=" in key:
                return self._no_array()
            wanted = algebra.word(key)
            mine = pair(wanted, algebra.texts)
            other = algebra.both((piece, algebra.other_than(mine)))
            return ArrayPlace(self, lambda items: pair(wanted, items), other, piece, literal)
        if name == _ARGUMENTS:
            return None
        if name.endswith(".names"):
            return ArrayPlace(
                self,
                lambda items: pair(algebra.both((items, names)), algebra.texts),
                end,
                piece,
                literal,
                optional=False,
            )
        return ArrayPlace(self, lambda items: pair(names, items), end, piece, literal, optional=False)

    def _cookies(self, key: bytes) -> ArrayPlace:
        """Pairs between `;`, blanks around them left out (`engine.fields.RequestView.cookies`)."""
        algebra = self.algebra
        blanks = algebra.star(algebra.one_of(symbols_of(b" \t")))
        part = algebra.star(algebra.one_of(OCTETS & ~symbols_of(b";")))
        trimmed = algebra.other_than(algebra.then(algebra.everything, algebra.one_of(symbols_of(b" \t"))))
        name = algebra.then(*[algebra.words([bytes((byte,)), b"%%%02X" % byte, b"%%%02x" % byte]) for byte in key])
        equals, end = algebra.word(b"="), algebra.word(b";")
        mine = algebra.then(blanks, name, algebra.either((blanks, algebra.then(equals, part))), end)
        piece = algebra.then(part, end)
        other = algebra.both((piece, algebra.other_than(mine)))

        def item(values: Language) -> Language:
            value = algebra.then(equals, algebra.both((values, part, trimmed)))
            if values.nullable:
                value = algebra.either((value, algebra.empty))
            return algebra.then(blanks, name, value, blanks, end)

        def literal(lists: Language) -> Literal:
            return self._header(b"cookie", algebra.before_image(Followed(b";"), lists))

        return ArrayPlace(self, item, other, piece, literal)

    # --- values of which only the type is known ---

    def whole_text(
        self, name: str, value: ast.Value, plain: bytes | None, optional: bool, members: Language, missing: bool
    ) -> Literal:
        """The text that a value is, is in a set."""
        algebra = self.algebra
        self.wholes[name] = value
        if not optional:
            return self.member(self._text_subject(name, self._texts, self._texts, plain or b""), members)
        gone = algebra.word((MISSING,))
        subject = self._text_subject(
            name, lambda: algebra.either((algebra.texts, gone)), lambda: algebra.either((algebra.texts, gone)),
            (MISSING,) if plain is None else plain, texts=False,
        )  # fmt: skip
        there = algebra.both((members, algebra.texts))
        return self.member(subject, algebra.either((there, gone)) if missing else there)

    def whole_number(
        self,
        name: str,
        value: ast.Value,
        plain: int | None,
        optional: bool,
        whole: Intervals,
        members: Intervals,
        missing: bool,
    ) -> Literal:
        """The number or address that a value is, is in a set."""
        self.wholes[name] = value
        domain = intervals.united((*whole, NONE)) if optional else whole
        subject = self._number_subject(name, domain, domain, NONE[0] if plain is None and optional else plain or 0)
        return self.member(subject, intervals.united((*members, NONE)) if missing and optional else members)

    # --- two values ---

    def compared(self, left: ast.Value, right: ast.Value) -> Literal | None:
        """Whether two values are equal, where that is one fact; else None."""
        if not isinstance(left, ast.Field) or not isinstance(right, ast.Field):
            return None
        one, other = canonical_field(left.name), canonical_field(right.name)
        if one == other:
            return TRUE if one in EXTRACTORS and FIELDS[one].type == BYTES else None
        kinds = {_URI.get(name.removeprefix("raw.")) for name in (one, other)}
        if one.removeprefix("raw.") != other.removeprefix("raw.") or None in kinds or "extension" in kinds:
            return None
        return TRUE if kinds == {"query"} else self.as_received


def _usual(name: str) -> list[tuple[int, ...]]:
    """Values of a field that look ordinary."""
    info = FIELDS.get(name)
    if info is None:
        return []
    texts = [text.encode() for text in (*info.enum, *info.values, info.example.strip('"'))]
    if name == "http.request.method":
        texts = [b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", *texts]
    return [tuple(text) for text in texts]
