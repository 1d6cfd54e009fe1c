"""What a log's requests would get: counted right, unknown where the log says too little, flat in memory, unharmed."""

import gzip
import io
import json
import random
import subprocess
import sys
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui.rulefile import bundle, loads
from mtls_tui.simulate import RequestError, from_url, replay
from mtls_tui.simulate.logs.parts import reading
from mtls_tui.simulate.logs.source import MAX_LINE, FileSlice, LogSource, open_log, ranges
from mtls_tui.simulate.policies import policy_of
from mtls_tui.simulate.replay.judge import AMBIGUOUS, NO_HOST, Judge, LoggedVerdict
from mtls_tui.simulate.replay.report import command_for, kind_of, replay_data, replay_text
from mtls_tui.simulate.requests.message import to_json
from mtls_tui.simulate.style import Style
from tests.simulate.conftest import NOW, RULES

DEFAULT = """version = 1
[[hosts]]
name = "api.example.com"
[[hosts]]
name = "www.example.com"
mtls = false
[[rules]]
ref = "mtls"
expression = '(http.host in {"api.example.com" "www.example.com"} and not cf.tls_client_auth.cert_verified)'
action = "block"
"""
REVOKED = DEFAULT.replace("not cf.tls", "(not cf.tls").replace(
    "verified)", "verified or cf.tls_client_auth.cert_revoked))"
)
VERIFY = {"NONE": "block", "SUCCESS": "allow", "FAILED:certificate has expired": "block"}


@pytest.fixture(scope="session")
def bundle_of(site):
    return lambda text: bundle(loads(text, site.folder))


def nginx(host="api.example.com", verify="NONE", target="/v1", **more):
    entry = {"http_host": host, "request_method": "GET", "request_uri": target, "remote_addr": "203.0.113.9"}
    return json.dumps({**entry, "ssl_client_verify": verify, "request_time": 0.1, **more}).encode() + b"\n"


def source(data):
    return LogSource("log", io.BytesIO(data), len(data))


def verdicts(result):
    return dict(result.by_action())


def test_lines_are_counted_by_verdict_rule_and_host(bundle_of):
    rng = random.Random(5)
    expected = Counter()
    lines = []
    for _ in range(3000):
        verify = rng.choice(list(VERIFY))
        lines.append(nginx(verify=verify, target=f"/{rng.random()}"))
        expected[VERIFY[verify]] += 1
    result = replay(bundle_of(DEFAULT), source(b"".join(lines)))
    assert verdicts(result) == expected
    assert result.lines == 3000
    assert result.outcomes["api.example.com", LoggedVerdict("block", "mtls")] == expected["block"]
    assert not result.unreadable


def test_a_log_without_certificates_gives_unknown_and_never_allowed(bundle_of):
    line = b'203.0.113.9 - - [20/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "x"\n'
    result = replay(bundle_of(DEFAULT), source(b"api.example.com:443 " + line))
    assert verdicts(result) == {"unknown": 1}
    ((_, verdict),) = result.outcomes
    assert verdict.missing == ("cf.tls_client_auth.cert_verified",)
    without_host = replay(bundle_of(DEFAULT), source(line))
    ((_, verdict),) = without_host.outcomes
    assert (verdict.action, verdict.missing) == ("unknown", ("http.host",))


def test_a_field_set_for_all_lines_is_known(bundle_of):
    line = b'203.0.113.9 - - [20/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "x"\n'
    fixed = {"http.host": b"api.example.com", "cf.tls_client_auth.cert_verified": True}
    assert verdicts(replay(bundle_of(DEFAULT), source(line), fixed=fixed)) == {"allow": 1}


def test_logpush_ok_is_unknown_for_a_rule_that_asks_for_revocation(bundle_of):
    lines = b"".join(
        json.dumps({"ClientRequestHost": "api.example.com", "ClientMTLSAuthStatus": status}).encode() + b"\n"
        for status in ("ok", "absent", "untrusted", "unknown")
    )
    assert verdicts(replay(bundle_of(DEFAULT), source(lines))) == {"allow": 1, "block": 2, "unknown": 1}
    assert verdicts(replay(bundle_of(REVOKED), source(lines))) == {"unknown": 2, "block": 2}


def test_a_host_without_mtls_never_saw_a_certificate(bundle_of):
    result = replay(bundle_of(DEFAULT), source(nginx("www.example.com", "SUCCESS")))
    assert verdicts(result) == {"block": 1}


