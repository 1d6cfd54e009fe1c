"""Made rules over every kind of field and function, and concrete requests: an oracle that shares nothing with proofs.

Requests are put together from odd pieces and from the literals of the rules themselves; every value is computed by the
engine, and what a policy would refuse before its rules (an ambiguous path, a host that it lacks) is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from mtls_tui import lang
from mtls_tui.analysis.question import CLIENTS
from mtls_tui.engine import Matcher, Ruleset, hostnames
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.model import HttpRequest, Rule
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.types import BOOL, BYTES, INT, IP

CERTIFICATE = "cf.tls_client_auth."
HOSTS = [
    ["api.w.ex"],
    ["api.w.ex"],
    ["*.w.ex"],
    ["*.w.ex", "api.w.ex"],
    ["*.w.ex", "*.n.w.ex", "n.w.ex"],
    ["[::1]"],
    ["*.n.w.ex", "*.ex"],
]
NAMES = [
    "api.w.ex",
    "n.w.ex",
    "a.n.w.ex",
    "q.w.ex",
    "a.b.c.w.ex",
    "-.w.ex",
    "_x.w.ex",
    "w.ex",
    "b.ex",
    "[::1]",
    "x-1.w.ex",
]
FORMS = ["{}", "{}", "{}", "{}:443", "{}:80", "{}:8443", "{}:0", "{}:00", "{}:0443", "{}:99999", "{}."]
PATHS = [
    "/",
    "/a",
    "/a/",
    "/a/b.PHP",
    "/a.",
    "/.a",
    "/.a.b",
    "/a.b.c",
    "//",
    "//a",
    "/a%41",
    "/a%2Fb",
    "/%2e%2e/a",
    "/a/./b",
    "/a;x",
    "/a%20b",
    "/a b",
    "/%",
    "/%4",
    "/%25",
    "/\\a",
    "/~u",
    "/é",
    "*",
    "/*",
    "/a/..",
    "/A",
    "/b",
    "/a%2fb",
    "/+",
    "/..;/a",
    "/a:0/",
    "/a?b",
    "/https://api.w.ex/",
    "/" + "a" * 40,
    "",
]
QUERIES = [
    None,
    None,
    None,
    "",
    "a=1",
    "a=1&a=2",
    "a",
    "a=",
    "=a",
    "&",
    "&&a=b&",
    "a=b=c",
    "b=x",
    "A=1",
    "a=%41",
    "?",
    "a=1?b",
    "x=a+b",
    "%61=1",
    "a=/a",
]
VALUES = [
    b"",
    b"a",
    b"b",
    b"ab",
    b"A",
    b"a b",
    b"a, b",
    b" a ",
    b"a,b",
    b"a;b",
    b"YQ==",
    b"%41",
    b"+",
    b"\xff",
    b"a\tb",
    b"x" * 30,
    b"0123456789abcdef",
    b"1",
    b"-1",
    b"a;q=0.5, b",
    b"none",
]
COOKIES = [
    b"a=1",
    b"a=1; a=2",
    b"a",
    b"a=",
    b"=a",
    b"%61=x",
    b" a = b ",
    b"a =b",
    b"a=1;b=2",
    b"A=1",
    b";;",
    b"a= b",
    b"b=a",
    b"a=b=c",
    b"",
    b"a=1;a",
    b"aa=1",
]
ADDRESSES = [
    "192.0.2.0",
    "192.0.2.1",
    "192.0.2.127",
    "192.0.2.128",
    "192.0.2.255",
    "192.0.3.0",
    "0.0.0.0",  # noqa: S104
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:192.0.2.1",
    "2001:db8::",
    "2001:db8::1",
    "2001:db8:0:1::",
    "2001:db8:1::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::1%eth0",
    "::192.0.2.1",
    "10.0.0.1",
]
BODIES = [
    None,
    None,
    b"",
    b"a",
    b"{}",
    b'{"a":"b"}',
    b'{"a":1}',
    b'{"a":"a"}',
    b'{"a":-1}',
    b"a=1&b=2",
    b"a=b",
    b"\x00",
    b"<html>",
    b"a" * 20,
]
TIMES = [0.0, 1.0, 0.999, 1_700_000_000.0, 1_700_000_000.5, 4_102_444_800.0, -1.0]
METHODS = ["GET", "POST", "HEAD", "OPTIONS", "get", "PURGE", "M-SEARCH", "CONNECT"]
VERSIONS = ["HTTP/2", "HTTP/1.1", "HTTP/1.0", "HTTP/3", "http/3", "HTTP/0.9"]
SERIALS = [b"01", b"0A", b"00", b"-01", b"AB"]
NUMBERS = [-1, 0, 1, 2, 3, 5, 20, 80, 443, 8443, 99999, 1_700_000_000, 65536]
TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "A",
    "1",
    "/",
    "/a",
    "none",
    "x",
    "true",
    "false",
    "192.0.2.1",
    "192.0.2.0",
    "HTTP/3",
    "GET",
    "api.w.ex",
    ".w.ex",
    "w.ex",
    "https://",
    "http://",
    "php",
    "b.c",
    "a, b",
    "a=1",
    "?",
    "ex:0/",
    ":0/",
    "8443",
    "*",
    "%41",
    "%",
    " ",
]
LISTS = {"nets": ["192.0.2.0/25", "2001:db8::/48", "10.0.0.0/8"], "names": ["api.w.ex", "*.n.w.ex"], "nums": [13335, 1]}
REGEXES = [
    "^{}$",
    "^{}",
    "{}$",
    "{}",
    "(?i){}",
    "^(?:{}|b)$",
    "[a-c]+",
    "^[^a]*$",
    r"\b{}\b",
    "(^|,){}",
    "(?i)^{}$|^a",
    "a{{1,2}}",
    "^$",
    "",
    ".",
    "^.*$",
    "(?m)^{}$",
    "^(a|b)*{}",
    "({}|$)",
    "^a?$",
    "(?:^{}|^b)",
    r"\A{}\z",
    "(^a)*b",
    r"^\w*$",
    "(?s)^.+$",
    "(?-s)^.+$",
    r"[[:alpha:]]",
    "(?u)é",
    "^/a(/|$)",
    r"\.(php|PHP)$",
]

TEXT_FIELDS = [
    *(name for name, info in FIELDS.items() if info.type == BYTES and not info.alias_of and info.scope != "response"),
]
TEXT_FIELDS += [name for name in TEXT_FIELDS for _ in range(4 if name in EXTRACTORS else 1)]
NUMBER_FIELDS = [
    "cf.edge.server_port",
    "http.request.timestamp.sec",
    "http.request.timestamp.msec",
    "http.request.body.size",
    "ip.src.asnum",
    "cf.threat_score",
    "cf.waf.score",
]
BOOLS = [
    name for name, info in FIELDS.items() if info.type == BOOL and not info.alias_of and info.scope != "response"
] + ["ssl", f"{CERTIFICATE}cert_verified", f"{CERTIFICATE}cert_presented", f"{CERTIFICATE}cert_revoked"] * 6
ARRAYS = [
    'http.request.headers["x"]',
    'http.request.headers["x"]',
    'http.request.headers["X"]',
    'http.request.headers["host"]',
    'http.request.headers["cookie"]',
    'http.request.headers["referer"]',
    "http.request.headers.names",
    "http.request.headers.values",
    'http.request.uri.args["a"]',
    'http.request.uri.args["a"]',
    'http.request.uri.args[""]',
    "http.request.uri.args.names",
    "http.request.uri.args.values",
    'raw.http.request.uri.args["a"]',
    'http.request.cookies["a"]',
    'http.request.cookies["a"]',
    "http.request.accepted_languages",
    'http.request.body.form["a"]',
    "http.request.body.form.names",
    'http.request.jwt.claims.aud["a"]',
]
MAPS = ["http.request.headers", "http.request.uri.args", "http.request.cookies", "http.request.body.form"]
ONE = [
    "lower({})",
    "upper({})",
    "url_decode({})",
    'url_decode({}, "r")',
    'remove_bytes({}, "a/")',
    "substring({}, 0, 1)",
    "substring({}, 1)",
    "substring({}, -1)",
    "substring({}, 1, -1)",
    "substring({}, -2, 1)",
    'concat({}, "b")',
    'concat("a", {})',
    'concat("/", {}, "")',
    'coalesce({}, "none")',
    "sha256({})",
    "encode_base64({})",
    "decode_base64({})",
    'lookup_json_string({}, "a")',
    'regex_replace({}, "a", "b")',
    'wildcard_replace({}, "a*", "b")',
    "uuidv4({})",
    'split({}, "b", 3)[0]',
    'remove_query_args({}, "a")',
    "concat({}, http.cookie)",
    "coalesce({}, http.user_agent)",
]


@dataclass
class Maker:
    """Rules about a few subjects, so that they have to do with each other."""

    random: random.Random
    texts: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    bools: list[str] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose the subjects."""
        pick = self.random.choice
        base = [pick(TEXT_FIELDS) for _ in range(pick([1, 1, 2, 3]))]
        if self.random.random() < 0.35:  # what follows from one URI
            uri = [name for name in EXTRACTORS if "uri" in name and FIELDS[name].type == BYTES]
            base = [pick([*uri, "http.host"]) for _ in range(pick([2, 3]))]
        self.arrays = [pick(ARRAYS) for _ in range(pick([0, 0, 1, 2]))]
        base += [f"{array}[{pick([0, 0, 1])}]" for array in self.arrays if pick([0, 1])]
        self.texts = list(base)
        for _ in range(pick([0, 1, 1, 2])):
            self.texts.append(pick(ONE).format(pick(self.texts)))
        self.numbers = [pick(NUMBER_FIELDS) for _ in range(pick([0, 0, 1]))]
        self.numbers += [f"len({pick([*self.texts, *self.arrays])})" for _ in range(pick([0, 1]))]
        if pick([0] * 9 + [1]):
            self.numbers.append(f'lookup_json_integer({pick(self.texts)}, "a")')
        if pick([0, 0, 1]):
            self.addresses = pick(
                [["ip.src"], ["ip.src", "cidr(ip.src, 25, 48)"], ["cidr6(ip.src, 47)", "ip.src"], ["ip.src"]]
            )
            if pick([0, 0, 1]):
                self.texts.append("to_string(ip.src)")
        if self.numbers and pick([0, 0, 1]):
            self.texts.append(f"to_string({self.numbers[0]})")
        if self.arrays and pick([0, 0, 1]):
            self.texts.append(f'join({pick(self.arrays)}, "{pick([",", ", ", "; ", ""])}")')
        self.bools = [pick(BOOLS) for _ in range(pick([0, 1, 1, 2]))]
        if self.bools and pick([0, 0, 0, 1]):
            self.texts.append(f"to_string({self.bools[0]})")
        pool = self.random.sample(TEXTS, 4)
        self.words = [*pool, *(word.upper() for word in pool[:1])]
        self.ints = self.random.sample(NUMBERS, 3)
        self.ips = [text for text in self.random.sample(ADDRESSES, 3) if "%" not in text] or ["192.0.2.1"]

    def word(self) -> str:
        """A literal text."""
        return self.random.choice(self.words)

    def comparison_of(self, text: str) -> tuple[str, str]:
        """What a text is compared with, and what often is the rest."""
        pick, one, two = self.random.choice, quoted(self.word()), quoted(self.word())
        pattern = pick(REGEXES).format(re.escape(self.word()).replace("\\ ", " ").replace("\\%", "%"))
        plain = self.word().replace("*", "")
        return pick(
            [
                (f"{text} eq {one}", f"{text} ne {one}"),
                (f"{text} lt {one}", f"{text} ge {one}"),
                (f"{text} le {one}", f"{text} gt {one}"),
                (f"{text} in {{{one} {two}}}", f"{text} ne {one}"),
                (f"{text} contains {one}", f"not {text} contains {two}"),
                (f"starts_with({text}, {one})", f"not starts_with({text}, {two})"),
                (f"ends_with({text}, {one})", f"not ends_with({text}, {one})"),
                (f"{text} matches {raw(pattern)}", f"not {text} matches {raw(pattern)}"),
                (f'{text} wildcard "{escaped(plain)}*"', f'not {text} wildcard "*{escaped(plain)}"'),
                (f'{text} strict wildcard "*{escaped(plain)}*"', f'{text} ne "{escaped(plain)}"'),
                (f"{text} eq {pick(self.texts)}", f"{text} ne {pick(self.texts)}"),
            ]
        )

    def pair(self) -> tuple[str, str]:
        """Two clauses about one subject that may cover everything."""
        pick = self.random.choice
        kinds = ["text"] * 4 + ["number"] * len(self.numbers) + ["address"] * 2 * len(self.addresses)
        kinds += ["bool"] * len(self.bools) + ["array"] * 2 * len(self.arrays) + ["map"] * (pick(range(8)) == 0)
        match pick(kinds):
            case "text":
                text = pick(self.texts)
                if text == "http.host" and pick([0, 1]):
                    return "http.host in $names", "not http.host in $names"
                return self.comparison_of(text)
            case "number":
                number, one, two = pick(self.numbers), pick(self.ints), pick(self.ints)
                low, high = sorted((one, two))
                return pick(
                    [
                        (f"{number} eq {one}", f"{number} ne {one}"),
                        (f"{number} lt {one}", f"{number} ge {one}"),
                        (f"{number} in {{{low}..{high}}}", f"not {number} in {{{low}..{high} {two}}}"),
                        (f"{number} le {one}", f"{number} gt {two}"),
                        (f"{number} & 1", f"not {number} & 1"),
                    ]
                )
            case "address":
                address, one = pick(self.addresses), pick(self.ips)
                nets = pick(
                    [
                        "192.0.2.0/24",
                        "192.0.2.0/25 192.0.2.128/25",
                        "0.0.0.0/0",
                        "::/0",
                        "0.0.0.0/0 ::/0",
                        "192.0.2.0..192.0.2.127",
                        "2001:db8::/48",
                        "192.0.2.1",
                    ]
                )
                return pick(
                    [
                        (f"{address} eq {one}", f"{address} ne {one}"),
                        (f"{address} in {{{nets}}}", f"not {address} in {{{nets}}}"),
                        ("ip.src in $nets", f"not {address} in {{{nets}}}"),
                    ]
                )
            case "bool":
                name = pick(self.bools)
                return name, f"not {name}"
            case "map":
                name = pick(MAPS)
                return f'has_key({name}, "a")', f"not has_key({name}, {quoted(self.word())})"
            case _:
                array, how = pick(self.arrays), pick(["any", "all"])
                inner, other = self.comparison_of(
                    pick(["{a}[*]", "{a}[*]", "lower({a}[*])[*]", "url_decode({a}[*])[*]"]).format(a=array)
                )
                return pick(
                    [
                        (f"{how}({inner})", f"not {how}({inner})"),
                        (f"any({inner})", f"all(not {inner})"),
                        (f"any(({inner} and {other}))", f"all(({inner} or {other}))"),
                        (f"any(({inner} xor {other}))", f"len({array}) eq 0"),
                        (f"has_value({array}, {quoted(self.word())})", f"len({array}) ge 0"),
                        (f"len({array}) gt 1", f"len({array}) le 1"),
                    ]
                )

    def clause(self) -> str:
        """One clause, perhaps negated."""
        found = self.random.choice(self.pair())
        return f"not {found}" if self.random.random() < 0.25 else found

    def expression(self) -> str:
        """A few clauses."""
        pick = self.random.choice
        parts = [self.clause() for _ in range(pick([1, 1, 2, 2, 3]))]
        found = parts[0]
        for part in parts[1:]:
            found = f"({found}) {pick(['and', 'or', 'xor'])} ({part})"
            if pick([0, 0, 0, 1]):
                found = f"not ({found})"
        return found

    def parsed(self, text: str) -> ast.Expression | None:
        """An expression that the engine takes."""
        try:
            found = lang.parse(text)
            Matcher(found, LISTS)
        except ValueError:
            return None
        return found

    def rules(self) -> list[Rule]:
        """Rules in order; often with some that may cover what the first leave."""
        pick, found = self.random.choice, []

        def add(text: str, action: str, shadow: bool = False) -> None:
            parsed = self.parsed(text)
            if parsed is not None:
                enabled = self.random.random() > 0.05
                found.append(Rule(f"r{len(found)}", parsed, action, enabled=enabled, shadow=shadow))

        for _ in range(pick([0, 1, 1, 2, 3])):
            action = pick(["block", "block", "block", "skip", "log", "managed_challenge", "js_challenge"])
            add(self.expression(), action, self.random.random() < 0.06 and action == "block")
        if self.random.random() < 0.75:
            one, other = self.pair()
            wrapped = pick(["{}", "{}", "({}) and not ssl", f"({{}}) and {pick(self.bools)}" if self.bools else "{}"])
            add(wrapped.format(one), "block")
            if wrapped != "{}" and pick([0, 1]):
                elsewhere = wrapped.format('http.host ne ""')
                add(f"not ({elsewhere})", "block")
            add(pick([other, f"not ({one})", f"not ({one})"]), "block")
        self.random.shuffle(found)
        return found

    def changed(self, rules: Sequence[Rule]) -> list[Rule]:
        """The rules in another way, or other ones."""
        pick, found = self.random.choice, list(rules)
        if not found:
            return self.rules()
        place = self.random.randrange(len(found))
        rule, root = found[place], found[place].expression.root
        match pick(["same", "drop", "not not", "swap", "split", "morgan", "narrow", "widen", "new"]):
            case "drop":
                del found[place]
            case "not not":
                found[place] = remade(rule, ast.Not(ast.Not(root)))
            case "swap" if len(found) > 1:
                other = (place + 1) % len(found)
                found[place], found[other] = found[other], found[place]
            case "split" if isinstance(root, ast.Logical) and root.operator == "or":
                found[place : place + 1] = [
                    Rule(f"{rule.ref}-{n}", reparsed(item), rule.action, enabled=rule.enabled, shadow=rule.shadow)
                    for n, item in enumerate(root.items)
                ]
            case "morgan" if isinstance(root, ast.Logical) and root.operator != "xor":
                dual = "or" if root.operator == "and" else "and"
                found[place] = remade(rule, ast.Not(ast.Logical(dual, tuple(ast.Not(item) for item in root.items))))
            case ("narrow" | "widen") as how:
                extra = self.parsed(self.clause())
                if extra is not None:
                    found[place] = remade(rule, ast.Logical("and" if how == "narrow" else "or", (root, extra.root)))
            case "new":
                found = self.rules()
        return found


