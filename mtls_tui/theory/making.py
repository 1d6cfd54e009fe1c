"""A request that has what was found: its parts are set, and every field follows from them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.engine.model import HttpRequest
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.types import IP
from mtls_tui.theory.languages import MISSING, SEPARATOR
from mtls_tui.theory.numbers import NONE, address_of
from mtls_tui.theory.solving import Found

_URI = re.compile(r"(https?)://([^/]*)(/.*)", re.DOTALL)


def request_of(found: Found, base: HttpRequest) -> HttpRequest:
    """The base with what was found put in. The caller tries it: nothing is promised here."""
    http = base
    secure = found.facts.get("ssl")
    if secure is not None:
        http = replace(http, scheme="https" if secure else "http")
    if "cf.edge.client_tcp" not in found.facts and http.scheme == "http" and "version" not in found.values:
        http = replace(http, http_version="HTTP/1.1")
    path, query = "/", ""
    seconds, milliseconds = None, 0
    for name, value in found.values.items():
        match name:
            case "host":
                http = replace(http, host=_text(value))
            case "path":
                path = _text(value)
            case "query":
                query = _text(value)
            case "target":
                path, mark, query = _text(value).partition("?")
                query = query or mark
            case "uri":
                http, path, query = _with_uri(http, _text(value))
            case "method":
                http = replace(http, method=_text(value))
            case "version":
                http = replace(http, http_version=_latin(value))
            case "cf.tls_version":
                http = replace(http, tls_version=_text(value))
            case "cf.tls_cipher":
                http = replace(http, tls_cipher=_text(value))
            case "client":
                http = replace(http, client_ip=str(address_of(value)))
            case "second":
                seconds = value
            case "millisecond":
                milliseconds = value
            case "body":
                http = replace(http, body=bytes(value) or None)
            case "port" | "body size":
                pass
            case _ if name.startswith("header:"):
                http = _with_headers(http, name.removeprefix("header:"), [bytes(value)] if value else [])
            case _ if name.startswith("headers:"):
                http = _with_headers(http, name.removeprefix("headers:"), _items(value))
            case _ if name.startswith(("raw ", "far ", "value ")):
                pass
            case _:
                http = _with_field(http, name, value)
    http = replace(http, target=path + (query if query in ("", "?") else f"?{query}"))
    if seconds is not None or milliseconds:
        whole = int(http.at or 0) if seconds is None else seconds
        http = replace(http, at=float(whole) if not milliseconds else (whole * 1000 + milliseconds + 0.25) / 1000)
    http = _with_wholes(http, found)
    port = found.values.get("port")
    if port is not None and port != (443 if http.scheme == "https" else 80):
        http = replace(http, host=f"{http.host}:{port}")
    for name, truth in found.facts.items():
        if name == "http.request.body.truncated":
            http = replace(http, body_truncated=truth)
        elif name in FIELDS and name != "ssl":
            http = replace(http, overrides={**http.overrides, name: truth})
    return http


def _with_wholes(http: HttpRequest, found: Found) -> HttpRequest:
    """With arguments of functions that are not described, such as may give what is wanted."""
    leaves: list[tuple[list[bytes | int], Any]] = []
    for value, wanted in found.wholes.items():
        gone = wanted in (NONE[0], (MISSING,))
        text = bytes(wanted) if isinstance(wanted, tuple) and not gone else None
        match value:
            case ast.Call(name="lookup_json_string" | "lookup_json_integer", arguments=(ast.Field(), *keys)) if (
                not gone
            ):
                path = [key.value for key in keys if isinstance(key, ast.String | ast.Integer)]
                leaves.append((path, wanted if text is None else text.decode("utf-8", "replace")))
            case ast.Call(name=name, arguments=(ast.Field(name=source), *_)) if text is not None or gone:
                header = FIELDS[canonical_field(source)].header
                if header and not any(known == header for known, _ in http.headers):
                    http = _with_headers(http, header, [_argument(name, text)])
    if leaves and "body" not in found.values:
        body: Any = {}
        for path, leaf in leaves:
            body = _put(body, path, leaf)
        http = replace(http, body=json.dumps(body).encode())
    return http


def _argument(name: str, wanted: bytes | None) -> bytes:
    """An argument for which a function may give this, or nothing: no Base64, no pattern, no UUID."""
    if wanted is None:
        return b"("
    return base64.b64encode(wanted) if name == "decode_base64" else wanted


def _put(tree: Any, path: list[bytes | int], leaf: Any) -> Any:
    """The JSON value with a leaf at a path."""
    if not path:
        return leaf
    key, rest = path[0], path[1:]
    if isinstance(key, bytes):
        members = dict(tree) if isinstance(tree, dict) else {}
        name = key.decode("utf-8", "replace")
        members[name] = _put(members.get(name), rest, leaf)
        return members
    items = list(tree) if isinstance(tree, list) else []
    items += [0] * (min(key, 64) + 1 - len(items))
    items[min(key, 64)] = _put(items[min(key, 64)], rest, leaf)
    return items


def _with_uri(http: HttpRequest, uri: str) -> tuple[HttpRequest, str, str]:
    parts = _URI.fullmatch(uri)
    assert parts is not None
    scheme, host, target = parts.groups()
    version = http.http_version
    if scheme == "http" and version == HttpRequest().http_version:
        version = "HTTP/1.1"
    path, mark, query = target.partition("?")
    return replace(http, scheme=scheme, host=host, http_version=version), path, query or mark


def _with_headers(http: HttpRequest, name: str, values: list[bytes]) -> HttpRequest:
    return replace(http, headers=(*http.headers, *((name, value) for value in values)))


def _with_field(http: HttpRequest, name: str, value: Any) -> HttpRequest:
    overrides = {key: kept for key, kept in http.overrides.items() if key != name}
    if value in (NONE[0], (MISSING,)):
        return replace(http, overrides=overrides)
    if isinstance(value, tuple):
        overrides[name] = bytes(value)
    else:
        overrides[name] = address_of(value) if FIELDS[name].type == IP else value
    return replace(http, overrides=overrides)


def _items(value: tuple[int, ...]) -> list[bytes]:
    found: list[bytes] = []
    item = bytearray()
    for symbol in value:
        if symbol == SEPARATOR:
            found.append(bytes(item))
            item.clear()
        else:
            item.append(symbol)
    return found


def _text(value: tuple[int, ...]) -> str:
    return bytes(value).decode("utf-8", "surrogateescape")


def _latin(value: tuple[int, ...]) -> str:
    return bytes(value).decode("latin-1")
