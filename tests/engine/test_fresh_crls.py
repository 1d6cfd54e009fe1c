"""Newer revocation lists replace embedded ones; nothing takes a revocation back."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine import Bundle, BundleError, HttpRequest
from mtls_tui.engine.bundle import BundleHost, BundleRule
from mtls_tui.engine.fresh_crls import MOST_UNCHECKED, crl_files, merged, with_files
from mtls_tui.engine.policy import Policy
from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority
from mtls_tui.pki.load import crl_ders

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = '(http.host eq "a.example" and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked))'


@pytest.fixture
def authority(tmp_path):
    return Authority.init(tmp_path / "ca", cn="A", at=NOW)


def crl(authority):
    return (authority.folder / "ca.crl").read_bytes()


@pytest.fixture
def bundle(authority):
    pem = (authority.folder / "ca.pem").read_text()
    host = BundleHost(
        name="a.example", mtls=True, anchors=(pem,), crls=(crl(authority).decode(),), crl_files=("/ca.crl",)
    )
    return Bundle(hosts=(host,), rules=(BundleRule(ref="r", expression=RULE, action="block"),))


def blocked(bundle, certificate):
    return Policy.from_bundle(bundle).decide(HttpRequest(host="a.example"), [certificate], at=NOW).blocked


def test_a_newer_list_is_enforced_and_an_older_one_is_not(authority, bundle):
    issued = authority.issue(cn="x", at=NOW)
    before = crl(authority)
    assert crl_files(bundle) == ("/ca.crl",)
    assert not blocked(bundle, issued.certificate)
    authority.revoke(issued.record.serial, at=NOW)
    fresh, notes = with_files(bundle, {"/ca.crl": crl(authority)})
    assert notes == ()
    assert blocked(fresh, issued.certificate)
    back, notes = with_files(fresh, {"/ca.crl": before})
    assert back == fresh
    assert len(notes) == 1
    assert "older than number 2" in notes[0]


def test_a_missing_file_leaves_what_is_embedded(bundle):
    assert with_files(bundle, {}) == (bundle, ())


def test_what_is_no_list_is_an_error_with_its_file(bundle):
    with pytest.raises(BundleError, match=r"/ca\.crl: .*neither a PEM nor a DER"):
        with_files(bundle, {"/ca.crl": b"garbage"})


def test_a_list_of_the_same_name_by_another_key_is_not_taken_for_the_authoritys(authority, bundle, tmp_path):
    impostor = Authority.init(tmp_path / "impostor", cn="A", at=NOW)
    for _ in range(3):
        impostor.write_crl(NOW + timedelta(days=1))
    issued = authority.issue(cn="x", at=NOW)
    authority.revoke(issued.record.serial, at=NOW)
    revoked, _ = with_files(bundle, {"/ca.crl": crl(authority)})
    mixed, notes = with_files(revoked, {"/ca.crl": crl(impostor)})
    assert mixed == revoked
    assert "is not signed by that authority's key" in notes[0]
    assert blocked(mixed, issued.certificate)
    result = merged(bundle, "/ca.crl", crl(authority), crl(impostor) + crl(authority))
    assert result.lists == crl(authority)
    assert "is not signed by that authority's key" in result.refused[0]


def test_lists_at_the_top_hold_for_every_host_and_are_renewed_too(authority, bundle):
    issued = authority.issue(cn="x", at=NOW)
    host = msgspec.structs.replace(bundle.hosts[0], crls=(), crl_files=())
    top = msgspec.structs.replace(bundle, hosts=(host,), crls=bundle.hosts[0].crls, crl_files=("/ca.crl",))
    authority.revoke(issued.record.serial, at=NOW)
    fresh, _ = with_files(top, {"/ca.crl": crl(authority)})
    assert blocked(fresh, issued.certificate)
    assert not blocked(top, issued.certificate)


# --- lists that can't be checked, lists that can't be used -------------------------------------------------------


def authority_of(name, above=None, uses=None):
    """An authority's certificate and key, self-signed or issued by one above it."""
    key = issue.generate_key()
    subject = issue.common_name(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.certificate.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - issue.DAY)
        .not_valid_after(NOW + 300 * issue.DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if uses is not None:
        builder = builder.add_extension(issue._key_usage(*uses), critical=True)
    return issue.Issuer(builder.sign(above.key if above else key, hashes.SHA256()), key)


def listed(signer, number, serials=(), *, extra=(), begin=NOW - issue.DAY):
    """PEM of a list in the name of an authority, by its key."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(begin)
        .next_update(begin + 30 * issue.DAY)
        .add_extension(issue.authority_key_identifier(signer.certificate), critical=False)
    )
    for extension in (*([] if number is None else [x509.CRLNumber(number)]), *extra):
        builder = builder.add_extension(extension, critical=False)
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - issue.DAY)
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def pem(signer):
    return signer.certificate.public_bytes(Encoding.PEM).decode()


class Sent:
    """Two anchors; an intermediate that only clients send; its client `leaf`, which its list number 7 revokes."""

    def __init__(self, policy):
        self.root, self.other = authority_of("R"), authority_of("B")
        self.between = authority_of("A", self.root)
        self.leaf = issue.end_entity(
            self.between, issue.common_name("leaf"), issue.generate_key().public_key(),
            not_before=NOW - issue.DAY, not_after=NOW + issue.DAY,
        )  # fmt: skip
        self.list = listed(self.between, 7, [self.leaf.serial_number])
        self.files = {"/r.crl": listed(self.root, 1), "/a.crl": self.list, "/b.crl": listed(self.other, 1)}
        host = BundleHost(
            name="a.example", mtls=True, anchors=(pem(self.root), pem(self.other)), crl_policy=policy,
            crls=tuple(data.decode() for data in self.files.values()), crl_files=tuple(self.files),
        )  # fmt: skip
        self.bundle = Bundle(hosts=(host,), rules=(BundleRule(ref="r", expression=RULE, action="block"),))

    def forged(self, number=2**100):
        """In A's name with A's key identifier, by another key."""
        return listed(issue.Issuer(self.between.certificate, issue.generate_key()), number)

    def revoked(self, bundle):
        """Whether the policy finds the leaf revoked, not just unverified."""
        chain = [self.leaf, self.between.certificate]
        return Policy.from_bundle(bundle).decide(HttpRequest(host="a.example"), chain, at=NOW).verification.revoked


@pytest.mark.parametrize("policy", ["soft", "require"])
@pytest.mark.parametrize("file", ["/a.crl", "/b.crl", "/r.crl"])
def test_a_list_that_no_known_key_signed_displaces_none(policy, file):
    sent = Sent(policy)
    assert sent.revoked(sent.bundle)
    result = merged(sent.bundle, file, sent.files[file], sent.files[file] + sent.forged())
    fresh, _ = with_files(sent.bundle, sent.files | {file: result.lists})
    assert sent.revoked(fresh)
    alone = merged(sent.bundle, file, result.lists, sent.forged())  # and it stays so when it stands there alone
    assert sent.revoked(with_files(sent.bundle, {file: alone.lists})[0])
    # A later list by A's own key is taken all the same, whatever number the forged one has.
    other = issue.end_entity(
        sent.between, issue.common_name("other"), issue.generate_key().public_key(),
        not_before=NOW - issue.DAY, not_after=NOW + issue.DAY,
    )  # fmt: skip
    sent.leaf = other
    later = merged(sent.bundle, file, alone.lists, listed(sent.between, 8, [other.serial_number]))
    assert sent.revoked(with_files(sent.bundle, {file: later.lists})[0])


def test_lists_that_cannot_be_checked_are_bounded_and_never_displaced():
    sent = Sent("soft")
    bare = msgspec.structs.replace(sent.bundle.hosts[0], crls=())
    bundle = msgspec.structs.replace(sent.bundle, hosts=(bare,))
    data = b"".join(sent.forged(100 + number) for number in range(3 * MOST_UNCHECKED))
    result = merged(bundle, "/a.crl", sent.list, data)
    assert result.lists.count(b"BEGIN") == MOST_UNCHECKED
    assert "can't be checked already" in result.refused[-1]
    assert sent.revoked(with_files(bundle, {"/a.crl": result.lists})[0])


def test_a_new_export_ends_the_keeping_of_lists_that_could_not_be_checked():
    sent = Sent("soft")
    first = merged(sent.bundle, "/a.crl", None, listed(sent.between, 8))
    newest = listed(sent.between, 9)
    host = msgspec.structs.replace(sent.bundle.hosts[0], crls=(newest.decode(),))
    again = merged(msgspec.structs.replace(sent.bundle, hosts=(host,)), "/a.crl", first.lists, newest)
    assert again.lists == newest


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"extra": [x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.20"), b"\xff")]}, id="number"),
        pytest.param({"extra": [x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), b"\xff")]}, id="scope"),
        pytest.param({}, id="no number"),
        pytest.param({"extra": [x509.CRLNumber(2**15000)]}, id="endless number"),
    ],
)
def test_a_list_that_cannot_be_used_is_named_and_stops_no_other(broken):
    sent = Sent("soft")
    number = 9 if broken.get("extra", [None])[0] and broken["extra"][0].oid.dotted_string == "2.5.29.28" else None
    bad = listed(sent.other, number, **broken)
    good = listed(sent.root, 5)
    result = merged(sent.bundle, "/r.crl", sent.files["/r.crl"], bad + good)
    assert result.lists == good
    assert len(result.refused) == 1
    assert result.refused[0].startswith("/r.crl: this CRL can never be used")
    assert with_files(sent.bundle, {"/r.crl": bad})[0] == sent.bundle


def test_equal_numbers_are_told_apart_by_their_time():
    sent = Sent("soft")
    later = listed(sent.other, 1, [5], begin=NOW - issue.DAY / 2)
    assert merged(sent.bundle, "/b.crl", sent.files["/b.crl"], later).lists == later
    assert merged(sent.bundle, "/b.crl", later, sent.files["/b.crl"]).lists == later


def test_lists_whose_number_and_time_contradict_each_other_are_both_in_force_until_a_later_one_comes():
    sent = Sent("soft")
    known, higher = sent.files["/b.crl"], listed(sent.other, 9, [5], begin=NOW - 2 * issue.DAY)
    for first, second in [(known, higher), (higher, known)]:
        result = merged(sent.bundle, "/b.crl", first, second)
        assert sorted(crl_ders(result.lists)) == sorted(crl_ders(known + higher)) and result.notes == ()
        assert merged(sent.bundle, "/b.crl", result.lists, second).lists == result.lists
        fresh, notes = with_files(sent.bundle, {"/b.crl": result.lists})
        embedded = {der for text in fresh.hosts[0].crls for der in crl_ders(text.encode())}
        assert {*crl_ders(known), *crl_ders(higher)} <= embedded and notes == ()
    later = listed(sent.other, 10, begin=NOW - issue.DAY / 2)
    assert merged(sent.bundle, "/b.crl", result.lists, later).lists == later
    back = merged(sent.bundle, "/b.crl", later, higher)
    assert back.lists == later and "older than number 10" in back.notes[0]


def test_the_same_list_signed_twice_is_one_list():
    sent = Sent("soft")
    first, second = (listed(sent.other, 9, [5]) for _ in range(2))
    assert first != second  # an ECDSA signature is another each time
    assert merged(sent.bundle, "/b.crl", first, second).lists == first


def test_lists_by_two_keys_of_one_authority_are_both_in_force():
    sent = Sent("soft")
    renewed = authority_of("B", sent.root)
    host = msgspec.structs.replace(sent.bundle.hosts[0], intermediates=(pem(renewed),))
    bundle = msgspec.structs.replace(sent.bundle, hosts=(host,))
    both = merged(bundle, "/b.crl", sent.files["/b.crl"], listed(renewed, 9))
    assert both.lists.count(b"BEGIN") == 2


def test_list_by_a_key_that_may_not_sign_lists_is_refused_and_the_policy_stands():
    sent = Sent("soft")
    mute = authority_of("M", uses=("key_cert_sign",))
    host = msgspec.structs.replace(sent.bundle.hosts[0], anchors=(*sent.bundle.hosts[0].anchors, pem(mute)))
    bundle = msgspec.structs.replace(sent.bundle, hosts=(host,))
    result = merged(bundle, "/b.crl", sent.files["/b.crl"], listed(mute, 1) + listed(sent.other, 2))
    assert result.lists.count(b"BEGIN") == 1
    assert "cRLSign" in result.refused[0]
    fresh, notes = with_files(bundle, {"/b.crl": listed(mute, 1)})
    assert "cRLSign" in notes[0] and set(fresh.hosts[0].crls) == set(host.crls)
    assert sent.revoked(with_files(bundle, {"/b.crl": result.lists})[0])


def test_list_that_one_host_takes_and_another_refuses_reaches_the_one_alone():
    """Two authorities of one name, each trusted by one host, and one list file for both."""
    sent = Sent("soft")
    namesake = authority_of("B")
    first = msgspec.structs.replace(sent.bundle.hosts[0], crls=(), crl_files=("/b.crl",))
    second = msgspec.structs.replace(first, name="b.example", anchors=(pem(namesake),))
    bundle = msgspec.structs.replace(sent.bundle, hosts=(first, second))
    both = listed(sent.other, 3) + listed(namesake, 4)
    result = merged(bundle, "/b.crl", None, both)
    assert result.lists.count(b"BEGIN") == 2 and not result.refused
    fresh, notes = with_files(bundle, {"/b.crl": result.lists})
    assert [len(host.crls) for host in fresh.hosts] == [1, 1] and len(notes) == 2
    Policy.from_bundle(fresh)