def reparsed(root: ast.Expr) -> ast.Expression:
    """The expression as it would be written."""
    return lang.parse(lang.format(ast.Expression(root)), check=False, max_length=None)


def remade(rule: Rule, root: ast.Expr) -> Rule:
    """The rule with another expression."""
    return Rule(rule.ref, reparsed(root), rule.action, enabled=rule.enabled, shadow=rule.shadow)


def escaped(text: str) -> str:
    """A text within quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def quoted(text: str) -> str:
    """A literal."""
    return f'"{escaped(text)}"'


def raw(pattern: str) -> str:
    """A raw literal."""
    return f'r#"{pattern}"#'


def literals_in(rules: Sequence[Rule]) -> list[str]:
    """The texts that rules speak of."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, ast.String):
            found.append(node.value.decode("utf-8", "surrogateescape"))
        for name in getattr(node, "__dataclass_fields__", ()):
            value = getattr(node, name)
            for item in value if isinstance(value, tuple) else (value,):
                if hasattr(item, "__dataclass_fields__"):
                    walk(item)

    for rule in rules:
        walk(rule.expression.root)
    return found or ["a"]


def request(random_: random.Random, words: Sequence[str], ints: Sequence[int], names: Sequence[str]) -> HttpRequest:
    """A request of odd pieces, some of them the rules' own."""
    pick = random_.choice

    def text() -> str:
        word = pick(words)
        return pick(
            [word, word, word.upper(), word.lower(), word + pick(words), word + "b", "a" + word, word[:1], word[1:]]
        )

    def value() -> bytes:
        return (
            pick(VALUES)
            if random_.random() < 0.5
            else text().encode("utf-8", "surrogateescape").translate(None, b"\r\n\0")
        )

    def odd(share: float) -> bool:
        return random_.random() < share

    path = pick(PATHS) if odd(0.6) else "/" + text().lstrip("/") if odd(0.8) else text()
    query = pick(QUERIES) if odd(0.7) else pick([text(), f"a={text()}", f"{text()}=a"])
    if odd(0.05):
        path = f"http://{pick(NAMES)}{path}"
    path = path.replace("?", "") if odd(0.5) else path
    target = path if query is None else f"{path}?{query}"
    headers: list[tuple[str, bytes]] = []
    for name, share in (
        ("x", 0.5),
        ("referer", 0.3),
        ("user-agent", 0.3),
        ("x-forwarded-for", 0.2),
        ("accept-language", 0.1),
    ):
        if odd(share):
            headers += [(name, value()) for _ in range(pick([1, 1, 2, 3]))]
    if odd(0.5):
        headers += [
            ("cookie", pick(COOKIES) if odd(0.6) else pick([value(), b"a=" + value()])) for _ in range(pick([1, 1, 2]))
        ]
    body = pick(BODIES) if odd(0.7) else value()
    if odd(0.2):
        headers.append(("content-type", b"application/x-www-form-urlencoded"))
    if odd(0.05):
        headers.append(("content-length", b"%d" % pick([0, 5, 20])))
    random_.shuffle(headers)
    host = pick(FORMS).format(pick(names))
    if odd(0.2):
        host = host.upper()
    overrides: dict[str, object] = {}
    return HttpRequest(
        method=pick(METHODS),
        scheme=pick(["https", "https", "http", "HTTPS"]),
        host=host,
        target=target,
        headers=tuple(headers),
        client_ip=pick(ADDRESSES),
        http_version=pick(VERSIONS) if odd(0.8) else text(),
        tls_version=pick(["TLSv1.3", "TLSv1.2", "", text()]),
        tls_cipher=pick(["A", "", text()]),
        body=body,
        body_truncated=odd(0.1),
        at=pick(TIMES) if odd(0.7) else float(pick(ints)),
        overrides=overrides,
    )


