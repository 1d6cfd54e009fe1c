"""A revocation is never lost: not while Envoy is stopped or dead, not beside other broken files, not over a restart."""

import os
import signal
import time
from pathlib import Path

import pytest

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway import Gateway, GatewayError, Settings
from mtls_tui.gateway.envoy import inside
from mtls_tui.gateway.envoy.sync import EnvoySync
from mtls_tui.gateway.envoy.xds import Files
from mtls_tui.gateway.supervisor import Supervisor
from mtls_tui.gateway.workers.pool import Pool
from tests.gateway.site import poll
from tests.gateway.test_revocation_lists import replace
from tests.gateway.test_verdicts import Remembering
from tests.gateway.upstream import Upstream
from tests.gateway.wire import Connection

pytestmark = pytest.mark.gateway
API, PAY, NEW = "api.example.com", "pay.example.com", "new.example.com"
WAIT = 60.0
"""Until something must have come true; what is promised in seconds is measured where the machine is quiet."""


@pytest.fixture
def listed(site, tmp_path):
    """The site with bundle and two list files, both in force."""
    ca, other = tmp_path / "ca.crl", tmp_path / "other.crl"
    ca.write_text(site.crl())
    other.write_text(site.crl())
    hosts = [site.host(API, crl_files=(str(ca),)), *site.hosts()[1:]]
    hosts = [site.host(one.name, crl_files=(str(other),)) if "secure" in one.name else one for one in hosts]
    site.write(hosts=tuple(hosts))
    assert site.gateway.reload()
    site.listed_hosts = tuple(hosts)
    yield ca
    poll(lambda: not revive(site) and answers(site), WAIT)
    site.issue_server("server", ["dns:example.com", "dns:*.example.com", "dns:*.wild.example.com"])
    site.settle()
    poll(lambda: not site.gateway.status()["pending"], WAIT)


def envoy(site):
    return site.gateway.status()["envoy"]["process"]


def revive(site):
    os.kill(envoy(site), signal.SIGCONT)


def status_of(site, host=API, kind="good"):
    """The status of an answer, 0 while there is none."""
    try:
        return site.ask("/fault", host, kind).status
    except OSError:
        return 0


def answers(site):
    return status_of(site, "www.example.com", "none") == 200


def revoke(site, path):
    """Write a newer list, on which the good certificate stands."""
    replace(path, site.crl([site.chains["good"][0].serial_number]))


def generation(site):
    """What all decision processes answer by; 0 while they differ."""
    found = {worker["generation"] for worker in site.gateway.status()["workers"]}
    return found.pop() if len(found) == 1 else 0


def test_revocation_written_while_envoy_is_stopped_is_felt_when_it_goes_on(site, listed):
    assert status_of(site) == 200
    before = site.gateway.status()
    os.kill(envoy(site), signal.SIGSTOP)
    revoke(site, listed)
    poll(lambda: generation(site) > before["generation"], WAIT)  # the decision processes need no Envoy for it
    poll(lambda: any("Envoy" in line for line in site.gateway.status()["pending"]), WAIT)
    revive(site)
    poll(lambda: status_of(site) == 403, WAIT)
    poll(lambda: not site.gateway.status()["pending"], WAIT)
    assert site.gateway.status()["reloads"]["refused"] == before["reloads"]["refused"]


def test_revocation_written_while_envoy_is_dead_is_felt_when_it_is_back(site, listed):
    assert status_of(site) == 200
    before = site.gateway.status()
    os.kill(before["envoy"]["process"], signal.SIGKILL)
    revoke(site, listed)
    poll(lambda: status_of(site) == 403, WAIT)
    assert site.gateway.status()["reloads"]["refused"] == before["reloads"]["refused"]
    assert site.gateway.status()["envoy"]["restarts"] > before["envoy"]["restarts"]


