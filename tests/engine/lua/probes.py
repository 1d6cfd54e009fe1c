"""Requests and values with what the engine makes of them: enough to notice a mistake in any part of compiled rules."""

import gzip
import json
import random
from functools import cache
from itertools import product

from lupa.luajit21 import LuaError

from mtls_tui import engine, lang
from mtls_tui.engine import Rule, Ruleset, hostnames
from mtls_tui.engine.compile import evaluate
from mtls_tui.engine.fields import address, as_map, languages
from mtls_tui.engine.lua import compile_rules
from mtls_tui.engine.lua.refusal import RefusedError
from tests.engine.lua import luajit
from tests.engine.lua.test_program import CLAUSES, LISTS, WIRES, decided, expected, wire
from tests.engine.lua.wire import Wire
from tests.engine.test_conformance import fields_of

VALUES = [
    f"{name}(http.host)" for name in ("lower", "upper", "len", "encode_base64", "decode_base64", "url_decode")
] + [
    'url_decode(http.host, "r")', 'starts_with(http.host, "a")', 'ends_with(http.host, "41")',
    'substring(http.host, 1)',
    "substring(http.host, -2)", "substring(http.host, 1, 3)", "substring(http.host, 0, -1)",
    "substring(http.host, 9, 2)",
    'concat(http.host, "a", http.referer)', 'coalesce(http.referer, http.host)', 'remove_bytes(http.host, "a%")',
    'join(http.request.headers.names, ",")', 'split(http.host, "a", 2)', 'split(http.host, "a", 128)',
    'has_key(http.request.headers, "a")', 'has_value(http.request.headers.names, "a")',
    "len(http.request.headers.names)",
    'remove_query_args(http.request.uri.query, "a")', "cidr(ip.src, 24, 48)", "cidr6(ip.src, 33)",
    "cidr(ip.src, 25, 127)", "cidr(ip.src, 1, 1)", "cidr(ip.src, 32, 128)", "cidr(ip.src, 31, 8)",
    "cidr(ip.src, ip.src.asnum, 8)",
    "cidr(ip.src, 8, ip.src.asnum)", "cidr6(cf.edge.server_ip, ip.src.asnum)", 'substring(http.host, 1, 2)',
    'split(http.host, "%", 3)', 'split(http.host, "a", 1)', 'coalesce(http.host, "x")',
    'has_key(http.request.headers, http.host)',
    'concat(http.request.headers.names, http.request.headers["a"])',
    'has_value(http.request.headers.names, http.host)',
    'remove_query_args(http.request.uri.query, "a", http.host)', 'join(http.request.headers["a"], http.host)',
    'ends_with(http.host, "")', 'starts_with(http.host, "")', 'ends_with(http.host, "aaaa")',
    'remove_bytes(http.host, http.referer)',
    'starts_with(http.host, http.referer)', 'ends_with(http.host, http.referer)', 'substring(http.host, 0, 9)',
    'substring(http.host, 0)',
    'substring(http.host, -9, 1)', 'substring(http.host, 2, 2)', 'url_decode(http.host, "")',
    "to_string(ip.src)", "to_string(ssl)", "to_string(ip.src.asnum)", 'http.request.headers["a"][0]',
    'lower(http.request.headers.names[*])', 'http.request.headers["a"]',
    'concat(http.request.headers["a"], http.request.headers.names)',
    'http.request.headers.names[1]', 'starts_with(http.request.headers.names[*], "a")',
    "upper(http.request.headers[*][*])",
    "upper(http.request.headers[*][0])", "upper(http.request.body.multipart.names[*][*])",
    "upper(http.request.body.multipart.names[*][1])",
    'concat("a", http.host)', 'len(http.request.headers["a"][*])',
]  # fmt: skip
ELEMENTS = ['{x} eq "a"', '{x} ne "a"', '{x} contains "a"', '{x} in {{"a" "b"}}', '{x} lt "b"', '{x} ge "b"',
    '{x} matches "^a"',
            '{x} wildcard "A*"', '({x} eq "a" or {x} eq "b")', '({x} ne "a" and {x} ne "b")',
            '({x} eq "a" xor {x} eq "b")',
            "not {x} eq http.host", "{x} le http.host"]  # fmt: skip
