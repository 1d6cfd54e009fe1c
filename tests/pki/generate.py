"""Random chains with up to a few flaws each, reproducible by seed, and what was built into them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from tests.pki import mint
from tests.pki.mint import AT, DAY, Made

_UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
_ED25519 = ed25519.Ed25519PrivateKey.generate()


@dataclass
class Case:
    """One chain. `features` are words for what is special in it."""

    chain: list[x509.Certificate]
    anchors: list[x509.Certificate]
    crls: list[x509.CertificateRevocationList] = field(default_factory=list)
    features: set[str] = field(default_factory=set)


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.features: set[str] = set()

    def chance(self, share: float, feature: str = "") -> bool:
        hit = self.random.random() < share
        if hit and feature:
            self.features.add(feature)
        return hit

    def case(self) -> Case:
        pick = self.random
        self.features = set()
        depth = pick.choice((0, 0, 1, 1, 1, 2, 2, 3))
        made = [self.authority(None, 0, depth)]
        for level in range(1, depth + 1):
            made.append(self.authority(made[-1], level, depth))
        leaf = self.leaf(made[-1])
        chain = [leaf.certificate, *(item.certificate for item in reversed(made[1:]))]
        anchors = [made[0].certificate]
        if self.chance(0.1, "several anchors"):
            anchors.append(mint.root("Another root").certificate)
        if depth and self.chance(0.08, "intermediate anchor"):
            anchors = [made[1].certificate]
        if depth and self.chance(0.06, "missing intermediate"):
            del chain[pick.randrange(1, len(chain))]
        if self.chance(0.1, "root sent"):
            chain.append(made[0].certificate)
        if self.chance(0.1, "foreign sent"):
            chain.append(mint.authority("Stranger", mint.root("Strange root")).certificate)
        if len(chain) > 2 and self.chance(0.3, "shuffled"):
            rest = chain[1:]
            pick.shuffle(rest)
            chain[1:] = rest
        if self.chance(0.05, "foreign anchor"):
            anchors = [mint.root("Another root").certificate]
        case = Case(chain, anchors)
        if self.chance(0.35, "crl"):
            case.crls = self.crls(made, leaf)
        case.features = self.features
        return case

    def validity(self) -> dict[str, datetime]:
        if self.chance(0.03, "expired"):
            return {"begin": AT - 30 * DAY, "end": AT - DAY}
        if self.chance(0.02, "not yet valid"):
            return {"begin": AT + DAY, "end": AT + 30 * DAY}
        return {}

    def authority(self, issuer: Made | None, level: int, depth: int) -> Made:
        pick = self.random
        options: dict[str, object] = dict(self.validity())
        if self.chance(0.2):
            options["pathlen"] = pick.choice((0, 1, 2, depth - level))
            self.features.add("pathlen")
        if self.chance(0.03, "no authority"):
            options["ca"] = pick.choice((False, None))
        if self.chance(0.1, "authority without key usage"):
            options["key_usage"] = None
        elif self.chance(0.03, "no keyCertSign"):
            options["key_usage"] = mint.usage("crl_sign", "digital_signature")
        elif self.chance(0.04, "no cRLSign"):
            options["key_usage"] = mint.usage("key_cert_sign")
        if self.chance(0.08, "authority purposes"):
            options["purposes"] = pick.choice(([mint.CLIENT], [mint.SERVER, mint.CLIENT], [mint.SERVER], [mint.ANY]))
        if self.chance(0.15, "constraints"):
            options["constraints"] = self.constraints()
        if self.chance(0.05, "no identifiers"):
            options |= {"ski": False, "aki": False}
        if self.chance(0.02, "unknown critical"):
            options["extensions"] = [(x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00"), True)]
        elif self.chance(0.05):
            options["extensions"] = [(x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00"), False)]
        own: mint.Key = mint.key(("authority", level))
        if self.chance(0.05, "rsa"):
            own = mint.rsa_key()
        elif self.chance(0.04, "ed25519 authority"):
            own = _ED25519
        if issuer is not None and self.chance(0.02, "forged"):
            options["signer"] = mint.key("forger")
        subject = f"Authority {level}"
        return mint.make(subject, issuer, own=own, **{"ca": True, "key_usage": mint.AUTHORITY_USAGE, **options})  # type: ignore[arg-type]

    def constraints(self) -> x509.NameConstraints:
        pick = self.random
        pools: list[list[x509.GeneralName]] = [
            [x509.DNSName("example.com"), x509.DNSName("clients.example.com"), x509.DNSName("example.org")],
            [x509.RFC822Name("example.com"), x509.RFC822Name(".example.com"), x509.RFC822Name("a@example.com")],
            [x509.IPAddress(ip_network("10.0.0.0/8")), x509.IPAddress(ip_network("192.0.2.0/24"))],
            [x509.DirectoryName(mint.name(ORGANIZATION_NAME="Corp")), x509.DirectoryName(mint.name(COUNTRY_NAME="DE"))],
            [x509.UniformResourceIdentifier("example.com"), x509.UniformResourceIdentifier(".example.org")],
        ]
        number = pick.randrange(len(pools))
        if number >= 3:
            self.features.add("constraints that one peer lacks")
        some = pick.sample(pools[number], pick.choice((1, 1, 2)))
        if self.chance(0.5):
            return x509.NameConstraints(permitted_subtrees=some, excluded_subtrees=None)
        return x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=some)

    def names(self) -> list[x509.GeneralName]:
        pick = self.random
        pool: list[x509.GeneralName] = [
            x509.DNSName("example.com"),
            x509.DNSName("a.clients.example.com"),
            x509.DNSName("*.example.com"),
            x509.DNSName("Host.EXAMPLE.org"),
            x509.RFC822Name("a@example.com"),
            x509.RFC822Name("b@mail.example.com"),
            x509.IPAddress(ip_address("10.1.2.3")),
            x509.IPAddress(ip_address("192.0.2.7")),
            x509.IPAddress(ip_address("2001:db8::1")),
            x509.UniformResourceIdentifier("https://example.com/a"),
            x509.UniformResourceIdentifier("spiffe://host.example.org/x"),
        ]
        return pick.sample(pool, pick.choice((1, 1, 2, 3)))

    def leaf(self, issuer: Made) -> Made:
        pick = self.random
        subject = pick.choice(
            (
                mint.name("client"),
                mint.name("client", ORGANIZATION_NAME="Corp"),
                mint.name("client", COUNTRY_NAME="DE", ORGANIZATION_NAME="corp"),
                x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@example.com")]),
            )
        )
        options: dict[str, object] = dict(self.validity())
        options["purposes"] = pick.choice(([mint.CLIENT], [mint.CLIENT], [mint.CLIENT, mint.SERVER], None))
        if self.chance(0.05, "other purpose"):
            options["purposes"] = pick.choice(([mint.SERVER], [mint.ANY], [mint.ANY, mint.SERVER]))
        if self.chance(0.5):
            options["key_usage"] = mint.usage("digital_signature")
            if self.chance(0.1, "odd leaf usage"):
                options["key_usage"] = pick.choice(
                    (mint.usage("key_encipherment"), mint.usage("key_agreement"), mint.usage("content_commitment"))
                )
        if self.chance(0.6):
            options["sans"] = self.names()
        if self.chance(0.03, "authority as leaf"):
            options["ca"] = True
        elif self.chance(0.2):
            options["ca"] = None
        if self.chance(0.03, "forged"):
            options["signer"] = mint.key("forger")
        if self.chance(0.05, "no identifiers"):
            options |= {"ski": False, "aki": False}
        if self.chance(0.03, "unknown critical"):
            options["extensions"] = [(x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00"), True)]
        return mint.client(subject, issuer, **options)

    def crls(self, made: list[Made], leaf: Made) -> list[x509.CertificateRevocationList]:
        found = []
        below = [item.certificate for item in made[1:]] + [leaf.certificate]
        for issuer, child in zip(made, below, strict=True):
            if self.chance(0.08, "crl missing"):
                continue
            options: dict[str, object] = {}
            if self.chance(0.06, "crl stale"):
                options = {"begin": AT - 9 * DAY, "end": AT - DAY}
            elif self.chance(0.03, "crl early"):
                options = {"begin": AT + DAY, "end": AT + 9 * DAY}
            serials = [1, 2, 3]
            if self.chance(0.2, "revoked"):
                serials.append(child.serial_number)
                if self.chance(0.5):
                    reason = self.random.choice((x509.ReasonFlags.key_compromise, x509.ReasonFlags.certificate_hold))
                    options["entry"] = [(x509.CRLReason(reason), False)]
            found.append(mint.crl(issuer, serials, **options))  # type: ignore[arg-type]
        return found or [mint.crl(mint.root("Another root"))]
