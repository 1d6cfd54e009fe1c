"""What changes on disk is felt on the next request of a live connection; what is broken changes nothing."""

import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway import Gateway
from tests.gateway.site import poll
from tests.gateway.wire import make_context

pytestmark = pytest.mark.gateway
API = "api.example.com"
SECOND = 2.5
"""The promise is one second on a machine that does nothing else; this one runs all the tests."""


@pytest.fixture(autouse=True)
def restored(site):
    yield
    site.issue_server("server", ["dns:example.com", "dns:*.example.com", "dns:*.wild.example.com"])
    site.settle()


def waited(connection, status, path="/live", host=API):
    """Seconds until a live connection gets a status."""
    begin = time.monotonic()
    poll(lambda: connection.get(path, host).status == status)
    return time.monotonic() - begin


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_revocation_is_felt_on_a_live_connection_within_a_second(site, alpn):
    serial = site.chains["good"][0].serial_number
    with site.connect(kind="good", alpn=alpn) as connection:
        get = connection.get if alpn == "http/1.1" else connection.h2_get
        assert get("/live").status == 200
        hosts = [site.host(API, crls=(site.crl([serial]),)), *site.hosts()[1:]]
        site.write(hosts=tuple(hosts))
        begin = time.monotonic()
        poll(lambda: get("/live").status == 403)
        assert time.monotonic() - begin < SECOND
        site.write()
        poll(lambda: get("/live").status == 200)


def test_removed_authority_is_felt_on_a_live_connection_and_on_its_session(site):
    foreign = site.roles.foreign_authority.certificate.public_bytes(Encoding.PEM).decode()
    with site.connect(kind="good") as connection:
        assert connection.get("/live").status == 200
        site.write(hosts=(site.host(API, anchors=(foreign,), crls=()), *site.hosts()[1:]))
        assert waited(connection, 451) < SECOND
        with site.connect(kind="good", context=connection.context, session=connection.tls.session) as again:
            assert again.get("/live").status == 451


def test_rule_that_reads_more_than_the_old_ones_holds_on_a_live_connection_at_once(site):
    with site.connect("www.example.com") as connection:
        headers = [("X-Tag", "evil")]
        assert connection.get("/live", "www.example.com", headers=headers).status == 200
        rule = BundleRule(ref="new", action="block", expression='any(http.request.headers["x-tag"][*] eq "evil")')
        site.write(rules=(*site.rules, rule))
        begin = time.monotonic()
        poll(lambda: connection.get("/live", "www.example.com", headers=headers).status == 403)
        assert time.monotonic() - begin < SECOND


def test_another_host_is_served_and_closes_no_connection(site):
    """Hosts with one server certificate share a chain of filters, and a changed chain would lose its connections."""
    new = "new.example.com"
    with site.connect(kind="good") as kept, site.connect("www.example.com") as other:
        for hosts in ((*site.hosts(), site.host(new), site.host("*.new.example.com", mtls=False)), site.hosts()):
            site.write(hosts=hosts)
            assert site.gateway.reload()
            for _ in range(3):
                assert kept.get("/kept").status == 200 and "connection" not in kept.get("/kept").headers
                assert other.get("/kept", "www.example.com").status == 200
            served = len(hosts) > len(site.hosts())
            poll(lambda served=served: site.ask("/new", new, "good").status == (200 if served else 421))
            assert kept.get("/kept", new).status == 421


def test_no_request_fails_while_rules_and_certificates_change_under_load(site):
    statuses, stop = [], threading.Event()

    def load(kind, host):
        with site.connect(host, kind) as connection:
            while not stop.is_set():
                statuses.append((host, connection.get("/load", host).status))

    threads = [threading.Thread(target=load, args=pair) for pair in [("good", API), ("none", "www.example.com")]]
    for thread in threads:
        thread.start()
    rule = BundleRule(ref="new", action="block", expression='http.user_agent contains "nobody"')
    for rules in (site.rules[1:], (*site.rules, rule), site.rules):
        site.write(rules=rules)
        assert site.gateway.reload()
    site.issue_server("server", ["dns:*.example.com"])
    assert site.gateway.reload()
    stop.set()
    for thread in threads:
        thread.join()
    assert len(statuses) > 50
    assert {status for _, status in statuses} == {200}


