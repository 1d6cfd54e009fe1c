"""The local authority: what it signs is what others accept, nothing is overwritten, keys stay private."""

import concurrent.futures
import multiprocessing
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from OpenSSL import crypto

from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority, AuthorityError, bundle_pkcs12, key_pem, load_key
from mtls_tui.pki.inventory import Inventory, InventoryError
from mtls_tui.pki.issue import IssueError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path):
    return Authority.init(tmp_path / "ca", cn="Acme devices", at=NOW)


def openssl_accepts(authority, certificate, at=NOW):
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(authority.certificate))
    store.add_crl(x509.load_pem_x509_crl((authority.folder / "ca.crl").read_bytes()))
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
    store.set_time(at.replace(tzinfo=None))
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(certificate)).verify_certificate()
    except crypto.X509StoreContextError as error:
        return error.errors[0]
    return True


@pytest.mark.parametrize("kind", issue.KEY_KINDS)
def test_every_kind_of_authority_issues_certificates_that_openssl_accepts(tmp_path, kind):
    authority = Authority.init(tmp_path / "ca", cn="A", at=NOW, key_kind=kind)
    issued = authority.issue(cn="device", at=NOW)
    assert openssl_accepts(authority, issued.certificate) is True


def test_client_profile_is_for_clients_only(authority):
    certificate = authority.issue(cn="device", at=NOW, sans=["dns:d.example", "a@b.example", "192.0.2.1"]).certificate
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [usage.dotted_string for usage in usages] == ["1.3.6.1.5.5.7.3.2"]
    assert len(extensions.get_extension_for_class(x509.SubjectAlternativeName).value) == 3
    assert certificate.serial_number > 0


def test_revoked_certificate_is_refused_and_a_restored_one_accepted_again(authority):
    issued = authority.issue(cn="device", at=NOW)
    serial = issued.record.serial
    authority.revoke(serial, reason="certificateHold", at=NOW)
    assert openssl_accepts(authority, issued.certificate) == 23
    authority.restore(serial, at=NOW)
    assert openssl_accepts(authority, issued.certificate) is True
    authority.revoke(serial, reason="keyCompromise", at=NOW)
    assert openssl_accepts(authority, issued.certificate) == 23
    with pytest.raises(InventoryError, match="for good"):
        authority.restore(serial, at=NOW)
    with pytest.raises(InventoryError, match="revoked already"):
        authority.revoke(serial, at=NOW)


def test_of_many_who_revoke_at_once_one_wins_and_the_first_reason_and_date_stay(authority):
    """Every thread opens the database for itself, as processes do; while it is locked, all of them look and wait."""
    reasons = ("keyCompromise", "superseded", "cessationOfOperation", "privilegeWithdrawn")
    for _ in range(3):
        serial = authority.issue(cn="device", at=NOW).record.serial

        def revoke(number, serial=serial):
            try:
                return Inventory(authority.inventory.path).revoke(serial, reasons[number], NOW + timedelta(days=number))
            except InventoryError as error:
                return str(error)

        with concurrent.futures.ThreadPoolExecutor(len(reasons)) as pool:
            with authority.inventory.next_crl():
                running = [pool.submit(revoke, number) for number in range(len(reasons))]
                concurrent.futures.wait(running, timeout=0.5)  # time for a look, if one is taken before the lock
            results = [each.result() for each in running]
        (winner,) = [result for result in results if not isinstance(result, str)]
        assert all(f"revoked already ({winner.reason})" in one for one in results if isinstance(one, str))
        found = authority.inventory.find(serial)
        assert found == winner
        assert found.revoked_at == NOW + timedelta(days=reasons.index(found.reason))


def test_a_hold_can_become_final_and_keeps_its_first_date(authority):
    serial = authority.issue(cn="device", at=NOW).record.serial
    authority.revoke(serial, reason="certificateHold", at=NOW)
    record = authority.revoke(serial, reason="keyCompromise", at=NOW + timedelta(days=1))
    assert (record.reason, record.revoked_at) == ("keyCompromise", NOW)


def test_serials_are_found_in_every_usual_spelling(authority):
    serial = authority.issue(cn="device", at=NOW).record.serial
    spelled = ":".join(serial[i : i + 2] for i in range(0, len(serial), 2)).lower()
    assert authority.inventory.find("0x00" + serial).serial == authority.inventory.find(spelled).serial == serial


