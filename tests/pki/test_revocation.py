"""CRLs: what is refused at loading and with which cure, what is judged at decision time, and by which policy."""

import random
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import pki
from tests.pki import mint, surgery
from tests.pki.judge import check, number
from tests.pki.mint import AT, DAY

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


@pytest.fixture(scope="module")
def leaf(top):
    return mint.client("c", top)


def point(**options):
    """An issuing distribution point extension."""
    settings = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False, **options,
    }  # fmt: skip
    return (x509.IssuingDistributionPoint(**settings), True)


def state(found):
    return found.verified, found.revoked, number(found)


# --- revoked or not ------------------------------------------------------------------------------------------------


def test_revoked_is_verified_and_revoked_with_date_reason_and_authority(top, leaf):
    reason = (x509.CRLReason(x509.ReasonFlags.key_compromise), False)
    crl = mint.crl(top, [leaf.certificate.serial_number], entry=[reason])
    found = check(leaf, pki.TrustStore([top.certificate], crls=[crl]))
    assert state(found) == (True, True, 23)
    assert found.error.message == "it was revoked on 2026-05-30 12:00 UTC, reason keyCompromise, by CN=Root"


def test_hold_counts_as_revoked(top, leaf):
    hold = (x509.CRLReason(x509.ReasonFlags.certificate_hold), False)
    crl = mint.crl(top, [leaf.certificate.serial_number], entry=[hold])
    assert check(leaf, pki.TrustStore([top.certificate], crls=[crl])).revoked


def test_not_verified_is_never_revoked(top):
    late = mint.client("late", top, end=AT - DAY)
    crl = mint.crl(top, [late.certificate.serial_number])
    assert state(check(late, pki.TrustStore([top.certificate], crls=[crl]))) == (False, False, 10)


def test_a_serial_on_another_authoritys_list_means_nothing(top, leaf):
    other = mint.root("Other")
    crls = [mint.crl(top), mint.crl(other, [leaf.certificate.serial_number])]
    store = pki.TrustStore([top.certificate, other.certificate], crls=crls)
    assert state(check(leaf, store)) == (True, False, None)


def test_a_list_of_a_namesake_with_another_key_means_nothing(top, leaf):
    """Two anchors of one name: neither speaks for the other's certificates."""
    twin = mint.root("Root", own=mint.key("twin"))
    both = [top.certificate, twin.certificate]
    only_twin = pki.TrustStore(both, crls=[mint.crl(twin, [leaf.certificate.serial_number])])
    assert state(check(leaf, only_twin)) == (False, False, 8)
    soft = pki.TrustStore(both, crls=[mint.crl(twin, [leaf.certificate.serial_number])], crl_policy="soft")
    assert state(check(leaf, soft)) == (True, False, None)


def test_of_several_lists_the_newest_counts(top, leaf):
    """A hold was lifted: the older list still names the serial."""
    old = mint.crl(top, [leaf.certificate.serial_number], number=1, begin=AT - 5 * DAY)
    new = mint.crl(top, number=2, begin=AT - 4 * DAY)
    for order in ([old, new], [new, old]):
        assert state(check(leaf, pki.TrustStore([top.certificate], crls=order))) == (True, False, None)


def test_a_later_list_that_is_stale_still_revokes(top, leaf):
    """An emergency list with a short life, after a long-lived one that knows nothing of it."""
    long = mint.crl(top, number=1, begin=AT - 9 * DAY)
    short = mint.crl(top, [leaf.certificate.serial_number], number=2, begin=AT - 3 * DAY, end=AT - DAY)
    assert check(leaf, pki.TrustStore([top.certificate], crls=[long, short])).revoked


@pytest.mark.parametrize("size", [1, 126, 127, 128])
def test_every_entry_is_found_however_long_it_is(top, size):
    """Entries below and above the lengths whose DER takes another octet, with both kinds of dates."""
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x04" + bytes((size,)) + b"x" * size)
    serials = [1, 127, 128, 2**64, 2**159 - 1]
    crl = mint.crl(top, serials, entry=[(padding, False)])
    store = pki.TrustStore([top.certificate], crls=[crl])
    for serial in serials:
        assert check(mint.client("c", top, serial=serial), store).revoked
    assert not check(mint.client("c", top, serial=2), store).revoked


