"""Strategies: valid expressions as trees, and the many texts that say the same."""

from ipaddress import ip_address, ip_network

from hypothesis import strategies as st

from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node, quote, raw_quote
from mtls_tui.lang.splice import SYMBOLS

STRINGS = ["http.host", "http.request.uri.path", "cf.tls_client_auth.cert_serial", "http.user_agent", "ip.src.country"]
INTEGERS = ["cf.edge.server_port", "http.request.timestamp.sec", "cf.bot_management.score"]
BOOLEANS = ["ssl", "cf.tls_client_auth.cert_verified", "cf.tls_client_auth.cert_revoked"]
ADDRESSES = ["ip.src", "cf.edge.server_ip"]
MAPS = ["http.request.headers", "http.request.uri.args", "http.request.cookies"]
ARRAYS = ["http.request.headers.names", "http.request.uri.args.values"]
SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "matches": "~"}
EQUALITY = ["eq", "ne", "lt", "le", "gt", "ge"]

texts = st.text(alphabet='abz019./-*"\\ é漢#', max_size=6)


@st.composite
def strings(draw, *, quoted=False):
    value = draw(texts).encode()
    form = draw(st.sampled_from(["quoted", "raw", "hex"]))
    if form == "raw" and not quoted:
        return ast.String(value, raw_quote(value))
    if form == "hex":
        head = value[:1].decode("latin-1").encode("latin-1")
        if head and head[0] < 128:
            return ast.String(value, f'"\\x{head[0]:02x}{quote(value[1:])[1:]}')
    return ast.String(value, quote(value))


@st.composite
def integers(draw, *, argument=False):
    value = draw(st.integers(0, 70000))
    forms = [str(value), f"0{value:o}"]
    if not argument:  # `0x1` as an argument is a name to the original
        forms.append(f"0x{value:x}")
    return ast.Integer(value, draw(st.sampled_from(forms)))


@st.composite
def addresses(draw):
    text = draw(st.sampled_from(["192.0.2.1", "10.0.0.0", "2001:db8::1", "::1"]))
    return ast.Address(ip_address(text), text)


@st.composite
def networks(draw):
    text = draw(st.sampled_from(["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32"]))
    return ast.Network(ip_network(text), text)


ranges = st.sampled_from(
    [
        ast.Range(ast.Address(ip_address("192.0.2.1"), "192.0.2.1"), ast.Address(ip_address("192.0.2.9"), "192.0.2.9")),
        ast.Range(
            ast.Address(ip_address("2001:db8::1"), "2001:db8::1"), ast.Address(ip_address("2001:db8::9"), "2001:db8::9")
        ),
    ]
)
integer_ranges = st.sampled_from([ast.Range(ast.Integer(1, "1"), ast.Integer(8, "010")), ast.Integer(443, "443")])
patterns = st.sampled_from(
    [
        ast.Pattern(rb"^/api/\d+$", 'r"^/api/\\d+$"'),
        ast.Pattern(rb"\.example\.com$", r'"\.example\.com$"'),
        ast.Pattern(b'a"b', 'r#"a"b"#'),
    ]
)
wildcards = st.sampled_from([ast.Pattern(b"*.example.com", '"*.example.com"'), ast.Pattern(rb"/a\*", r'r"/a\*"')])


def sets(items):
    return st.lists(items, min_size=1, max_size=4).map(lambda found: ast.Set(tuple(found)))


@st.composite
def string_values(draw):
    kind = draw(st.sampled_from(["field", "field", "map", "array", "call", "nested"]))
    if kind == "field":
        return ast.Field(draw(st.sampled_from(STRINGS)))
    if kind == "map":
        return ast.Index(
            ast.Index(ast.Field(draw(st.sampled_from(MAPS))), draw(strings(quoted=True))), draw(st.integers(0, 3))
        )
    if kind == "array":
        return ast.Index(ast.Field(draw(st.sampled_from(ARRAYS))), draw(st.integers(0, 3)))
    if kind == "call":
        return ast.Call(draw(st.sampled_from(["lower", "upper", "url_decode"])), (draw(string_values()),))
    return ast.Call("substring", (draw(string_values()), draw(integers(argument=True)), ast.Integer(-1, "-1")))


@st.composite
def integer_values(draw):
    if draw(st.booleans()):
        return ast.Field(draw(st.sampled_from(INTEGERS)))
    return ast.Call("len", (draw(string_values()),))


def starred(name):
    return ast.Index(ast.Field(name), None)