def test_crl_numbers_grow_and_a_failed_write_uses_none(authority, tmp_path):
    def number():
        crl = x509.load_pem_x509_crl((authority.folder / "ca.crl").read_bytes())
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    first = number()
    with pytest.raises(AuthorityError, match="can't be written"):
        authority.write_crl(NOW, path=tmp_path / "absent" / "ca.crl")
    authority.write_crl(NOW)
    assert number() == first + 1


def test_revocation_that_cannot_be_published_says_so(authority):
    serial = authority.issue(cn="device", at=NOW).record.serial
    (authority.folder / "ca.crl").unlink()
    (authority.folder / "ca.crl").mkdir()
    with pytest.raises(AuthorityError, match=r"revoked in the inventory, but nobody sees it yet.*certs crl"):
        authority.revoke(serial, at=NOW)


def test_key_file_is_private_and_encrypted_with_a_passphrase(tmp_path):
    authority = Authority.init(tmp_path / "ca", cn="A", at=NOW, passphrase=b"secret")
    path = authority.folder / "ca.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    with pytest.raises(AuthorityError, match="encrypted: give its passphrase"):
        Authority(authority.folder).issue(cn="x", at=NOW)
    with pytest.raises(AuthorityError, match="wrong passphrase"):
        Authority(authority.folder, passphrase=b"guess").issue(cn="x", at=NOW)


def test_a_wrong_passphrase_changes_nothing(tmp_path):
    authority = Authority.init(tmp_path / "ca", cn="A", at=NOW, passphrase=b"secret")
    serial = authority.issue(cn="x", at=NOW).record.serial
    with pytest.raises(AuthorityError):
        Authority(authority.folder, passphrase=b"guess").revoke(serial, at=NOW)
    assert authority.inventory.find(serial).revoked_at is None


def test_init_overwrites_nothing(authority):
    before = (authority.folder / "ca.key").read_bytes()
    with pytest.raises(AuthorityError, match="exists already"):
        Authority.init(authority.folder, cn="B", at=NOW)
    assert (authority.folder / "ca.key").read_bytes() == before


def test_a_foreign_key_beside_the_certificate_is_refused(authority):
    (authority.folder / "ca.key").write_bytes(key_pem(issue.generate_key()))
    with pytest.raises(AuthorityError, match=r"not the key of ca\.pem"):
        Authority(authority.folder).issue(cn="x", at=NOW)


def request(key, cn="csr-device", sans=()):
    builder = x509.CertificateSigningRequestBuilder().subject_name(issue.common_name(cn))
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(s) for s in sans]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_request_keeps_its_key_subject_and_names_only(authority):
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue(cn=None, csr=request(key, sans=["d.example"]), at=NOW)
    assert issued.key is None
    assert issued.certificate.public_key() == key.public_key()
    assert issued.record.subject == "CN=csr-device"
    names = issued.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["d.example"]
    assert openssl_accepts(authority, issued.certificate) is True


def test_weak_damaged_and_meaningless_requests_are_refused(authority):
    with pytest.raises(IssueError, match="1024 bits"):
        authority.issue(cn=None, csr=request(rsa.generate_private_key(65537, 1024)), at=NOW)
    with pytest.raises(IssueError, match="curve secp256k1"):
        authority.issue(cn=None, csr=request(ec.generate_private_key(ec.SECP256K1())), at=NOW)
    with pytest.raises(IssueError, match="not a certificate signing request"):
        authority.issue(cn=None, csr=b"nonsense", at=NOW)
    der = bytearray(
        x509.load_pem_x509_csr(request(ec.generate_private_key(ec.SECP256R1()))).public_bytes(
            serialization.Encoding.DER
        )
    )
    der[-1] ^= 1
    with pytest.raises(IssueError, match=r"changed or damaged|not a certificate signing request"):
        authority.issue(cn=None, csr=bytes(der), at=NOW)
    assert authority.inventory.all() == []