# --- policy and time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end", "require", "soft"),
    [
        (AT - DAY, AT + DAY, None, None),
        (AT, AT, None, None),
        (AT - 9 * DAY, AT - DAY, 12, None),
        (AT + DAY, AT + 9 * DAY, 11, None),
    ],
    ids=["current", "to the second", "stale", "early"],
)
def test_time_is_judged_by_the_policy(top, leaf, begin, end, require, soft):
    crl = mint.crl(top, begin=begin, end=end if end > begin else begin + timedelta(seconds=1))
    for policy, expected in (("require", require), (None, require), ("soft", soft)):
        found = check(leaf, pki.TrustStore([top.certificate], crls=[crl], crl_policy=policy))
        assert state(found) == (expected is None, False, expected)


def test_without_any_list_nothing_is_asked_unless_required(top, leaf):
    assert check(leaf, pki.TrustStore([top.certificate])).verified
    assert check(leaf, pki.TrustStore([top.certificate], crl_policy="soft")).verified
    found = check(leaf, pki.TrustStore([top.certificate], crl_policy="require"))
    assert state(found) == (False, False, 3)
    assert "crl_policy `require`" in found.error.message


def test_soft_still_believes_a_list_that_names_the_certificate_when_its_time_is_wrong(top, leaf):
    for begin, end in ((AT - 9 * DAY, AT - DAY), (AT + timedelta(hours=1), AT + DAY)):
        crl = mint.crl(top, [leaf.certificate.serial_number], begin=begin, end=end)
        assert check(leaf, pki.TrustStore([top.certificate], crls=[crl], crl_policy="soft")).revoked


@pytest.mark.parametrize("scope", ["chain", "leaf"])
def test_the_whole_chain_is_asked_or_the_leaf_alone(top, scope):
    middle = mint.authority("Middle", top)
    client = mint.client("c", middle)
    revoking = [mint.crl(top, [middle.certificate.serial_number]), mint.crl(middle)]
    store = pki.TrustStore([top.certificate], [middle.certificate], revoking, revocation=scope)
    assert state(check(client, store)) == ((True, True, 23) if scope == "chain" else (True, False, None))
    partly = pki.TrustStore([top.certificate], [middle.certificate], [mint.crl(middle)], revocation=scope)
    assert number(check(client, partly)) == (3 if scope == "chain" else None)
    if scope == "chain":
        assert check(client, store).error.message.startswith("its authority CN=Middle was revoked")


def test_an_anchors_own_revocation_is_not_asked(top):
    middle = mint.authority("Middle", top)
    crls = [mint.crl(top, [middle.certificate.serial_number]), mint.crl(middle)]
    store = pki.TrustStore([middle.certificate], [top.certificate], crls)
    assert state(check(mint.client("c", middle), store)) == (True, False, None)


def test_a_list_waits_for_an_authority_that_only_the_client_sends(top):
    middle = mint.authority("Middle", top)
    client = mint.client("c", middle)
    crls = [mint.crl(top), mint.crl(middle, [client.certificate.serial_number])]
    store = pki.TrustStore([top.certificate], crls=crls)
    assert check([client, middle], store).revoked
    forged = [mint.crl(top), mint.crl(middle, signer=mint.key("forger"))]
    assert number(check([client, middle], pki.TrustStore([top.certificate], crls=forged))) == 8


def test_a_path_whose_authority_is_not_revoked_wins(top):
    """One key, two certificates for it, one of them revoked."""
    first = mint.authority("Middle", top, own=mint.key("shared"))
    second = mint.authority("Middle", top, own=mint.key("shared"))
    client = mint.client("c", first)
    crls = [mint.crl(top, [first.certificate.serial_number]), mint.crl(first)]
    store = pki.TrustStore([top.certificate], crls=crls)
    assert check([client, first], store).revoked
    for order in ([client, first, second], [client, second, first]):
        assert state(check(order, store)) == (True, False, None)