def test_what_the_policy_refuses_before_any_rule_is_refused_here_too(bundle_of):
    path_rule = DEFAULT + '[[rules]]\nref = "p"\nexpression = \'http.request.uri.path eq "/x"\'\naction = "block"\n'
    lines = nginx("elsewhere.example", "SUCCESS") + nginx(verify="SUCCESS", target="/a/%2e%2e;/b")
    result = replay(bundle_of(path_rule), source(lines))
    assert {verdict.rule for _, verdict in result.outcomes} == {NO_HOST, AMBIGUOUS}
    assert verdicts(result) == {"block": 2}


@settings(max_examples=60, deadline=None)
@given(
    verify=st.sampled_from([*VERIFY, "FAILED:certificate revoked"]),
    host=st.sampled_from(["api.example.com", "PAY.example.com", "www.example.com", "other.example"]),
    target=st.sampled_from(["/", "/hook/x", "/admin", "/admin?x=1", "/a/../hook/", "/hook/%2e%2e/admin"]),
    method=st.sampled_from(["GET", "POST"]),
    ip=st.sampled_from(["192.0.2.7", "203.0.113.9", "2001:db8::1"]),
    agent=st.sampled_from(["a bot", "x"]),
)
def test_a_line_that_tells_everything_gets_the_verdict_of_the_policy(site, verify, host, target, method, ip, agent):
    policy = policy_of(loads(RULES, site.folder)).policy
    told = reading({
        "host": host, "method": method, "target": target, "ip": ip, "user_agent": agent, "verify": verify,
    })  # fmt: skip
    overrides = told.fields if (found := policy.host(host)) is not None and found.mtls else {}
    outcome = policy.decide(_with(told.http, overrides))
    verdict = Judge(policy)(told)
    ending = outcome.decision.rule or outcome.decision.skipped_by
    assert verdict.action == outcome.decision.action
    if ending is not None:
        assert verdict.rule == ending.ref


def _with(http, overrides):
    from dataclasses import replace as changed

    return changed(http, overrides=overrides)


FULL = {
    "host": "api.example.com",
    "method": "POST",
    "target": "/admin",
    "ip": "203.0.113.9",
    "user_agent": "x",
    "verify": "SUCCESS",
}


@settings(max_examples=80, deadline=None)
@given(st.sets(st.sampled_from(sorted(FULL))), st.sampled_from(["SUCCESS", "NONE"]), st.sampled_from(["/", "/hook/x"]))
def test_knowing_less_never_gives_another_verdict_but_unknown(site, hidden, verify, target):
    judge = Judge(policy_of(loads(RULES, site.folder)).policy)
    full = {**FULL, "verify": verify, "target": target}
    whole = judge(reading(full))
    part = judge(reading({key: value for key, value in full.items() if key not in hidden}))
    assert part.action in (whole.action, "unknown")
    assert whole.action != "unknown"


def test_against_tells_who_is_newly_blocked_and_newly_let_in(bundle_of):
    before = DEFAULT
    after = DEFAULT.replace("not cf.tls_client_auth.cert_verified", 'http.request.uri.path eq "/admin"')
    lines = nginx(verify="NONE") * 3 + nginx(verify="SUCCESS", target="/admin") * 2 + nginx(verify="SUCCESS") * 4
    result = replay(bundle_of(after), source(lines), against=bundle_of(before))
    found = {kind_of(b, a): group.count for (_, b, a), group in result.groups.items()}
    assert found == {"newly let in": 3, "newly blocked": 2}
    for group in result.groups.values():
        assert 1 <= len(group.examples) <= 3
        assert all(example.http.host == "api.example.com" for example in group.examples)
        assert all(example.http.client_ip == "203.0.113.9" for example in group.examples)
    text = replay_text(result, Style(), name="log", file="new.toml", against="old.toml")
    assert "newly blocked  2" in text
    assert "mtls-tui simulate new.toml --url https://api.example.com/admin --ip 203.0.113.9" in text
    out = replay_data(result, name="log", file="new.toml", against="old.toml")
    assert [d["kind"] for d in out["differences"]] == ["newly blocked", "newly let in"]
    assert out["differences"][0]["examples"][0]["request"] == to_json(
        next(g for k, g in result.groups.items() if k[2].blocked).examples[0].http
    )


def test_against_the_same_rules_nothing_differs(bundle_of):
    result = replay(bundle_of(DEFAULT), source(nginx() * 5), against=bundle_of(DEFAULT))
    assert result.groups == {}
    assert "no request" in replay_text(result, Style(), name="l", file="a", against="b")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("allow", "block", "newly blocked"),
        ("allow", "managed_challenge", "newly blocked"),
        ("block", "allow", "newly let in"),
        ("block", "unknown", "no longer known"),
        ("allow", "unknown", "no longer known"),
        ("unknown", "allow", "known now"),
        ("block", "challenge", "decided by another rule"),
    ],
)
def test_kinds_of_difference(before, after, kind):
    assert kind_of(LoggedVerdict(before), LoggedVerdict(after)) == kind


