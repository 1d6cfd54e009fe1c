"""Whatever rules and requests hold, a compiled host loads, decides or asks, and never raises."""

import random
import time

import pytest

from mtls_tui import lang
from mtls_tui.engine import Rule, Ruleset
from mtls_tui.engine.lua import Compiled, Refused, compile_rules, prelude
from mtls_tui.engine.lua.program import MAX_BYTES
from mtls_tui.lang import ast
from tests.engine import strategies as s
from tests.engine.lua import luajit
from tests.engine.lua.test_program import CLAUSES, LISTS, SERIAL, decided, expected, of, rules, wire
from tests.engine.lua.wire import Wire


def host(*expressions, lists=None, name="a.example", **options):
    """A ruleset of these expressions, its compiled form, and that in LuaJIT."""
    made = [
        Rule(f"r{number}", lang.parse(one, max_length=None) if isinstance(one, str) else ast.Expression(one))
        for number, one in enumerate(expressions)
    ]
    ruleset = Ruleset(made, lists)
    compiled = compile_rules(ruleset, name, **options)
    assert isinstance(compiled, Compiled), compiled
    return ruleset, compiled, luajit.shared().chunk(compiled.source)


def same(ruleset, compiled, function, one):
    found = decided(luajit.shared(), function, compiled, one)
    assert found == expected(ruleset, one), one
    return found[0]


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("text", [
    'http.request.uri.path eq "/{n}"', 'http.request.uri.path contains "/{n}/"',
    'cf.tls_client_auth.cert_serial eq "{n}" and ip.src in {{192.0.2.{m} 2001:db8::{m}}}',
    'http.request.method in {{"GET" "M{n}"}} and http.user_agent matches "^x{m}$"',
    'not (http.request.uri.path in {{"/{n}" "/x"}})',
])  # fmt: skip
def test_ten_thousand_rules(text):
    every = [text.format(n=number, m=number % 200) for number in range(10_000)]
    ruleset, compiled, function = host(*every)
    dice = random.Random(1)
    for number in (0, 1, 5_000, 9_999, dice.randrange(10_000)):
        for target in (f"/{number}", f"/{number}/", "/x"):
            one = Wire(target=target, address="192.0.2.7", facts={SERIAL: str(number).encode()},
                       headers=(("user-agent", b"x%d" % (number % 200)),))  # fmt: skip
            same(ruleset, compiled, function, one)
    begin = time.process_time()
    for _ in range(20):
        function(*Wire(target="/none").tables(luajit.shared(), compiled))
    assert time.process_time() - begin < 2


def test_more_rules_than_a_chunk_may_hold_are_refused():
    path = "x" * 4000
    root = lang.parse(f'http.request.uri.path contains "{path}"').root
    every = (
        ast.Comparison(root.left, "contains", s.string(b"%d" % number + root.right.value)) for number in range(5000)
    )
    ruleset = Ruleset([Rule(f"r{number}", ast.Expression(one)) for number, one in enumerate(every)])
    refused = compile_rules(ruleset, "a.example")
    assert isinstance(refused, Refused)
    assert (refused.kind, refused.name) == ("bound", "size")
    assert str(MAX_BYTES >> 20) in refused.reason


def test_huge_sets_and_lists():
    texts = " ".join(f'"{number}"' for number in range(100_000))
    networks = [f"10.{number >> 8 & 255}.{number & 255}.0/25" for number in range(50_000)]
    networks += [f"2001:db8:{number:x}::/48" for number in range(10_000)]
    numbers = " ".join(f"{number}..{number + 1}" for number in range(0, 100_000, 5))
    lists = {"nets": networks, "names": [f"h{number}.example" for number in range(50_000)] + ["*.z.example"]}
    ruleset, compiled, function = host(
        f"http.request.uri.query in {{{texts}}}", "ip.src in $nets", f"len(http.user_agent) in {{{numbers}}}",
        "http.host in $names", lists=lists, name="*.example",
    )  # fmt: skip
    for one in (
        Wire(target="/?99999"), Wire(target="/?x"), Wire(address="10.1.2.3"), Wire(address="10.1.2.200"),
        Wire(address="2001:db8:270f::1"), Wire(address="2001:db8:2710::1"), Wire(host="h49999.example"),
        Wire(host="a.z.example"), Wire(host="z.example"), Wire(headers=(("user-agent", b"x" * 50_006),)),
        Wire(headers=(("user-agent", b"x" * 50_008),)),
    ):  # fmt: skip
        same(ruleset, compiled, function, one)