@st.composite
def comparisons(draw, left=None):
    kind = draw(st.sampled_from(["string", "string", "integer", "address"])) if left is None else "string"
    if kind == "string":
        subject = left or draw(string_values())
        operator = draw(
            st.sampled_from([*EQUALITY, "contains", "matches", "wildcard", "strict wildcard", "in", "list", "dynamic"])
        )
        if operator in EQUALITY or operator == "contains":
            return ast.Comparison(subject, operator, draw(strings()))
        if operator == "matches":
            return ast.Comparison(subject, operator, draw(patterns))
        if operator == "in":
            return ast.Comparison(subject, "in", draw(sets(strings())))
        if operator == "list" and left is None:
            return ast.Comparison(ast.Field("ip.src"), "in", ast.ListName("office"))
        if operator in ("dynamic", "list"):
            return ast.Comparison(subject, draw(st.sampled_from(EQUALITY)), draw(string_values()))
        return ast.Comparison(subject, operator, draw(wildcards))
    if kind == "integer":
        subject = draw(integer_values())
        operator = draw(st.sampled_from([*EQUALITY, "in", "bitwise_and"]))
        if operator == "in":
            return ast.Comparison(subject, "in", draw(sets(integer_ranges)))
        return ast.Comparison(subject, operator, draw(integers()))
    subject = ast.Field(draw(st.sampled_from(ADDRESSES)))
    if draw(st.booleans()):
        return ast.Comparison(subject, draw(st.sampled_from(["eq", "ne"])), draw(addresses()))
    return ast.Comparison(subject, "in", draw(sets(addresses() | networks() | ranges)))


@st.composite
def tests(draw):
    kind = draw(st.sampled_from(["field", "field", "call", "any", "group"]))
    if kind == "field":
        return ast.Test(ast.Field(draw(st.sampled_from(BOOLEANS))))
    if kind == "call":
        name = draw(st.sampled_from(["starts_with", "ends_with"]))
        return ast.Test(ast.Call(name, (draw(string_values()), draw(strings()))))
    name = draw(st.sampled_from(["any", "all"]))
    over = starred(draw(st.sampled_from(ARRAYS)))
    if kind == "any":
        return ast.Test(ast.Call(name, (draw(comparisons(left=over)),)))
    inner = (
        ast.Comparison(over, "eq", draw(strings())),
        ast.Not(ast.Comparison(over, "contains", draw(strings()))),
    )
    return ast.Test(ast.Call(name, (ast.Logical(draw(st.sampled_from(["and", "or"])), inner),)))


leaves = comparisons() | tests() | st.sampled_from([ast.Always(True)])
nodes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(ast.Not, inner),
        st.builds(
            ast.Logical, st.sampled_from(["and", "or", "xor"]), st.lists(inner, min_size=2, max_size=4).map(tuple)
        ),
    ),
    max_leaves=8,
)
expressions = st.builds(ast.Expression, nodes)


class Scribbler:
    """Writes a tree in a random one of its texts: notation, spaces, line breaks, parentheses that nobody needs."""

    def __init__(self, draw):
        self.draw = draw

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def space(self):
        return self.pick(" ", " ", " ", "  ", "\n", "\n  ")

    def maybe(self):
        return self.pick("", "", "", " ")

    def row(self, node, *, needs=False):
        text = self.bare(node)
        for _ in range(max(self.pick(0, 0, 0, 1, 2), 1 if needs else 0)):
            text = f"({self.maybe()}{text}{self.maybe()})"
        return text

    def bare(self, node):
        match node:
            case ast.Logical():
                word = self.pick(node.operator, node.operator, SYMBOLS[node.operator])
                rank = {"and": 0, "xor": 1, "or": 2}
                parts = [
                    self.row(item, needs=isinstance(item, ast.Logical) and rank[item.operator] >= rank[node.operator])
                    for item in node.items
                ]
                return "".join(
                    part if place == 0 else f"{self.space()}{word}{self.space()}{part}"
                    for place, part in enumerate(parts)
                )
            case ast.Not():
                sign = self.pick("not ", "not ", "!", "! ")
                return sign + self.row(node.item, needs=isinstance(node.item, ast.Logical))
            case ast.Comparison():
                sign = SIGNS.get(node.operator, node.operator)
                return (
                    f"{self.value(node.left)}{self.space()}{self.pick(node.operator, sign)} "
                    f"{self.maybe()}{self.value(node.right)}"
                )
            case ast.Test():
                return self.value(node.value)
            case _:
                return format_node(node)

    def value(self, node):
        match node:
            case ast.Set():
                items = self.space().join(format_node(item) for item in node.items)
                return f"{{{self.maybe()}{items}{self.maybe()}}}"
            case ast.Call():
                parts = [
                    self.row(argument, needs=True) if isinstance(argument, ast.Logical) else self.argument(argument)
                    for argument in node.arguments
                ]
                comma = f"{self.maybe()},{self.maybe()}"
                return f"{node.name}({self.maybe()}{comma.join(parts)}{self.maybe()})"
            case _:
                return format_node(node)

    def argument(self, node):
        return self.bare(node) if isinstance(node, ast.Comparison | ast.Test | ast.Not) else self.value(node)


@st.composite
def scribbled(draw, trees=nodes):
    """A tree and one of its texts."""
    node = draw(trees)
    return ast.Expression(node), Scribbler(draw).row(node)
