"""Agreement with OpenSSL and cryptography where shapes get strange: webs of cross-signed authorities, changed bytes."""

import random

import pytest
from cryptography import x509

from mtls_tui import pki
from mtls_tui.pki.verification import verify_at
from tests import fuzz_certificates
from tests.pki import mint, peers, surgery
from tests.pki.mint import AT, DAY

NOW = int(AT.timestamp())


class Web:
    """Authorities of few names and keys that sign each other at random; some expired, forged, limited."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        pick = self.random
        entities = [(name, number) for name in "ABCD" for number in range(pick.choice((1, 1, 2)))]
        made = [self.authority(pick.choice(entities), pick.choice(entities)) for _ in range(pick.randrange(3, 12))]
        name, number = pick.choice(entities)
        leaf = mint.client(
            "leaf",
            mint.Made(None, mint.key((name, number))),
            issuer_name=mint.name(name),
            sans=[x509.DNSName("a.example.com")],
        )
        self.anchors = pick.sample(made, pick.choice((1, 1, 2)))
        if pick.random() < 0.5:
            name, number = pick.choice(entities)
            self.anchors.append(mint.root(name, own=mint.key((name, number))).certificate)
        pick.shuffle(made)
        self.chain = [leaf.certificate, *made]

    def authority(self, subject, issuer):
        pick = self.random
        options = {}
        if pick.random() < 0.15:
            options["end"] = AT - DAY
        if pick.random() < 0.2:
            options["pathlen"] = pick.randrange(3)
        if pick.random() < 0.1:
            excluded = x509.DNSName(pick.choice(("example.com", "example.org")))
            options["constraints"] = x509.NameConstraints(None, [excluded])
        if pick.random() < 0.1:
            options["aki"] = False
        if pick.random() < 0.05:
            options["signer"] = mint.key("forger")
        signer = mint.Made(None, mint.key(issuer))
        made = mint.authority(subject[0], signer, own=mint.key(subject), issuer_name=mint.name(issuer[0]), **options)
        return made.certificate


def test_in_webs_of_authorities_every_path_found_is_one_that_openssl_takes():
    """Given the found path alone OpenSSL takes it; and nothing that either library finds in the whole web is missed."""
    found_any = 0
    for seed in range(400):
        web = Web(seed)
        found = pki.verify(web.chain, pki.TrustStore(web.anchors), AT)
        openssl = peers.openssl(web.chain, web.anchors, [], AT)
        if found.verified:
            found_any += 1
            path = list(found.chain)
            assert peers.openssl(path[:-1] or path, path[-1:], [], AT) == 0, seed
        else:
            assert openssl != 0, seed
            assert not peers.cryptography(web.chain, web.anchors, AT), seed
    assert 100 < found_any < 300


def changed_at_random(pick, content):
    data = bytearray(content)
    for _ in range(pick.choice((1, 1, 1, 2, 3))):
        position = pick.randrange(len(data))
        if pick.random() < 0.5:
            data[position] ^= 1 << pick.randrange(8)
        else:
            data[position] = pick.choice(
                (0, 1, 2, 3, 4, 5, 6, 0x0C, 0x13, 0x16, 0x17, 0x1E, 0x30, 0x31, 0x80, 0xA0, 0xFF)
            )
    return bytes(data)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_changed_bytes_under_a_true_signature_get_no_verdict_that_both_libraries_contradict():
    pick = random.Random(20260601)
    top = mint.root()
    policy = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])
    leaf = mint.client(
        mint.name("c", ORGANIZATION_NAME="Org"),
        top,
        sans=[x509.DNSName("a.example.com"), x509.RFC822Name("a@example.com")],
        key_usage=mint.usage("digital_signature"),
        extensions=[(policy, False)],
    )
    content = surgery.content(leaf.certificate.tbs_certificate_bytes)
    store = pki.TrustStore([top.certificate])
    counts = {True: 0, False: 0}
    for number in range(1500):
        der = surgery.signed(surgery.element(0x30, changed_at_random(pick, content)), top)
        found = verify_at([der], store, NOW)
        counts[found.verified] += 1
        assert found.error is None or "unforeseen" not in found.error.message
        openssl = peers.openssl([der], [top.certificate], [], AT)
        try:
            other = peers.cryptography([x509.load_der_x509_certificate(der)], [top.certificate], AT)
        except ValueError:
            other = False
        if found.verified:
            assert openssl == 0 or other, number
        elif openssl == 0 and other:
            # An unreadable extension, NUL or misfit text in a name, a damaged key: see the table of differences.
            assert found.error.number in (41, 53, 66), (number, str(found.error))
    assert min(counts.values()) > 150


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_of_changed_chains_with_lists_none_is_accepted_here_alone_without_a_named_reason():
    counts, wrong = fuzz_certificates.run(2, range(300))
    assert not wrong
    assert counts["both accept"] > 30
    assert counts["both refuse"] > 100