def test_validity_past_the_authority_is_refused_with_the_days_left(tmp_path):
    authority = Authority.init(tmp_path / "ca", cn="A", at=NOW, days=10)
    with pytest.raises(IssueError, match="ends in 10 days"):
        authority.issue(cn="x", at=NOW, days=11)


def test_pkcs12_holds_key_and_chain(authority):
    issued = authority.issue(cn="phone", at=NOW)
    data = bundle_pkcs12(issued, authority.certificate, b"pass")
    key, certificate, more = pkcs12.load_key_and_certificates(data, b"pass")
    assert key.public_key() == certificate.public_key()
    assert more == [authority.certificate]
    with pytest.raises(IssueError, match="passphrase"):
        bundle_pkcs12(issued, authority.certificate, b"")


def test_only_authorities_are_imported(authority, tmp_path):
    other = Authority.init(tmp_path / "other", cn="Other", at=NOW)
    pem = other.certificate.public_bytes(serialization.Encoding.PEM)
    path = authority.import_foreign(pem, "other")
    assert x509.load_pem_x509_certificate(path.read_bytes()) == other.certificate
    leaf = other.issue(cn="x", at=NOW).certificate_pem()
    with pytest.raises(AuthorityError, match="CA:TRUE"):
        authority.import_foreign(leaf, "leaf")
    for name in ("../evil", ".hidden", ""):
        with pytest.raises(AuthorityError, match="plain file name"):
            authority.import_foreign(pem, name)


def test_errors_never_hold_key_material(tmp_path):
    path = tmp_path / "k.key"
    path.write_bytes(key_pem(issue.generate_key())[:60])
    with pytest.raises(AuthorityError) as caught:
        load_key(path)
    assert path.read_text().splitlines()[1] not in str(caught.value)


def _issue_some(folder: str, worker: int) -> int:
    authority = Authority(Path(folder))
    for i in range(5):
        record = authority.issue(cn=f"w{worker}-{i}", at=NOW).record
        authority.revoke(record.serial, at=NOW)
    return 5


def test_two_processes_lose_nothing(authority):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        assert sum(pool.map(_issue_some, [str(authority.folder)] * 2, range(2))) == 10
    assert len(authority.inventory.all()) == 10
    crl = x509.load_pem_x509_crl((authority.folder / "ca.crl").read_bytes())
    assert len(crl) == 10


def test_what_is_no_inventory_is_named(tmp_path):
    path = tmp_path / "inventory.db"
    path.write_bytes(b"not a database, but long enough to be read as one" * 20)
    with pytest.raises(InventoryError, match=str(path)):
        Inventory(path).all()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE certificates SET not_after = NULL",
        "UPDATE certificates SET not_before = 'x'",
        "UPDATE certificates SET issued_at = 1e300",
        "UPDATE certificates SET subject = CAST(x'ff' AS TEXT)",
        "ALTER TABLE certificates RENAME COLUMN reason TO raeson",
    ],
)
def test_a_damaged_row_of_the_inventory_is_an_error_that_says_so(authority, damage):
    authority.issue(cn="device", at=NOW)
    path = authority.inventory.path
    columns = "serial, subject, not_before, not_after, fingerprint, pem, issued_at, revoked_at, reason"
    with sqlite3.connect(path) as connection:  # a table that takes anything, as damaged pages may hold it
        connection.execute("ALTER TABLE certificates RENAME TO old")
        connection.execute(f"CREATE TABLE certificates ({columns})")
        connection.execute("INSERT INTO certificates SELECT * FROM old")
        connection.execute(damage)
    with pytest.raises(InventoryError):
        Inventory(path).all()


def test_an_inventory_that_lost_its_crl_number_writes_no_list(authority):
    with sqlite3.connect(authority.inventory.path) as connection:
        connection.execute("DELETE FROM counters")
    with pytest.raises(InventoryError, match="number of the last CRL"), authority.inventory.next_crl():
        pass


def test_status_follows_time_and_revocation(authority):
    record = authority.issue(cn="x", at=NOW, days=10).record
    assert record.status(NOW) == "valid"
    assert record.status(NOW + timedelta(days=11)) == "expired"
    assert record.status(NOW - timedelta(days=1)) == "not yet valid"
    revoked = authority.revoke(record.serial, at=NOW)
    assert revoked.status(NOW + timedelta(days=11)) == "revoked"
