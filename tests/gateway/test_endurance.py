"""What happens to a gateway over time: jumps of the clock, an expiring authority, being held or starved, reloads."""

import json
import os
import resource
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway import Gateway, GatewayError, Limits, Settings
from mtls_tui.gateway.accesslog import time_text
from mtls_tui.gateway.decision import Decider
from mtls_tui.gateway.questions import read_gateway
from mtls_tui.pki import issue
from mtls_tui.pki.authority import key_pem
from mtls_tui.pki.issue import Issuer
from tests.gateway.command import ask_status, serving
from tests.gateway.site import NOT_VERIFIED, poll
from tests.gateway.test_decision import asking
from tests.gateway.wire import Connection

pytestmark = pytest.mark.gateway
API = "api.example.com"
ONLY_VERIFIED = BundleRule(ref="mtls", expression=f'(http.host eq "{API}" and {NOT_VERIFIED})', action="block")
SECOND = timedelta(seconds=1)


@pytest.fixture
def bundle(site, tmp_path):
    path = tmp_path / "x.bundle.json"
    site.write(path=path)
    return path


# --- time ------------------------------------------------------------------------------------------------------------


def test_clock_that_jumps_either_way_is_felt_at_once(site):
    site.write()
    policy = Policy.from_bundle_bytes(site.bundle.read_bytes())
    decider = Decider(policy, read_gateway, asks={API: "plain"})
    now = time.time()
    year = 366 * 86_400
    for moment, expected in ((now, 200), (now + year, 451), (now, 200), (now - year, 451), (now + 1, 200)):
        data, line = decider.answer(asking(site, "good"), moment)
        assert int(data.split(b" ")[1]) == expected, moment - now
        assert line.time == time_text(moment)
    assert time_text(1.25) == "1970-01-01T00:00:01.250Z"


class ShortLived:
    """An authority that expires soon, and a client of it whose own certificate lives on."""

    def __init__(self, folder, seconds):
        now = datetime.now(UTC).replace(microsecond=0)
        self.end = now + seconds * SECOND
        key, leaf_key = issue.generate_key(), issue.generate_key()
        name = issue.common_name("short-lived authority")
        root = issue.self_signed_authority(name, key, not_before=now - issue.DAY, not_after=self.end)
        leaf = issue.end_entity(
            Issuer(root, key), issue.common_name("client"), leaf_key.public_key(),
            not_before=now - issue.DAY, not_after=now + issue.DAY,
        )  # fmt: skip
        self.anchor = root.public_bytes(Encoding.PEM).decode()
        self.pair = folder / "short.pem", folder / "short.key"
        self.pair[0].write_bytes(leaf.public_bytes(Encoding.PEM))
        self.pair[1].write_bytes(key_pem(leaf_key))


def test_authority_that_expires_while_running_ends_its_clients_on_open_connections(site, bundle, tmp_path):
    settings = Settings(listen=("127.0.0.1", 0), log=tmp_path / "log", workers=1, remember_seconds=1.0)
    seen = []
    with Gateway(bundle, settings) as gateway:
        short = ShortLived(tmp_path, 8)
        site.write(path=bundle, hosts=(site.host(API, anchors=(short.anchor,), crls=()),), rules=(ONLY_VERIFIED,))
        assert gateway.reload()
        with Connection(gateway.address[1], API, short.pair) as connection:
            while datetime.now(UTC) < short.end + 3 * SECOND:
                before = datetime.now(UTC)
                status = connection.get("/").status
                seen.append((before, datetime.now(UTC), status))
                time.sleep(0.01)
    early = {status for _, after, status in seen if after <= short.end}
    late = {status for before, _, status in seen if before >= short.end + SECOND}
    assert (early, late) == ({200}, {403})


# --- signatures ------------------------------------------------------------------------------------------------------


def test_no_gateway_starts_on_a_bundle_that_another_key_signed_or_that_was_changed(site, tmp_path):
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    bundle = tmp_path / "signed.bundle.json"

    def refused():
        with pytest.raises(GatewayError, match=r"sign|digest") as error:
            Gateway(bundle, listen=("127.0.0.1", 0), verify_key=public, log=tmp_path / "log").start()
        assert str(bundle) in str(error.value)

    site.write(path=bundle, sign_key=other)
    refused()
    site.write(path=bundle, sign_key=key)
    good = bundle.read_bytes()
    bundle.write_bytes(good.replace(b'"action":"block"', b'"action":"log"', 1))
    refused()
    # The digest of other rules beside the signature of these.
    site.write(path=bundle, sign_key=key, rules=())
    moved = json.loads(bundle.read_bytes())
    moved["signature"] = json.loads(good)["signature"]
    bundle.write_text(json.dumps(moved))
    refused()


