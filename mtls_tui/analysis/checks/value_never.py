"""Values that a field never has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from mtls_tui.analysis.context import Context, compared_strings, field_name, text
from mtls_tui.analysis.domains import (
    COMMON_METHODS,
    COUNTRIES,
    HTTP_VERSIONS,
    METHODS,
    OTHER_COUNTRIES,
    OTHER_HTTP_VERSIONS,
    TLS_VERSIONS,
)
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import CERTIFICATE, FIELDS
from mtls_tui.lang.formatter import quote

UPPER_HEX = {f"{CERTIFICATE}cert_{name}" for name in ("serial", "issuer_serial", "ski", "issuer_ski")}
LOWER_HEX = {f"{CERTIFICATE}cert_fingerprint_sha256": 64, f"{CERTIFICATE}cert_fingerprint_sha1": 40}
_ENUMS = {name for name, info in FIELDS.items() if info.enum and info.type.item is None}


def find(context: Context) -> Iterator[Hit]:
    """Literals outside a field's documented values, methods in lower case, hexadecimal in the wrong form."""
    for clause, literal in compared_strings(context, {*_TOLD, *UPPER_HEX, *LOWER_HEX, *_ENUMS}):
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
    elif name in _TOLD:
        return _TOLD[name](name, value) if value else None
    elif value and value not in FIELDS[name].enum:
        return f"`{name}` is never `{value}`", "it is one of " + " ".join(FIELDS[name].enum), ""
    return None


def _method(name: str, value: str) -> tuple[str, str, str] | None:
    if value != value.upper():
        return f"`{name}` is in capital letters, never `{value}`", f"write `{value.upper()}`", value.upper()
    if not _TOKEN.fullmatch(value):
        return f"a method is one word: it is never `{value}`", 'compare with a set: `in {"GET" "POST"}`', ""
    near = get_close_matches(value, COMMON_METHODS, n=1, cutoff=0.8) if value not in METHODS else []
    return (f"`{value}` is not a registered method", f"did you mean `{near[0]}`?", "") if near else None


def _country(name: str, value: str) -> tuple[str, str, str] | None:
    if value != value.upper():
        return f"`{name}` is in capital letters, never `{value}`", f"write `{value.upper()}`", value.upper()
    if value in COUNTRIES | OTHER_COUNTRIES:
        return None
    if value == "UK":
        return "the United Kingdom is `GB`: a country is never `UK`", "write `GB`", "GB"
    return f"`{value}` is not a country: codes are those of ISO 3166-1 alpha-2", "look the code up", ""


def _http_version(name: str, value: str) -> tuple[str, str, str] | None:
    if value in OTHER_HTTP_VERSIONS:
        return None
    number = value.upper().removeprefix("HTTP/")
    return _version(name, value, HTTP_VERSIONS, f"HTTP/{number.removesuffix('.0') if number[:1] in '23' else number}")


def _tls_version(name: str, value: str) -> tuple[str, str, str] | None:
    number = re.sub(r"^(TLS)?[ /]?V?(?=1)", "TLSv", value.upper())
    return _version(name, value, TLS_VERSIONS, number.removesuffix(".0"))


def _version(name: str, value: str, known: tuple[str, ...], guess: str) -> tuple[str, str, str] | None:
    if value in known:
        return None
    if guess in known:
        return f"`{name}` is never `{value}`", f"write `{guess}`", guess
    return f"`{name}` is never `{value}`", "it is one of " + " ".join(known), ""


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 5.6.2."""
_TOLD: dict[str, Callable[[str, str], tuple[str, str, str] | None]] = {
    "http.request.method": _method,
    "ip.src.country": _country,
    "http.request.version": _http_version,
    "cf.tls_version": _tls_version,
}

CHECK = Check(
    "value-never",
    "warning",
    "A field is compared with a value that it never has",
    "Serial numbers and key identifiers are in upper-case, fingerprints in lower-case hexadecimal, both "
    "without colons; "
    "methods and countries are in capital letters, countries those of ISO 3166-1; versions are `HTTP/2` and `TLSv1.3`; "
    "some fields have a fixed set of values. Comparisons are exact.",
    'cf.tls_client_auth.cert_serial eq "52:7e:0f" or http.request.method eq "post"',
    'cf.tls_client_auth.cert_serial eq "527E0F" or http.request.method eq "POST"',
    find,
)
