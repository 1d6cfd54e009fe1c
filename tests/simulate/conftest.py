"""A workspace of rules, an authority and client certificates of every role, made once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from mtls_tui.pki.roles import ROLES, RoleSet
from mtls_tui.rulefile import loads
from mtls_tui.simulate.policies import policy_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

RULES = """version = 1

[[hosts]]
name = "api.example.com"
anchors = ["ca.pem"]
crls = ["ca.crl"]

[[hosts]]
name = "pay.example.com"
anchors = ["ca.pem"]

[[hosts]]
name = "www.example.com"
mtls = false

[lists.office]
kind = "ip"
items = ["192.0.2.0/24"]

[[rules]]
ref = "office"
description = "The office may do anything but reach the hooks"
expression = '''ip.src in $office and not starts_with(http.request.uri.path, "/hook/")'''
action = "skip"

[[rules]]
ref = "watch"
expression = '''http.user_agent contains "bot"'''
action = "log"

[[rules]]
ref = "mtls"
description = "Only clients with a valid, unrevoked certificate"
expression = '''
(http.host in {"api.example.com" "pay.example.com"}
 and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)
 and not starts_with(http.request.uri.path, "/hook/"))'''
action = "block"
response = { status = 403, content_type = "application/json", body = '{"error":"certificate required"}' }

[[rules]]
ref = "admin"
expression = '''
http.host eq "api.example.com" and http.request.uri.path contains "/admin" and http.request.method ne "GET"'''
action = "block"

[[rules]]
ref = "off"
expression = "true"
action = "block"
enabled = false
"""


@dataclass(frozen=True)
class Site:
    """A folder with the rules, the authority and the clients' certificates."""

    folder: Path
    roles: RoleSet

    @property
    def rules(self) -> Path:
        return self.folder / "site.rules.toml"

    def chain(self, role):
        return self.roles.mint(role).chain

    def cert(self, role) -> Path:
        return self.folder / f"{role}.pem"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    roles = RoleSet(NOW)
    (folder / "ca.pem").write_bytes(roles.authority.certificate.public_bytes(Encoding.PEM))
    (folder / "ca.crl").write_bytes(roles.crl.public_bytes(Encoding.PEM))
    for role in ROLES:
        material = roles.mint(role)
        if role != "none":
            (folder / f"{role}.pem").write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in material.chain))
    good = roles.mint("good")
    (folder / "good.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(b"x", good.key, good.chain[0], None, BestAvailableEncryption(b"geheim"))
    )
    (folder / "site.rules.toml").write_text(RULES)
    return Site(folder, roles)


@pytest.fixture(scope="session")
def policy(site):
    return policy_of(loads(RULES, site.folder)).policy


@pytest.fixture
def rulefile(site):
    """A rule file from a text, with the site's authority beside it."""
    return lambda text: loads(text, site.folder)
