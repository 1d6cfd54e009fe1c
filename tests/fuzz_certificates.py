"""Certificate chains with changed DER under true signatures, and CRLs of many kinds: our verdict beside OpenSSL's.

    python tests/fuzz_certificates.py --cases 5000 --seed 1
    python tests/fuzz_certificates.py --seed 1 --case 1234

Each case is made from the seed and its number, so that it can be repeated alone. Ends with exit code 1 when a chain is
accepted here that OpenSSL refuses for no reason named in `EXPLAINED` (each is a row of the table of differences in
docs/compatibility-certificates.md), when something is raised, or when a verdict takes too long.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cryptography import x509

from mtls_tui import pki
from mtls_tui.pki.der import DerError, children
from mtls_tui.pki.verification import verify_at
from tests.pki import mint, peers, surgery
from tests.pki.generate import Generator
from tests.pki.mint import AT, DAY, Made

NOW = int(AT.timestamp())
SLOW = 1.0
"""Seconds of processor time that no verdict may take."""
TAGS = (1, 2, 3, 4, 5, 6, 0x0C, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1E, 0x30, 0x31, 0x80, 0x82, 0xA0, 0xA3, 0x1F, 0x5F)
EXPLAINED = {
    3: "the list of another key of the same authority answers, or an anchor is not asked about",
    8: "as for 3",
    11: "as for 3, or a current list of lower number answers",
    12: "as for 11",
    26: "anyExtendedKeyUsage includes clients",
    30: "a key identifier is a hint",
    31: "as for 30",
    44: "the scope of another list fits",
}
"""OpenSSL's error numbers that alone are no reason to refuse here."""


@dataclass
class Case:
    chain: list[bytes]
    anchor: x509.Certificate
    crls: list[x509.CertificateRevocationList]


def tree_change(pick: random.Random, data: bytes, depth: int = 0) -> bytes:
    """The content of a constructed element with one change somewhere below."""
    try:
        parts = [data[start:stop] for _, start, _, stop in children(data, 0, len(data))]
    except DerError:
        parts = []
    if not parts or depth > 9:
        return bytes_change(pick, data)
    at = pick.randrange(len(parts))
    kind = pick.random()
    if kind < 0.72:
        tag, _, content, stop = next(iter(children(parts[at], 0, len(parts[at]))))
        inside = parts[at][content:stop]
        if tag & 0x20 or (tag == 0x04 and inside[:1] == b"\x30"):
            changed = tree_change(pick, inside, depth + 1)
        else:
            changed = bytes_change(pick, inside)
        parts[at] = surgery.element(pick.choice(TAGS) if pick.random() < 0.1 else tag, changed)
    elif kind < 0.80:
        del parts[at]
    elif kind < 0.88:
        parts.insert(at, parts[at])
    elif kind < 0.94:
        other = pick.randrange(len(parts))
        parts[at], parts[other] = parts[other], parts[at]
    else:
        parts[at] = bytes((pick.choice(TAGS),)) + parts[at][1:]
    return b"".join(parts)


