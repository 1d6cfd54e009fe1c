"""Sentences for people: what is wrong with which certificate, and who might have been meant."""

from __future__ import annotations

from collections.abc import Sequence

from mtls_tui.pki.certificate import ParsedCertificate, words
from mtls_tui.pki.errors import Code, Refused, VerifyError
from mtls_tui.pki.keys import is_dear, signed_by
from mtls_tui.pki.paths import PathSearch
from mtls_tui.pki.store import TrustStore


def sentence(refusal: Refused, path: Sequence[ParsedCertificate]) -> VerifyError:
    """A verdict about one certificate of a path, with the certificate named unless it is the client's own."""
    depth = refusal.depth
    if refusal.code in _WHOLE_SENTENCES:
        return refusal.as_error()
    if depth == 0:
        return Refused(refusal.code, f"the certificate {refusal.message}", 0).as_error()
    kind = "anchor" if depth == len(path) - 1 else "authority"
    return Refused(refusal.code, f"the {kind} {path[depth].name} {refusal.message}", depth).as_error()


_WHOLE_SENTENCES = frozenset(
    {
        Code.UNABLE_TO_GET_CRL,
        Code.CRL_SIGNATURE_FAILURE,
        Code.CRL_HAS_EXPIRED,
        Code.CRL_NOT_YET_VALID,
        Code.KEYUSAGE_NO_CRL_SIGN,
        Code.DIFFERENT_CRL_SCOPE,
    }
)


def no_issuer(search: PathSearch, store: TrustStore) -> VerifyError:
    """Why no path reached an anchor: self-signed, or issued by somebody unknown."""
    path = search.deepest
    top = path[-1]
    depth = len(path) - 1
    anchors = _anchors(store)
    if search.exhausted or search.too_long:
        message = "the certificates that were sent form no path of sensible length to an anchor"
        return Refused(Code.CERT_CHAIN_TOO_LONG, message, depth).as_error()
    if top.self_issued and _signed_itself(top):
        if depth == 0:
            message = f"the certificate is self-signed and is not {anchors}"
            return Refused(Code.DEPTH_ZERO_SELF_SIGNED_CERT, message).as_error()
        message = f"the chain ends in {top.name}, which is self-signed and not {anchors}{_nearest(top, store)}"
        return Refused(Code.SELF_SIGNED_CERT_IN_CHAIN, message, depth).as_error()
    who = "" if depth == 0 else f"its authority {top.name} is "
    message = f"{who}issued by {top.issuer_name}, which is not {anchors}{_nearest(top, store)}"
    return Refused(Code.UNABLE_TO_GET_ISSUER_CERT_LOCALLY, message, depth).as_error()


def _signed_itself(top: ParsedCertificate) -> bool:
    """Untrusted input reaches this; an expensive or weak key is not verified, only its claim is used."""
    if is_dear(top.public_key):
        return True
    try:
        return signed_by(top, top)
    except Refused:
        return True  # too weak an algorithm to check; its name says so


def _anchors(store: TrustStore) -> str:
    count = len(store.anchors)
    if count == 0:
        return "trusted: this host has no anchors at all"
    return f"this host's anchor {store.anchors[0].name}" if count == 1 else f"among this host's {count} anchors"


def _nearest(top: ParsedCertificate, store: TrustStore) -> str:
    """The anchor whose name shares most words with the wanted issuer. Cheap on purpose: strangers cause it."""
    if any(anchor.subject == top.issuer for anchor in store.anchors):
        return "; an anchor has this very name, but another key"
    if len(store.anchors) < 2:
        return ""
    wanted = words(top.issuer_name)
    best, best_score = store.anchors[0], -1.0
    for anchor in store.anchors[:200]:
        score = len(wanted & anchor.name_words) / len(wanted | anchor.name_words)
        if score > best_score:
            best, best_score = anchor, score
    return f"; nearest by name: {best.name}"
