"""What the gateway does to a request before any rule sees it, as far as its defaults go: a simulation has to say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509
from cryptography.x509.oid import PublicKeyAlgorithmOID

from mtls_tui.engine.model import BODY_BYTES, HttpRequest

_REFUSED = re.compile(r"%(2f|5c|00)", re.IGNORECASE)


def as_served(http: HttpRequest) -> tuple[HttpRequest, tuple[str, ...]]:
    """The request as the gateway's rules would see it, and notes on what differs from the request as given."""
    notes: list[str] = []
    path = http.target.partition("?")[0]
    found = _REFUSED.search(path)
    if found:
        option = "" if found[1] == "00" else "; `serve --escaped-slashes` changes that"
        notes.append(f"the gateway answers 400 to `{found[0]}` in a path, before any rule{option}")
    if http.body is not None and len(http.body) > BODY_BYTES:
        notes.append(f"rules see the first {BODY_BYTES} bytes of the body, and that it is truncated")
        http = replace(http, body=http.body[:BODY_BYTES], body_truncated=True)
    return http, tuple(notes)


def chain_as_served(chain: Sequence[x509.Certificate | bytes]) -> tuple[Sequence[x509.Certificate | bytes], str]:
    """The chain as the gateway's rules would see it, and a note when its TLS passes none of it on.

    BoringSSL has no signature scheme for a key that is for RSASSA-PSS alone (RFC 8446 4.2.3, `rsa_pss_pss_*`), so a
    client with such a key sends no certificate.
    """
    try:
        leaf = _leaf(chain)
        if leaf is None or leaf.public_key_algorithm_oid != PublicKeyAlgorithmOID.RSASSA_PSS:
            return chain, ""
    except ValueError:
        return chain, ""  # damaged: verification says why
    return (), (
        "the certificate's key is for RSASSA-PSS alone, which the gateway's TLS does not take: a client sends it no "
        "certificate, and that is what is simulated"
    )


def handshake_problem(chain: Sequence[x509.Certificate | bytes]) -> str:
    """Why the gateway's TLS ends the handshake with this certificate, "" if it doesn't.

    BoringSSL asks for `digitalSignature` where a key usage is there at all (RFC 8446 4.4.2.2); the verification here
    would also take `keyAgreement`.
    """
    try:
        leaf = _leaf(chain)
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value if leaf is not None else None
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ""
    if usage is None or usage.digital_signature:
        return ""
    return "the gateway's TLS ends the handshake: the certificate's key usage lacks digitalSignature"


def _leaf(chain: Sequence[x509.Certificate | bytes]) -> x509.Certificate | None:
    """The client's own certificate, None without a chain. Raises ValueError if it is not a certificate."""
    first = chain[0] if chain else None
    return x509.load_der_x509_certificate(first) if isinstance(first, bytes) else first
