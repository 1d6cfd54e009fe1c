"""Which headers of a client are removed on arrival: names by which upstreams believe a proxy, not a client. Pure text.

Three kinds: who the client is (certificates, users), where it comes from or went to (forwarding), and what is asked for
instead of what the rules saw (other paths, methods). Names with underscores are dropped before that, all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mtls_tui.gateway.settings import GatewayError

CERTIFICATES = (
    "client-cert", "ssl-client", "tls-client", "ssl-issuer", "ssl-cert", "cf-cert", "mtls", "peer-cert",
    "client-verify", "client-verified", "client-dn", "client-s-dn", "client-i-dn", "client-subject", "client-issuer",
    "client-serial", "client-fingerprint", "client-san", "subject-dn", "issuer-dn", "spiffe", "x509",
)  # fmt: skip
"""Removed is every name that holds one of these."""
CERTIFICATE_WORDS = ("cert", "certs", "certificate", "certificates")
"""Removed is every name that has one of these as a word, between other characters than letters and digits."""
CONNECTION_BEGINNINGS = ("ssl-", "x-ssl-", "tls-", "x-tls-")
BEGINNINGS = (
    *CONNECTION_BEGINNINGS, "remote-", "x-remote-", "x-auth-request-", "x-authenticated-", "x-original-",
    "x-rewrite-", "x-envoy-",
)  # fmt: skip
"""Removed is every name that begins so."""
NAMES = (
    "x-verified", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "x-cluster-client-ip", "x-webauth-user",
    "x-http-method", "x-http-method-override", "x-method-override",
)  # fmt: skip
FORWARDED = (
    "host", "port", "server", "scheme", "protocol", "ssl", "prefix", "path", "uri", "url", "method", "by", "user",
    "username", "preferred-username", "groups", "roles", "email", "access-token",
)  # fmt: skip
"""`x-forwarded-` with one of these. `-For` is kept, for the client's address is added to it; `-Proto` is set."""
KNOWN = (
    "client-cert", "client-cert-chain", "client-dn", "client-verify", "clientcert",
    "x-client-cert", "x-client-cert-chain", "x-client-cert-verified", "x-client-cert-subject",
    "x-client-cert-fingerprint", "x-client-certificate", "x-clientcert", "x-client-dn", "x-client-s-dn",
    "x-client-verify", "x-client-verified", "x-cert", "x-certificate", "x-certificate-cn", "x-peer-certificate",
    "x-subject-dn", "x-issuer-dn", "x-spiffe-id", "x-verified",
    "ssl-cert", "ssl-client-cert", "ssl-client-verify", "ssl-client-s-dn", "ssl-client-i-dn", "ssl-client-subject-dn",
    "ssl-client-issuer-dn", "ssl-client-fingerprint", "ssl-verified",
    "x-ssl-cert", "x-ssl-client", "x-ssl-client-cert", "x-ssl-client-verify", "x-ssl-client-cn", "x-ssl-client-dn",
    "x-ssl-client-s-dn", "x-ssl-client-i-dn", "x-ssl-client-serial", "x-ssl-client-fingerprint", "x-ssl-client-san",
    "x-ssl-issuer-dn", "x-ssl-subject", "x-ssl-subject-dn", "x-ssl-s-dn", "x-ssl-verified", "x-ssl-serial",
    "x-ssl-authenticated", "x-tls-client-cert", "x-tls-subject",
    "x-forwarded-client-cert", "x-forwarded-ssl-client-cert", "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info", "x-arr-clientcert",
    "x-amzn-mtls-clientcert", "x-amzn-mtls-clientcert-leaf", "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-issuer", "x-amzn-mtls-clientcert-serial-number", "x-amzn-mtls-clientcert-validity",
    "cf-client-cert", "cf-cert-presented", "cf-cert-verified", "cf-cert-revoked", "cf-cert-subject-dn",
    "cf-cert-issuer-dn", "cf-cert-serial", "cf-cert-fingerprint-sha256", "x-mtls-tui-question",
    "x-mtls-tui-duplicates", "x-mtls-tui-secret",
    "remote-user", "x-remote-user", "x-remote-group", "x-webauth-user", "x-auth-request-user", "x-auth-request-email",
    "x-auth-request-groups", "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups",
    "x-original-url", "x-original-uri", "x-original-method", "x-original-host", "x-rewrite-url", "x-http-method",
    "x-http-method-override", "x-method-override", "x-forwarded-host", "x-forwarded-port", "x-forwarded-server",
    "x-forwarded-scheme", "x-forwarded-ssl", "x-forwarded-prefix", "x-forwarded-path", "x-forwarded-uri",
    "x-forwarded-method", "xforwardedfor", "x-real-ip", "x-client-ip", "true-client-ip", "x-cluster-client-ip",
    "forwarded", "x-envoy-original-dst-host", "x-envoy-auth-partial-body", "x-envoy-attempt-count",
    "x-envoy-original-path", "x-envoy-upstream-rq-per-try-timeout-ms",
)  # fmt: skip
"""Whole names that the expressions cover, for proxies that can remove no other (nginx, Traefik): those in use."""
ANY = "[^a-z0-9]*"
"""Between the words of a name: any separators or none, for frameworks fold them."""
NEEDED = frozenset(("host", "connection", "content-length", "transfer-encoding", "upgrade", "x-forwarded-for"))
"""Names that no setting may remove: Envoy, or the hop to the upstream, lives by them."""


