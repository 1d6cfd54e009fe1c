"""A site for tests on the running gateway: authorities, clients of every kind, hosts, rules, upstream."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import pki
from mtls_tui.engine import HttpRequest
from mtls_tui.engine.bundle import Bundle, BundleHost, BundleResponse, BundleRule
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway import Gateway, Limits, Settings, supervisor
from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority, key_pem
from mtls_tui.pki.roles import RoleSet
from tests.gateway.upstream import PRIMING
from tests.gateway.wire import Connection

KINDS = ("none", "good", "expired", "not_yet_valid", "self_signed", "foreign", "server_purpose", "no_purpose",
         "revoked", "stuffed")  # fmt: skip
NOT_VERIFIED = "not cf.tls_client_auth.cert_verified"


class LongMemory(Settings):
    """Settings that let Envoy remember for longer than any test takes, and longer than is allowed."""

    def __post_init__(self):
        pass


class Site:
    """Files, certificates and the bundle; `gateway` is there once `start` was called."""

    def __init__(self, folder: Path, upstream_port: int):
        self.folder = folder
        self.bundle = folder / "site.bundle.json"
        self.log = folder / "access.jsonl"
        self.upstream_port = upstream_port
        self.roles = RoleSet(datetime.now(UTC))
        self.chains: dict[str, tuple] = {"none": ()}
        self._make_clients()
        server = Authority.init(folder / "server", cn="server authority", at=datetime.now(UTC))
        self.server_ca = folder / "server" / "ca.pem"
        names = ["dns:example.com", "dns:*.example.com", "dns:*.wild.example.com"]
        self.server = server
        self.issue_server("server", names)
        self.rules = self._rules()
        self.revoked_serials = [self.chains["revoked"][0].serial_number]
        self.gateway: Gateway | None = None
        self.inside = False

    # --- certificates -----------------------------------------------------------------------------------------------

    def _make_clients(self):
        roles = self.roles
        for kind in KINDS[1:]:
            if kind == "no_purpose":
                key = issue.generate_key()
                leaf = issue.end_entity(
                    roles.authority, issue.common_name("no purpose"), key.public_key(), purpose="none",
                    not_before=roles.at - issue.DAY, not_after=roles.at + issue.DAY,
                )  # fmt: skip
                chain = (leaf,)
            elif kind == "stuffed":
                key = roles.mint("good").key
                good = roles.mint("good").chain[0]
                strangers = [roles.mint("foreign").chain[0], roles.mint("self_signed").chain[0]]
                chain = (good, *strangers, good, roles.foreign_authority.certificate)
            else:
                chain, key = roles.mint(kind).chain, roles.mint(kind).key
            self.chains[kind] = chain
            self.write_client(kind, chain, key)

    def write_client(self, name, chain, key):
        (self.folder / f"{name}.pem").write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in chain))
        (self.folder / f"{name}.key").write_bytes(key_pem(key))

    def client(self, kind):
        """Chain and key files; None for no certificate."""
        return None if kind == "none" else (self.folder / f"{kind}.pem", self.folder / f"{kind}.key")

    def issue_server(self, name, names):
        issued = self.server.issue(cn="server", sans=names, at=datetime.now(UTC), purpose="server")
        (self.folder / f"{name}.pem").write_bytes(issued.certificate_pem())
        key = self.folder / f"{name}.key"
        key.touch(0o600)
        key.write_bytes(key_pem(issued.key))
        return issued

    # --- bundle -----------------------------------------------------------------------------------------------------

    def host(self, name, *, mtls=True, **changes):
        anchor = self.roles.authority.certificate.public_bytes(Encoding.PEM).decode()
        values = {
            "name": name,
            "mtls": mtls,
            "anchors": (anchor,) if mtls else (),
            "crls": (self.crl(),) if mtls else (),
            "upstream": f"http://127.0.0.1:{self.upstream_port}",
            "server_certificate": str(self.folder / "server.pem"),
            "server_key": str(self.folder / "server.key"),
        }
        return BundleHost(**(values | changes))

    def crl(self, extra=()):
        roles = self.roles
        serials = [roles.mint("revoked").chain[0].serial_number, *extra]
        entries = [issue.RevokedEntry(serial, roles.at - issue.DAY) for serial in serials]
        crl = issue.revocation_list(
            roles.authority, entries, number=len(serials), this_update=roles.at - issue.DAY,
            next_update=roles.at + 30 * issue.DAY,
        )  # fmt: skip
        return crl.public_bytes(Encoding.PEM).decode()

    def hosts(self):
        foreign = self.roles.foreign_authority.certificate.public_bytes(Encoding.PEM).decode()
        return (
            self.host("api.example.com"),
            self.host("pay.example.com", anchors=(foreign,), crls=()),
            self.host("*.wild.example.com", mtls=False),
            self.host("secure.wild.example.com"),
            self.host("www.example.com", mtls=False),
            self.host("head.example.com", mtls=False),
            self.host("body.example.com", mtls=False),
            self.host("void.example.com", mtls=False, upstream="http://127.0.0.1:9"),
        )

    def _rules(self):
        def rule(ref, expression, action="block", **more):
            return BundleRule(ref=ref, expression=expression, action=action, **more)

        fields = [
            rule(f"fields-{kind}", f'(http.host eq "api.example.com" and {self.fields_expression(kind)})', "log")
            for kind in KINDS
        ]
        custom = BundleResponse(status=451, content_type="application/json", body='{"error":"certificate"}')
        return (
            *fields,
            rule("would", '(http.host eq "api.example.com" and http.request.uri.path eq "/shadow")', shadow=True),
            rule("mtls", f'(http.host eq "api.example.com" and {NOT_VERIFIED})', response=custom),
            rule("revoked", '(http.host eq "api.example.com" and cf.tls_client_auth.cert_revoked)'),
            rule("others", f'(http.host in {{"pay.example.com" "secure.wild.example.com"}} and {NOT_VERIFIED})'),
            rule("agent", '(http.host eq "head.example.com" and http.user_agent contains "bad")'),
            rule("tag", '(http.host eq "head.example.com" and any(http.request.headers["x-tag"][*] eq "evil"))'),
            rule("admin", '(http.host eq "head.example.com" and starts_with(http.request.uri.path, "/admin"))'),
            rule("attack", '(http.host eq "body.example.com" and http.request.body.raw contains "attack")'),
            rule("cut", '(http.host eq "body.example.com" and http.request.body.truncated)'),
        )  # fmt: skip

    def fields_expression(self, kind):
        """True for exactly this kind's certificate, by the fields that `pki.facts` says it has."""
        if kind == "none":
            return "not cf.tls_client_auth.cert_presented"
        facts = pki.facts(self.chains[kind][0], self.chains[kind][1:])
        names = ("cert_fingerprint_sha256", "cert_serial", "cert_subject_dn", "cert_issuer_ski", "cert_chain_rfc9440")
        clauses = ["cf.tls_client_auth.cert_presented"]
        for name in names:
            field = f"cf.tls_client_auth.{name}"
            clauses.append(f'{field} eq "{facts[field].decode()}"')
        return " and ".join(clauses)

    def write(self, *, hosts=None, rules=None, path=None, sign_key=None):
        bundle = Bundle(hosts=hosts or self.hosts(), rules=self.rules if rules is None else rules)
        target = path or self.bundle
        new = target.with_name(target.name + ".new")
        new.write_bytes(bundle.encode(sign_key))
        new.replace(target)
        return bundle

    @property
    def policy(self) -> Policy:
        return Policy.from_bundle_bytes(self.bundle.read_bytes())

    def expected(self, kind, host="api.example.com", target="/"):
        """What the engine decides when it is asked directly."""
        http = HttpRequest(host=host, target=target)
        chain = tuple(c.public_bytes(Encoding.DER) for c in self.chains[kind])
        return self.policy.decide(http, chain, datetime.now(UTC))

    # --- the gateway ------------------------------------------------------------------------------------------------

    def start(self, *, inside=False):
        """Run it, on one road: the decision service is asked about every request, or about none that can be helped."""
        self.write()
        made = LongMemory if inside else Settings
        settings = made(
            listen=("127.0.0.1", 0), log=self.log, workers=2, limits=Limits(closing_seconds=0.05),
            remember_seconds=600.0 if inside else 0,
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(supervisor, "available_cores", lambda: 1)  # one thread of Envoy, which remembers for all
            self.gateway = Gateway(self.bundle, settings).start()
        self.port = self.gateway.address[1]
        self.inside = inside

    def connect(self, sni="api.example.com", kind="none", **options) -> Connection:
        """A connection; where rules run inside Envoy it has been told of the certificates."""
        if self.inside and sni:
            with Connection(self.port, sni, self.client(kind)) as first:
                first.get(PRIMING.decode(), sni)
        return Connection(self.port, sni, self.client(kind), **options)

    def ask(self, path="/", sni="api.example.com", kind="none", host=None, **options):
        """One request on a connection of its own."""
        with self.connect(sni, kind) as connection:
            return connection.get(path, host or sni, **options)

    def line(self, marker, kind="decision"):
        """The log's line about a path; waits until it is written."""
        return poll(lambda: next((one for one in self.lines(kind) if one.get("path", "").startswith(marker)), None))

    def lines(self, kind="decision"):
        return [one for one in map(json.loads, whole_lines(self.log)) if one["kind"] == kind]

    def settle(self):
        """Put the first bundle back and wait for it."""
        self.write()
        self.gateway.reload()


def whole_lines(log):
    """The lines of a log that is being written: the last one may be there in part."""
    text = log.read_text()
    return text[: text.rfind("\n") + 1].splitlines()


def poll(condition, seconds=10.0):
    """The first true value of a condition."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