HOSTILE = [
    b"\x16\x03\x01 not http",
    b'{"http_host": "api.example.com"',
    b'{"http_host": ["x"], "ssl_client_verify": {}}',
    b"[" * 60_000,
    b'{"a":' * 60_000,
    b"\x1b[2J\x1b]0;owned\x07",
    b"x" * (MAX_LINE + 10),
    b"x" * (1024 * 1024 + 7),
    b"\xff\xfe\x00\x00",
]


def test_hostile_lines_are_counted_sampled_and_shown_harmlessly(bundle_of):
    lines = [nginx(verify="SUCCESS"), *(line + b"\n" for line in HOSTILE), nginx(verify="NONE")]
    result = replay(bundle_of(DEFAULT), source(b"".join(lines)), format="json")
    assert result.lines == len(lines)
    assert sum(result.unreadable.values()) == len(HOSTILE)
    assert verdicts(result) == {"allow": 1, "block": 1}
    assert result.samples
    text = replay_text(result, Style(True), name="log\x1b[2J", file="f", against=None)
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    json.dumps(replay_data(result, name="log", file="f", against=None))


def test_hostile_values_inside_good_lines_do_no_harm(bundle_of):
    evil = "\x1b[2J‮\u2028"
    lines = nginx(host=f"api.example.com{evil}") + nginx(
        target=f"/{evil}?q='$(id)`", verify="SUCCESS", http_user_agent=evil
    )
    after = DEFAULT.replace("not cf.tls_client_auth.cert_verified", "ssl")
    result = replay(bundle_of(after), source(lines), against=bundle_of(DEFAULT))
    text = replay_text(result, Style(), name="l", file="f", against="g")
    assert not any(char in text for char in "\x1b‮\u2028\x07")


def test_example_command_is_quoted_for_a_shell(bundle_of):
    line = nginx(target="/a?b='; rm -rf ~; '", verify="SUCCESS")
    after = DEFAULT.replace("not cf.tls_client_auth.cert_verified", "ssl")
    result = replay(bundle_of(after), source(line), against=bundle_of(DEFAULT))
    ((_, group),) = result.groups.items()
    import shlex

    words = shlex.split(command_for(group.examples[0], "my rules.toml"))
    assert words[:3] == ["mtls-tui", "simulate", "my rules.toml"]
    assert words[4] == "https://api.example.com/a?b='; rm -rf ~; '"
    assert "cf.tls_client_auth.cert_verified=true" in words


def test_hosts_that_clients_make_up_do_not_fill_the_memory(bundle_of):
    lines = b"".join(nginx(host=f"h{n}.example") for n in range(6000))
    result = replay(bundle_of(DEFAULT), source(lines))
    assert len({host for host, _ in result.outcomes}) <= 2001
    assert sum(result.outcomes.values()) == 6000


@pytest.mark.parametrize("data", [b"", b"\n\n  \n"])
def test_an_empty_log_is_no_error(bundle_of, data):
    result = replay(bundle_of(DEFAULT), source(data))
    assert (result.lines, result.format) == (0, "empty")


def test_a_log_of_no_known_format_is_an_error_with_a_cure(bundle_of):
    with pytest.raises(RequestError, match="--template"):
        replay(bundle_of(DEFAULT), source(b"hello\nworld\n"))


def test_a_log_that_ends_early_is_said(bundle_of):
    data = gzip.compress(b"".join(nginx(x=n) for n in range(30_000)))
    result = replay(bundle_of(DEFAULT), source(data[:-100]))
    assert result.lines > 0
    assert "ends early" in replay_text(result, Style(), name="l", file="f", against=None)


def test_har_knows_the_request_but_not_the_certificate(bundle_of):
    entries = [{"request": {"url": f"https://{host}/"}} for host in ("api.example.com", "www.example.com", "x.example")]
    data = json.dumps({"log": {"version": "1.2", "entries": [*entries, {"request": 3}]}}).encode()
    result = replay(bundle_of(DEFAULT), source(data))
    assert verdicts(result) == {"unknown": 1, "block": 2}
    assert sum(result.unreadable.values()) == 1
    assert result.lines == 4