STEPS = {
    "Envoy's check": (Supervisor, "_validate"),
    "waiting for Envoy to ask for more": (EnvoySync, "settled"),
    "the decision processes' switch": (Pool, "switch"),
    "what comes after the switch": (EnvoySync, "want"),
    "upstreams": (Files, "clusters"),
    "routes": (Files, "routes"),
    "listeners": (Files, "listeners"),
}


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
@pytest.mark.parametrize("step", STEPS)
def test_envoy_that_fails_in_any_step_of_a_reload_costs_no_rule_and_no_revocation(
    site, listed, monkeypatch, step, number
):
    owner, name = STEPS[step]
    original, struck = getattr(owner, name), []

    def strike(*arguments, **options):
        if not struck:
            struck.append(site.gateway._supervisor._envoy.pid)
            os.kill(struck[0], number)
        return original(*arguments, **options)

    assert status_of(site) == 200
    rule = BundleRule(ref="head", action="block", expression='any(http.request.headers["x-new"][*] eq "evil")')
    monkeypatch.setattr(owner, name, strike)
    site.write(hosts=(*site.listed_hosts, site.host(NEW, mtls=False)), rules=(*site.rules, rule))
    revoke(site, listed)
    poll(lambda: struck, WAIT)
    poll(lambda: site.gateway.status()["last_reload"]["detail"] in ("bundle", "revocation lists"), WAIT)
    poll(lambda: len(site.gateway.status()["hosts"]) == len(site.listed_hosts) + 1, WAIT)
    if number == signal.SIGSTOP:
        os.kill(struck[0], signal.SIGCONT)
    poll(lambda: status_of(site) == 403, WAIT)
    poll(lambda: status_of(site, NEW, "none") == 200, WAIT)
    poll(lambda: not site.gateway.status()["pending"], WAIT)
    with site.connect("www.example.com") as connection:
        assert connection.get("/new", "www.example.com", headers=[("X-New", "evil")]).status == 403


def test_what_envoy_has_not_taken_over_yet_is_told_and_not_called_refused(site, listed):
    before = site.gateway.status()
    told = []
    monkey = site.gateway._supervisor._reloads
    monkey._tell, original = told.append, monkey._tell
    try:
        os.kill(before["envoy"]["process"], signal.SIGSTOP)
        site.write(hosts=(*site.listed_hosts, site.host(NEW, mtls=False)))
        poll(lambda: generation(site) > before["generation"], WAIT)
        status = poll(lambda: (now := site.gateway.status())["digest"] != before["digest"] and now, WAIT)
        assert status["last_reload"]["result"] == "taken" and status["pending"]
        assert not any("old state stays" in text or "refused" in text for text in told)
        revive(site)
        poll(lambda: status_of(site, NEW, "none") == 200, WAIT)
        poll(lambda: not site.gateway.status()["pending"], WAIT)
    finally:
        monkey._tell = original


def test_decision_process_that_hangs_while_it_prepares_holds_no_revocation_up(site, listed, monkeypatch):
    """It would be waited for a minute."""
    original, struck = Pool.switch, []

    def strike(self, message):
        struck.append(self.workers[0].process.pid)
        os.kill(struck[0], signal.SIGSTOP)
        monkeypatch.setattr(Pool, "switch", original)
        return original(self, message)

    assert status_of(site) == 200
    monkeypatch.setattr(Pool, "switch", strike)
    revoke(site, listed)
    poll(lambda: struck, WAIT)
    begin = time.monotonic()
    poll(lambda: status_of(site) == 403, WAIT)
    assert time.monotonic() - begin < 30
    poll(lambda: struck[0] not in [worker["process"] for worker in site.gateway.status()["workers"]], WAIT)
    poll(lambda: generation(site) == site.gateway.status()["generation"], WAIT)


# --- one broken file ------------------------------------------------------------------------------------------------


def garbled_list(site, listed):
    replace(listed.with_name("other.crl"), b"garbage")
    return "other.crl"


def missing_end_of_list(site, listed):
    replace(listed.with_name("other.crl"), site.crl()[:-40])
    return "other.crl"


def half_certificate(site, listed):
    path = site.folder / "server.pem"
    path.write_bytes(path.read_bytes()[:300])
    return "server.pem"


def half_bundle(site, listed):
    site.bundle.write_bytes(site.bundle.read_bytes()[:500])
    return "bundle"


@pytest.mark.parametrize("breaking", [garbled_list, missing_end_of_list, half_certificate, half_bundle])
def test_one_broken_file_blocks_no_newer_list(site, listed, breaking):
    what = breaking(site, listed)
    poll(lambda: any(what in line for line in site.gateway.status()["pending"]), WAIT)
    assert status_of(site) == 200
    revoke(site, listed)
    poll(lambda: status_of(site) == 403, WAIT)
    assert any(what in line for line in site.gateway.status()["pending"])
    assert status_of(site, "secure.wild.example.com", "revoked") == 200  # verified; only `api` asks for revocation
    assert site.gateway.status()["healthy"]


@pytest.mark.parametrize("breaking", [garbled_list, half_certificate])
def test_one_broken_file_blocks_no_new_rule(site, listed, breaking):
    breaking(site, listed)
    poll(lambda: site.gateway.status()["pending"], WAIT)
    rule = BundleRule(ref="new", action="block", expression='http.host eq "www.example.com"')
    site.write(hosts=site.listed_hosts, rules=(*site.rules, rule))
    poll(lambda: status_of(site, "www.example.com", "none") == 403, WAIT)
    assert site.gateway.status()["pending"]
    site.write(hosts=site.listed_hosts)
    poll(lambda: answers(site), WAIT)