CONDITIONS = [
    *(f"{which}({one.format(x='http.request.headers.names[*]')})" for which, one in product(("any", "all"),
    ELEMENTS)),
    'any(starts_with(http.request.headers.names[*], "a"))', 'all(starts_with(http.request.headers.names[*], "a"))',
    'any(lower(http.request.headers.names[*])[*] eq "a")', 'any(http.request.headers[*][*] eq "b")',
    'all(http.request.headers["a"][*] eq "b")', 'any(http.request.body.multipart.names[*][*] eq "b")',
    'all(http.request.body.multipart.names[*][*] contains "")',
    'all(http.request.body.multipart.names[*][0] contains "")', 'any(http.request.body.multipart.names[*][1] ne "b")',
    *(f"{left} {word} {right}" for word in ("eq", "ne", "lt", "le", "gt", "ge") for left, right in [
        ("http.host", '"a"'), ("ip.src.asnum", "5"), ("http.host", "http.referer"), ("ip.src.asnum",
        "len(http.host)"),
        ("ip.src", "192.0.2.5"), ("ip.src", "2001:db8::5"), ("ip.src", "cf.edge.server_ip"),
    ]),
    *(f'http.host {word} "{pattern}"' for word in ("wildcard", "strict wildcard") for pattern in ("A", "a*", "*a",
    "a*%*1", "a*a", "a*b*b*c", "*b*b*")),
    'http.host contains "%4"', 'http.host contains ""', 'http.host matches "^a|1$"', 'http.host in {"a" "%41"}',
    "http.host in {}",
    "ip.src in {192.0.2.0/29 203.0.113.5..203.0.113.9 2001:db8::/126}", "ip.src in $office", "http.host in $hosts",
    "ip.src.asnum in {1..3 200..900}", "ip.src.asnum in {5 9}", "ip.src.asnum & 5", "ip.src.asnum & 0x200000000",
    "ip.src.asnum in $asns", "http.host in $plain", "ip.src in $many",
    "ip.src.asnum in {1..1 3..3 5..5 100..199 201..800 900..900 902..2000}",
    'ssl and http.host eq "a"', 'ssl or http.host eq "a"', 'ssl xor http.host eq "a" xor ip.src.asnum eq 5',
    "not ssl", "ssl",
    'ssl xor http.host eq "a"', 'http.host matches "^a$"', 'http.host matches "^a.b"',
    'http.host matches "(?i)^(a|b)$"',
    'not http.host eq "a"', 'cf.tls_client_auth.cert_serial ne "a"', "true",
]  # fmt: skip
HOSTS = [
    None,
    b"",
    b"a",
    b"A",
    b"ab",
    b"%41",
    b"a%2541",
    b"b",
    b"a.b.example",
    b"YWI",
    b"a=1&b",
    b"a%a1",
    b".b.example",
    b"x..b.example", b"=", b"Y", b"Y===", b"Y==", b"YQ=", b"a===", b"-_+/", b"YWJj", b"YW/j", b"%%34%31", b"%4", b"%",
    b"+%2B", b"\0\xff", b"%25%32%35%34%31", b"b.example", b"c.d.b.example", b"aaa", b"1a%1", b"aa", b"&&a&b=a&a",
    b"%2",
    b"%g1", b"a\xc3", b"Ab", b"a1", b"&", b"a&", b"Aa==", b"a%1", b"ab%xx1", b"aZA", b"%a%%41+1", b"a.b", b"zab%",
    b"abbc", b"abc", b"abxbc", b"z.example",
]  # fmt: skip
NUMBERS = [None, 0, 1, 2, 3, 4, 5, 6, 199, 200, 900, 901, 1 << 33, -1, 1 << 53, -(1 << 32), 1 << 31]
ADDRESSES = [None, "192.0.2.0", "192.0.2.5", "192.0.2.7", "192.0.2.8", "203.0.113.4", "203.0.113.9", "2001:db8::5",
    "2001:db8::3",
             "2001:db8::4", "::", "1:0:0:2::3", "0:0:1::", "::ffff:1.2.3.4", "::fffe:1.2.3.4", "1::ffff:1.2.3.4",
             "10.0.4.1", "10.0.6.255", "2001:db8:0:1:1:1:1:1",
             "1:0:1:0:1:0:1:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "255.255.255.255", "1:1:0:0:1:1:0:0",
             "1::", "0.0.0.9"]  # fmt: skip
