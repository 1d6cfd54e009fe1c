"""Access logs in their formats: what a line tells, what can't be read, and that nothing hostile does harm."""

import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs.formats import reader_for, sniffed
from mtls_tui.simulate.logs.parts import PARTS, logpush_status, reading, verify_status, wanted_parts
from mtls_tui.simulate.logs.source import BLOCK, MAX_LINE, Source
from mtls_tui.simulate.logs.template import compile_template

ALL = PARTS | {"cf.tls_client_auth.cert_serial", "ip.src.country", "cf.tls_client_auth.cert_fingerprint_sha256"}
PRESENTED, VERIFIED, REVOKED = (f"cf.tls_client_auth.cert_{n}" for n in ("presented", "verified", "revoked"))

COMBINED = b'192.0.2.7 - - [20/Nov/2026:10:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 12 "-" "curl/8 \\x22x\\x22"\n'
VHOST = b"api.example.com:443 " + COMBINED
ENVOY = (
    b'[2026-11-20T10:00:00.000Z] "POST /v1?x HTTP/2" 200 - 0 12 3 2 "192.0.2.9" "ua" "id-1" '
    b'"api.example.com" "10.0.0.1:80"\n'
)
NGINX_JSON = (
    b'{"time_iso8601":"2026-11-20T10:00:00+00:00","remote_addr":"192.0.2.7","request_method":"GET",'
    b'"http_host":"a.example",'
    b'"request_uri":"/x?y","ssl_client_verify":"FAILED:certificate has expired","http_user_agent":"ua"}\n'
)
LOGPUSH = (
    b'{"ClientIP":"192.0.2.1","ClientRequestHost":"api.example.com","ClientRequestMethod":"GET",'
    b'"ClientRequestURI":"/v1?i=1",'
    b'"ClientMTLSAuthStatus":"ok","EdgeStartTimestamp":1795168800000000000,"ClientCountry":"de","ClientASN":64500}\n'
)
DECISION = (
    b'{"kind":"decision","time":"2026-11-20T10:00:00.000Z","action":"block","rule":"r","client":"192.0.2.1",'
    b'"host":"api.example.com","method":"GET","path":"/v1","fingerprint":"ab","verified":true}\n'
)


def read_one(line, **options):
    reader = reader_for(line, frozenset(ALL), **options)
    tally = reader.tally(line)
    assert tally.total == 1
    assert not tally.bad
    (key,) = tally.counts
    return reading(reader.values(key), reader.statuses), reader


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (COMBINED, "combined"),
        (VHOST, "vhost_combined"),
        (ENVOY, "envoy"),
        (NGINX_JSON, "json"),
        (LOGPUSH, "logpush"),
        (DECISION, "decisions"),
        (b'{"log": {"version": "1.2", "entries": []}}', "har"),
    ],
)
def test_format_is_seen_from_the_first_lines(line, name):
    assert sniffed(line) == name


def test_unknown_format_is_said_with_a_cure():
    with pytest.raises(RequestError, match="--format"):
        sniffed(b"what is this\n")


def test_combined_line():
    told, _ = read_one(COMBINED)
    assert (told.http.method, told.http.target, told.http.client_ip) == ("GET", "/a?b=1", "192.0.2.7")
    assert dict(told.http.headers) == {"user-agent": b'curl/8 "x"'}
    assert told.http.http_version == "HTTP/1.1"
    assert told.http.at == 1795168800.0
    assert not told.knows("http.host")
    assert not told.knows(VERIFIED)
    assert told.knows("http.referer")  # logged as empty


def test_vhost_combined_line_knows_the_host():
    told, _ = read_one(VHOST)
    assert told.http.host == "api.example.com"
    assert told.knows("http.host")


def test_envoy_line():
    told, _ = read_one(ENVOY)
    assert (told.http.method, told.http.host, told.http.target) == ("POST", "api.example.com", "/v1?x")
    assert told.http.http_version == "HTTP/2"
    assert not told.knows("ip.src")  # the address in X-Forwarded-For is the client's word


def test_nginx_json_line():
    told, reader = read_one(NGINX_JSON)
    assert (told.http.host, told.http.target, told.http.client_ip) == ("a.example", "/x?y", "192.0.2.7")
    assert told.fields == {PRESENTED: True, VERIFIED: False, REVOKED: False}
    assert "verify" in reader.parts


