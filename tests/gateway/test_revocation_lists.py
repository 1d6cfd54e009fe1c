"""A revocation list that its authority writes anew is enforced without a new bundle, and nothing takes it back."""

import asyncio
import time

import pytest

from mtls_tui.gateway.status import StatusServer, metrics
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


def test_status_and_metrics_say_which_list_is_in_force_and_how_old_it_is(site, listed):
    (one,) = (entry for entry in site.gateway.status()["revocation_lists"] if API in entry["hosts"])
    assert (one["number"], one["from"], one["checked"], one["entries"]) == (1, "bundle", True, 1)
    assert one["next_update"] - one["this_update"] == 31 * 86400
    replace(listed, site.crl([site.chains["good"][0].serial_number]))
    poll(lambda: site.gateway.status()["last_reload"]["detail"] == "revocation lists")
    (one,) = (entry for entry in site.gateway.status()["revocation_lists"] if API in entry["hosts"])
    assert (one["number"], one["from"], one["entries"]) == (2, str(listed), 2)
    text = metrics(site.gateway.status(), site.gateway._supervisor.counters).decode()
    assert f'mtls_tui_crl_number{{checked="true",issuer="{one["issuer"]}",key="{one["key"]}",scope="all"}} 2.0' in text
    assert "mtls_tui_crl_next_update_timestamp_seconds{" in text


def test_what_is_pending_is_told_by_health_status_and_metrics_until_it_is_taken(site, listed):
    def told():
        answer = asyncio.run_coroutine_threadsafe(
            StatusServer(site.gateway._supervisor, listed.with_name("s"))._answer(b"GET", "/healthz"),
            site.gateway._loop,
        ).result(10)
        status = site.gateway.status()
        return answer, status, metrics(status, site.gateway._supervisor.counters).decode()

    good = listed.read_bytes()
    (code, _, body), status, text = told()
    assert (code, body, status["pending"]) == ("200 OK", b"ok\n", [])
    assert "mtls_tui_reload_pending 0.0" in text and "mtls_tui_last_reload_successful 1.0" in text
    replace(listed, b"garbage")
    poll(lambda: site.gateway.status()["pending"], 60)
    (code, _, body), status, text = told()
    assert code == "200 OK" and f"pending: {listed}".encode() in body
    assert "mtls_tui_reload_pending 1.0" in text and "mtls_tui_last_reload_successful 0.0" in text
    before = status["last_reload_success"]
    replace(listed, good)
    poll(lambda: not site.gateway.status()["pending"], 60)
    assert told()[0][2] == b"ok\n" and told()[1]["last_reload_success"] > before