def test_new_server_certificate_is_shown_within_a_second(site):
    issued = site.issue_server("server", ["dns:*.example.com"])
    begin = time.monotonic()

    def shown():
        with site.connect() as connection:
            return connection.tls.getpeercert(True)

    poll(lambda: shown() == issued.certificate.public_bytes(Encoding.DER))
    assert time.monotonic() - begin < SECOND


def broken_states(site):
    good = site.bundle.read_bytes()
    yield "truncated", lambda: site.bundle.write_bytes(good[: len(good) // 2])
    yield "changed", lambda: site.bundle.write_bytes(good.replace(b"api.example.com", b"apj.example.com"))
    yield "empty", lambda: site.bundle.write_bytes(b"")
    yield "directory", lambda: (site.bundle.unlink(), site.bundle.mkdir())
    yield "missing", lambda: site.bundle.rmdir()
    yield "dangling link", lambda: site.bundle.symlink_to(site.folder / "nowhere")
    yield "no rule language", lambda: (
        site.bundle.unlink(), site.write(rules=(BundleRule(ref="x", action="block", expression="http.hos eq"),)),
    )  # fmt: skip
    yield "no upstream", lambda: site.write(hosts=(site.host(API, upstream=None),))
    yield "no certificate", lambda: site.write(hosts=(site.host(API, server_certificate="/nowhere.pem"),))
    yield "broken authority", lambda: site.write(hosts=(site.host(API, anchors=("no pem",)),))
    site.issue_server("other", ["dns:x"])
    yield "another's key", lambda: site.write(hosts=(site.host(API, server_key=str(site.folder / "other.key")),))


def test_broken_state_is_refused_said_in_the_status_and_the_last_good_one_stays(site):
    before = site.gateway.status()
    with site.connect(kind="good") as good, site.connect(kind="expired") as bad:
        for name, breaking in broken_states(site):
            breaking()
            assert site.gateway.reload() is False, name
            status = site.gateway.status()
            assert status["last_reload"]["result"] == "refused", name
            assert status["digest"] == before["digest"] and status["generation"] == before["generation"], name
            assert status["healthy"]
            assert (good.get("/live").status, bad.get("/live").status) == (200, 451), name


def test_hosts_come_and_go(site):
    assert site.ask("/new", "new.example.com").status == 421
    site.write(hosts=(*site.hosts(), site.host("new.example.com", mtls=False)))
    poll(lambda: site.ask("/new", "new.example.com").status == 200)
    site.settle()
    poll(lambda: site.ask("/new", "new.example.com").status in (0, 421))


def test_host_that_begins_to_ask_for_certificates_is_not_open_on_old_connections(site):
    rule = BundleRule(
        ref="www", action="block", expression='http.host eq "www.example.com" and not cf.tls_client_auth.cert_verified'
    )
    with site.connect("www.example.com") as connection:
        assert connection.get("/live", "www.example.com").status == 200
        hosts = [site.host(one.name) if one.name == "www.example.com" else one for one in site.hosts()]
        site.write(hosts=tuple(hosts), rules=(*site.rules, rule))
        assert site.gateway.reload()
        assert connection.get("/live", "www.example.com").status in (0, 403)
    poll(lambda: site.ask("/live", "www.example.com", "good").status == 200)
    assert site.ask("/live", "www.example.com").status == 403


def test_only_the_bundle_that_the_key_signed_is_taken(site, tmp_path):
    from cryptography.hazmat.primitives.serialization import PublicFormat

    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path = tmp_path / "signed.bundle.json"
    site.write(path=path, sign_key=key)
    with Gateway(path, listen=("127.0.0.1", 0), verify_key=public, log=tmp_path / "log") as gateway:
        before = gateway.status()["digest"]
        for sign_key in (None, other):
            site.write(path=path, sign_key=sign_key, rules=site.rules[:3])
            assert gateway.reload() is False
            assert gateway.status()["digest"] == before
        site.write(path=path, sign_key=key, rules=site.rules[:3])
        assert gateway.reload()
        assert gateway.status()["digest"] != before


def test_context_of_tests_verifies_the_server(site):
    """Without this, every test here could talk to somebody else."""
    with site.connect(context=make_context(site.client("good"), ca=site.server_ca)) as connection:
        assert connection.get("/own").status == 200
