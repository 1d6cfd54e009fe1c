"""A revocation list that its authority writes anew is enforced without a new bundle, and nothing takes it back."""

import time

import pytest

from tests.gateway.site import poll

pytestmark = pytest.mark.gateway
API = "api.example.com"
SECOND = 2.5
"""The promise is one second on a machine that does nothing else; this one runs all the tests."""


@pytest.fixture
def listed(site, tmp_path):
    """The site with a bundle that names the file of its list."""
    path = tmp_path / "ca.crl"
    path.write_text(site.crl())
    site.write(hosts=(site.host(API, crl_files=(str(path),)), *site.hosts()[1:]))
    site.gateway.reload()
    yield path
    site.settle()


def replace(path, data):
    new = path.with_name("new")
    new.write_bytes(data if isinstance(data, bytes) else data.encode())
    new.replace(path)


def refused(site):
    return site.gateway.status()["reloads"]["refused"]


def test_new_list_bites_on_a_live_connection_and_survives_what_happens_to_its_file(site, listed):
    serial = site.chains["good"][0].serial_number
    with site.connect(kind="good") as connection:
        assert connection.get("/live").status == 200
        old = listed.read_bytes()
        replace(listed, site.crl([serial]))
        begin = time.monotonic()
        poll(lambda: connection.get("/live").status == 403)
        assert time.monotonic() - begin < SECOND
        poll(lambda: site.gateway.status()["last_reload"]["detail"] == "revocation lists")

        replace(listed, old)  # an older list is not taken
        poll(lambda: any("older than number 2" in note for note in site.gateway.status()["notes"]))
        assert connection.get("/live").status == 403

        listed.unlink()  # a list that is gone stays in force
        poll(lambda: any("is gone" in note for note in site.gateway.status()["notes"]))
        assert connection.get("/live").status == 403

        before = refused(site)
        replace(listed, b"garbage")  # what is no list is refused, and the last good state stays
        poll(lambda: refused(site) > before)
        poll(lambda: "neither a PEM nor a DER" in site.gateway.status()["last_reload"]["detail"])
        assert connection.get("/live").status == 403

        replace(listed, site.crl([serial]))
        site.gateway.reload()
        assert connection.get("/live").status == 403


def test_bundle_without_its_file_enforces_what_it_embeds(site, listed):
    listed.unlink()
    site.gateway.reload()
    assert site.ask(kind="revoked").status == 403
    assert site.ask(kind="good").status == 200