@pytest.mark.parametrize("operator", ["and", "or", "xor"])
def test_wide_expressions(operator):
    clause = ast.Comparison(ast.Field("http.request.uri.path"), "eq" if operator == "or" else "ne", s.string(b"/a"))
    last = ast.Comparison(ast.Field("http.request.method"), "eq", s.string(b"GET"))
    for count in (60, 70, 500):
        ruleset, compiled, function = host(ast.Logical(operator, (clause,) * count + (last,)))
        for one in (Wire(), Wire(target="/a"), Wire(method="POST")):
            same(ruleset, compiled, function, one)


def nested(depth):
    yield "not " * depth + "ssl"
    yield "(" * depth + "ssl" + ")" * depth
    yield "lower(" * (depth - 1) + "http.host" + ")" * (depth - 1) + ' eq "a.example"'
    node = 'http.request.method eq "GET"'
    for number in range(depth - 1):
        node = f'({node} {("and", "or", "xor")[number % 3]} http.request.uri.path ne "/{number}")'
    yield node
    right = "http.request.method"
    for _ in range(depth - 2):
        right = f"concat(http.host, {right})"
    yield f"http.host ne {right}"
    yield "any((" + "not " * (depth - 3) + 'http.request.headers.names[*] eq "host"))'


@pytest.mark.parametrize("depth", [10, 12, 13, 24, 25, 60, 127])
def test_deep_expressions(depth):
    for text in nested(depth):
        ruleset, compiled, function = host(text)
        for one in (Wire(), Wire(target="/1"), Wire(method="POST")):
            same(ruleset, compiled, function, one)


def test_many_arguments():
    parts = ", ".join(["http.host", "http.request.method"] * 90)
    ruleset, compiled, function = host(f"len(concat({parts})) gt 900", f'coalesce({parts}) eq "a.example"')
    for one in (Wire(), Wire(method="POST")):
        same(ruleset, compiled, function, one)
    names = ", ".join(f'"{number}"' for number in range(50))
    _, compiled, _ = host(f'remove_query_args(http.request.uri.query, {names}) eq ""')
    assert [(one.kind, one.name) for one in compiled.asks] == [("bound", "arguments")]


# --- bytes ------------------------------------------------------------------------------------------------------------

NASTY = [b"", b"\0", b"\0\0a", b"\xff\xfe", b"\xc3\x28", b"a\r\nb", b"\r", b"\n", b'"]]--', b"\\", b'\\"', b"]==]",
         b"%s%d", b"a\0b", b"\x7f", b"\xe2\x80\xa8", b"$", b"'", b"\\000", b"\\n1"]  # fmt: skip


@pytest.mark.parametrize("value", NASTY)
def test_any_bytes_in_rules_and_requests(value):
    """Nothing in a literal, key, set or pattern gets into the code but as an escaped string."""
    agent = ast.Field("http.user_agent")
    key = ast.Index(ast.Index(ast.Field("http.request.headers"), s.string(value)), 0)
    literal = ast.Pattern(value.replace(b"\\", b"\\\\").replace(b"*", b"\\*"), "")
    conditions = [
        ast.Comparison(agent, "eq", s.string(value)), ast.Comparison(agent, "contains", s.string(value)),
        ast.Comparison(agent, "in", ast.Set((s.string(value), s.string(b"x")))),
        ast.Comparison(agent, "lt", s.string(value)),
        ast.Comparison(agent, "wildcard", literal), ast.Comparison(agent, "strict wildcard", literal),
        ast.Comparison(key, "eq", s.string(b"1")), ast.Comparison(agent, "in", ast.Set((s.string(value),))),
        ast.Test(ast.Call("starts_with", (agent, s.string(value)))),
        ast.Test(ast.Call("ends_with", (agent, s.string(value)))),
    ]  # fmt: skip
    for condition in conditions:
        ruleset, compiled, function = host(condition, name="a.example")
        for given in [*NASTY, value + b"x", b"x" + value, b"x"]:
            given = given.strip(b" \t")
            one = Wire(headers=(("user-agent", given), ("x-y", b"1")))
            if "user-agent" in compiled.headers and not given.isascii():
                assert decided(luajit.shared(), function, compiled, one) == "headers"
            else:
                same(ruleset, compiled, function, one)