def facts(
    random_: random.Random, client: str, names: Sequence[str], words: Sequence[str], ints: Sequence[int]
) -> dict[str, object]:
    """Fields that no request gives: of the certificate, and of Cloudflare's edge (left out, or any)."""
    pick, found = random_.choice, dict(CLIENTS[client])
    for name in names:
        info = FIELDS[name]
        if name.startswith(CERTIFICATE) and name not in found:
            if info.type == BOOL:
                found[name] = pick([True, False])
            else:
                text = pick(words).encode("utf-8", "surrogateescape") if pick([0, 1]) else pick(SERIALS)
                found[name] = text or (b"" if client == "untrusted" or "ski" in name or "subject" in name else b"01")
        elif name not in EXTRACTORS and not name.startswith(CERTIFICATE) and pick([0, 1]):
            if info.type == BYTES:
                found[name] = pick(words).encode("utf-8", "surrogateescape")
            elif info.type == INT:
                found[name] = pick([*ints, 13335])
            elif info.type == BOOL:
                found[name] = pick([True, False])
            elif info.type == IP:
                found[name] = ip_address(pick(ADDRESSES[:6]))
            elif name == "http.request.jwt.claims.aud":
                found[name] = {b"a": [pick(words).encode("utf-8", "surrogateescape")]}
    return found


