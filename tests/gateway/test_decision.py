"""The decision service without sockets: every way to go wrong is a refusal, every answer is the policy's."""

import json
import time
from base64 import b64encode
from urllib.parse import quote, unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine import HttpRequest
from mtls_tui.gateway.accesslog import LogWriter
from mtls_tui.gateway.chains import Chains, Identity
from mtls_tui.gateway.counters import Counters, total
from mtls_tui.gateway.decision import Decider, printable
from mtls_tui.gateway.envoy.facts import FACTS_HEADER, FOREVER, WANTS_HEADER
from mtls_tui.gateway.envoy.filters import CERTIFICATE_HEADER, QUESTION_HEADER
from mtls_tui.gateway.envoy.hostplan import ASK_LEVELS
from mtls_tui.gateway.questions import RawQuestion, read_gateway
from mtls_tui.gateway.roads import ask_for
from mtls_tui.gateway.settings import UPSTREAM_HEADERS
from mtls_tui.gateway.status import metrics
from mtls_tui.pki import issue
from tests.gateway.site import Site

API = "api.example.com"
SECURE = "secure.wild.example.com"
"""Its rules read host and certificate alone, and none of them logs."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("files"), 9)
    made.write()
    return made


@pytest.fixture
def decider(files):
    return Decider(files.policy, read_gateway, upstream_headers=UPSTREAM_HEADERS, asks={API: "plain", SECURE: "plain"})


def asking(files, kind="none", *, ask="plain", host=API, sni=API, path="/", headers=()):
    line = f"{ask}|HTTP/2|TLSv1.3|TLS_AES_128_GCM_SHA256|192.0.2.1||id|{sni}"
    found = [("host", host.encode()), (QUESTION_HEADER, line.encode()), *headers]
    if kind != "none":
        pem = quote(files.client(kind)[0].read_text(), safe="")
        found.append((CERTIFICATE_HEADER, f'Hash=0;Chain="{pem}"'.encode()))
    return RawQuestion("GET", path, found)


def status(decider, question):
    return int(decider.answer(question, time.time())[0].split(b" ")[1])


@pytest.mark.parametrize(("kind", "expected"), [("none", 451), ("good", 200), ("revoked", 403), ("expired", 451)])
def test_answer_is_what_the_policy_decides(files, decider, kind, expected):
    data, line = decider.answer(asking(files, kind), time.time())
    assert int(data.split(b" ")[1]) == expected
    assert line.reason == files.expected(kind).decision.reason


def test_upstream_is_told_of_a_trusted_certificate_and_of_the_fate_of_others(files, decider):
    def told(kind):
        decider.shadow = True
        head = decider.answer(asking(files, kind), time.time())[0].decode().split("\r\n")
        return dict(line.split(": ", 1) for line in head[1:] if line)

    good = told("good")
    assert good["x-client-cert-verified"] == "SUCCESS" and good["x-client-cert-subject"] == "CN=good-client"
    assert len(good["x-client-cert-fingerprint"]) == 64 and good["client-cert"].startswith(":")
    assert "client-cert-chain" not in good and told("stuffed")["client-cert-chain"].count(":") == 8
    for kind, fate in (("none", "NONE"), ("expired", "FAILED"), ("revoked", "REVOKED")):
        assert told(kind) == {"x-client-cert-verified": fate, "content-length": "0"}


def test_question_that_tells_less_than_the_rules_need_is_not_decided_on(files, decider):
    for needed in ASK_LEVELS:
        for asked in ASK_LEVELS[1:]:
            decider.asks = {API: needed}
            tells = ASK_LEVELS.index(asked) >= ASK_LEVELS.index(needed)
            assert status(decider, asking(files, "good", ask=asked)) == (200 if tells else 503)


def test_host_of_another_connection_is_misdirected(files, decider):
    assert status(decider, asking(files, "good", sni="www.example.com")) == 421
    assert status(decider, asking(files, "good", host="nowhere.test", sni="nowhere.test")) == 421
    assert status(decider, asking(files, "good", sni="")) == 421


def test_whatever_goes_wrong_is_a_refusal(files, decider, monkeypatch):
    assert status(decider, RawQuestion("GET", "/", [])) == 403
    assert status(decider, asking(files, headers=[(CERTIFICATE_HEADER, b"Hash=0")])) == 403
    assert status(decider, asking(files, headers=[(CERTIFICATE_HEADER, b'Chain="%00"')])) == 403
    for broken in ("host", "decide"):
        policy = files.policy
        monkeypatch.setattr(type(policy), broken, lambda *_: 1 / 0)
        assert status(decider, asking(files, "good")) == 403
        monkeypatch.undo()
    assert status(decider, asking(files, "good")) == 200


def test_shadow_blocks_nothing_and_tells_what_it_would(files, decider):
    decider.shadow = True
    data, line = decider.answer(asking(files, "none"), time.time())
    assert data.startswith(b"HTTP/1.1 200") and (line.action, line.would, line.rule) == ("allow", "block", "mtls")
    assert decider.counters.decisions[(API, "mtls", "shadow")] == 1


def told_facts(decider, question, now=None):
    """The parts of what Envoy is told of a question's certificates; None when it is told nothing."""
    answer, _ = decider.answer(question, now or time.time())
    text = headers_of(answer.partition(b"\r\n\r\n")[0]).get(FACTS_HEADER)
    return text and [unquote(part) for part in text.split("|")]


