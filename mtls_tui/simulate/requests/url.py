"""A request from a URL, the way a client would send it. Knows nothing of rules, certificates or files."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes, urlsplit

from mtls_tui.engine.model import HttpRequest
from mtls_tui.search.scenario import encoded
from mtls_tui.simulate.errors import RequestError

MAX_URL = 64 * 1024
"""Longest URL that is looked at, in characters; servers refuse far shorter ones (nginx: 8 KiB, Envoy: 60 KiB)."""
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110 5.6.2: what a method and a field name are made of."""
_DEFAULT_PORT = {"http": 80, "https": 443}


def from_url(
    url: str,
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, bytes | str]] = (),
    body: bytes | None = None,
    ip: str = "127.0.0.1",
    http_version: str | None = None,
    at: float | None = None,
    keep_dots: bool = True,
) -> HttpRequest:
    """The request that a client sends for this URL.

    A URL without a scheme is taken as https. The fragment stays at the client, characters that can't be sent are
    percent-encoded, credentials become an Authorization header, and a Host header among `headers` wins over the URL's
    host. Dot segments are sent as written unless `keep_dots` is false, which is what browsers and curl do.
    Raises RequestError if it is not an http(s) URL.
    """
    if len(url) > MAX_URL:
        raise RequestError(f"the URL has {len(url)} characters; at most {MAX_URL} are looked at")
    text = url.strip()
    if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", text):
        text = "https://" + text.removeprefix("//")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise RequestError(f"`{url}` is not a URL: its host is not a name or an address") from None
    try:
        port = parts.port
    except ValueError:
        raise RequestError(f"`{url}` is not a URL: the port is not a number up to 65535") from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORT:
        raise RequestError(f"`{url}`: the scheme is `{scheme}`; a request needs http or https")
    if not parts.hostname:
        raise RequestError(f"`{url}`: there is no host name in it")
    host = _host_name(parts.hostname, url)
    if port is not None and port != _DEFAULT_PORT[scheme]:
        host = f"{host}:{port}"
    path = encoded(parts.path or "/")
    if not keep_dots:
        path = without_dots(path)
    target = path + (f"?{encoded(parts.query)}" if parts.query or text.split("#", 1)[0].endswith("?") else "")

    check_method(method)
    fields = tuple(header(name, value) for name, value in headers)
    sent_host = next((value for name, value in fields if name == "host"), None)
    if sent_host is not None:
        host = sent_host.decode("latin-1").strip()
        fields = tuple(item for item in fields if item[0] != "host")
    if parts.username is not None and not any(name == "authorization" for name, _ in fields):
        fields = (*fields, ("authorization", basic(parts.username, parts.password or "")))
    return HttpRequest(
        method=method,
        scheme=scheme,
        host=host,
        target=target,
        headers=fields,
        client_ip=address(ip),
        http_version=http_version or ("HTTP/2" if scheme == "https" else "HTTP/1.1"),
        body=body,
        at=at,
    )


def address(text: str) -> str:
    """An IP address in its canonical spelling. Raises RequestError if it is not one."""
    try:
        return str(ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]")))
    except ValueError:
        raise RequestError(f"`{text}` is not an IP address; write one such as 192.0.2.7 or 2001:db8::7") from None


def check_method(method: str) -> None:
    """Raises RequestError unless `method` is a token (RFC 9110 9.1). Methods are case-sensitive."""
    if not TOKEN.fullmatch(method):
        raise RequestError(f"`{method}` is not an HTTP method")


def header(name: str, value: bytes | str) -> tuple[str, bytes]:
    """One header field: name in lower case, value in bytes without white space around it (RFC 9110 5.5)."""
    if not TOKEN.fullmatch(name):
        raise RequestError(f"`{name}` is not a header name")
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    raw = raw.strip(b" \t")
    if any(byte in raw for byte in b"\r\n\0"):
        raise RequestError(f"the value of header `{name}` holds a line break or NUL, which no HTTP message can carry")
    return name.lower(), raw


def header_line(text: str) -> tuple[str, bytes]:
    """A header from `Name: value` or `Name:value`."""
    name, colon, value = text.partition(":")
    if not colon:
        raise RequestError(f"`{text}` is not a header; write it as `Name: value`")
    return header(name.strip(), value)


def basic(user: str, password: str) -> bytes:
    """An Authorization value of the Basic scheme (RFC 7617) from percent-encoded parts."""
    return b"Basic " + base64.b64encode(_unquoted(user) + b":" + _unquoted(password))


def _unquoted(text: str) -> bytes:
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape"))


def without_dots(path: str) -> str:
    """RFC 3986 5.2.4: `.` and `..` segments resolved."""
    segments: Sequence[str] = path.split("/")
    out: list[str] = []
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if segment == ".":
            if last:
                out.append("")
        elif segment == "..":
            if len(out) > 1:
                out.pop()
            if last:
                out.append("")
        else:
            out.append(segment)
    return "/".join(out) or "/"


def _host_name(name: str, url: str) -> str:
    """The host as it stands in a Host header: lower case, IDNA in ASCII, IPv6 in brackets."""
    if ":" in name:
        try:
            return f"[{ipaddress.IPv6Address(name.split('%', 1)[0])}]"
        except ValueError:
            raise RequestError(f"`{url}`: `{name}` is not an IPv6 address") from None
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise RequestError(f"`{url}`: `{name}` can't be written as an ASCII host name") from None
    if not re.fullmatch(r"[A-Za-z0-9_.\-*]{1,255}", name):
        raise RequestError(f"`{url}`: `{name}` is not a host name")
    return name.lower()
