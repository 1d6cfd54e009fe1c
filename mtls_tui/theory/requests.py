"""What the parts of a request can be, as languages: paths as rules see them, header values, names of hosts."""

from __future__ import annotations

from collections.abc import Iterable

from mtls_tui.theory.languages import BYTES, SEPARATOR, Algebra, Language, between, symbols_of
from mtls_tui.theory.transducers import LOWERED

_UPPER, _LOWER, _DIGITS = between(65, 90), between(97, 122), between(48, 57)
_TOKEN = symbols_of(b"!#$%&'*+-.^_`|~") | _DIGITS | _LOWER | _UPPER
"""RFC 9110 5.6.2."""
_VISIBLE = between(0x21, 0x7E)
_HEX = _DIGITS | symbols_of(b"abcdefABCDEF")
_BLANKS = symbols_of(b" \t")
QUESTION = symbols_of(b"?")
NO_QUESTION = BYTES & ~QUESTION
_REWRITTEN = symbols_of(b'"<>^`{|}\\') | between(0, 0x20) | between(0x7F, 0xFF)
"""Octets that no normalised path holds: they are escaped, or a backslash that becomes a slash."""


class Requests:
    """The languages, each made when it is asked for."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self.no_question = algebra.star(algebra.one_of(NO_QUESTION))

    @staticmethod
    def is_token(name: bytes) -> bool:
        """Whether a header can be called so in a request (RFC 9110 5.6.2)."""
        return bool(name) and not symbols_of(name) & ~_TOKEN

    def normal_paths(self) -> Language:
        """The paths that normalising leaves alone (`engine.paths.stable`), and what `*` begins (RFC 9112 3.2.4)."""
        algebra = self.algebra
        anything = algebra.texts
        slash = algebra.word(b"/")
        kept = algebra.star(algebra.one_of(NO_QUESTION & ~_REWRITTEN))
        dots = algebra.either((algebra.word(b"."), algebra.word(b"..")))
        segment_end = algebra.either((algebra.empty, algebra.then(algebra.one_of(symbols_of(b"/;")), anything)))
        no_dots = algebra.other_than(algebra.then(anything, slash, dots, segment_end))
        escapes = algebra.other_than(algebra.then(anything, self._escaped_plainly(), anything))
        no_empty = algebra.other_than(algebra.containing(b"//"))
        normal = algebra.both((algebra.then(slash, kept), no_dots, escapes, no_empty))
        # Envoy makes `//` of any number of slashes with nothing else.
        return algebra.either((normal, algebra.word(b"//"), algebra.then(algebra.word(b"*"), self.no_question)))

    def _escaped_plainly(self) -> Language:
        """An escape of a letter, a digit or one of `-._~`, which normalising decodes."""
        algebra, found = self.algebra, []
        for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~":
            found += [b"%%%02X" % byte, b"%%%02x" % byte]
        return algebra.words(found)

    def made_paths(self) -> Language:
        """The normal paths that a request line can carry as they are."""
        algebra = self.algebra
        sent = algebra.star(algebra.one_of(_VISIBLE & ~symbols_of(b"#?")))
        return algebra.both((self.normal_paths(), algebra.then(algebra.word(b"/"), sent)))

    def raw_paths(self) -> Language:
        """What may have been received as a path."""
        algebra = self.algebra
        return algebra.then(algebra.one_of(symbols_of(b"/*")), self.no_question)

    def made_queries(self) -> Language:
        """The queries that a request line can carry as they are."""
        return self.algebra.star(self.algebra.one_of(_VISIBLE & ~symbols_of(b"#")))

    def targets(self, paths: Language, queries: Language) -> Language:
        """Path and query."""
        algebra = self.algebra
        return algebra.then(paths, algebra.either((algebra.empty, algebra.then(algebra.word(b"?"), queries))))

    def raised(self) -> Language:
        """Texts without small letters."""
        return self.algebra.star(self.algebra.one_of(BYTES & ~_LOWER))

    def methods(self) -> Language:
        """Tokens in capital letters."""
        symbols = self.algebra.one_of(_TOKEN & ~_LOWER)
        return self.algebra.then(symbols, self.algebra.star(symbols))

    def joined_values(self, separator: bytes) -> Language:
        """What rules see of a header that may be repeated: no blank at the ends but what joins an empty value."""
        algebra = self.algebra
        blank = algebra.one_of(_BLANKS)
        ends = algebra.either((algebra.other_than(algebra.then(algebra.texts, blank)), algebra.ending(separator)))
        return algebra.both((algebra.texts, algebra.other_than(algebra.then(blank, algebra.texts)), ends))

    def visible(self) -> Language:
        """Texts that an ordinary client sends: printable ASCII, no blank at the ends."""
        algebra = self.algebra
        return algebra.both((algebra.star(algebra.one_of(between(0x20, 0x7E))), self.header_values()))

    def header_values(self) -> Language:
        """What rules see of a header: no blank at the ends."""
        algebra = self.algebra
        blank = algebra.one_of(_BLANKS)
        return algebra.both(
            (
                algebra.texts,
                algebra.other_than(algebra.then(blank, algebra.texts)),
                algebra.other_than(algebra.then(algebra.texts, blank)),
            )
        )

    def sent_values(self) -> Language:
        """Header values that can be sent (RFC 9110 5.5)."""
        algebra = self.algebra
        octets = algebra.star(algebra.one_of(BYTES & ~symbols_of(b"\0\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0")))
        return algebra.both((octets, self.header_values()))

    def listed(self, items: Language) -> Language:
        """Lists of such texts, each ended by SEPARATOR."""
        return self.algebra.star(self.algebra.then(items, self.algebra.one_of(1 << SEPARATOR)))

    def names_below(self, wildcard: str, others: Iterable[str]) -> Language:
        """The names that a wildcard (`*.example.com`) stands for, but for those that another host has more closely."""
        algebra = self.algebra
        label = self._some(_LOWER | _DIGITS | symbols_of(b"_-"))
        names = algebra.then(label, algebra.star(algebra.then(algebra.word(b"."), label)))
        taken = []
        for other in others:
            if other.startswith("*."):
                if other != wildcard and other.endswith(wildcard[1:]):
                    taken.append(algebra.ending(other[1:].encode()))
            elif other.endswith(wildcard[1:]):
                taken.append(algebra.word(other.encode()))
        return algebra.both(
            [names, algebra.ending(wildcard[1:].encode()), *[algebra.other_than(item) for item in taken]]
        )

    def made_names(self) -> Language:
        """Names whose labels begin and end with a letter, a digit or `_`."""
        algebra = self.algebra
        edge = _LOWER | _DIGITS | symbols_of(b"_")
        inner = algebra.star(algebra.one_of(edge | symbols_of(b"-")))
        label = algebra.then(
            algebra.one_of(edge), algebra.either((algebra.empty, algebra.then(inner, algebra.one_of(edge))))
        )
        return algebra.then(label, algebra.star(algebra.then(algebra.word(b"."), label)))

    def _some(self, symbols: int) -> Language:
        one = self.algebra.one_of(symbols)
        return self.algebra.then(one, self.algebra.star(one))

    # --- the whole URI ---

    def with_extension(self, members: Language) -> Language:
        """The paths whose extension is in a set (`engine.paths.extension`)."""
        algebra = self.algebra
        ends = algebra.both(
            (algebra.before_image(LOWERED, members), algebra.star(algebra.one_of(BYTES & ~symbols_of(b"./"))))
        )
        name = algebra.one_of(BYTES & ~symbols_of(b"/"))
        named = algebra.then(algebra.either((algebra.empty, algebra.then(algebra.texts, algebra.word(b"/")))),
                             name, algebra.star(name), algebra.word(b"."))  # fmt: skip
        found = algebra.then(named, ends)
        if not members.nullable:
            return found
        some = algebra.then(named, algebra.star(algebra.one_of(BYTES & ~symbols_of(b"./"))))
        return algebra.either((found, algebra.texts_other_than(some)))

    def path_start(self) -> Language:
        """`*` is the target of OPTIONS (RFC 9112 3.2.4), and stands in the whole URI too."""
        return self.algebra.one_of(symbols_of(b"/*"))

    def schemes(self) -> Language:
        """What a whole URI begins with."""
        return self.algebra.words([b"https://", b"http://"])

    def ports(self) -> Language:
        """What a Host header may say (`engine.fields.RequestView.explicit_port`): 0 as well."""
        return self.algebra.either((self.made_ports(), self.algebra.word(b":0")))

    def made_ports(self) -> Language:
        """What a made request says after its host name."""
        algebra = self.algebra
        digits = algebra.repeated(algebra.one_of(symbols_of(b"0123456789")), 0, 4)
        port = algebra.then(algebra.word(b":"), algebra.one_of(symbols_of(b"123456789")), digits)
        return algebra.either((algebra.empty, port))

    def authority(self, host: bytes | None) -> Language:
        """The host of a whole URI: one name, or all up to a port or path; an IPv6 address stands in brackets."""
        algebra = self.algebra
        if host is not None:
            return algebra.word(host)
        address = algebra.star(algebra.one_of(BYTES & ~symbols_of(b"/*]")))
        return algebra.either(
            (
                algebra.star(algebra.one_of(BYTES & ~symbols_of(b"/:*"))),
                algebra.then(algebra.word(b"["), address, algebra.word(b"]")),
            )
        )