def bytes_change(pick: random.Random, data: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    place = pick.randrange(len(changed))
    kind = pick.random()
    if kind < 0.5:
        changed[place] = pick.choice((0, 1, 0x20, 0x2E, 0x40, 0x7F, 0x80, 0xFF, pick.randrange(256)))
    elif kind < 0.7:
        changed[place:place] = bytes((pick.randrange(256),)) * pick.choice((1, 1, 2, 20))
    elif kind < 0.9:
        del changed[place]
    else:
        return pick.choice((b"", bytes(data) * 2, b"x" * pick.choice((127, 128, 300))))
    return bytes(changed)


def make(seed: int, number: int) -> Case:
    """One case: root, up to two authorities, a client; one or more certificates changed; often with lists."""
    pick = random.Random(f"{seed} {number}")
    words = Generator(pick.randrange(1 << 30))
    made: list[Made] = [mint.root("Root 0", own=mint.key(("fuzz", 0)))]
    below: list[bytes] = []
    for level in range(1, pick.choice((1, 1, 2, 2, 3))):
        issuer, constraints = made[-1], words.constraints() if pick.random() < 0.4 else None
        name = "Root 0" if pick.random() < 0.1 else f"Authority {level}"
        usage = mint.usage("key_cert_sign") if pick.random() < 0.15 else mint.AUTHORITY_USAGE
        own = mint.key(("fuzz", level))
        one = mint.authority(name, issuer, own=own, constraints=constraints, key_usage=usage, serial=level)
        made.append(one)
        below.insert(0, maybe_changed(pick, one, issuer, 0.25))
    leaf = mint.client(
        pick.choice((mint.name("client", ORGANIZATION_NAME="Corp"), mint.name("c", COUNTRY_NAME="DE"))),
        made[-1],
        serial=77,
        sans=words.names() if pick.random() < 0.6 else None,
        key_usage=mint.usage("digital_signature") if pick.random() < 0.5 else None,
    )
    chain = [maybe_changed(pick, leaf, made[-1], 0.7), *below]
    return Case(chain, made[0].certificate, lists(pick, made) if pick.random() < 0.5 else [])


def maybe_changed(pick: random.Random, made: Made, issuer: Made, share: float) -> bytes:
    if pick.random() > share:
        return made.der
    content = surgery.content(made.certificate.tbs_certificate_bytes)
    for _ in range(pick.choice((1, 1, 2))):
        content = tree_change(pick, content)
    return surgery.signed(surgery.element(0x30, content), issuer)


def lists(pick: random.Random, made: list[Made]) -> list[x509.CertificateRevocationList]:
    found = []
    for issuer in made:
        for _ in range(pick.choice((1, 1, 1, 2))):
            begin, end = pick.choice(((-1, 9), (-1, 9), (-1, 9), (-9, -1), (1, 9)))
            serials = [serial for serial in (1, 2, 77) if pick.random() < 0.15]
            second = timedelta(seconds=pick.choice((-1, 0, 1)))
            signer = pick.choice(made).key if pick.random() < 0.1 else None
            times = {"begin": AT + begin * DAY + second, "end": AT + end * DAY}
            found.append(mint.crl(issuer, serials, number=pick.randrange(1, 9), signer=signer, **times))
    return found


def judge(case: Case) -> tuple[str, str | None]:
    """(how the two agree, what is wrong)."""
    start = time.process_time()
    try:
        store = pki.TrustStore([case.anchor], crls=case.crls, crl_policy="require" if case.crls else None)
    except pki.StoreError:
        return "a list refused when loaded", None
    found = verify_at(tuple(case.chain), store, NOW)
    pki.facts(case.chain[0], case.chain[1:], found)
    spent = time.process_time() - start
    if spent > SLOW:
        return "slow", f"took {spent:.1f} s"
    if found.error is not None and "unforeseen" in found.error.message:
        return "unforeseen", str(found.error)
    accepted = found.verified and not found.revoked
    theirs = peers.openssl(readable(case.chain), [case.anchor], case.crls, AT)
    if not accepted:
        return ("both refuse" if theirs else "only OpenSSL accepts"), None
    if theirs == 0:
        return "both accept", None
    if theirs in EXPLAINED:
        return f"only accepted here, and explained ({theirs})", None
    if theirs == 20 and any(map(hints_elsewhere, found.chain, found.chain[1:])):
        return "only accepted here, and explained (a key identifier is a hint)", None
    if theirs == 20 and any(a.issuer != b.subject for a, b in zip(found.chain, found.chain[1:], strict=False)):
        return "only accepted here, and explained (names that differ in characters that nobody sees)", None
    if theirs == 23 and peers.openssl(readable(case.chain), [case.anchor], newest(case.crls), AT) == 0:
        return "only accepted here, and explained (OpenSSL takes the older of two lists of one time)", None
    alone = list(found.chain[1:-1])  # with the path found alone: OpenSSL tries one path only
    if peers.openssl([case.chain[0], *alone], [case.anchor], case.crls, AT) == 0:
        return "only accepted here, by a second path", None
    return "only accepted here", f"OpenSSL refuses with {theirs}"


def hints_elsewhere(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether a certificate's authority key identifier is another than its issuer's key has."""
    try:
        hint = child.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return False
    return hint != x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]


def newest(crls: list[x509.CertificateRevocationList]) -> list[x509.CertificateRevocationList]:
    """Of the lists of one issuer and time the one of the highest number."""
    found: dict[tuple[str, object], x509.CertificateRevocationList] = {}
    for crl in sorted(crls, key=lambda one: one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number):
        found[crl.issuer.rfc4514_string(), crl.last_update_utc] = crl
    return list(found.values())


def readable(chain: list[bytes]) -> list[bytes]:
    """The first certificate, and of the others those that OpenSSL can read: damaged ones count as not sent."""
    return [chain[0], *(der for der in chain[1:] if peers.can_read(der))]


def run(seed: int, numbers: range) -> tuple[Counter[str], list[str]]:
    """(how often the two agreed how, one line for each case that is wrong)."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    warnings.simplefilter("ignore")
    for number in numbers:
        try:
            kind, flaw = judge(make(seed, number))
        except Exception as error:
            kind, flaw = "raised", f"{type(error).__name__}: {error}"
        counts[kind] += 1
        if flaw is not None:
            wrong.append(f"case {number}: {kind}: {flaw}")
    return counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=3000, help="how many cases to try")
    parser.add_argument("--seed", type=int, default=1, help="where the cases come from")
    parser.add_argument("--case", type=int, help="this case alone")
    options = parser.parse_args()
    numbers = range(options.cases) if options.case is None else range(options.case, options.case + 1)
    counts, wrong = run(options.seed, numbers)
    for kind, count in counts.most_common():
        print(f"{count:8,}  {kind}")
    for flaw in wrong:
        print(
            f"{flaw}\n    python tests/fuzz_certificates.py --seed {options.seed} --case {flaw.split()[1].rstrip(':')}"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
