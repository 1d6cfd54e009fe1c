"""From what our Envoy asks to a `Question`: which request, which certificates. Pure. Other proxies: see `styles`.

A question that can't be read raises `MalformedError`: the answer to that is always a block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mtls_tui.engine.model import HttpRequest
from mtls_tui.gateway import certheaders
from mtls_tui.gateway.envoy.facts import WANTS_HEADER
from mtls_tui.gateway.envoy.filters import (
    CERTIFICATE_HEADER,
    DUPLICATES_HEADER,
    NOT_THE_CLIENTS,
    QUESTION_HEADER,
    TLS13_CIPHERS,
)
from mtls_tui.gateway.envoy.hostplan import ASK_LEVELS, Ask
from mtls_tui.gateway.settings import is_ip

Headers: TypeAlias = Sequence[tuple[str, bytes]]
"""In order of arrival, names in lower case."""


class MalformedError(ValueError):
    """The question can't be read; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class RawQuestion:
    """What a proxy sent to the decision service, as it came."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    peer: str = ""
    """The proxy's address; empty for a Unix socket."""
    body_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A client's request to decide on.

    `sni` is None when the proxy doesn't tell it; `certificates` is the proxy's own text of the chain (the key of
    caches), and `chain()` parses it.
    """

    http: HttpRequest
    certificates: bytes = b""
    parse: Callable[[bytes], tuple[bytes, ...]] = certheaders.from_envoy
    sni: str | None = None
    asked: Ask = "body"
    wants_facts: bool = False
    """Whether rules inside Envoy need to know what the certificates hold."""
    request_id: str = ""

    def chain(self) -> tuple[bytes, ...]:
        """The presented certificates as DER, leaf first; empty for none.

        Raises MalformedError if they can't be read.
        """
        if not self.certificates:
            return ()
        try:
            return self.parse(self.certificates)
        except ValueError as error:
            raise MalformedError(f"certificate header: {error}") from None


QuestionReader: TypeAlias = Callable[[RawQuestion], Question]


def canonical_host(text: str) -> str:
    """A Host header as rules see it: lower case, without port and trailing dot. IPv6 literals keep their brackets.

    Raises MalformedError if it is not a host name.
    """
    host = text.lower()
    if host.startswith("["):
        inside, bracket, rest = host[1:].partition("]")
        if not bracket or not is_ip(inside) or ":" not in inside or not _is_port(rest):
            raise MalformedError("the host is not a host name")
        return f"[{inside}]"
    name, colon, port = host.partition(":")
    if not _is_port(colon + port):
        raise MalformedError("the host is not a host name")
    name = name.removesuffix(".")
    if not name or len(name) > 253 or not all(c.isascii() and (c.isalnum() or c in "-._") for c in name):
        raise MalformedError("the host is not a host name")
    return name


def _is_port(rest: str) -> bool:
    return not rest or (rest[0] == ":" and len(rest) <= 6 and (rest[1:].isascii() and rest[1:].isdigit()))


def read_gateway(asking: RawQuestion) -> Question:
    """A question of the gateway's own Envoy: QUESTION_HEADER tells the connection, CERTIFICATE_HEADER the chain."""
    connection = certificates = doubled = host = None
    truncated = wants_facts = False
    headers: list[tuple[str, bytes]] = []
    for header in asking.headers:
        name = header[0]
        if name not in NOT_THE_CLIENTS:
            headers.append(header)
        elif name == QUESTION_HEADER:
            if connection is not None:
                raise MalformedError(f"{QUESTION_HEADER} twice")
            connection = header[1]
        elif name == CERTIFICATE_HEADER:
            if certificates is not None:
                raise MalformedError(f"{CERTIFICATE_HEADER} twice")
            certificates = header[1]
        elif name == "host":
            if host is not None:
                raise MalformedError("host twice")
            host = header[1]
        elif name == DUPLICATES_HEADER:
            doubled = header[1]
        elif name == WANTS_HEADER:
            wants_facts = True
        elif name == "x-envoy-auth-partial-body":
            truncated = header[1] == b"true"
    if connection is None or host is None:
        raise MalformedError(f"no {QUESTION_HEADER}, or no host")
    parts = connection.decode("latin-1").split("|", 7)
    if len(parts) != 8 or parts[0] not in ASK_LEVELS:
        raise MalformedError(f"{QUESTION_HEADER} is not what this version of the gateway writes")
    kind, protocol, tls_version, cipher, address, length, request_id, sni = parts
    if doubled is not None:
        headers = apart(headers, doubled)
    if kind == "body" and not truncated:
        _seen_whole(asking, length, headers)
    if length.isdigit() and kind != "plain":
        headers.append(("content-length", length.encode("ascii")))
    name = canonical_host(host.decode("latin-1"))
    if kind != "plain":
        headers.insert(0, ("host", name.encode("ascii")))
    return Question(
        http=HttpRequest(
            method=asking.method,
            scheme="https",
            host=name,
            target=asking.target,
            normalised=True,  # Envoy forwards what it tells us
            headers=tuple(headers),
            client_ip=address,
            http_version=protocol,
            tls_version=tls_version,
            tls_cipher=TLS13_CIPHERS.get(cipher, cipher),
            body=asking.body if kind == "body" else None,
            body_truncated=truncated,
        ),
        certificates=certificates or b"",
        sni=sni.lower(),
        asked=kind,  # type: ignore[arg-type]  # tested above
        wants_facts=wants_facts,
        request_id=request_id,
    )


def _seen_whole(asking: RawQuestion, length: str, headers: Headers) -> None:
    """Raises MalformedError unless a question holds all of the client's body.

    Envoy doesn't wait for a body where the client asks for a WebSocket: that is a GET, which has none (RFC 6455 section
    4.1). Of a chunked one nothing is left, neither here nor for the upstream.
    """
    if length.isdigit() and int(length) != len(asking.body):
        raise MalformedError(f"of a body of {length} bytes the rules would see {len(asking.body)}")
    if asking.method != "GET" and any(name == "upgrade" and value.lower() == b"websocket" for name, value in headers):
        raise MalformedError(f"a WebSocket is asked for by {asking.method}: the rules would not see the body")


def apart(headers: Headers, doubled: bytes) -> list[tuple[str, bytes]]:
    """Undo the joining by commas of header lines that a client sent several times, by their lengths."""
    lengths: dict[str, list[int]] = {}
    try:
        for item in doubled.decode("ascii").split(";"):
            name, _, numbers = item.rpartition("=")
            lengths[name] = [int(number) for number in numbers.split("+")]
    except ValueError:
        raise MalformedError(f"{DUPLICATES_HEADER} is not what this version of the gateway writes") from None
    result: list[tuple[str, bytes]] = []
    for name, value in headers:
        sizes = lengths.get(name)
        if sizes is None:
            result.append((name, value))
            continue
        if sum(sizes) + len(sizes) - 1 != len(value):
            # Blanks before the first line are lost on the way, and nothing else is: whose they are can't be told.
            raise MalformedError(f"`{name}` came twice, in a way that can't be told apart")
        position = 0
        for size in sizes:
            result.append((name, value[position : position + size]))
            position += size + 1
    return result