@dataclass(frozen=True)
class Given:
    """One concrete request before rules. `fields` are without those of the certificate."""

    http: HttpRequest
    host: str
    client: str
    values: dict[str, object]


def requests(
    random_: random.Random, maker: Maker, rules: Sequence[Rule], hosts: Sequence[str], read: frozenset[str], count: int
) -> Iterator[Given]:
    """Requests that the rules are asked about."""
    words = [*literals_in(rules), *maker.words]
    extractors = [(name, EXTRACTORS[name]) for name in sorted(read) if name in EXTRACTORS]
    names = [name for name in NAMES if hostnames.most_specific(name, {host: host for host in hosts})]
    by_words = [word for word in words if hostnames.most_specific(word, {host: host for host in hosts})]
    for _ in range(count):
        http = request(random_, words, maker.ints, [*names, *by_words])
        client = random_.choice(list(CLIENTS))
        view = RequestView(http, http.at)
        host = hostnames.most_specific(hostnames.normalise(http.host), {host: host for host in hosts})
        if host is None or view.ambiguous:
            continue
        try:
            values = compute(view, extractors)
        except ValueError:
            continue  # such a request is blocked
        yield Given(http, host, client, {**values, **facts(random_, client, sorted(read), words, maker.ints)})


def ruleset(rules: Sequence[Rule]) -> Ruleset:
    """The rules ready to decide."""
    return Ruleset(rules, LISTS)