WANTED = [(WANTS_HEADER, b"facts")]
VERIFIED = "cf.tls_client_auth.cert_verified"


def test_facts_are_told_where_rules_run_inside_envoy_and_are_wanted_whatever_is_decided(files, decider):
    decider.facts = {API: (VERIFIED, "cf.tls_client_auth.cert_serial")}
    decider.generation = 7
    assert told_facts(decider, asking(files, "good")) is None
    assert told_facts(decider, asking(files, "good", host=SECURE, sni=SECURE, headers=WANTED)) is None
    for kind, verified in (("good", "t"), ("none", "f"), ("revoked", "t"), ("expired", "f")):
        told = told_facts(decider, asking(files, kind, headers=WANTED))
        assert told[0] == "7" and told[3:6] == ["2", VERIFIED, verified], kind
        assert told[6] == "cf.tls_client_auth.cert_serial" and told[7].startswith("s")
        assert ("client-cert" in told[8:]) is (kind == "good")
        line = json.loads("{" + told[2][1:] + "}")
        assert line.get("verified", False) is (verified == "t") and line.get("revoked", False) is (kind == "revoked")


def test_no_facts_are_told_of_a_request_that_no_rule_was_asked_about(files, decider):
    decider.facts = {API: (VERIFIED,)}
    assert told_facts(decider, asking(files, "good", sni="www.example.com", headers=WANTED)) is None
    decider.asks = {API: "body"}
    assert told_facts(decider, asking(files, "good", headers=WANTED)) is None


def test_no_facts_are_told_when_one_of_them_is_not_known(files, decider):
    decider.facts = {API: (VERIFIED, "cf.tls_client_auth.not_a_field")}
    assert told_facts(decider, asking(files, "good", headers=WANTED)) is None


def chain_of(*certificates):
    """A certificate header of a chain of any certificates, leaf first."""
    pem = "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)
    return (CERTIFICATE_HEADER, f'Hash=0;Chain="{quote(pem, safe="")}"'.encode())


def headers_of(answer):
    return dict(line.split(": ", 1) for line in answer.decode().split("\r\n")[1:] if line)


def test_upstream_is_told_the_chain_of_this_connection_whatever_came_before_with_the_same_leaf(files, decider):
    """Chains of equal leaf and length in turns: each gets its own, in whatever order they come."""
    good = files.chains["good"][0]
    others = [files.chains[kind][0] for kind in ("revoked", "foreign", "expired")]
    for second in (*others, *reversed(others)):
        answer, _ = decider.answer(asking(files, headers=[chain_of(good, second)]), time.time())
        der = b64encode(second.public_bytes(Encoding.DER)).decode()
        assert headers_of(answer)["client-cert-chain"] == f":{der}:"


def test_fate_that_is_told_is_the_one_on_this_host(files, decider):
    """One certificate is revoked on one host, of a foreign authority on the other: neither is repeated."""
    decider.shadow = True
    decider.asks |= {"pay.example.com": "plain"}
    for _ in range(2):
        for host, fate in ((API, "REVOKED"), ("pay.example.com", "FAILED")):
            question = asking(files, "revoked", host=host, sni=host)
            assert headers_of(decider.answer(question, time.time())[0])["x-client-cert-verified"] == fate


def wide_leaf(files, names):
    """A verified client certificate with so many names."""
    sans = [x509.DNSName(f"name-{number}.example.com") for number in range(names)]
    key, roles = issue.generate_key(), files.roles
    return issue.end_entity(
        roles.authority, issue.common_name("wide"), key.public_key(), purpose="client", alternative_names=sans,
        not_before=roles.at - issue.DAY, not_after=roles.at + issue.DAY,
    )  # fmt: skip


def test_identity_that_is_too_long_to_be_told_is_logged_and_counted(files, decider):
    wide = wide_leaf(files, 1000)
    for number in (1, 2):
        answer, line = decider.answer(asking(files, headers=[chain_of(wide)]), time.time())
        told = headers_of(answer)
        assert told["x-client-cert-verified"] == "SUCCESS" and "client-cert" not in told
        assert line.left_out == ["client-cert"]
        assert decider.counters.left_out == {(API, "client-cert"): number}
    assert decider.answer(asking(files, "good"), time.time())[1].left_out == []
    status = {"reloads": {}, "workers": [], "healthy": True, "generation": 1, "digest": ""}
    status |= {"pending": [], "refused": [], "last_reload_success": 0.0, "revocation_lists": []}
    text = metrics(status, decider.counters).decode()
    assert f'mtls_tui_identity_headers_left_out_total{{header="client-cert",host="{API}"}} 2.0' in text


