"""What can be chosen where: fields, operators, lists, and values offered from the file and the loaded certificate."""

from __future__ import annotations

from functools import lru_cache

from mtls_tui.lang.ast import Call, Comparison, Expression, Field, Index, ListName, Set
from mtls_tui.lang.catalogue import BUILDER, FIELDS, FieldInfo, builder_operators
from mtls_tui.lang.clause import first_clause
from mtls_tui.lang.describe import describe
from mtls_tui.lang.formatter import quote
from mtls_tui.lang.tree import Node, Path, node_at, walk
from mtls_tui.lang.types import BYTES, Type
from mtls_tui.tui.drawing.safe_text import decode
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Item, PartEditor
from mtls_tui.tui.state.rows import BuilderRow, literal_text

GROUPS = (
    "Certificate", "Host and path", "Address and place", "Headers", "Connection and TLS", "Time", "Body",
    "Tokens (JWT)", "Bots", "Threats", "Packet", "Response", "Other",
)  # fmt: skip
"""The order in the field picker: what mTLS rules are about comes first."""
FIRST = (
    "cf.tls_client_auth.cert_verified",
    "cf.tls_client_auth.cert_revoked",
    "cf.tls_client_auth.cert_presented",
    "cf.tls_client_auth.cert_issuer_ski",
    "cf.tls_client_auth.cert_fingerprint_sha256",
    "cf.tls_client_auth.cert_serial",
    "http.host",
    "http.request.uri.path",
    "http.request.method",
)
"""The fields that lead their groups."""
_TYPE_WORDS = {"Bool": "yes or no", "Int": "number", "Bytes": "text", "Ip": "address"}
MANAGED_LISTS = ("cf.anonymizer", "cf.botnetcc", "cf.malware", "cf.open_proxies", "cf.vpn")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@lru_cache(maxsize=1)
def _field_items() -> tuple[Item, ...]:
    known = sorted(
        (info for info in FIELDS.values() if info.alias_of is None),
        key=lambda info: (
            GROUPS.index(info.group) if info.group in GROUPS else len(GROUPS),
            FIRST.index(info.name) if info.name in FIRST else len(FIRST),
        ),
    )
    return tuple(_field_item(info) for info in known)


def _field_item(info: FieldInfo) -> Item:
    hint = info.summary
    if info.example:
        hint += f" · e.g. {info.example}"
    tag = {"edge": "edge", "response": "response"}.get(info.scope, "")
    if not tag and info.layer == "packet":
        tag = "packet"
    return Item(
        key=info.name,
        title=info.label,
        detail=type_words(info.type),
        group=info.group,
        hint=hint,
        keys=" ".join((*info.aliases, *info.categories)),
        tag=tag,
    )


def type_words(kind: Type) -> str:
    """A type in plain words: `list of text`."""
    if kind.name in _TYPE_WORDS:
        return _TYPE_WORDS[kind.name]
    inner = type_words(kind.item) if kind.item is not None else ""
    return f"list of {inner}" if kind.name == "Array" else f"{inner} by name"


def fields(document: Document) -> tuple[Item, ...]:
    """Every field, by group."""
    return _field_items()


def field_at(expression: Expression | None, path: Path) -> str:
    """The name of the field that a part shows; "" if it shows no field."""
    if expression is None:
        return ""
    node = node_at(expression, path)
    return node.name if isinstance(node, Field) else ""


def operators(document: Document, row: BuilderRow) -> tuple[Item, ...]:
    """The builder's operators for a row, with what each writes."""
    expression = document.expression
    assert expression is not None
    described = describe(node_at(expression, row.path))  # type: ignore[arg-type]
    if described.choice is None or described.subject_path is None:
        return ()
    kind = type_of(node_at(expression, row.path + described.subject_path))
    found = builder_operators(kind) if kind is not None else tuple(BUILDER.values())
    return tuple(
        Item(info.label, info.label, detail=info.emits.replace("<field>", "…").replace("<value>", "value"))
        for info in found
        if not (described.quantifier and info.negated)
    )


def type_of(node: Node) -> Type | None:
    """The type of a value as far as the catalogue tells: through indexes, functions and `[*]`."""
    match node:
        case Field(name=name):
            info = FIELDS.get(name)
            return info.type if info else None
        case Index(base=base):
            inner = type_of(base)
            return inner.item if inner is not None else None
        case Call(name=name, arguments=arguments):
            from mtls_tui.lang.catalogue import FUNCTIONS

            function = FUNCTIONS.get(name)
            if function is None:
                return None
            if function.returns is not None:
                return function.returns
            return type_of(arguments[0]) if arguments else None
        case _:
            return None


def sort_of_left(expression: Expression, path: Path) -> str:
    """The sort (`ip`, `integer`, `string`) of what stands left of the value at `path`."""
    parent = node_at(expression, path[:-1])
    kind = type_of(parent.left) if isinstance(parent, Comparison) else None
    return {"Ip": "ip", "Int": "integer"}.get(kind.name if kind else "", "string")


