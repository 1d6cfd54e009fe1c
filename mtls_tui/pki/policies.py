"""Certificate policies (RFC 5280 6.1, with the policy graph of RFC 9618), for a verifier that accepts any policy.

With any policy accepted at the start, policies decide nothing unless an authority demands one (requireExplicitPolicy
in policyConstraints). So paths without policyConstraints cost nothing here, and the graph stays as small as the
extensions: one node a policy and level, never the exponential tree of old.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509

from mtls_tui.pki import certificate as c
from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.der import OID, SEQUENCE, DerError, children, expect, oid_text
from mtls_tui.pki.errors import Code, Refused
from mtls_tui.pki.raw import raw_extension

ANY = "2.5.29.32.0"


def check_path(path: Sequence[ParsedCertificate]) -> None:
    """Refused when an authority demands an explicit policy and the path has none. From leaf to anchor."""
    if any(c.POLICY_CONSTRAINTS in view.extensions for view in path):
        _process(path)


def check_mappings(view: ParsedCertificate) -> None:
    """6.1.4 (a), on every path: Refused when an authority's policy mappings can't be read or have anyPolicy in them."""
    raw = raw_extension(view.tbs, c.POLICY_MAPPINGS) if c.POLICY_MAPPINGS in view.extensions else None
    if raw is not None and any(ANY in pair for pair in _mappings(raw)):
        raise Refused(Code.INVALID_POLICY_EXTENSION, "maps to or from anyPolicy")


def _process(path: Sequence[ParsedCertificate]) -> None:
    """6.1.2 to 6.1.5. The anchor asserts no policy (6.1.1 d); what it demands are the initial settings (RFC 5937)."""
    size = len(path)
    explicit = mapping = inhibit_any = size + 1
    valid: frozenset[str] | None = frozenset({ANY})
    """The expected policies one level up: 6.1.2 (a), as a set, since only whether it is empty decides."""
    for depth in range(size - 1, -1, -1):
        view = path[depth]
        final = depth == 0
        try:
            asserted = _asserted(view) if depth < size - 1 else frozenset({ANY})
            if asserted is None or not valid:
                valid = None  # 6.1.3 (e)
            else:
                valid = _next(asserted, valid, any_allowed=inhibit_any > 0 or (not final and view.self_issued))
            if explicit <= 0 and not valid:  # 6.1.3 (f)
                raise _missing(view)
            if not final:
                valid = _mapped(view, valid, allowed=mapping > 0)  # 6.1.4 (b)
                if not view.self_issued:  # 6.1.4 (h)
                    explicit, mapping, inhibit_any = explicit - 1, mapping - 1, inhibit_any - 1
                limits = view.extension(c.POLICY_CONSTRAINTS, x509.PolicyConstraints)
                if limits is not None:  # 6.1.4 (i)
                    explicit = _least(explicit, limits.require_explicit_policy)
                    mapping = _least(mapping, limits.inhibit_policy_mapping)
                skip = view.extension(c.INHIBIT_ANY_POLICY, x509.InhibitAnyPolicy)
                if skip is not None:  # 6.1.4 (j)
                    inhibit_any = _least(inhibit_any, skip.skip_certs)
            else:
                explicit -= 1  # 6.1.5 (a)
                limits = view.extension(c.POLICY_CONSTRAINTS, x509.PolicyConstraints)
                if limits is not None and limits.require_explicit_policy == 0:  # 6.1.5 (b)
                    explicit = 0
                if explicit <= 0 and not valid:  # 6.1.5 (g)
                    raise _missing(view)
        except Refused as refusal:
            raise refusal.at_depth(depth) from None


def _missing(view: ParsedCertificate) -> Refused:
    return Refused(Code.NO_EXPLICIT_POLICY, "has no policy that its authorities accept, and one of them demands it")


def _least(current: int, limit: int | None) -> int:
    return current if limit is None else min(current, limit)


def _asserted(view: ParsedCertificate) -> frozenset[str] | None:
    found = view.extension(c.CERTIFICATE_POLICIES, x509.CertificatePolicies)
    if found is None:
        return None
    return frozenset(information.policy_identifier.dotted_string for information in found)


def _next(asserted: frozenset[str], expected: frozenset[str], *, any_allowed: bool) -> frozenset[str]:
    """6.1.3 (d): what of the asserted policies the level above expects."""
    kept = asserted - {ANY} if ANY in expected else (asserted - {ANY}) & expected
    if ANY in asserted and any_allowed:
        kept |= expected
    return kept


def _mapped(view: ParsedCertificate, valid: frozenset[str] | None, *, allowed: bool) -> frozenset[str] | None:
    """6.1.4 (b): issuer policies become the subject's, or end where mapping is inhibited."""
    raw = raw_extension(view.tbs, c.POLICY_MAPPINGS) if c.POLICY_MAPPINGS in view.extensions else None
    if raw is None:
        return valid
    if valid is None:
        return None
    pairs = _mappings(raw)
    sources = {source for source, _ in pairs}
    mapped = {target for source, target in pairs if source in valid or ANY in valid} if allowed else set()
    return (valid - sources) | frozenset(mapped)


def _mappings(raw: bytes) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    try:
        start, end = expect(raw, 0, len(raw), SEQUENCE)
        for tag, _, content, stop in children(raw, start, end):
            first, first_end = expect(raw, content, stop, OID)
            second, second_end = expect(raw, first_end, stop, OID)
            if tag != SEQUENCE or second_end != stop:
                raise DerError("no policy mapping")
            pairs.append((oid_text(raw[first:first_end]), oid_text(raw[second:second_end])))
    except DerError as error:
        raise Refused(Code.INVALID_POLICY_EXTENSION, f"has policy mappings that can't be read ({error})") from None
    return pairs
