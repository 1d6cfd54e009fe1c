"""Certificates out of header values, in each form that proxies write. Pure. Raises ValueError for anything malformed.

Results are DER, leaf first, in the order sent. What is inside a certificate is nobody's business here.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from urllib.parse import unquote_to_bytes

from mtls_tui.pki.der import SEQUENCE, children

MOST_CERTIFICATES = 32
"""More than any honest chain has; OpenSSL and others stop at depth 100."""
PEM_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


def from_base64(text: bytes) -> bytes:
    """Strict base64 (RFC 4648 section 4) of one certificate."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise ValueError("not base64") from None
    if not data:
        raise ValueError("empty certificate")
    return data


def from_pem(text: bytes) -> tuple[bytes, ...]:
    """PEM blocks and nothing but blanks between them."""
    found: list[bytes] = []
    position = 0
    text = text.strip()
    while position < len(text):
        block = PEM_BLOCK.match(text, position)
        if block is None:
            raise ValueError("not a sequence of PEM certificates")
        found.append(from_base64(b"".join(block[1].split())))
        position = block.end()
    return _bounded(found)


def from_escaped_pem(text: bytes) -> tuple[bytes, ...]:
    """URL-encoded PEM: nginx's `$ssl_client_escaped_cert`, Envoy's `Chain`."""
    return from_pem(unquote_to_bytes(text))


def from_envoy(text: bytes) -> tuple[bytes, ...]:
    """Envoy's X-Forwarded-Client-Cert of exactly one element with a `Chain` (or, without one, a `Cert`).

    Several elements mean that someone forwarded a header of the client's: refused, for whose is the first one?
    """
    values: dict[bytes, bytes] = {}
    position = 0
    while position < len(text):
        pair = re.compile(rb'([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,"]*))(;|$)').match(text, position)
        if pair is None:
            raise ValueError("not a single X-Forwarded-Client-Cert element")
        key = pair[1].lower()
        if key in (b"chain", b"cert"):
            if key in values:
                raise ValueError(f"{key.decode()} twice in X-Forwarded-Client-Cert")
            values[key] = pair[2] if pair[2] is not None else pair[3]
        position = pair.end()
    escaped = values.get(b"chain") or values.get(b"cert")
    if not escaped:
        raise ValueError("X-Forwarded-Client-Cert without Chain: set_current_client_cert_details needs `chain: true`")
    return from_escaped_pem(escaped)


def from_traefik(text: bytes) -> tuple[bytes, ...]:
    """Traefik's X-Forwarded-Tls-Client-Cert: base64 bodies without the PEM lines, comma-separated, maybe escaped."""
    plain = unquote_to_bytes(text) if b"%" in text else text
    return _bounded([from_base64(b"".join(part.split())) for part in plain.split(b",")])


def from_rfc9440(leaf: bytes, chain: bytes = b"") -> tuple[bytes, ...]:
    """Client-Cert and Client-Cert-Chain: byte sequences of structured fields (RFC 9440 section 2, RFC 8941 3.3.5)."""
    found = [_byte_sequence(leaf)]
    if chain.strip(b" "):
        found += [_byte_sequence(item.strip(b" \t")) for item in chain.split(b",")]
    return _bounded(found)


def _byte_sequence(text: bytes) -> bytes:
    text = text.strip(b" ")
    if len(text) < 3 or text[:1] != b":" or text[-1:] != b":":
        raise ValueError("not a byte sequence `:base64:`")
    return from_base64(text[1:-1])


def _bounded(found: list[bytes]) -> tuple[bytes, ...]:
    if not found:
        raise ValueError("no certificate")
    if len(found) > MOST_CERTIFICATES:
        raise ValueError(f"more than {MOST_CERTIFICATES} certificates")
    return tuple(found)


def split_der(data: bytes) -> tuple[bytes, ...]:
    """Certificates written one after the other as DER: HAProxy's `ssl_c_chain_der`."""
    found = []
    for tag, start, _, end in children(data, 0, len(data)):
        if tag != SEQUENCE:
            raise ValueError("not a DER sequence")
        found.append(data[start:end])
    return _bounded(found)
