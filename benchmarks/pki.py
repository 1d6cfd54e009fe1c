"""What verification costs: fresh and remembered, beside the libraries it is measured against; and a CRL of a million.

Run: python benchmarks/pki.py [--entries N]. Prints CPU time (all is one thread), so that a busy machine matters little;
the bars of the project; ratios to the peers.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store
from OpenSSL import crypto

from mtls_tui import pki
from mtls_tui.pki import issue
from mtls_tui.pki.issue import DAY, Issuer
from mtls_tui.pki.verification import verify_at

AT = datetime(2026, 6, 1, tzinfo=UTC)
NOW = int(AT.timestamp())
BEGIN, END = AT - 100 * DAY, AT + 100 * DAY


def best(task: Callable[[], object], repeat: int = 7, number: int = 200) -> float:
    """Microseconds of one call in the fastest of several rounds."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        for _ in range(number):
            task()
        times.append((time.process_time() - start) / number)
    return min(times) * 1e6


def each(tasks: list[Callable[[], object]], rounds: int = 5) -> float:
    """Microseconds of one call, over calls that all differ, in the fastest of several rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for task in tasks:
            task()
        times.append((time.process_time() - start) / len(tasks))
    return min(times) * 1e6


def line(name: str, value: float, unit: str, bar: float | None = None) -> bool:
    good = bar is None or value <= bar
    note = "" if bar is None else f"   bar {bar:g} {unit}: {'ok' if good else 'MISSED'}"
    print(f"  {name:<58} {value:10.2f} {unit}{note}")
    return good


def chains(count: int) -> tuple[x509.Certificate, x509.Certificate, list[bytes], list[bytes]]:
    """(root, intermediate, leaves of the root, leaves of the intermediate), all ECDSA P-256."""
    root_key, middle_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = issue.self_signed_authority(issue.common_name("Root", "Bench"), root_key, not_before=BEGIN, not_after=END)
    middle = (
        x509.CertificateBuilder()
        .subject_name(issue.common_name("Intermediate", "Bench"))
        .issuer_name(root.subject)
        .public_key(middle_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(middle_key.public_key()), critical=False)
        .add_extension(issue.authority_key_identifier(root), critical=False)
        .sign(root_key, hashes.SHA256())
    )

    def leaves(issuer: Issuer) -> list[bytes]:
        return [
            issue.end_entity(
                issuer, issue.common_name(f"client-{i}", "Bench"), leaf_key.public_key(), not_before=BEGIN,
                not_after=END, alternative_names=[x509.DNSName(f"client-{i}.example.com")],
            ).public_bytes(Encoding.DER)
            for i in range(count)
        ]  # fmt: skip

    return root, middle, leaves(Issuer(root, root_key)), leaves(Issuer(middle, middle_key))


def verification() -> bool:
    print("verification, ECDSA P-256, DER given; fresh: nothing of this client remembered")
    root, middle, direct, below = chains(300)
    middle_der = middle.public_bytes(Encoding.DER)
    store = pki.TrustStore([root])
    fresh = each([lambda leaf=leaf: verify_at((leaf,), store, NOW) for leaf in direct])
    good = line("fresh, 2 certificates (leaf, anchor)", fresh, "µs", 150)
    other = pki.TrustStore([root])
    three = each([lambda leaf=leaf: verify_at((leaf, middle_der), other, NOW) for leaf in below])
    line("fresh leaf below a known intermediate (3 certificates)", three, "µs")

    def nothing_known() -> object:
        return pki.verify((below[0], middle_der), pki.TrustStore([root]), AT)

    line("everything new, store included (3 certificates)", best(nothing_known), "µs")
    verifier = pki.Verifier(store)
    chain = (direct[0],)
    verifier.verify(chain, AT)
    good &= line("remembered, by DER", best(lambda: verifier.verify(chain, AT), number=20_000), "µs", 2)
    stamp = AT.timestamp()
    line("remembered, by DER, time in seconds", best(lambda: verifier.verify(chain, stamp), number=20_000), "µs")
    objects = (x509.load_der_x509_certificate(direct[1]),)
    verifier.verify(objects, AT)
    good &= line(
        "remembered, by certificate object", best(lambda: verifier.verify(objects, AT), number=20_000), "µs", 2
    )
    strangers(store)
    leaf = x509.load_der_x509_certificate(direct[0])
    line("all facts of one certificate", best(lambda: pki.facts(leaf)), "µs")
    peers(root, direct, fresh)
    return good


def strangers(store: pki.TrustStore) -> None:
    """What those who have no certificate of ours can cost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = issue.common_name("Root", "Bench")
    impostors = [
        issue.self_signed_authority(name, ec.generate_private_key(ec.SECP256R1()), not_before=BEGIN, not_after=END)
        for _ in range(100)
    ]
    forged = issue.end_entity(
        Issuer(impostors[0], key), issue.common_name("client"), key.public_key(), not_before=BEGIN, not_after=END
    )
    pile = [item.public_bytes(Encoding.DER) for item in (forged, *impostors)]
    other = issue.self_signed_authority(issue.common_name("Other"), key, not_before=BEGIN, not_after=END)
    foreign = issue.end_entity(
        Issuer(other, key), issue.common_name("client"), key.public_key(), not_before=BEGIN, not_after=END
    ).public_bytes(Encoding.DER)
    line("a stranger: unknown issuer", best(lambda: verify_at((foreign,), store, NOW)), "µs")
    line("a stranger: 100 authorities in our root's name", best(lambda: verify_at(pile, store, NOW), number=20), "µs")