def test_lists_for_users_or_authorities_cover_their_half(top):
    middle = mint.authority("Middle", top)
    client = mint.client("c", middle)
    direct = mint.client("d", top)
    users, authorities = point(only_contains_user_certs=True), point(only_contains_ca_certs=True)
    halves = [
        mint.crl(top, [direct.certificate.serial_number], number=2, extensions=[users]),
        mint.crl(top, number=3, extensions=[authorities]),
        mint.crl(middle),
    ]
    store = pki.TrustStore([top.certificate], [middle.certificate], halves)
    assert state(check(client, store)) == (True, False, None)
    assert state(check(direct, store)) == (True, True, 23)
    alone = pki.TrustStore([top.certificate], [middle.certificate], [halves[0], halves[2]])
    assert number(check(client, alone)) == 44


def test_a_key_of_its_own_may_sign_the_list_if_the_same_authority_has_it(top):
    other = mint.make("Root", top, own=mint.key("crl key"), ca=False, key_usage=mint.usage("crl_sign"))
    crl = mint.crl(top, signer=other.key)
    client = mint.client("c", top)
    assert state(check(client, pki.TrustStore([top.certificate], [other.certificate], [crl]))) == (True, False, None)
    revoking = mint.crl(top, [client.certificate.serial_number], signer=other.key)
    assert check(client, pki.TrustStore([top.certificate], [other.certificate], [revoking])).revoked


def test_another_authority_of_the_same_name_does_not_speak_for_its_namesake(top):
    """Two intermediates of one name below one anchor: a list of one says nothing of the other's certificates."""
    one, two = (mint.authority("Twin", top, own=mint.key(f"twin {i}")) for i in (1, 2))
    client = mint.client("c", one)
    pair = [one.certificate, two.certificate]
    for serials in ([], [client.certificate.serial_number]):
        crls = [mint.crl(top), mint.crl(two, serials)]
        assert number(check(client, pki.TrustStore([top.certificate], pair, crls))) == 8
        soft = pki.TrustStore([top.certificate], pair, crls, crl_policy="soft")
        assert state(check(client, soft)) == (True, False, None)


def test_a_new_key_that_the_authority_certified_itself_signs_lists_for_the_old_one(top):
    """Key rollover: self-issued, new with old."""
    renewed = mint.authority(top.certificate.subject, top, own=mint.key("renewed"))
    client = mint.client("c", top)
    crl = mint.crl(renewed, [client.certificate.serial_number])
    assert check(client, pki.TrustStore([top.certificate], [renewed.certificate], [crl])).revoked


@pytest.mark.parametrize(
    "options",
    [
        {"key_usage": mint.usage("digital_signature")},
        {"end": AT - DAY},
        {"signer": mint.key("forger")},
        {"own": mint.rsa_key(1024)},
    ],
    ids=["no cRLSign", "expired", "forged", "weak key"],
)
def test_another_key_without_the_authoritys_word_signs_nothing(top, options):
    settings = {"ca": False, "key_usage": mint.usage("crl_sign"), **options}
    other = mint.make("Root", top, **{"own": mint.key("crl key"), **settings})
    try:
        store = pki.TrustStore([top.certificate], [other.certificate], [mint.crl(top, signer=other.key)])
    except pki.StoreError as error:
        assert "cRLSign" in str(error)
    else:
        assert number(check(mint.client("c", top), store)) == 8


# --- refused at loading --------------------------------------------------------------------------------------------


def extensions(*items):
    return {"extensions": list(items)}


REASON = x509.CRLReason(x509.ReasonFlags.remove_from_crl)
ISSUER = x509.CertificateIssuer([x509.DirectoryName(mint.name("Somebody"))])
URI = [x509.UniformResourceIdentifier("http://example.com/1.crl")]