@pytest.mark.parametrize("text", ["(.*a){20}", "a*b", "(?i)x.*y.*z"])
def test_long_texts_take_linear_time(text):
    every = ['http.user_agent wildcard "*a*b*c*d"', f'http.user_agent matches "{text}"',
             'url_decode(http.user_agent, "r") eq ""', 'lower(http.cookie) eq "x"',
             'any(http.request.cookies["x"][*] eq "1")', "len(http.request.accepted_languages) gt 5",
             'any(http.request.uri.args.names[*] eq "zz")', 'http.request.uri.path.extension eq "php"',
             'decode_base64(http.user_agent) eq "x"', 'remove_bytes(http.user_agent, "ab") eq "x"',
             'remove_query_args(http.request.uri.query, "a") eq "x"',
             'len(split(http.user_agent, "a", 128)) gt 200']  # fmt: skip
    for one in every:
        _, compiled, function = host(one)
        for value in (b"a" * 200_000, b"=" * 100_000 + b"x", b"%25" * 60_000, b"a" + b" " * 100_000 + b"b",
                      b";" * 100_000, b"," * 100_000, b"a.b" * 50_000, b"%" * 200_000, b"q=" * 50_000):  # fmt: skip
            headers = tuple((name, value) for name in ("user-agent", "cookie", "accept-language"))
            target = "/" + value.decode().replace("%", "x").replace(" ", "b") + "?" + value.decode()
            tables = Wire(headers=headers, target=target).tables(luajit.shared(), compiled)
            begin = time.process_time()
            function(*tables)
            assert time.process_time() - begin < 0.5, (one, value[:20])


# --- tables that no gateway fills in ----------------------------------------------------------------------------------

KEYS = ["host", "method", "target", "headers", "address", "protocol", "tls_version", "tls_cipher", "milliseconds"]


def anything(dice, lua, depth=2):
    roll = dice.randrange(12)
    if roll < 4:
        return bytes(dice.choice(b"a/.:%?=&;, \t\n\0\xff0123456789-A") for _ in range(dice.randrange(20)))
    if roll == 4:
        return dice.choice([0, -1, 1.5, float("nan"), float("inf"), -float("inf"), 1e300, 1 << 53, 1_795_168_800_123])
    if roll == 5:
        return dice.choice([True, False])
    if roll == 6:
        return lua.runtime.eval(b"print")
    if roll < 9 and depth:
        return lua.runtime.table_from([anything(dice, lua, depth - 1) for _ in range(dice.randrange(6))])
    if roll == 9 and depth:
        return lua.runtime.table_from({b"a": 1, 2: b"x", 7: b"y"})
    return dice.choice([b"a.example", b"GET", b"/a?x=1", b"192.0.2.1", b"::1", b"HTTP/2"])


@pytest.mark.parametrize("seed", range(30))
def test_no_table_makes_it_raise(seed):
    """Random values of any type: it decides or asks. A raised error would be a LuaError here."""
    dice = random.Random(seed)
    lua = luajit.shared()
    every = rules(dice, 60)
    compiled = compile_rules(Ruleset(every, LISTS), "*.example")
    function = lua.chunk(compiled.source)
    good, facts = Wire().tables(lua, compiled)
    names = sorted(compiled.facts)
    counts = {"decided": 0, "asked": 0}
    for number in range(400):
        request, known = dict(good), dict(facts)
        for _ in range(dice.randrange(1, 3)):
            if dice.random() < 0.8:
                key = dice.choice(KEYS).encode()
                request[key] = anything(dice, lua)
                if key == b"headers" and dice.random() < 0.7:
                    flat = [anything(dice, lua, 0) for _ in range(2 * dice.randrange(5))]
                    request[key] = lua.runtime.table_from([item if isinstance(item, bytes) else b"x" for item in flat])
            elif names:
                known[dice.choice(names).encode()] = anything(dice, lua)
        first = lua.runtime.table_from(request) if number % 50 else anything(dice, lua)
        second = lua.runtime.table_from(known) if number % 70 else anything(dice, lua)
        found = function(first, second)
        number = found[0] if isinstance(found, tuple) else found
        counts["asked" if number is None else "decided"] += 1
        assert number is None or of(compiled, number) is not None
    assert min(counts.values()) > 20, counts