def peers(root: x509.Certificate, leaves: list[bytes], ours: float) -> None:
    verifier = PolicyBuilder().store(Store([root])).time(AT).build_client_verifier()
    cost = each([lambda leaf=leaf: verifier.verify(x509.load_der_x509_certificate(leaf), []) for leaf in leaves])
    line(f"cryptography's verifier (ours takes {ours / cost:.2f} of it)", cost, "µs")
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(root))
    store.set_time(AT)

    def openssl(leaf: bytes) -> None:
        certificate = crypto.load_certificate(crypto.FILETYPE_ASN1, leaf)
        crypto.X509StoreContext(store, certificate).verify_certificate()

    cost = each([lambda leaf=leaf: openssl(leaf) for leaf in leaves])
    line(f"OpenSSL through pyOpenSSL (ours takes {ours / cost:.2f} of it)", cost, "µs")


def element(tag: int, body: bytes) -> bytes:
    """One DER element."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def large_crl(entries: int) -> tuple[x509.Certificate, bytes, list[int]]:
    """(authority, CRL, some of its serials). Written by hand: the library's builder needs minutes for a million."""
    key = ec.generate_private_key(ec.SECP256R1())
    root = issue.self_signed_authority(issue.common_name("Large"), key, not_before=BEGIN, not_after=END)
    small = issue.revocation_list(
        Issuer(root, key), [], number=1, this_update=AT - timedelta(hours=1), next_update=AT + DAY
    )
    serials = [int.from_bytes(b"\x40" + hashlib.sha256(str(i).encode()).digest()[:15], "big") for i in range(entries)]
    reason = bytes.fromhex("300c300a0603551d1504030a0101")
    date = element(0x17, b"260101000000Z")
    body = b"".join(
        element(0x30, element(0x02, serial.to_bytes(16, "big")) + date + (reason if i % 3 == 0 else b""))
        for i, serial in enumerate(serials)
    )
    tbs = small.tbs_certlist_bytes
    extensions = tbs.index(b"\xa0", max(0, len(tbs) - 80))
    head = 2 if tbs[1] < 0x80 else 2 + (tbs[1] & 0x7F)
    tbs = element(0x30, tbs[head:extensions] + element(0x30, body) + tbs[extensions:])
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return root, element(0x30, tbs + algorithm + element(0x03, b"\0" + signature)), serials[:: max(1, entries // 1000)]


def revocation(entries: int) -> bool:
    print(f"a CRL of {entries:,} entries")
    root, der, some = large_crl(entries)
    start = time.process_time()
    store = pki.TrustStore([root], crls=[der])
    good = line(f"load ({len(der) / 1e6:.0f} MB, signature checked)", time.process_time() - start, "s", 3)
    crl = store.crls[0]
    assert len(crl) == entries
    listed = [serial.to_bytes(16, "big") for serial in some]
    absent = [(serial + 1).to_bytes(16, "big") for serial in some]
    assert all(crl.find(serial) for serial in listed)
    assert not any(crl.find(serial) for serial in absent)
    good &= line("look-up of a listed serial", each([lambda s=s: crl.find(s) for s in listed]), "µs", 5)
    good &= line("look-up of one that is not listed", each([lambda s=s: crl.find(s) for s in absent]), "µs", 5)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of the large CRL")
    options = parser.parse_args()
    good = verification()
    good &= revocation(options.entries)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