def lists(document: Document, row: BuilderRow | None) -> tuple[Item, ...]:
    """The named lists that fit a row's field: those of the file, then Cloudflare's managed ones for addresses."""
    expression = document.expression
    wanted = ""
    if expression is not None and row is not None:
        described = describe(node_at(expression, row.path))  # type: ignore[arg-type]
        if described.subject_path is not None:
            kind = type_of(node_at(expression, row.path + described.subject_path))
            wanted = {"Ip": "ip", "Int": "asn", "Bytes": "hostname"}.get(kind.name if kind else "", "")
    items = [
        Item(name, f"${name}", detail=f"{len(entry.items)} {entry.kind} items", hint=entry.description)
        for name, entry in document.content.file.lists.items()
        if not wanted or entry.kind == wanted
    ]
    if wanted in ("", "ip"):
        items += [Item(name, f"${name}", detail="managed by Cloudflare", tag="edge") for name in MANAGED_LISTS]
    return tuple(items)


def comparison_of(expression: Expression, path: Path) -> Comparison | None:
    """The comparison whose right side stands at `path`."""
    parent = node_at(expression, path[:-1]) if path else None
    return parent if isinstance(parent, Comparison) else None


def subject_of(expression: Expression, path: Path) -> str:
    """The name of the field that the value at `path` is compared with; "" when it isn't plain."""
    parent = node_at(expression, path[:-1]) if path else None
    node: Node | None = None
    if isinstance(parent, Set) and len(path) > 1:
        return subject_of(expression, path[:-1])
    if isinstance(parent, Comparison):
        node = parent.left
    elif isinstance(parent, Call) and parent.arguments:
        node = parent.arguments[0]
    while isinstance(node, Index | Call):
        node = node.base if isinstance(node, Index) else node.arguments[0] if node.arguments else None
    return node.name if isinstance(node, Field) else ""


def values_for(document: Document, path: Path, kind: str) -> tuple[Item, ...]:
    """Values offered for a part: hosts of the file, what the simulator's request has, values used elsewhere."""
    expression = document.expression
    if expression is None or kind == "source":
        return ()
    name = subject_of(expression, path)
    info = FIELDS.get(name)
    offers: dict[str, Item] = {}

    def offer(value: str, group: str) -> None:
        if value and value not in offers and value.isprintable():
            offers[value] = Item(value, value, group=group)

    if name == "http.host":
        for host in document.content.file.hosts:
            offer(host.name, "from this file's hosts")
    seen = document.results.fields.get(name) if document.results else None
    if seen is not None and not isinstance(seen, bool | list | dict):
        where = "from the loaded certificate" if "tls_client_auth" in name else "from the request in the simulator"
        offer(decode(seen) if isinstance(seen, bytes) else str(seen), where)
    for choice in info.enum if info else ():
        offer(choice, "documented values")
    if name == "http.request.method":
        for method in _METHODS:
            offer(method, "documented values")
    for rule in document.content.file.expressions:
        if rule is None:
            continue
        for _, node in walk(rule.root):
            if isinstance(node, Comparison) and isinstance(node.left, Field) and node.left.name == name:
                right = node.right.items if isinstance(node.right, Set) else (node.right,)
                for item in right:
                    if not isinstance(item, ListName | Field | Index | Call):
                        offer(literal_text(item), "used in this file")
    return tuple(offers.values())[:50]


def new_clause(document: Document, field: str) -> str:
    """The row that a new clause about a field starts as: ready to be typed into."""
    if field == "http.host":
        hosts = document.content.file.hosts
        name = document.view.host or (hosts[0].name if hosts else "")
        return f"http.host in {{{quote(name.encode())}}}" if name else "http.host in {}"
    info = FIELDS[field]
    if info.type.name == "Ip":
        return f"{field} in {{}}"
    if info.type == BYTES and info.enum:
        return f"{field} eq {quote(info.enum[0].encode())}"
    if info.type.name == "Int" and info.range:
        return f"{field} eq {info.range[0]}"
    return first_clause(field)


def source_offers(document: Document, text: str, cursor: int) -> tuple[int, int, tuple[Item, ...]]:
    """What completion offers in a part edited in the language: the range that a choice replaces, the choices."""
    from mtls_tui.lang.completion import complete

    file = document.content.file
    lists = {name: entry.kind for name, entry in file.lists.items()}
    if not text[:cursor] or not (text[cursor - 1].isalnum() or text[cursor - 1] in "._$"):
        return cursor, cursor, ()
    found = complete(text, cursor, lists=lists, hosts=[host.name for host in file.hosts], limit=12)
    items = tuple(Item(one.text, one.label, detail=one.detail, group="") for one in found.items if one.text != text)
    return found.start, found.end, items


def shown_offers(document: Document, editor: PartEditor) -> tuple[Item, ...]:
    """The offers that fit what is typed (in a set: in the current line), without those that are in already."""
    if editor.kind == "source":
        return (
            source_offers(document, editor.buffer.text, editor.buffer.cursor)[2] if editor.buffer.anchor is None else ()
        )
    if editor.kind == "set":
        lines = editor.buffer.lines
        typed = lines[editor.buffer.place[0]].strip().lower()
        taken = {line.strip() for line in lines}
    else:
        typed, taken = "", {editor.buffer.text}
    return tuple(item for item in editor.offers if item.key not in taken and typed in item.key.lower())
