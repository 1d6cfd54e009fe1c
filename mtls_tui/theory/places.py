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
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import CERTIFICATE, FIELDS, NEVER_EMPTY, PRESENTED, REVOKED, VERIFIED
from mtls_tui.lang.types import BYTES, INT, IP
from mtls_tui.theory import arrays, intervals
from mtls_tui.theory.arrays import ArrayPlace
from mtls_tui.theory.circuits import FALSE, TRUE, Circuit, Literal
from mtls_tui.theory.errors import OpaqueError
from mtls_tui.theory.intervals import Intervals
from mtls_tui.theory.languages import MISSING, Algebra, Language
from mtls_tui.theory.numbers import ADDRESSES, INTEGERS, MAPPED, NONE, numbered
from mtls_tui.theory.requests import Requests
from mtls_tui.theory.subjects import Subject, number_subject, text_subject
from mtls_tui.theory.transducers import RAISED, Joined
from mtls_tui.theory.uses import URI_FIELDS, Uses

MAX_LENGTH = 10_000
"""Bytes up to which a text is counted."""
MAX_PORTS = 5_000
"""Ports that one condition may name where they are part of a URI."""
_ARGUMENTS = {f"http.request.uri.args{kind and '.'}{kind}": kind for kind in ("", "names", "values")}


Seen: TypeAlias = "Mapping[str, Any] | None"
"""The fields of a certificate as some rules see them; None: of any certificate or none."""


@dataclass(frozen=True)
class Wildcard:
    """The names that `*.example.com` stands for; `others` are the names of all hosts."""

    name: str
    others: tuple[str, ...] = ()


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
        if plain_name in URI_FIELDS:
            return self._uri(URI_FIELDS[plain_name], members, raw=name != plain_name)
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
            tail = algebra.then(self.requests.ports(), self.requests.path_start(), algebra.texts)
            return self.member(self._uri_subject(), algebra.then(self.requests.schemes(), names, tail))
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
        sent = self.requests.is_token(name)
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
            return self._uri_part("path", self.requests.with_extension(members))
        if self.mode == "parts":
            if kind == "path":
                return self.member(self._text_subject("path", self._paths, requests.made_paths, b"/"), members)
            return self.member(self._text_subject("query", self._texts, requests.made_queries, b""), members)
        before = self._before_path() if self.mode == "full" else algebra.empty
        if kind == "path":
            paths = algebra.both(
                (members, requests.no_question, algebra.then(self.requests.path_start(), algebra.texts))
            )
            return self.member(self._uri_subject(), requests.targets(algebra.then(before, paths), algebra.texts))
        if kind == "query":
            question = algebra.then(
                before, requests.no_question, algebra.word(b"?"), algebra.both((members, algebra.texts))
            )
            none = algebra.then(before, requests.no_question) if members.nullable else algebra.nothing
            return self.member(self._uri_subject(), algebra.either((question, none)))
        if kind == "uri":
            targets = algebra.both((members, algebra.then(self.requests.path_start(), algebra.texts)))
            return self.member(self._uri_subject(), algebra.then(before, targets))
        return self.member(self._uri_subject(), members)

    def _uri_subject(self) -> Subject[Any, Any]:
        algebra, requests = self.algebra, self.requests
        if self.mode == "target":
            return self._text_subject(
                "target", lambda: requests.targets(self._paths(), algebra.texts),
                lambda: requests.targets(requests.made_paths(), requests.made_queries()), b"/",
            )  # fmt: skip
        plain = b"https://" + (self.host if isinstance(self.host, bytes) else self._plain_host()) + b"/"

        def whole(names: Language, ports: Language, paths: Language, queries: Language) -> Language:
            return algebra.then(self.requests.schemes(), names, ports, requests.targets(paths, queries))

        return self._text_subject(
            "uri", lambda: whole(self._host_names(), self.requests.ports(), self._paths(), algebra.texts),
            lambda: whole(
                self._made_host_names(), self.requests.made_ports(), requests.made_paths(), requests.made_queries()
            ),
            plain,
        )  # fmt: skip

    def _authority(self) -> Language:
        return self.requests.authority(self.host if isinstance(self.host, bytes) else None)

    def _before_path(self) -> Language:
        return self.algebra.then(
            self.requests.schemes(),
            self._authority(),
            self.requests.ports(),
        )

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
        path = algebra.then(self.requests.path_start(), algebra.texts)
        texts = algebra.words([b":%d" % port for first, last in ports for port in range(first, last + 1)])
        found = [
            algebra.then(
                self.requests.schemes(),
                self._authority(),
                texts,
                path,
            )
        ]
        # Where the Host header says no port, or 0, it is the usual one.
        none = algebra.either((algebra.empty, algebra.word(b":0")))
        for scheme, port in ((b"https://", 443), (b"http://", 80)):
            if intervals.has(members, port):
                found.append(
                    algebra.then(
                        algebra.word(scheme),
                        self._authority(),
                        none,
                        path,
                    )
                )
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
        circuit, algebra = self.circuit, self.algebra
        if name == "http.request.headers" and key is not None and key != b"host":
            if key != key.lower():
                return arrays.no_array(circuit, algebra)
            subject = self._header_list(key)
            return arrays.header_values(circuit, algebra, lambda lists: self.member(subject, lists))
        if name in _ARGUMENTS:
            return arrays.arguments(
                circuit, algebra, _ARGUMENTS[name], key, lambda query: self._uri_part("query", query)
            )
        if name == "http.request.cookies" and key is not None:
            return arrays.cookies(circuit, algebra, key, lambda header: self._header(b"cookie", header))
        return None

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
        kinds = {URI_FIELDS.get(name.removeprefix("raw.")) for name in (one, other)}
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