def test_json_that_envoy_writes_has_the_target_under_path():
    line = json.dumps({
        "start_time": "2026-11-20T10:00:00.000Z", "method": "GET", "path": "/a?b=1", "protocol": "HTTP/2",
        "authority": "a.example", "user_agent": "ua", "x_forwarded_for": "192.0.2.1", "response_code": 200,
    }).encode()  # fmt: skip
    told, _ = read_one(line + b"\n")
    assert (told.http.host, told.http.target, told.http.at) == ("a.example", "/a?b=1", 1795168800.0)
    assert told.knows("http.request.uri.query")
    assert not told.knows("ip.src")


def test_json_that_caddy_writes_is_nested():
    line = json.dumps({
        "ts": 1795168800.5,
        "request": {"host": "a.example", "method": "POST", "uri": "/x", "remote_ip": "192.0.2.1", "proto": "HTTP/3.0"},
        "status": 200,
    }).encode()  # fmt: skip
    told, reader = read_one(line + b"\n")
    assert reader.name == "json"
    assert (told.http.host, told.http.method, told.http.client_ip) == ("a.example", "POST", "192.0.2.1")
    assert told.http.http_version == "HTTP/3"
    assert told.http.at == 1795168800.5


def test_a_path_without_query_leaves_the_query_unknown():
    told, _ = read_one(b'{"host": "a.example", "method": "GET", "path": "/x"}\n')
    assert told.knows("http.request.uri.path")
    assert not told.knows("http.request.uri.query")
    assert not told.knows("http.request.full_uri")


def test_logpush_line_says_nothing_of_revocation():
    told, _ = read_one(LOGPUSH)
    assert told.fields[VERIFIED] is True
    assert REVOKED not in told.fields
    assert not told.knows(REVOKED)
    assert told.fields["ip.src.country"] == b"de"
    assert told.http.at == 1795168800.0


def test_decision_log_line_has_defaults_for_keys_left_out():
    told, _ = read_one(DECISION)
    assert told.fields[PRESENTED] is True
    assert told.fields[VERIFIED] is True
    assert told.fields[REVOKED] is False
    assert not told.knows("http.request.uri.query")
    anonymous, _ = read_one(b'{"kind":"decision","action":"allow","host":"a","method":"GET","path":"/"}\n')
    assert anonymous.fields[PRESENTED] is False


def test_decision_log_lines_of_another_kind_are_no_requests():
    line = b'{"kind":"reload","action":"ok"}\n'
    reader = reader_for(DECISION, frozenset(ALL))
    (key,) = reader.tally(line).counts
    with pytest.raises(RequestError, match="no decision"):
        reading(reader.values(key), reader.statuses)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("NONE", (False, False, False)),
        ("SUCCESS", (True, True, False)),
        ("FAILED:certificate has expired", (True, False, False)),
        ("FAILED:certificate revoked", (True, True, True)),
        ("what", None),
    ],
)
def test_nginx_verify_status(text, fields):
    expected = {} if fields is None else dict(zip((PRESENTED, VERIFIED, REVOKED), fields, strict=True))
    assert verify_status(text) == expected


def test_logpush_status_unknown_is_unknown():
    assert logpush_status("unknown") == {}
    assert logpush_status("expired") == {PRESENTED: True, VERIFIED: False, REVOKED: False}


def test_mapping_reaches_nested_keys_and_keys_with_dots():
    line = b'{"req":{"h":"a.example","u":"/x"},"http.status":200,"peer.ok":"NONE"}\n'
    told, _ = read_one(line, name="json", mapping=[("host", "req.h"), ("target", "req.u"), ("verify", "peer\\.ok")])
    assert (told.http.host, told.http.target) == ("a.example", "/x")
    assert told.fields[PRESENTED] is False


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ([("hots", "h")], "nothing that a log"),
        ([("host", "a."), ("ip", "b")], "is no key"),
        ([("host", "a"), ("ip", "a.b")], "both"),
    ],
)
def test_wrong_mapping_is_an_error(mapping, message):
    with pytest.raises(RequestError, match=message):
        reader_for(b"{}\n", frozenset(ALL), name="json", mapping=mapping)


def test_template_of_ones_own():
    told, _ = read_one(
        b"a.example|192.0.2.7|GET /x HTTP/2.0|SUCCESS\n", template="$host|$remote_addr|$request|$ssl_client_verify"
    )
    assert (told.http.host, told.http.target, told.fields[VERIFIED]) == ("a.example", "/x", True)


@pytest.mark.parametrize("template", ["no variable", "$host$remote_addr"])
def test_useless_template_is_an_error(template):
    with pytest.raises(RequestError):
        compile_template(template)


HOSTILE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xff\xfe\x00",
    b'{"ClientRequestHost": "a"',
    b"[" * 50_000,
    b'{"x":' * 50_000,
    b'{"ClientRequestHost": ["a"]}',
    b'{"ClientRequestHost": "\\ud800"}',
    b"\x1b]0;owned\x07\x1b[2J",
    b'192.0.2.1 - - [x] "' + b'\\"' * 20_000,
    b"null",
    b"7",
]