def folded(name: str) -> str:
    """A pattern for a name with any separators between its words."""
    words = [re.escape(word) for word in re.split("[^a-z0-9]+", name)]
    return ANY.join(words)


def pattern(own: Iterable[str] = ()) -> str:
    """The whole, as one RE2 expression on a lower-case name; `own` are an operator's further names."""
    return "|".join(alternatives(own))


def alternatives(own: Iterable[str] = ()) -> tuple[str, ...]:
    """The expressions that `pattern` joins: for proxies whose lines are short."""
    names = "|".join(folded(name) for name in (*NAMES, *own))
    forwarded = "|".join(folded(name) for name in FORWARDED)
    odd = "x(?:[^a-z0-9-]+|)forwarded.*|x-forwarded(?:[^a-z0-9-]|[a-z0-9]).*"
    return (*_certificates(BEGINNINGS), f"(?:{names})", f"x-forwarded-(?:{forwarded})", odd)


def _certificates(beginnings: Iterable[str]) -> tuple[str, ...]:
    held = "|".join(folded(name) for name in CERTIFICATES)
    words = "|".join(CERTIFICATE_WORDS)
    starts = "|".join(folded(name.removesuffix("-")) for name in beginnings)
    return f".*(?:{held}).*", f"(?:.*[^a-z0-9])?(?:{words})(?:[^a-z0-9].*)?", f"(?:{starts})[^a-z0-9].*"


_CERTIFICATE = re.compile("|".join((*_certificates(CONNECTION_BEGINNINGS), folded("x-verified"))))


def stands_for_certificate(name: str) -> bool:
    """Whether a header's name, in any spelling, is one by which upstreams learn of a client's certificate."""
    return _CERTIFICATE.fullmatch(name.lower()) is not None


def checked(names: Iterable[str]) -> tuple[str, ...]:
    """Names of `--strip-header`, in lower case. Raises GatewayError if one is not a header name or is needed."""
    found: list[str] = []
    for name in names:
        lower = name.lower()
        if not re.fullmatch("[a-z0-9!#$%&'*+.^`|~-]*[a-z0-9][a-z0-9!#$%&'*+.^`|~-]*", lower):
            raise GatewayError(f"`{name}` is not a header name that can be stripped; write it as in X-User")
        if any(re.fullmatch(folded(lower), needed) for needed in NEEDED):
            raise GatewayError(f"`{name}` can't be stripped: the gateway itself needs it")
        found.append(lower)
    return tuple(dict.fromkeys(found))
