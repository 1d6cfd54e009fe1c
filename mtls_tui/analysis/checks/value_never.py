"""Values that a field never has."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import CERTIFICATE, Context, compared_strings, field_name, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.formatter import quote

UPPER_HEX = {f"{CERTIFICATE}cert_{name}" for name in ("serial", "issuer_serial", "ski", "issuer_ski")}
LOWER_HEX = {f"{CERTIFICATE}cert_fingerprint_sha256": 64, f"{CERTIFICATE}cert_fingerprint_sha1": 40}
_ENUMS = {name for name, info in FIELDS.items() if info.enum and info.type.item is None}


def find(context: Context) -> Iterator[Hit]:
    """Literals outside a field's documented values, methods in lower case, hexadecimal in the wrong form."""
    for clause, literal in compared_strings(
        context, {"http.request.method", "ip.src.country", *UPPER_HEX, *LOWER_HEX, *_ENUMS}
    ):
        node = clause.node
        assert isinstance(node, ast.Comparison)
        if not isinstance(node.left, ast.Field):
            continue
        name = canonical_field(field_name(node.left))
        fault = _fault(name, text(literal.value))
        if fault:
            message, hint, right = fault
            yield Hit(clause.rule, literal, message, hint, fix=quote(right.encode()) if right else None)


def _fault(name: str, value: str) -> tuple[str, str, str] | None:
    """Message, hint and the right value ("" when it can't be told)."""
    if name in UPPER_HEX:
        right = value.replace(":", "").replace(" ", "").upper()
        if value and right != value:
            return f"`{name}` is upper-case hexadecimal without separators, never `{value}`", f"write `{right}`", right
    elif name in LOWER_HEX:
        right = value.replace(":", "").replace(" ", "").lower()
        if value and right != value:
            return f"`{name}` is lower-case hexadecimal without separators, never `{value}`", f"write `{right}`", right
        if value and len(value) != LOWER_HEX[name]:
            return f"a fingerprint has {LOWER_HEX[name]} digits, this one {len(value)}", "copy it again", ""
    elif name in ("http.request.method", "ip.src.country"):
        if value != value.upper():
            return f"`{name}` is in capital letters, never `{value}`", f"write `{value.upper()}`", value.upper()
    elif value and value not in FIELDS[name].enum:
        return f"`{name}` is never `{value}`", "it is one of " + " ".join(FIELDS[name].enum), ""
    return None


CHECK = Check(
    "value-never",
    "warning",
    "A field is compared with a value that it never has",
    "Serial numbers and key identifiers are in upper-case, fingerprints in lower-case hexadecimal, both "
    "without colons; "
    "methods and countries are in capital letters; some fields have a fixed set of values. Comparisons are exact.",
    'cf.tls_client_auth.cert_serial eq "52:7e:0f" or http.request.method eq "post"',
    'cf.tls_client_auth.cert_serial eq "527E0F" or http.request.method eq "POST"',
    find,
)