@pytest.mark.parametrize(("less", "told"), [(0, True), (1, False)])
def test_identity_of_exactly_the_greatest_length_is_told(files, decider, monkeypatch, less, told):
    value = f":{b64encode(files.chains['good'][0].public_bytes(Encoding.DER)).decode()}:"
    monkeypatch.setattr("mtls_tui.gateway.decision.LONGEST_HEADER", len(value) - less)
    answer, line = decider.answer(asking(files, "good"), time.time())
    assert headers_of(answer).get("client-cert") == (value if told else None)
    assert line.left_out == ([] if told else ["client-cert"])


def test_facts_are_not_told_where_an_identity_is_left_out(files, decider):
    """Else what Envoy lets pass by itself would be neither logged nor counted as such."""
    decider.facts = {SECURE: (VERIFIED,)}
    for leaf, told in ((files.chains["good"][0], True), (wide_leaf(files, 1000), False)):
        question = asking(files, host=SECURE, sni=SECURE, headers=[chain_of(leaf), *WANTED])
        assert (told_facts(decider, question) is not None) is told


def test_chains_that_nobody_verified_are_not_kept(files, decider):
    for kind in ("self_signed", "foreign", "expired", "server_purpose"):
        status(decider, asking(files, kind))
    assert len(decider.chains) == 0
    for kind in ("good", "revoked"):
        status(decider, asking(files, kind))
        status(decider, asking(files, kind))
    assert len(decider.chains) == 2


def test_memory_of_chains_is_bounded_in_bytes_all_of_it_together(files, decider):
    """One valid certificate with junk beside it, another each time, as its holder could send for ever."""
    decider.chains = Chains(most=200_000)
    good, junk = files.chains["good"][0], wide_leaf(files, 400)
    sizes = []
    for number in range(40):
        others = (junk,) if number % 2 else (files.chains["foreign"][0], *[files.chains["revoked"][0]] * (number // 4))
        assert status(decider, asking(files, headers=[chain_of(good, *others)])) == 200
        sizes.append(decider.chains.bytes)
    assert 100_000 < max(sizes) <= 200_000 and len(decider.chains) > 1
    oldest = [Chains.key(b"%d" % number) for number in range(300)]
    for key in oldest:
        decider.chains.keep(Identity(key, (b"x" * 1000,), ""))
    assert decider.chains.bytes <= 200_000 and oldest[0] not in decider.chains and oldest[-1] in decider.chains
    before = len(decider.chains)
    decider.chains.keep(Identity(Chains.key(b""), (b"x" * 300_000,), ""))
    assert len(decider.chains) == before


def test_subject_is_a_header_value_whatever_it_holds():
    assert printable(b"CN=a\r\nx: y,O=100%\xc3\xa9") == "CN=a%0D%0Ax: y,O=100%25%C3%A9"


@pytest.mark.parametrize(
    ("fields", "ask"),
    [
        ([], "plain"), (["http.host", "cf.tls_client_auth.cert_verified", "ip.src", "http.request.uri.path"], "plain"),
        (["http.user_agent"], "headers"), (["http.request.body.mime"], "body"), (["some.future.field"], "headers"),
        (["http.request.body.raw"], "body"), (["http.request.body.truncated", "http.host"], "body"),
    ],
)  # fmt: skip
def test_only_what_rules_read_is_asked_for(fields, ask):
    assert ask_for(fields) == ask


def test_counters_add_up_and_travel():
    first, second = Counters(), Counters()
    first.count("h", "r", "block", 3)
    second.count("h", "r", "block")
    second.time(0.0003)
    second.time(5)
    both = total([first, Counters.from_plain(second.plain())])
    assert both.decisions == {("h", "r", "block"): 4} and sum(both.buckets) == 2 and both.buckets[-1] == 1


def test_log_line_has_no_query_and_no_secret(files, decider, tmp_path):
    path = tmp_path / "log"
    with path.open("wb") as file:
        log = LogWriter(file.fileno())
        secret = [("authorization", b"secret-1"), ("cookie", b"secret-2")]
        for kind in ("good", "none"):
            question = asking(files, kind, ask="headers", path="/p?token=secret-3", headers=secret)
            log.add(decider.answer(question, time.time())[1])
        log.flush()
    text = path.read_text()
    assert text.count('"path":"/p"') == 2 and "secret" not in text and "BEGIN" not in text


def test_facts_come_with_the_time_until_which_they_hold(files, decider):
    decider.facts = {SECURE: (VERIFIED,)}
    question = asking(files, "good", host=SECURE, sni=SECURE, headers=WANTED)
    chain = decider.judge(question, time.time()).identity.chain
    end = files.policy.decide(HttpRequest(host=SECURE), chain).verification.valid_until
    assert told_facts(decider, question)[1] == str(int(end * 1000))
    www = asking(files, host="www.example.com", sni="www.example.com", headers=WANTED)
    decider.facts, decider.asks = {"www.example.com": ()}, {"www.example.com": "plain"}
    assert told_facts(decider, www)[1:4] == [str(FOREVER), "", "0"]