@pytest.mark.parametrize("sample", [COMBINED, NGINX_JSON, LOGPUSH, DECISION, ENVOY])
def test_hostile_lines_are_counted_and_the_good_ones_read(sample):
    reader = reader_for(sample, frozenset(ALL))
    block = b"\n".join([*HOSTILE, sample.rstrip(b"\n")]) + b"\n"
    tally = reader.tally(block)
    good = 0
    for key, number in tally.counts.items():
        try:
            told = reading(reader.values(key), reader.statuses)
        except RequestError:
            continue
        good += number * (told.http.method in ("GET", "POST"))
    assert tally.total == len(HOSTILE) + 1
    assert sum(tally.counts.values()) + len(tally.bad) == tally.total
    assert good >= 1


def test_example_line_is_found_again():
    reader = reader_for(LOGPUSH, frozenset({"host"}))
    other = LOGPUSH.replace(b"api.example.com", b"b.example.com")
    block = b"\xff\n" + other + LOGPUSH
    key = next(key for key in reader.tally(block).counts if reader.values(key)["host"] == "b.example.com")
    assert reader.find(block, key) + b"\n" == other


def source(data, size=None):
    return Source("test", io.BytesIO(data), size)


def test_blocks_hold_whole_lines_whatever_the_pieces():
    data = b"".join(b"line %d %s\n" % (number, b"x" * (number % 97)) for number in range(60_000))
    blocks = list(source(data).blocks())
    assert b"".join(blocks) == data
    assert len(blocks) > 2
    assert all(block.endswith(b"\n") for block in blocks)


def test_last_line_without_newline_is_read():
    assert list(source(b"a\nb").blocks()) == [b"a\n", b"b"]


def test_line_longer_than_the_limit_is_counted_and_not_kept():
    log = source(b"a\n" + b"x" * (BLOCK * 3) + b"\nb\n")
    assert b"".join(log.blocks()) == b"a\nb\n"
    assert log.too_long == 1
    assert len(log.too_long_samples[0]) <= 200


def test_line_at_the_limit_survives():
    data = b"x" * MAX_LINE + b"\nb\n"
    assert b"".join(source(data).blocks()) == data


@pytest.mark.parametrize("members", [1, 3])
def test_gzip_is_unpacked_member_after_member(members):
    data = b"".join(gzip.compress(b"line %d\n" % n * 1000) for n in range(members))
    assert b"".join(source(data).blocks()) == b"".join(b"line %d\n" % n * 1000 for n in range(members))


@pytest.mark.parametrize(
    ("data", "damage"),
    [
        (gzip.compress(b"a\n" * 100_000)[:-20], "ends too early"),
        (gzip.compress(b"a\n" * 10) + b"rest", "something after"),
        (gzip.compress(b"a\n" * 10)[:-8] + b"\0" * 8, "damaged"),
    ],
    ids=["cut", "tail", "crc"],
)
def test_damaged_gzip_is_said_and_what_came_before_is_read(data, damage):
    log = source(data)
    list(log.blocks())
    assert damage in log.damage


def test_decompression_bomb_comes_in_bounded_pieces():
    log = source(gzip.compress(b"\n" * 30_000_000))
    assert max(len(piece) for piece in log.raw()) <= BLOCK


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80).filter(lambda line: b"\n" not in line and line.strip()), max_size=8))
def test_every_line_is_either_read_or_counted_as_bad(lines):
    block = b"\n".join([*lines, LOGPUSH.rstrip(b"\n")])
    for sample in (LOGPUSH, COMBINED, ENVOY):
        reader = reader_for(sample, frozenset(ALL))
        tally = reader.tally(block)
        assert sum(tally.counts.values()) + len(tally.bad) == tally.total == len(lines) + 1


@given(st.dictionaries(st.sampled_from(sorted(PARTS)), st.text(max_size=30) | st.integers()))
def test_any_values_are_a_reading_or_an_error(values):
    try:
        told = reading(values)
    except RequestError as error:
        assert str(error)
    else:
        assert told.http.target.startswith("/") or "path" in told.parts or "target" in values


def test_wanted_parts_of_the_default_rule_are_host_and_verdict():
    assert wanted_parts({"http.host", VERIFIED}) == {"host", "verify", VERIFIED}


def test_bom_before_har_is_no_obstacle():
    assert sniffed(b"\xef\xbb\xbf" + json.dumps({"log": {"version": "1.2", "entries": []}}).encode()) == "har"
