"""A seeded, grammar-driven maker of filter expressions: right ones, and right ones with one thing broken."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from mtls_tui.lang.types import Type

STRINGS = (
    *(
        '"a"',
        '"api.example.com"',
        '""',
        '"/v1/x y"',
        '"\\"q\\""',
        '"\\\\"',
        '"\\x2e\\101"',
        'r"a\\d"',
        'r#"a"b"#',
        '"é"',
    ),
    *('r##"x"#y"##', "01:2e:f3", "ab:cd", '"GET"', '"a\nb"', '"*.*"', '"%2e"'),
)
REGEXES = (
    *('"^/api"', '"\\d+"', '"[\\"x]"', 'r"^a|b$"', 'r#"["x]"#', '"(?i)admin"', '"\\.php$"', '"a{2,3}"', '"[^/]+"'),
    *('"(?:a|bc)*?"', '"\\x2f\\w"', 'r"[[:alpha:]&&[^b]]"'),
)
BAD_REGEXES = ('"("', '"[a"', 'r"(?=x)"', '"\\1"', '"*"', 'r"(?<!a)b"', '"a{2"', '"\\q"', '"\\p{L}"', '"(?z)"')
WILDCARDS = ('"*.example.com"', 'r"/a*b"', '"\\\\*"', '"*"', '""', 'r"\\\\"')
BAD_WILDCARDS = ('"a**"', 'r"a\\b"', '"a\\\\"', "61:62", 'r"\\"')
INTEGERS = ("0", "1", "80", "443", "-1", "0x1F", "0755", "9223372036854775807", "-9223372036854775808")
BAD_INTEGERS = ("08", "0x", "1f", "9223372036854775808", "-", "1.5", "+1", '"1"', "x", "0xfffffffffffffffff")
ADDRESSES = ("1.2.3.4", "192.0.2.1", "::1", "2001:db8::1", "::ffff:1.2.3.4", "0.0.0.0", "fe80::")  # noqa: S104 - a literal of the language
BAD_ADDRESSES = ("1.2.3", "1.2.3.400", ":", "1.2.3.4/32", '"1.2.3.4"', "::1::", "2001:db8", "01.2.3.4", "x")
NETWORKS = (
    "10.0.0.0/8",
    "192.0.2.0/24",
    "2001:db8::/32",
    "::/0",
    "1.2.3.4/32",
    "10/8",
    "10.1",
    "1.2.3.4..1.2.3.9",
    "::1..::9",
)
BAD_NETWORKS = (
    "10.0.0.1/8",
    "1.2.3.4/33",
    "::/129",
    "1.2.3.9..1.2.3.4",
    "1.2.3.4..::1",
    "1.2.3.4/x",
    "1.2.3.4/",
    "1.2.3.4,",
    "/8",
)
LISTS = ("$hosts", "$cf.vpn", "$a_1")
BAD_LISTS = ("$A", "$", "$.a", "$a.", "$a-b", "hosts")
BREAKERS = (
    *(
        " ",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        '"',
        ",",
        "$",
        "#",
        "*",
        "[*]",
        "not ",
        "!",
        "and",
        " or ",
        " xor ",
        "&&",
        "||",
    ),
    *(
        "^",
        "^^",
        "==",
        " eq ",
        "=",
        "<",
        "~",
        "&",
        ".",
        "..",
        "/",
        ":",
        "-",
        "0",
        "r",
        'r"',
        "\\",
        "\t",
        "\n",
        "é",
        "“",
        "'",
        "\r\n",
    ),
    *(
        " in ",
        "AND",
        "any(",
        "all(",
        "len(",
        "lower(",
        "ssl",
        "true",
        "http.host",
        "x",
        "1",
        "contains",
        "strict wildcard",
    ),
)


@dataclass
class Maker:
    """Makes expressions over the given fields; `broken` is the share of literals that are wrong from the start."""

    seed: int
    fields: dict[str, Type]
    broken: float = 0.02
    random: random.Random = field(init=False)
    by_type: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.by_type = {}
        for name, kind in self.fields.items():
            self.by_type.setdefault(str(kind), []).append(name)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def literal(self, good: tuple[str, ...], bad: tuple[str, ...]) -> str:
        return self.pick(*bad) if self.chance(self.broken) else self.pick(*good)

    def space(self) -> str:
        return self.pick(" ", " ", " ", " ", "  ", "\n", "\r\n") if self.chance(0.5) else " "

    def gap(self) -> str:
        return self.pick("", "", "", " ", "\n")

    def field(self, kind: str) -> str:
        if self.chance(self.broken / 2):
            return self.pick("http.hots", "x", "http.host.", "unknown.field", "1", "_", "http..host")
        return self.random.choice(self.by_type[kind])

    # --- values ---

    def text(self, depth: int) -> str:
        """A value of type Bytes."""
        roll = self.random.random()
        if roll < 0.5 or depth > 3:
            return self.field("Bytes")
        if roll < 0.6:
            return self.field("Map<Array<Bytes>>") + self.key() + self.index()
        if roll < 0.7:
            return self.field("Array<Bytes>") + self.index()
        inner = self.text(depth + 1)
        return self.random.choice(
            (
                lambda: f"lower({self.gap()}{inner}{self.gap()})",
                lambda: f"upper{self.gap()}({inner})",
                lambda: f"url_decode({inner})",
                lambda: f"concat({inner}, {self.literal(STRINGS, INTEGERS)})",
                lambda: f"concat({inner},{self.text(depth + 1)},{self.gap()}{self.text(depth + 1)})",
                lambda: f"substring({inner}, {self.literal(INTEGERS, STRINGS)}, 5)",
                lambda: f"substring({inner}, 1, {self.literal(INTEGERS, BAD_INTEGERS)})",
                lambda: f"decode_base64({inner})",
                lambda: f"to_string({self.number(depth + 1)})",
            )
        )()

    def key(self) -> str:
        return (
            f"[{self.gap()}"
            + self.literal(('"k"', '"user-agent"', '""', '"é"', '"a\\"b"'), ("1", "*", 'r"k"', "k"))
            + f"{self.gap()}]"
        )

    def index(self) -> str:
        return (
            f"[{self.gap()}"
            + self.literal(("0", "1", "17", "0x1", "00"), ('"k"', "-1", "4294967296", "a", ""))
            + f"{self.gap()}]"
        )

    def each(self, depth: int) -> str:
        """A value of type Bytes over `[*]`."""
        base = self.pick(
            self.field("Array<Bytes>"),
            self.field("Map<Array<Bytes>>") + self.key(),
            self.field("Map<Array<Bytes>>") + "[*]",
        )
        if self.chance(0.3) and depth < 3:
            return f"lower({base}[*])[*]"
        return base + ("[*]" if not self.chance(self.broken) else "")

    def number(self, depth: int) -> str:
        """A value of type Int."""
        return self.field("Int") if self.chance(0.7) else f"len({self.text(depth + 1)})"

    # --- comparisons ---

    def ordering(self) -> str:
        return self.pick("eq", "==", "ne", "!=", "lt", "<", "le", "<=", "gt", ">", "ge", ">=")

    def set_of(self, items: tuple[str, ...], bad: tuple[str, ...]) -> str:
        separator = "," if self.chance(self.broken) else " "
        inner = (separator + self.gap()).join(self.literal(items, bad) for _ in range(self.random.randint(0, 4)))
        return "{" + self.gap() + inner + self.gap() + "}"

    def compared_text(self, left: str) -> str:
        s = self.space
        roll = self.random.random()
        if roll < 0.35:
            return f"{left}{s()}{self.ordering()}{s()}{self.literal(STRINGS, (*INTEGERS, *BAD_ADDRESSES))}"
        if roll < 0.5:
            return f"{left}{s()}in{s()}{self.set_of(STRINGS, (*INTEGERS, chr(39) + 'a' + chr(39)))}"
        if roll < 0.6:
            return f"{left}{s()}contains{s()}{self.literal(STRINGS, BAD_INTEGERS)}"
        if roll < 0.75:
            return f"{left}{s()}{self.pick('matches', '~')}{s()}{self.literal(REGEXES, BAD_REGEXES)}"
        if roll < 0.9:
            return f"{left}{s()}{self.pick('wildcard', 'strict wildcard')}{s()}{self.literal(WILDCARDS, BAD_WILDCARDS)}"
        if roll < 0.97:
            return f"{left}{s()}in{s()}{self.literal(LISTS, BAD_LISTS)}"
        operator = self.pick("&", "bitwise_and", "starts_with", "EQ", "=", "not in")
        return f"{left}{s()}{operator}{s()}{self.literal(STRINGS, INTEGERS)}"

    def comparison(self, depth: int) -> str:
        s = self.space
        roll = self.random.random()
        if roll < 0.4:
            return self.compared_text(self.text(depth))
        if roll < 0.5:
            left = self.field("Ip")
            if self.chance(0.5):
                return f"{left}{s()}{self.ordering()}{s()}{self.literal(ADDRESSES, BAD_ADDRESSES)}"
            return f"{left}{s()}in{s()}{self.set_of((*NETWORKS, *ADDRESSES), BAD_NETWORKS)}"
        if roll < 0.6:
            left = self.number(depth)
            if self.chance(0.6):
                return f"{left}{s()}{self.ordering()}{s()}{self.literal(INTEGERS, BAD_INTEGERS)}"
            if self.chance(0.3):
                return f"{left}{s()}&{s()}{self.literal(INTEGERS, BAD_INTEGERS)}"
            return f"{left}{s()}in{s()}{self.set_of((*INTEGERS, '1..5', '0x1..0xff'), ('5..1', *BAD_INTEGERS))}"
        if roll < 0.7:
            return self.field("Bool")
        if roll < 0.8:
            return f"{self.pick('starts_with', 'ends_with')}({self.text(depth)}, {self.literal(STRINGS, INTEGERS)})"
        inner = self.compared_text(self.each(depth))
        roll = self.random.random()
        if roll < 0.2:
            inner = f"({inner} {self.pick('and', 'or', '^^')} {self.compared_text(self.each(depth))})"
        elif roll < 0.3:
            inner = f"not {inner}"
        elif roll < 0.35:
            inner = f"starts_with({self.each(depth)}, {self.literal(STRINGS, INTEGERS)})"
        return f"{self.pick('any', 'all')}({self.gap()}{inner}{self.gap()})"

    def expression(self, depth: int = 0) -> str:
        parts = [self.operand(depth)]
        while self.chance(0.45 if depth < 3 else 0.1) and len(parts) < 5:
            parts += [self.pick("and", "or", "xor", "&&", "||", "^^"), self.operand(depth)]
        return self.space().join(parts)

    def operand(self, depth: int) -> str:
        prefix = self.pick("not ", "!", "not", "! ", "not not ") if self.chance(0.15) else ""
        if depth < 3 and self.chance(0.2):
            return f"{prefix}({self.gap()}{self.expression(depth + 1)}{self.gap()})"
        return prefix + self.comparison(depth)

    def mutated(self, text: str) -> str:
        """The text with one thing taken out, put in, doubled or cut off."""
        if not text:
            return text
        at = self.random.randrange(len(text) + 1)
        length = self.random.choice((1, 1, 1, 2, 4))
        roll = self.random.random()
        if roll < 0.35:
            return text[:at] + text[at + length :]
        if roll < 0.75:
            return text[:at] + self.pick(*BREAKERS) + text[at:]
        if roll < 0.85:
            return text[:at]
        if roll < 0.95:
            return text[:at] + self.pick(*BREAKERS) + text[at + length :]
        return text[:at] + text[at : at + length] * 2 + text[at + length :]

    def one(self) -> str:
        """An expression: as made, or broken, in about equal shares."""
        text = self.expression()
        if self.chance(0.5):
            text = self.mutated(text)
            if self.chance(0.15):
                text = self.mutated(text)
        return text