def test_decision_log_of_the_gateway_is_read(bundle_of):
    base = {"kind": "decision", "time": "2026-11-20T10:00:00.000Z", "action": "allow", "host": "api.example.com"}
    lines = [
        {**base, "fingerprint": "ab", "verified": True},
        {**base, "fingerprint": "ab", "verified": True, "revoked": True},
        base,
        {"kind": "reload"},
    ]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    result = replay(bundle_of(REVOKED), source(data))
    assert result.format == "decisions"
    assert verdicts(result) == {"allow": 1, "block": 2}
    assert result.unreadable == {"the line is not a decision": 1}


def test_the_lines_that_the_gateway_writes_are_understood(bundle_of, site):
    from mtls_tui.gateway.accesslog import LogLine

    policy = policy_of(loads(RULES, site.folder)).policy
    lines, expected = [], Counter()
    for role in ("none", "good", "expired", "revoked", "foreign"):
        http = from_url("https://api.example.com/v1?secret=1", ip="203.0.113.9", method="POST")
        outcome = policy.decide(http, site.chain(role), NOW)
        verification = outcome.verification
        line = LogLine(
            kind="decision", time="2026-11-24T12:00:00.000Z", action=outcome.decision.action, client=http.client_ip,
            host=http.host, method=http.method, path="/v1", fingerprint="ab" if site.chain(role) else "",
            verified=verification.verified, revoked=verification.revoked,
        )  # fmt: skip
        lines.append(msgspec.json.encode(line) + b"\n")
        expected[outcome.decision.action] += 1
    # The log has no user agent, which only a rule of action log reads: no verdict depends on it.
    assert verdicts(replay(bundle_of(RULES), source(b"".join(lines)))) == expected


@pytest.fixture(scope="module")
def mixed_log(tmp_path_factory):
    rng = random.Random(11)
    path = tmp_path_factory.mktemp("log") / "access.log"
    with path.open("wb") as stream:
        for number in range(20_000):
            if number % 997 == 0:
                stream.write(rng.choice([b"broken\n", b"\n", b"y" * (MAX_LINE + 99) + b"\n"]))
            stream.write(
                nginx(rng.choice(["api.example.com", "www.example.com"]), rng.choice(list(VERIFY)), f"/{number}")
            )
    return path


def flat(result):
    return result.lines, result.outcomes, result.unreadable, {k: g.count for k, g in result.groups.items()}


def test_several_processes_count_as_one_does(bundle_of, mixed_log):
    after = DEFAULT.replace("not cf.tls_client_auth.cert_verified", 'http.request.uri.path contains "7"')
    alone = replay(bundle_of(after), open_log(str(mixed_log)), against=bundle_of(DEFAULT))
    together = replay(bundle_of(after), open_log(str(mixed_log)), against=bundle_of(DEFAULT), jobs=2)
    assert flat(alone) == flat(together)
    assert alone.unreadable
    packed = mixed_log.with_suffix(".gz")
    packed.write_bytes(gzip.compress(mixed_log.read_bytes()))
    assert flat(replay(bundle_of(after), open_log(str(packed)), against=bundle_of(DEFAULT), jobs=2)) == flat(alone)


@settings(max_examples=80, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=12).filter(lambda b: b"\n" not in b), max_size=30),
    length=st.integers(1, 40),
    end=st.booleans(),
)
def test_ranges_of_a_file_hold_every_line_once(tmp_path_factory, lines, length, end):
    data = b"\n".join(lines) + (b"\n" if end else b"")
    path = tmp_path_factory.getbasetemp() / "ranges.bin"
    path.write_bytes(data)
    pieces = []
    for part in ranges(len(data), length):
        with FileSlice(str(path), *part) as stream:
            while piece := stream.read(7):
                pieces.append(piece)
    assert b"".join(pieces) == data


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_flat_whatever_the_length_of_the_log(tmp_path):
    rules = tmp_path / "r.rules.toml"
    rules.write_text(DEFAULT)
    code = (
        "from mtls_tui.simulate.policies import load_policy\n"
        "from mtls_tui.simulate.replay.run import replay\n"
        "from mtls_tui.simulate.logs.source import open_log\n"
        f"result = replay(load_policy({str(rules)!r}).bundle, open_log('-'))\n"
        # The peak of this very process; getrusage would tell the parent's.
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(result.lines, peak.split()[1])\n"
    )

    def peak(copies):
        block = b"".join(nginx(verify="SUCCESS", target=f"/{n}", ua="x" * 200) for n in range(2000))
        run = subprocess.run([sys.executable, "-c", code], input=block * copies, capture_output=True, check=True)
        lines, memory = map(int, run.stdout.split())
        assert lines == 2000 * copies
        return memory

    small, large = peak(10), peak(100)
    assert large < small + 4 * 1024
