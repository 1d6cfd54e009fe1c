"""Two thousand random chains, judged by OpenSSL, by cryptography's verifier and by us.

Nothing that both refuse is accepted, nothing that both accept is refused, but for the reasons named here (and explained
in docs/compatibility-certificates.md). cryptography knows no CRLs: with CRLs OpenSSL alone is the peer.
"""

import pytest
from cryptography import x509

from mtls_tui import pki
from tests.pki import mint, peers
from tests.pki.generate import Generator

CHAINS = 2000
SEED = 20260601


def verdict(case):
    """(accepted and not revoked, number of the error, or 0)."""
    try:
        store = pki.TrustStore(case.anchors, crls=case.crls)
    except pki.StoreError:
        return False, -1
    found = pki.verify(case.chain, store, mint.AT)
    return found.verified and not found.revoked, found.error.number if found.error else 0


def purposes_with_any(case):
    for certificate in case.chain + case.anchors:
        try:
            usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except x509.ExtensionNotFound:
            continue
        if mint.ANY in usage:
            return True
    return False


def why_accepted(case, theirs):
    """The named reason for accepting what the peers refuse."""
    if theirs == 26 and purposes_with_any(case):
        return "OpenSSL does not take anyExtendedKeyUsage for clientAuth"
    if theirs in (3, 8, 11, 12) and "intermediate anchor" in case.features:
        return "OpenSSL asks for the revocation of an anchor that is an intermediate"
    return None


def why_refused(case, ours):
    """The named reason for refusing what the peers accept."""
    if ours == 26 and "authority as leaf" in case.features:
        return "an authority's certificate is no client's"
    if ours == 79 and "no authority" in case.features:
        return "OpenSSL takes an anchor without basicConstraints for an authority when its key usage has keyCertSign"
    return None


def test_verdicts_agree_with_both_libraries_or_have_a_named_reason():
    generator = Generator(SEED)
    unexplained, reasons, seen = [], set(), {True: 0, False: 0}
    for number in range(CHAINS):
        case = generator.case()
        accepted, ours = verdict(case)
        seen[accepted] += 1
        openssl = peers.openssl(case.chain, case.anchors, case.crls, mint.AT)
        other = (openssl == 0) if case.crls else peers.cryptography(case.chain, case.anchors, mint.AT)
        if accepted and openssl != 0 and not other:
            reason = why_accepted(case, openssl)
        elif not accepted and openssl == 0 and other:
            reason = why_refused(case, ours)
        else:
            continue
        reasons.add(reason)
        if reason is None:
            unexplained.append((number, sorted(case.features), ours, openssl))
    assert not unexplained
    assert len(reasons) == 4, "each named reason occurs"
    assert min(seen.values()) > CHAINS // 5, "both verdicts are common, so that agreement means something"


@pytest.mark.parametrize("number", [3, 9, 10, 12, 18, 19, 20, 23, 25, 34, 47, 48, 79])
def test_single_flaws_get_the_number_that_openssl_gives(number):
    top = mint.root()
    middle = mint.authority("Middle", top)
    unknown = [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True)]
    below = x509.NameConstraints([x509.DNSName("example.com")], [x509.DNSName("bad.example.com")])
    narrow = mint.authority("Narrow", top, constraints=below)
    leaf = mint.client("client", middle)
    chain, anchors, crls = [leaf, middle], [top], []
    match number:
        case 3:
            crls = [mint.crl(top)]
        case 9:
            chain[0] = mint.client("client", middle, begin=mint.AT + mint.DAY)
        case 10:
            chain[0] = mint.client("client", middle, end=mint.AT - mint.DAY)
        case 12:
            crls = [mint.crl(top), mint.crl(middle, begin=mint.AT - 9 * mint.DAY, end=mint.AT - mint.DAY)]
        case 18:
            chain, anchors = [mint.make("client", ca=False)], [top]
        case 19:
            chain, anchors = [leaf, middle, top], [mint.root("Other")]
        case 20:
            chain = [leaf]
        case 23:
            crls = [mint.crl(top), mint.crl(middle, [leaf.certificate.serial_number])]
        case 25:
            short = mint.root("Short", pathlen=0)
            middle = mint.authority("Middle", short)
            chain, anchors = [mint.client("client", middle), middle], [short]
        case 34:
            chain[0] = mint.client("client", middle, extensions=unknown)
        case 47:
            chain = [mint.client("client", narrow, sans=[x509.DNSName("example.org")]), narrow]
        case 48:
            chain = [mint.client("client", narrow, sans=[x509.DNSName("a.bad.example.com")]), narrow]
        case 79:
            fake = mint.make("Fake", top, ca=False)
            chain = [mint.client("client", fake), fake]
    presented = [item.certificate for item in chain]
    trusted = [item.certificate for item in anchors]
    found = pki.verify(presented, pki.TrustStore(trusted, crls=crls), mint.AT)
    assert found.error is not None
    assert found.error.number == number, str(found.error)
    assert peers.openssl(presented, trusted, crls, mint.AT) == number