ARRAYS = [None, [], [b"a"], [b"a", b"b"], [b"b", b"A"], [b"c"]]


def given():
    """Fields, each of them missing now and then."""
    dice = random.Random(3)
    for number in range(260):
        made = {
            "http.host": HOSTS[number % len(HOSTS)], "http.referer": dice.choice(HOSTS),
            "http.request.uri.query": dice.choice(HOSTS), "ip.src.asnum": dice.choice(NUMBERS),
            "http.request.headers.names": dice.choice(ARRAYS), "ssl": dice.choice([None, True, False]),
            "http.request.body.multipart.names": dice.choice([None, [[b"a", b"b"], [b"a"], []], [[b"a", b"c"],
            [b"b", b"d"], [b"b"]]]),
            "http.request.headers": dice.choice([None, {}, {b"a": [b"b", b"a"], b"b": [b"b"]}, {b"b": [b"a"]},
            {b"a": []}]),
        }  # fmt: skip
        addresses = {"ip.src": ADDRESSES[number % len(ADDRESSES)], "cf.edge.server_ip": dice.choice(ADDRESSES)}
        yield fields_of({key: value for key, value in addresses.items() if value}) | {
            key: value for key, value in made.items() if value is not None
        }


MANY = ["192.0.2.5", "192.0.2.8", "2001:db8::5", "2001:db8::3", "1::/16", "::/128", "255.255.255.255"]


@cache
def _cases():
    """Texts, the fields, and what the engine computes: a condition or a value."""
    lists = LISTS | {
        "asns": [1, 5],
        "plain": ["a", "b.example"],
        "many": [f"10.0.{n}.0/24" for n in range(0, 20, 2)] + MANY,
    }
    fields = list(given())
    parsed = [(lang.parse(text), True) for text in CONDITIONS] + [(lang.parse_value(text), False) for text in VALUES]
    found = []
    for tree, is_condition in parsed:
        wanted = [
            engine.compile(tree, lists=lists)(one) if is_condition else _plain(evaluate(tree, one)) for one in fields
        ]
        found.append((tree.root if is_condition else tree, wanted, is_condition))
    return lists, fields, found


def _plain(value):
    if hasattr(value, "version"):
        return int(value) if value.version == 4 else value.packed
    return value


