"""Access logs in their formats: what a line tells, what can't be read, and that nothing hostile does harm."""

import gzip
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs.formats import reader_for, sniffed
from mtls_tui.simulate.logs.parts import PARTS, logpush_status, reading, verify_status, wanted_parts
from mtls_tui.simulate.logs.source import BLOCK, MAX_LINE, LogSource
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
    with pytest.raises(RequestError, match="not a decision"):
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
        ([("host", "a."), ("ip", "b")], "is not a key"),
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
    return LogSource("test", io.BytesIO(data), size)


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


def test_connection_without_tls_has_no_version_of_it():
    assert reading({"tls_version": "-"}).http.tls_version == ""
    assert reading({"tls_version": "TLSv1.2"}).http.tls_version == "TLSv1.2"


def test_http_version_that_the_log_leaves_empty_is_unknown():
    assert not reading({"http_version": "-"}).knows("http.request.version")
    assert reading({"http_version": "HTTP/1.1"}).knows("http.request.version")


def test_header_that_a_log_tells_gives_the_fields_that_follow_from_it():
    told = reading({"accept_language": "de, en;q=0.5"})
    assert told.knows("http.request.accepted_languages") and not told.knows("http.request.headers")
    assert told.http.headers == (("accept-language", b"de, en;q=0.5"),)


def test_verdict_on_a_certificate_gives_no_other_field_of_it():
    told = reading({"verify": "SUCCESS"})
    assert told.knows(VERIFIED) and not told.knows("cf.tls_client_auth.cert_serial")


def test_bom_before_har_is_no_obstacle():
    assert sniffed(b"\xef\xbb\xbf" + json.dumps({"log": {"version": "1.2", "entries": []}}).encode()) == "har"


COMMON = b'192.0.2.7 - - [20/Nov/2026:10:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 12\n'
ISTIO = (
    b'[2026-11-20T10:00:00.000Z] "GET /v1?x HTTP/1.1" 200 - via_upstream - "-" 0 135 4 4 "-" "curl/8" "id-1" '
    b'"api.example.com" "10.0.0.1:80" outbound|80||httpbin 10.44.1.23:50452 10.44.1.23:80 192.0.2.7:46520 sni default\n'
)
ALB = (
    b"https 2026-11-20T10:00:00.186641Z app/lb/50dc6c495c0c9188 192.0.2.7:2817 10.0.0.1:80 0.0 0.048 0.037 200 200 0 5 "
    b'"GET https://api.example.com:443/v1?x HTTP/1.1" "curl/8" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:tg/1 '
    b'"Root=1-58337281" "api.example.com" "arn:cert" 1 2026-11-20T10:00:00.086000Z "forward" "-" "-"\n'
)
TRAEFIK = (
    b'{"ClientHost":"192.0.2.7","RequestHost":"api.example.com","RequestMethod":"GET","RequestPath":"/v1?x",'
    b'"RequestProtocol":"HTTP/2.0","RequestScheme":"https","StartUTC":"2026-11-20T10:00:00.1Z"}\n'
)
HAPROXY = (
    b"Nov 20 10:00:00 lb haproxy[1]: 192.0.2.7:33317 [20/Nov/2026:10:00:00.655] https~ api/s1 10/0/30/69/109 200 2750 "
    b'- - ---- 1/1/1/1/0 0/0 {api.example.com} {} "GET /v1?x HTTP/1.1"\n'
)


@pytest.mark.parametrize(("line", "name"), [(COMMON, "common"), (ISTIO, "istio"), (ALB, "alb"), (TRAEFIK, "json")])
def test_the_default_format_of_a_common_server_is_seen(line, name):
    assert sniffed(line) == name
    found, _ = read_one(line)
    assert found.http.client_ip == "192.0.2.7"
    assert found.http.target in ("/a?b=1", "/v1?x")
    if name != "common":
        assert found.http.host.partition(":")[0] == "api.example.com"


def test_a_full_line_is_not_taken_for_the_shorter_format():
    assert [sniffed(line) for line in (COMBINED, VHOST, ENVOY)] == ["combined", "vhost_combined", "envoy"]


def test_haproxy_s_log_is_refused_by_name_with_a_template_that_reads_it():
    with pytest.raises(RequestError, match="HAProxy") as caught:
        sniffed(HAPROXY)
    template = re.search(r"--template.*?'(.*?)'", str(caught.value))[1]
    found, _ = read_one(HAPROXY, template=template.replace("$prefix", "$month $day $clock $node $process"))
    assert (found.http.host, found.http.target, found.http.client_ip) == ("api.example.com", "/v1?x", "192.0.2.7")


@pytest.mark.parametrize(
    ("magic", "tool"),
    [
        (b"\x28\xb5\x2f\xfd\x04", "zstdcat"),
        (b"BZh91AY", "bzcat"),
        (b"\xfd7zXZ\0\0", "xzcat"),
        (b"\x04\x22\x4d\x18", "lz4cat"),
        (b"PK\x03\x04", "unzip -p"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"name": "combined"}, {"template": "$host"}])
def test_a_log_packed_otherwise_than_gzip_is_refused_with_the_program_that_unpacks_it(magic, tool, options):
    with pytest.raises(RequestError, match=tool):
        reader_for(magic, frozenset(ALL), **options)


@pytest.mark.parametrize("template", ["{$host} $x", "{${host}} $x"])
def test_a_brace_around_a_variable_of_a_template_is_a_brace(template):
    found, _ = read_one(b"{api.example.com} y\n", template=template)
    assert found.http.host == "api.example.com"


def test_a_brace_after_a_variable_of_a_template_does_not_vanish():
    reader = reader_for(b"", frozenset(ALL), template="$host}x")
    assert reader.tally(b"a.example}x\n").counts
    assert not reader.tally(b"a.examplex\n").counts


def test_a_template_of_unknown_variables_only_says_which_are_known():
    with pytest.raises(RequestError, match=r"\$request_method.*%REQ\(:PATH\)%"):
        compile_template('$method $url "$foo"')


@pytest.mark.parametrize("time", ["inf", "1e999", "nan", "9" * 400, "-1"])
def test_a_time_that_is_no_number_of_seconds_is_unknown(time):
    found, _ = read_one(b'{"host":"a","uri":"/","time":"' + time.encode() + b'"}\n')
    assert found.http.at is None