# --- held and starved ------------------------------------------------------------------------------------------------


def statuses(port, site):
    """What a good and an expired certificate get."""
    found = []
    for kind in ("good", "expired"):
        with Connection(port, API, site.client(kind)) as connection:
            found.append(connection.get("/").status)
    return found


def test_stopped_supervisor_changes_no_answer_and_takes_up_its_work_again(site, bundle, tmp_path):
    with serving(bundle, tmp_path) as running:
        os.kill(running.process.pid, signal.SIGSTOP)
        try:
            for _ in range(30):
                assert statuses(running.port, site) == [200, 451]
            site.write(path=bundle, rules=(*site.rules, BundleRule(ref="all", expression="true", action="block")))
            time.sleep(4)  # longer than a decision process may hang
            assert statuses(running.port, site) == [200, 451]
        finally:
            os.kill(running.process.pid, signal.SIGCONT)
        poll(lambda: statuses(running.port, site) == [403, 451], 30)
        assert ask_status(running.status, "/healthz")[0] == 200
        workers = json.loads(ask_status(running.status, "/status")[1])["workers"]
        assert [worker["restarts"] for worker in workers] == [0]


def test_decision_process_without_memory_lets_nothing_through_and_is_useful_again(site, tmp_path):
    bundle = tmp_path / "body.bundle.json"
    rule = BundleRule(ref="attack", expression='http.request.body.raw contains "attack"', action="block")
    site.write(path=bundle, hosts=(site.host("body.example.com", mtls=False),), rules=(rule,))
    settings = Settings(
        listen=("127.0.0.1", 0), log=tmp_path / "log", workers=1, limits=Limits(body_bytes=8 * 1024 * 1024)
    )
    attack = b"x" * 7_000_000 + b"attack"
    with Gateway(bundle, settings) as gateway:

        def post(body):
            with Connection(gateway.address[1], "body.example.com") as connection:
                return connection.get("/", "body.example.com", method="POST", body=body).status

        starved = []
        assert post(b"fine") == 200 and post(attack) == 403
        process = gateway.status()["workers"][0]["process"]
        [pages] = Path(f"/proc/{process}/statm").read_text().split()[:1]
        size = int(pages) * resource.getpagesize()
        resource.prlimit(process, resource.RLIMIT_AS, (size + 1_000_000, resource.RLIM_INFINITY))
        for _ in range(5):
            starved.append(post(attack))
        assert set(starved) <= {0, 403, 503}
        assert 503 in starved or gateway.status()["workers"][0]["restarts"]  # it was felt
        poll(lambda: post(b"fine") == 200, 30)


# --- reloads ---------------------------------------------------------------------------------------------------------


def test_fifty_reloads_under_load_never_open_and_lose_no_request(site, bundle, tmp_path):
    wrong: list[object] = []
    settings = Settings(listen=("127.0.0.1", 0), log=tmp_path / "log", workers=2)
    with Gateway(bundle, settings) as gateway:
        port, stop, asked = gateway.address[1], threading.Event(), []

        def load(kind, expected):
            with Connection(port, API, site.client(kind)) as connection:
                while not stop.is_set():
                    status = connection.get("/under-load").status
                    asked.append(status)
                    if status != expected:
                        wrong.append((kind, status))
                        return

        pairs = [("good", 200), ("expired", 451), ("revoked", 451), ("none", 451)]
        expected = {kind: site.expected(kind).decision for kind, _ in pairs}
        pairs = [(kind, status_of(expected[kind])) for kind, _ in pairs]
        threads = [threading.Thread(target=load, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        with Connection(port, API, site.client("good")) as connection:
            for number in range(50):
                # Each forbids one path more, so that it can be seen to be in force when `reload` returns.
                rule = BundleRule(ref="now", expression=f'http.request.uri.path eq "/{number}"', action="block")
                site.write(path=bundle, rules=(*site.rules, rule))
                assert gateway.reload()
                assert connection.get(f"/{number}").status == 403, number
                assert connection.get(f"/{number - 1}").status == 200, number
        stop.set()
        for thread in threads:
            thread.join()
        status = gateway.status()
    assert not wrong and len(asked) > 200
    assert status["generation"] >= 51 and status["reloads"]["refused"] == 0
    assert [worker["restarts"] for worker in status["workers"]] == [0, 0]


def status_of(decision):
    if not decision.blocked:
        return 200
    return decision.rule.response.status if decision.rule.response else 403