@cache
def _recorded(shared):
    """Some of the recorded verdicts of the original."""
    with gzip.open(shared, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [record for record in random.Random(1).sample(records, min(600, len(records))) if "verdict" in record]


@cache
def _requests():
    """Requests with all clauses as rules that only log: one decision tells every clause."""
    ruleset = Ruleset([Rule(f"r{n}", lang.parse(text), action="log") for n, text in enumerate(CLAUSES)], LISTS)
    dice = random.Random(4)
    wires = [wire(dice) for _ in range(60)]
    wires += [Wire(**{name: value}) for name, values in WIRES.items() for value in values]
    return ruleset, [(one, expected(ruleset, one)) for one in wires if one.http.host.endswith(".example")]


@cache
def _indexed():
    """Many rules, which are found by the values that they ask for, and what they decide."""
    dice = random.Random(6)
    guards = ['http.request.method eq "{}"', 'http.request.uri.path eq "{}"',
    'cf.tls_client_auth.cert_serial eq "{}"',
              'lower(http.request.method) in {{"{}" "x"}}', "http.request.timestamp.sec eq {}"]  # fmt: skip
    values = [["GET", "POST", "HEAD"], ["/", "/a", "/a/1"], ["01AB", "02"], ["get", "post"], ["1795168800", "0"]]
    texts = []
    for _ in range(80):
        place = dice.randrange(len(guards))
        texts.append(f"{guards[place].format(dice.choice(values[place]))} and {dice.choice(CLAUSES)}")
    texts += [dice.choice(CLAUSES) for _ in range(6)]
    dice.shuffle(texts)
    actions = ["log", "log", "log", "log", "block", "skip"]
    ruleset = Ruleset(
        [Rule(f"r{n}", lang.parse(text), action=dice.choice(actions)) for n, text in enumerate(texts)], LISTS
    )
    wires = [one for one in (wire(dice) for _ in range(80)) if one.http.host.endswith(".example")]
    return ruleset, [(one, expected(ruleset, one)) for one in wires]


TAKEN = {
    "target": [b"/", b"/a", b"/a?x=1", b"/?", b"/??", b"/a/", b"/.a", b"/..a", b"/a.", b"/a..", b"/...",
    b"/a%20%2F%2f%5C%00%fF", b"/.a;b",
               b"/a;b/..c", b"/a/.%20", b"/~!$&'()*+,;=:@-_.", b"/a#b", b"/%C3", b"/" + b"a" * 256,
               b"/" + b"a" * 255, b"/a/%20", b"/x?//..\\%"],
    "host": [b"a", b"A.example", b"a.example.", b"a:1", b"a.:12345", b"a_-.b", b"a" * 253, b"a" * 252 + b".", b"0"],
    "method": [b"GET", b"get", b"M-1", b"x" * 64],
    "address": [b"0.0.0.9", b"255.255.255.255", b"1.20.255.0", b"::", b"::1", b"1::", b"1:2:3:4:5:6:7::",
    b"::2:3:4:5:6:7:8", b"FFff::aB",
                b"1:2:3:4:5:6:7:8", b"::ffff:1.2.3.4", b"::ffff:102:304", b"::1.2.3.4", b"1:2:3:4:5:6:7.8.9.10",
                b"1::2.3.4.5",
                b"64:ff9b::255.255.255.255", b"fe80::1:0:0:1", b"1:2:3:4:5:6::8"],
    "milliseconds": [0, 1, 999, 1000, 1_795_168_800_123, 1_795_168_801_000],
}  # fmt: skip
ASKED = {
    "target": [b"", b"a", b"*", b"?/", b"http://a/", b"/a/../b", b"/a/./b", b"/..", b"/.", b"/a/..;x", b"/..;",
    b"/..;x", b"/../b", b"/.;x", b"/.;",
    b"/a//b", b"//", b"/?\x80", b"/a?b=\xc3\xa9", b"/?a\xff", b"/%61",
               b"/%7E", b"/%5F", b"/%2d", b"/%2e", b"/%30", b"/%5a", b"/a%2", b"/%", b"/%g0", b"/%0g", b"/a\\b",
               b"/a b", b"/\x7f", b"/\x80", b"/\xff",
               b"/\0", b"/\x1f", b'/"', b"/<", b"/>", b"/^", b"/`", b"/{", b"/|", b"/}", b"/a/..", b"/a/.", b"/%2",
               b"/a%", 1, None, True],
    "host": [b"", b".", b"a..", b"a:", b"a:x", b"a:123456", b"[::1]", b"a b", b"\xe9", b"a" * 254, b"a:1:2", b"a/b",
    1, None],
    "method": [b"\xe9", b"GE\x80", b"x" * 65, 1, None, False],
    "address": [b"", b"1.2.3", b"1.2.3.4.5", b"01.2.3.4", b"1.2.3.04", b"1.02.3.4", b"1.2.00.4", b"256.0.0.1",
    b"1.256.3.4", b"1.2.256.4",
                b"1.2.3.256", b" 1.2.3.4", b"1.2.3.4 ", b"1.2.3.4:80", b"[::1]", b"::1%1", b":", b":::", b"1::2::3",
                b"1::::2", b"::1::", b"1:.2.3.4",
                b"12345::", b"g::",
                b"1:2:3:4:5:6:7", b"1:2:3:4:5:6:7:8:9", b"1:2:3:4:5:6:7:8::", b"1:2:3:4::5:6:7:8", b"::1.2.3",
                b"1.2.3.4::", b"::256.1.1.1",
                b"1:2:3:4:5:6:7:1.2.3.4", b"0" * 65 + b"::", b"1" * 64, 1, None, b":1", b"1:", b"::1:", b":1::",
                b"1.2.3.4.", b".1.2.3.4"],
    "milliseconds": [-1, 0.5, 1 << 53, float("nan"), float("inf"), b"1", None, True],
    "headers": [None, 1, [b"a"], [b"A", b"b"], [b"a", 1], [1, b"a"], [b"\xe9", b"a"], [b"x", b"y"] * 1001, [b"a",
    b"b", b"c"], [b"Z", b""], [b"a", b"\xff"], [b"a", b"b", b"c", b"\xc3\xa9"], [b"host", b"a"], [b"a", b"1",
    b"host", b"b"]],
    "protocol": [None, 1], "tls_version": [None, True], "tls_cipher": [None, 2],
}  # fmt: skip
"""Parts of a request that compiled rules take, and those that the decision service has to look at."""


@cache
def _taken():
    """What the engine makes of each part that is taken, as values of fields."""
    found = []
    for part, values in TAKEN.items():
        for value in values:
            told = value if part == "milliseconds" else value.decode("latin-1")
            view = Wire(**{part: told}).view()
            assert not view.ambiguous
            wanted = {
                "target": lambda view: [view.path, view.query], "host": lambda view: [view.host],
                "method": lambda view: [view.http.method.upper().encode()],
                "address": lambda view: [_plain(address(view.http.client_ip))],
                "milliseconds": lambda view: [view.milliseconds // 1000, view.milliseconds % 1000],
            }[part](view)  # fmt: skip
            found.append((part, value, wanted))
    return found


KEYS = {
    "target": [b"path", b"query"],
    "method": [b"method"],
    "address": [b"address"],
    "milliseconds": [b"seconds", b"rest"],
}


LANGUAGES = [
    b"",
    b"de",
    b"de,en",
    b"en;q=0.5, de, *, fr;q=0, x;q=0.5",
    b"z;q=0.001,\r\ny ; \x0bq=0.01\x0c;x , a;q=1.5;q=0.9",
    b"b;q=0.0000;q=.5, c;q=2, d;q=0.,e;q=05",
    b"y,x,z,w,v;q=1.0,u;q=1.000",
    b"a;q=00;q=0.1234, x;q=0.5, y;q=0.7;level=1",
    b"z; q=0.2 ,;q=1",
    b"x\n;q=0.9\n,y\x0c;q=0.8\x0d,z\x0b",
    b"a;Q=0.5,b;q=0.50,c;q=0.51",
    b"a;q=1.001,b;q=1.9,c",
    b"\t*\t,a",
    b"a;q=0;q=1,b;q=1;q=0",
    b"a;q=0.9999,b;q=0.999",
    b"a;;q=0.1;,b;q=0.2",
    b"a ;q = 0.1,b;q=-1,c;q=0x1,d;q=",
    b",,a,,",
    b"*;q=1",
    b"c,a;q=1.5",
    b"\x0ea,b\x1c;q=0.1",
    b"\x17a",
    b"\xff,\0",
    b"a;q=0.1,b;q=0.2,c;q=0.3,d;q=0.2",
    b"\x0d\x0aa",
    b"b\x0d\x0a",
]
COOKIES = [
    b"",
    b"a=1",
    b"a=1; b=2;a=3",
    b"a",
    b"=",
    b"=x",
    b";;",
    b" a = 1 ",
    b"\ta=1\t;\tb\t=\t2",
    b"a%20b=%41",
    b"%41=1;A=2",
    b"a==b",
    b"\x0ba=1\x0b",
    b"a+b=1",
    b"%zz=1;%4=2",
    b"\xff=\0",
]
QUERIES = [
    b"",
    b"a",
    b"a=1",
    b"a=1&b=2&a=3",
    b"&&a&&",
    b"=",
    b"=&=x&",
    b"a==b&c",
    b"a&b=1",
    b"%61=1",
    b"\xff=\0&",
    b"x=1&y=&z",
    b"&",
]


def _headers(lua, flat):
    return lua.table({"headers": lua.runtime.table_from(flat)})


def _parts(lua) -> str:
    for part, value, wanted in _taken():
        for _ in range(2):  # the second time it is remembered
            if part == "host":
                found = [lua.prelude[b"host"](value)]
            else:
                r = lua.runtime.table()
                lua.prelude[b"read_" + part.encode()](r, lua.table({part: value}))
                found = [r[key] for key in KEYS[part]]
            if found != wanted or any(type(one) is not type(other) for one, other in zip(found, wanted, strict=True)):
                return f"{part} {value!r}: {found}, not {wanted}"
    for text in LANGUAGES:
        found = lua.python(
            lua.prelude[b"languages"](_headers(lua, [b"x", b"accept-language", b"accept-language", text]))
        )
        if found != languages(text):
            return f"languages of {text!r}: {found}"
    for text in COOKIES:
        found = lua.prelude[b"cookies"](_headers(lua, [b"cookie", text]))
        wanted = dict(Wire(headers=(("cookie", text),)).view().cookies)
        if lua.python(found[b"values"]) != list(wanted.values()):
            return f"cookies of {text!r}"
        if {name: lua.python(values) for name, values in found[b"at"].items()} != wanted:
            return f"cookies of {text!r}"
    for text in QUERIES:
        found = lua.prelude[b"args"](lua.table({"query": text}))
        wanted = as_map(Wire(target="/?" + text.decode("utf-8", "surrogateescape")).view().arguments)
        if {name: lua.python(values) for name, values in found[b"at"].items()} != wanted:
            return f"arguments of {text!r}"
    for value in (b" a", b"a ", b"\ta", b"a\t", b" ", b"\t\t", b" a b ", b"", b"a", b"\x0ba\x0b", b"\ra\n"):
        found = lua.python(lua.prelude[b"headers"](lua.runtime.table_from([b"a", value, b"b", b"x"])))
        if found != [b"a", value.strip(b" \t"), b"b", b"x"]:
            return f"header {value!r}: {found}"
    ruleset, _ = _requests()
    compiled = compile_rules(ruleset, "*.example")
    decide = lua.chunk(compiled.source)
    good, facts = Wire().tables(lua, compiled)
    for part, values in ASKED.items():
        for value in values:
            if part == "host" and lua.prelude[b"host"](value) is not None:
                return f"host {value!r} is not asked about"
            request = lua.runtime.table_from(dict(good))
            request[part.encode()] = lua.runtime.table_from(value) if isinstance(value, list) else value
            if decide(request, facts) != (None, part.encode()):
                return f"{part} {value!r} is not asked about"
    for given, known in ((None, facts), (b"x", facts), (good, None), (good, 1)):
        if decide(given, known) != (None, b"input"):
            return "no tables are not asked about"
    for name in (
        b"x.b.example",
        b"x.y.b.example",
        b"b.example",
        b".b.example",
        b"x..b.example",
        b"..b.example",
        b"xb.example",
    ):
        stands = hostnames.most_specific(name.decode(), {"*.b.example": True}) is True
        if lua.prelude[b"is_below"](name, b".b.example") is not stands:
            return f"host {name!r} under a wildcard"
    dice = random.Random(5)
    for _ in range(60):
        first, second = (sorted(dice.sample(range(1, 12), dice.randrange(6))) for _ in range(2))
        second = [number for number in second if number not in first]
        some, more = lua.runtime.table_from(first), None
        if len(second) == 1:
            more = second[0]
        elif second:
            more = -2
        several = lua.runtime.table_from([lua.runtime.table(), lua.runtime.table_from(second)])
        if lua.python(lua.prelude[b"merged"](some, more, several)) != sorted(first + second):
            return f"{first} and {second}"
    indexed, wanted = _indexed()
    some = compile_rules(indexed, "*.example")
    decide_some = lua.chunk(some.source)
    for one, want in wanted:
        if decided(lua, decide_some, some, one) != want:
            return f"{one}: not {want}, by the index"
    most = lua.runtime.table_from({**dict(good), b"headers": lua.runtime.table_from([b"x", b"y"] * 1000)})
    return "" if not isinstance(decide(most, facts), tuple) or decide(most, facts)[0] is not None else "1000 headers"


def difference(lua=None) -> str:
    """The first probe on which compiled rules say something else than the engine; empty when there is none."""
    lua = lua or luajit.LuaJit()
    try:
        return _difference(lua)
    except (LuaError, RefusedError, TypeError, AttributeError) as error:
        return f"raised {error}"


def _difference(lua) -> str:
    found = _parts(lua)
    if found:
        return found
    lists, fields, cases = _cases()
    tables = [lua.fields(one) for one in fields]
    for node, wanted, is_condition in cases:
        source = luajit.condition_source(node, lists)[0] if is_condition else luajit.value_source(node, lists)
        function = lua.chunk(source)
        for table, one, want in zip(tables, fields, wanted, strict=True):
            if lua.python(function(table)) != want:
                return f"{node} on {one}: not {want}"
    ruleset, wires = _requests()
    compiled = compile_rules(ruleset, "*.example")
    decide = lua.chunk(compiled.source)
    for one, want in wires:
        if decided(lua, decide, compiled, one) != want:
            return f"{one}: not {want}"
    return ""