@pytest.mark.parametrize("policy", ["require", "soft"])
@pytest.mark.parametrize(
    ("options", "why", "cure"),
    [
        ({"signer": mint.key("forger")}, "signature is not by the key", "CRL of the very authority"),
        ({"number": None}, "no CRL number", "crlnumber"),
        ({"number_critical": True}, "critical CRL number", "write it again"),
        (extensions((x509.DeltaCRLIndicator(1), True)), "delta", "complete list"),
        (extensions(point(indirect_crl=True)), "indirect", "complete list"),
        (extensions(point(full_name=URI)), "distribution points", "complete list"),
        (extensions(point(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}))), "reasons", "complete list"),
        (extensions(point(only_contains_attribute_certs=True)), "attribute", "complete list"),
        (extensions((UNKNOWN, True)), "critical extension 1.3.6.1.4.1.99999.1", "without"),
        ({"entry": [(UNKNOWN, True)]}, "critical extension 1.3.6.1.4.1.99999.1 in the entry of serial 05", "without"),
        ({"entry": [(REASON, False)]}, "removeFromCRL", "complete list"),
        ({"entry": [(ISSUER, True)]}, "indirect", "own list"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_list_that_can_never_be_used_is_refused_with_the_cure(top, options, why, cure, policy):
    crl = mint.crl(top, [5], **options)
    source = pki.Source(crl, "lists/root.crl")
    with pytest.raises(pki.StoreError) as caught:
        pki.TrustStore([top.certificate], crls=[source], crl_policy=policy)
    message = str(caught.value)
    assert message.startswith("lists/root.crl: ")
    assert why in message
    assert cure in message


def test_a_list_number_has_at_most_20_octets(top):
    """RFC 5280 5.2.3."""
    assert pki.TrustStore([top.certificate], crls=[mint.crl(top, number=(1 << 160) - 1)]).crls
    with pytest.raises(pki.StoreError, match="20 octets"):
        pki.TrustStore([top.certificate], crls=[mint.crl(top, number=1 << 160)])


def test_an_authority_without_crlsign_can_not_have_a_list():
    made = mint.root("No lists", key_usage=mint.usage("key_cert_sign"))
    with pytest.raises(pki.StoreError, match=r"CN=No lists may not sign CRLs.*add cRLSign"):
        pki.TrustStore([made.certificate], crls=[mint.crl(made)])


def test_an_authority_without_key_usage_may_sign_its_list():
    made = mint.root("Free", key_usage=None)
    assert check(mint.client("c", made), pki.TrustStore([made.certificate], crls=[mint.crl(made)])).verified


def rewritten(top, change, options=None):
    """A CRL whose content went through `change` and was signed again."""
    tbs = mint.crl(top, [5], **(options or {})).tbs_certlist_bytes
    after = change(surgery.content(tbs))
    assert after != surgery.content(tbs)
    return surgery.signed(surgery.element(0x30, after), top)


def without_next_update(content):
    first = content.index(b"\x17\x0d")
    second = content.index(b"\x17\x0d", first + 15)
    return content[:second] + content[second + 15 :]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without_next_update, "no nextUpdate"),
        (lambda content: content.removeprefix(b"\x02\x01\x01"), "CRL"),
        (lambda content: content.replace(surgery.ECDSA_SHA256, bytes.fromhex("300a06082a8648ce3d040303"), 1), "CRL"),
        (lambda content: content.replace(b"\x02\x01\x05\x17", b"\x02\x01\x05\x16", 1), "can't be read"),
        (lambda content: content + b"\x05\x00", "can't be read"),
    ],
    ids=["no nextUpdate", "version 1", "two algorithms", "no date", "trailing"],
)
def test_a_list_of_wrong_shape_is_refused(top, change, why):
    der = rewritten(top, change)
    with pytest.raises(pki.StoreError, match=why):
        pki.TrustStore([top.certificate], crls=[pki.Source(der, "x.crl")])