@pytest.mark.parametrize("missing", KEYS)
def test_what_is_read_and_not_there_is_asked(missing):
    every = [lang.parse(text) for text in CLAUSES]
    compiled = compile_rules(Ruleset([Rule(f"r{n}", one) for n, one in enumerate(every)], LISTS), "*.example")
    lua = luajit.shared()
    request, facts = Wire().tables(lua, compiled)
    request[missing.encode()] = None
    assert lua.chunk(compiled.source)(request, facts) == (None, missing.encode())


def test_a_missing_fact_is_asked_and_never_a_default():
    compiled = compile_rules(Ruleset([Rule("r", lang.parse(f'not {SERIAL} eq ""'))]), "a.example")
    request, _ = Wire().tables(luajit.shared(), compiled)
    assert luajit.shared().chunk(compiled.source)(request, luajit.shared().table({})) == (None, b"facts")


@pytest.mark.parametrize("target", [
    "", "a", "*", "http://a.example/", "/a/../b", "/a/./b", "/..", "/a/..;x/b", "//", "/a//b", "/%61", "/%2e", "/a%2",
    "/%", "/%zz", "/a\\b", "/a b", "/é", "/a|b", "/\0", "/<", "/a/.", "/.;", "/..;", "/?é",
])  # fmt: skip
def test_paths_that_are_not_normal_are_asked(target):
    compiled = compile_rules(Ruleset([Rule("r", lang.parse('http.request.method eq "GET"'))]), "a.example")
    lua = luajit.shared()
    assert lua.chunk(compiled.source)(*Wire(target=target).tables(lua, compiled)) == (None, b"target")
    free = compile_rules(
        Ruleset([Rule("r", lang.parse('http.request.method eq "GET"'))]), "a.example", paths_matter=False
    )
    assert lua.chunk(free.source)(*Wire(target=target).tables(lua, free)) == 1


PIECES = ["/", "/", ".", "..", ";", "a", "%20", "%2F", "%41", "%", "2", "%7e", "\\", "é", "?", "-", "~", ".a"]


@pytest.mark.parametrize("seed", range(10))
def test_a_path_that_is_not_asked_about_is_normal_to_the_engine(seed):
    """The quick test in Lua lets nothing through that the engine would change or call ambiguous."""
    dice = random.Random(seed)
    normal = luajit.shared().prelude[b"target"]
    taken = 0
    for _ in range(3000):
        target = "/" + "".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 9)))
        found = normal(target.encode())
        view = Wire(target=target).view()
        if found is not None:
            taken += 1
            assert not view.ambiguous, target
            assert found == (view.path, view.query)
    assert taken > 500


@pytest.mark.parametrize(
    "name", ["a.example", "A.EXAMPLE", "a.example.", "a.example:443", "a.example.:1", "a_b-c.example"]
)
def test_hosts_are_as_the_decision_service_has_them(name):
    assert luajit.shared().prelude[b"host"](name.encode()) == Wire(host=name).view().host


@pytest.mark.parametrize("name", ["", ".", "a.example..", "a.example:", "a.example:x", "a.example:123456", "[::1]",
                                  "a b", "é", "a" * 254, "a,b", "a/b", "a:1:2"])  # fmt: skip
def test_other_hosts_are_asked(name):
    assert luajit.shared().prelude[b"host"](name.encode()) is None


def test_the_prelude_sets_no_globals():
    lua = luajit.LuaJit()
    count = b"function() local n = 0 for _ in pairs(_G) do n = n + 1 end return n end"
    before = luajit.LuaJit("return {}").runtime.eval(count)()
    compiled = compile_rules(Ruleset(rules(random.Random(1), 60), LISTS), "*.example")
    function = lua.chunk(compiled.source)
    dice = random.Random(2)
    for _ in range(20):
        function(*wire(dice).tables(lua, compiled))
    assert lua.runtime.eval(count)() == before
    assert prelude().isascii()