# --- what Envoy remembers -------------------------------------------------------------------------------------------


@pytest.fixture
def long_memory(tmp_path, envoy_binary, monkeypatch):
    """A gateway whose Envoy would remember certificates for a minute."""
    shell = inside.lua
    monkeypatch.setattr(inside, "lua", lambda _, *more: shell(60_000, *more))
    with Upstream() as upstream:
        made = Remembering(tmp_path, upstream.port)
        made.start()
        yield made
        made.gateway.stop()


def test_remembered_facts_end_when_envoy_is_back_after_a_revocation(long_memory, tmp_path):
    site, path = long_memory, tmp_path / "ca.crl"
    path.write_text(site.crl())
    site.write(hosts=(site.host(API, crl_files=(str(path),)), *site.hosts()[1:]))
    assert site.gateway.reload()
    before = site.gateway.status()["generation"]
    with site.connect(kind="good") as connection:
        assert connection.get("/memory/first").status == 200
        time.sleep(2.0)  # longer than anything may be remembered outside this test
        assert connection.get("/memory/second").status == 200
        poll(lambda: site.lines_of("/memory/second"), WAIT)[0]["inside"]
        os.kill(envoy(site), signal.SIGSTOP)
        revoke(site, path)
        poll(lambda: generation(site) > before, WAIT)
        revive(site)
        begin = time.monotonic()
        poll(lambda: connection.get("/memory").status == 403, WAIT)
        assert time.monotonic() - begin < 30  # the verdict would have been repeated for twice as long


# --- restarts -------------------------------------------------------------------------------------------------------


@pytest.fixture
def again(site, tmp_path):
    """Starts gateways one after the other on a bundle with a list file and a state directory of their own."""
    path, bundle = tmp_path / "ca.crl", tmp_path / "b.json"
    path.write_text(site.crl())
    site.write(hosts=(site.host(API, crl_files=(str(path),)),), path=bundle)
    running = []

    def start(state=tmp_path / "state"):
        settings = Settings(listen=("127.0.0.1", 0), log=tmp_path / "log", workers=1, state_dir=state)
        gateway = Gateway(bundle, settings).start()
        running.append(gateway)
        return gateway

    start.path, start.state = path, tmp_path / "state"
    yield start
    for gateway in running:
        gateway.stop()


def ask(site, gateway, kind="good"):
    with Connection(gateway.address[1], API, site.client(kind)) as connection:
        return connection.get("/again").status


@pytest.mark.parametrize("what", ["gone", "older", "garbage"])
def test_restart_takes_no_revocation_back(site, again, what):
    old = again.path.read_bytes()
    gateway = again()
    revoke(site, again.path)
    poll(lambda: ask(site, gateway) == 403, WAIT)
    gateway.stop()
    if what == "gone":
        again.path.unlink()
    else:
        replace(again.path, old if what == "older" else b"garbage")
    gateway = again()
    assert ask(site, gateway) == 403
    status = gateway.status()
    said = [*status["notes"], *status["pending"]]
    assert any({"gone": "is gone", "older": "older than number 2", "garbage": "neither a PEM"}[what] in x for x in said)
    (file,) = (again.state / "crls").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "breaking",
    [
        lambda file: file.write_bytes(file.read_bytes()[:100]),
        lambda file: file.write_bytes(file.read_bytes().replace(b"BEGIN", b"BEGIM")),
        lambda file: file.chmod(0o622),
        lambda file: file.parent.chmod(0o777),
        lambda file: (file.rename(file.with_suffix(".x")), file.symlink_to(file.with_suffix(".x"))),
    ],
    ids=["cut", "changed", "written by others", "folder of everybody", "link"],
)
def test_kept_list_that_cannot_be_trusted_stops_the_start_and_is_named(again, breaking):
    again().stop()
    (file,) = (again.state / "crls").iterdir()
    breaking(file)
    with pytest.raises(GatewayError, match="crls"):
        again()


def test_first_start_with_a_broken_list_is_refused(again):
    again.path.write_bytes(b"garbage")
    with pytest.raises(GatewayError, match="neither a PEM"):
        again()


def test_list_that_cannot_be_kept_is_enforced_and_said(site, again):
    gateway = again(Path("/proc/nowhere"))
    revoke(site, again.path)
    poll(lambda: ask(site, gateway) == 403, WAIT)
    assert any("can't be kept" in note for note in gateway.status()["notes"])
