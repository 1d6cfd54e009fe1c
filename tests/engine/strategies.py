"""Strategies that all tests of the engine share: well-typed expressions, and fields that make them true now and then.

Values come from small alphabets, so that literals and fields meet.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address, ip_network

from hypothesis import strategies as st

from mtls_tui.lang import ast, formatter
from mtls_tui.lang.ast import Address, Call, Comparison, Expression, Field, Index, Integer, Logical, Network, Not, Test

TEXTS = [b"", b"a", b"A", b"ab", b"b.example", b"*", b"a*b", b"/a/b", b"\xff", b"\xc3\xa9", b"12", b"a=b&c=d", b"YWI"]
NUMBERS = [0, 1, 2, 3, 80, 443, -1, 1 << 62, -(1 << 63), (1 << 63) - 1]
ADDRESSES = [ip_address(a) for a in ("192.0.2.1", "192.0.2.7", "203.0.113.9", "::", "2001:db8::1", "::ffff:192.0.2.1")]
NETWORKS = [ip_network(n) for n in ("192.0.2.0/29", "203.0.113.0/24", "2001:db8::/32", "::/0", "0.0.0.0/0")]
KEYS = [b"a", b"b", b"x-y"]

BYTES_FIELDS = ["http.host", "http.request.uri.path", "http.user_agent", "cf.tls_client_auth.cert_serial"]
INT_FIELDS = ["ip.src.asnum", "ip.geoip.asnum", "cf.waf.score", "http.request.timestamp.sec"]
BOOL_FIELDS = [
    "ssl",
    "cf.tls_client_auth.cert_verified",
    "cf.tls_client_auth.cert_revoked",
    "http.request.headers.truncated",
]
IP_FIELDS = ["ip.src"]
BYTES_ARRAYS = ["http.request.headers.names", "http.request.accepted_languages"]
INT_ARRAYS = ["cf.bot_management.detection_ids"]
NESTED_ARRAYS = ["http.request.body.multipart.names"]
MAPS = ["http.request.headers", "http.request.cookies"]
CLAIMS = "http.request.jwt.claims.iat.sec"

_LISTS = {"nets": ["192.0.2.0/29", "2001:db8::1"], "asns": [1, 443], "hosts": ["a", "*.example"]}


def lists():
    return dict(_LISTS)


texts = st.sampled_from(TEXTS) | st.binary(max_size=6)
numbers = st.sampled_from(NUMBERS) | st.integers(-(1 << 63), (1 << 63) - 1)
addresses = st.sampled_from(ADDRESSES)


def string(value: bytes) -> ast.String:
    return ast.String(value, formatter.quote(value))


def integer(value: int) -> Integer:
    return Integer(value, str(value))


def address(value) -> Address:
    return Address(value, str(value))


strings = texts.map(string)
integers = numbers.map(integer)
address_literals = addresses.map(address)


# --- fields -------------------------------------------------------------------------------------------------------


def _sometimes(names, values):
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, values))


fields = st.tuples(
    _sometimes(BYTES_FIELDS, texts),
    _sometimes(["ip.src.asnum", "cf.waf.score", "http.request.timestamp.sec"], numbers),
    _sometimes(BOOL_FIELDS, st.booleans()),
    _sometimes(IP_FIELDS, addresses),
    _sometimes(BYTES_ARRAYS, st.lists(texts, max_size=4)),
    _sometimes(INT_ARRAYS, st.lists(numbers, max_size=4)),
    _sometimes(NESTED_ARRAYS, st.lists(st.lists(texts, max_size=3), max_size=3)),
    _sometimes(MAPS, st.dictionaries(st.sampled_from(KEYS), st.lists(texts, max_size=3), max_size=3)),
).map(lambda parts: {name: value for part in parts for name, value in part.items()})
"""Mappings from field names to values in which every field may be left out."""

_few = st.lists(st.sampled_from([b"a", b"b", b"ab", b"A"]), min_size=1, max_size=3)
full_fields = st.fixed_dictionaries(
    dict.fromkeys(BYTES_ARRAYS, _few)
    | {name: st.dictionaries(st.sampled_from(KEYS), _few, min_size=2, max_size=3) for name in MAPS}
    | {name: st.lists(st.integers(0, 3), min_size=1, max_size=3) for name in INT_ARRAYS}
    | {name: st.lists(_few, min_size=1, max_size=3) for name in NESTED_ARRAYS}
    | {"http.host": st.sampled_from([b"a", b"b"])}
)
"""Mappings in which no array is missing or empty."""

every_field = sorted(
    {*BYTES_FIELDS, *INT_FIELDS, *BOOL_FIELDS, *IP_FIELDS, *BYTES_ARRAYS, *INT_ARRAYS, *NESTED_ARRAYS, *MAPS}
)


# --- values -------------------------------------------------------------------------------------------------------


def bytes_arrays():
    """Values of type Array<Bytes>."""
    keyed = st.builds(Index, st.sampled_from(MAPS).map(Field), st.sampled_from(KEYS).map(string))
    inner = st.builds(Index, st.sampled_from(NESTED_ARRAYS).map(Field), st.integers(0, 2))
    plain = st.sampled_from(BYTES_ARRAYS).map(Field)
    lowered = plain.map(lambda array: Call("lower", (Index(array, None),)))
    joined = st.tuples(plain, keyed).map(lambda pair: Call("concat", pair))
    return plain | keyed | inner | lowered | joined


def _bytes_leaves():
    return st.sampled_from(BYTES_FIELDS).map(Field) | st.builds(Index, bytes_arrays(), st.integers(0, 2))


def _bytes_over(inner):
    small = st.integers(-3, 5).map(integer)
    return (
        st.builds(lambda name, value: Call(name, (value,)), st.sampled_from(["lower", "upper", "url_decode"]), inner)
        | st.builds(lambda a, b: Call("concat", (a, b)), inner, inner | strings)
        | st.builds(lambda a, b: Call("coalesce", (a, b)), inner, inner | strings)
        | st.builds(lambda a, n: Call("substring", (a, n)), inner, small)
        | st.builds(lambda a, n, m: Call("substring", (a, n, m)), inner, small, small)
        | st.builds(lambda a, b: Call("remove_bytes", (a, b)), inner, strings)
        | st.builds(lambda array, b: Call("join", (array, b)), bytes_arrays(), strings)
        | st.sampled_from([*INT_FIELDS, *BOOL_FIELDS, *IP_FIELDS]).map(lambda name: Call("to_string", (Field(name),)))
        | inner.map(lambda value: Call("encode_base64", (value,)))
        | inner.map(lambda value: Call("decode_base64", (value,)))
    )


bytes_values = st.recursive(_bytes_leaves(), _bytes_over, max_leaves=4)
int_values = (
    st.sampled_from(INT_FIELDS).map(Field)
    | bytes_values.map(lambda value: Call("len", (value,)))
    | bytes_arrays().map(lambda value: Call("len", (value,)))
    | st.builds(Index, st.sampled_from(INT_ARRAYS).map(Field), st.integers(0, 2))
)
ip_values = st.sampled_from(IP_FIELDS).map(Field) | st.just(Call("cidr", (Field("ip.src"), integer(24), integer(32))))
bool_values = (
    st.sampled_from(BOOL_FIELDS).map(Field)
    | st.builds(lambda n, a, b: Call(n, (a, b)), st.sampled_from(["starts_with", "ends_with"]), bytes_values, strings)
    | st.builds(lambda m, k: Call("has_key", (Field(m), string(k))), st.sampled_from(MAPS), st.sampled_from(KEYS))
    | st.builds(lambda a, v: Call("has_value", (a, v)), bytes_arrays(), strings)
)

# --- comparisons --------------------------------------------------------------------------------------------------

ORDER = ["eq", "ne", "lt", "le", "gt", "ge"]
PATTERNS = [b"a", b"^a$", b"(?i)A", b"[a-c]+\\.", b"a|\\xff", b"^$", b".{2}", b"\\d+"]
WILDCARDS = [b"*", b"a*", b"*b", b"a*b*", b"\\*", b"A", b"*.EXAMPLE", b""]


def _pattern(value: bytes) -> ast.Pattern:
    return ast.Pattern(value, 'r"' + value.decode("latin-1") + '"')


def _sets(items):
    return st.lists(items, max_size=4).map(lambda found: ast.Set(tuple(found)))


def _ranges(low, high):
    return ast.Range(*((low, high) if low.value <= high.value else (high, low)))


address_items = (
    address_literals
    | st.sampled_from(NETWORKS).map(lambda network: Network(network, str(network)))
    | st.tuples(st.sampled_from(ADDRESSES[:3]), st.sampled_from(ADDRESSES[:3])).map(
        lambda pair: _ranges(address(pair[0]), address(pair[1]))
    )
)
integer_items = integers | st.builds(_ranges, integers, integers)


def comparisons(left, kind, *, dynamic):
    """Comparisons of a left side of this kind (Bytes, Int or Ip), `dynamic` values on the right included."""
    literal = {"Bytes": strings, "Int": integers, "Ip": address_literals}[kind]
    items = {"Bytes": strings, "Int": integer_items, "Ip": address_items}[kind]
    options = [
        st.builds(Comparison, left, st.sampled_from(ORDER), literal | dynamic),
        st.builds(Comparison, left, st.just("in"), _sets(items)),
    ]
    if kind == "Bytes":
        options.append(st.builds(Comparison, left, st.just("contains"), strings))
        options.append(st.builds(Comparison, left, st.just("matches"), st.sampled_from(PATTERNS).map(_pattern)))
        words = st.sampled_from(["wildcard", "strict wildcard"])
        options.append(st.builds(Comparison, left, words, st.sampled_from(WILDCARDS).map(_pattern)))
    if kind == "Int":
        options.append(st.builds(Comparison, left, st.just("bitwise_and"), integers))
    return st.one_of(options)


listed = st.sampled_from(
    [
        Comparison(Field("ip.src"), "in", ast.ListName("nets")),
        Comparison(Field("ip.src.asnum"), "in", ast.ListName("asns")),
        Comparison(Field("http.host"), "in", ast.ListName("hosts")),
    ]
)


_any_array = bytes_arrays() | st.sampled_from([*INT_ARRAYS, *NESTED_ARRAYS]).map(Field)


@st.composite
def quantified(draw):
    """`any(...)` or `all(...)` over one array, element-wise logic included."""
    array = draw(_any_array)
    element = Index(array, None)
    kind = "Bytes"
    if array in [Field(name) for name in INT_ARRAYS]:
        kind = "Int"
    elif array in [Field(name) for name in NESTED_ARRAYS]:
        element = Index(element, draw(st.none() | st.integers(0, 1)))
    condition = draw(_over(element, kind))
    argument = condition
    if isinstance(condition, Logical):
        argument = Logical(condition.operator, condition.items, parens=1)
    return Test(Call(draw(st.sampled_from(["any", "all"])), (argument,)))


@cache
def _over(element, kind):
    """Conditions on one element; kept, since making a strategy takes longer than drawing from it."""
    sides = [st.just(element)]
    if kind == "Bytes":
        mapped = st.sampled_from(["lower", "upper", "url_decode", "decode_base64"])
        sides.append(mapped.map(lambda name: Index(Call(name, (element,)), None)))
    one = comparisons(st.one_of(sides), kind, dynamic=bytes_values if kind == "Bytes" else int_values)
    if kind == "Bytes":
        one = one | strings.map(lambda text: Test(Call("starts_with", (element, text))))
        lengths = Index(Call("len", (element,)), None)
        one = one | comparisons(st.just(lengths), "Int", dynamic=int_values)
    return st.recursive(one, _combined, max_leaves=3)


def _combined(inner):
    return inner.map(Not) | st.builds(
        lambda operator, items: Logical(operator, tuple(items)),
        st.sampled_from(["and", "or", "xor"]),
        st.lists(inner, min_size=2, max_size=3),
    )


clauses = st.one_of(
    comparisons(bytes_values, "Bytes", dynamic=bytes_values),
    comparisons(int_values, "Int", dynamic=int_values),
    comparisons(ip_values, "Ip", dynamic=ip_values),
    bool_values.map(Test),
    quantified(),
    listed,
    st.booleans().map(ast.Always),
)

expressions = st.recursive(clauses, _combined, max_leaves=6).map(Expression)
"""Well-typed expressions of every form."""