def test_sha1_lists_are_refused(openssl):
    made = openssl.signed_with("sha1", root_only=True)
    (openssl.folder / "index.txt").write_text("")
    (openssl.folder / "crlnumber").write_text("01\n")
    (openssl.folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=me\n[me]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_crl_days=20000\ndefault_md=sha1\n"
    )
    pem = openssl.run("ca", "-config", "ca.cnf", "-gencrl", "-cert", "root.pem", "-keyfile", "root.key")
    with pytest.raises(pki.StoreError, match=r"signed with SHA-1.*default_md = sha256"):
        pki.TrustStore([made.root], crls=[pem])


def test_a_hundred_thousand_entries_are_indexed_rightly(top):
    serials = [(i * 0x9E3779B97F4A7C15) & ((1 << 127) - 1) | (1 << 120) for i in range(1, 100_001)]
    date = surgery.element(0x17, b"260101000000Z")
    entries = b"".join(surgery.element(0x30, surgery.element(0x02, s.to_bytes(16, "big")) + date) for s in serials)
    content = surgery.content(mint.crl(top, [5]).tbs_certlist_bytes)
    start = content.index(b"\x02\x01\x05\x17")
    one = surgery.element(0x30, surgery.element(0x30, content[start : start + 18]))
    assert one in content
    der = surgery.signed(surgery.element(0x30, content.replace(one, surgery.element(0x30, entries))), top)
    found = pki.TrustStore([top.certificate], crls=[der]).crls[0]
    assert len(found) == 100_000
    for serial in serials[::1000]:
        assert found.find(serial.to_bytes(16, "big")) == (1767225600, "unspecified")
        assert found.find((serial ^ 1).to_bytes(16, "big")) is None


def test_lists_come_in_pem_or_der_one_or_many(top, leaf):
    other = mint.root("Other")
    pems = b"".join(item.public_bytes(Encoding.PEM) for item in (mint.crl(top), mint.crl(other)))
    assert len(pki.load_crls(pems.replace(b"\n", b"\r\n"))) == 2
    assert len(pki.load_crls(mint.crl(top).public_bytes(Encoding.DER))) == 1
    assert check(leaf, pki.TrustStore([top.certificate], crls=[pems])).verified
    bad = (
        (b"", "empty"),
        (top.pem, "no CRL in here, only CERTIFICATE"),
        (b"junk", "neither"),
        (b"\x30\x00", "read"),
    )
    for wrong, why in bad:
        with pytest.raises(pki.LoadError, match=why):
            pki.load_crls(wrong)
        with pytest.raises(pki.StoreError, match=r"^CRL 1: "):
            pki.TrustStore([top.certificate], crls=[wrong])


def test_the_index_says_what_the_parser_says_of_changed_lists(top):
    """Bytes changed at random and signed again: a list is refused, or every serial in it is found, and no other."""
    pick = random.Random(7)
    reason = (x509.CRLReason(x509.ReasonFlags.superseded), False)
    content = surgery.content(mint.crl(top, [5, 300, 2**80, 2**159 - 1], entry=[reason]).tbs_certlist_bytes)
    loaded = 0
    for _ in range(1500):
        data = bytearray(content)
        for _ in range(pick.choice((1, 1, 2))):
            data[pick.randrange(40, len(data))] = pick.choice(
                (*range(6), 0x0A, 0x17, 0x18, 0x30, 0x80, pick.randrange(256))
            )
        der = surgery.signed(surgery.element(0x30, bytes(data)), top)
        try:
            found = pki.TrustStore([top.certificate], crls=[der]).crls
        except pki.StoreError:
            continue
        if not found:
            continue
        loaded += 1
        parsed = x509.load_der_x509_crl(der)
        serials = [entry.serial_number for entry in parsed]
        assert len(found[0]) == len(serials)
        for serial in {*serials, 5, 300, 2**80, 2**159 - 1, 6}:
            size = max(1, (serial.bit_length() + 8) // 8) if serial >= 0 else (serial + 1).bit_length() // 8 + 1
            entry = found[0].find(serial.to_bytes(size, "big", signed=True))
            assert (entry is not None) == (serial in serials)
    assert loaded > 200
