"""Every field that a request gives has its documented format; nothing a client sends makes it fail."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.engine.fields import EXTRACTORS, RequestView, address, compute, languages
from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.types_of import check_types
from mtls_tui.lang.catalogue import FIELDS

HTTP = HttpRequest(
    method="post",
    host="WWW.Example.org:8443",
    target="/articles/../Articles/index.HTML?section=539061&expand=a+b&expand=%20&&flag",
    headers=(
        ("user-agent", b"Mozilla/5.0"),
        ("cookie", b"app=test; a%62=1; ab=2"),
        ("cookie", b"c"),
        ("x-forwarded-for", b"203.0.113.195"),
        ("x-forwarded-for", b"70.41.3.18"),
        ("referer", b"https://developer.example.org/"),
        ("accept-language", b"fr-CH, fr;q=0.8, en;q=0.9, de;q=0.7, *;q=0.5"),
        ("content-type", b"application/x-www-form-urlencoded"),
    ),
    client_ip="::ffff:192.0.2.7",
    http_version="HTTP/1.1",
    tls_version="TLSv1.2",
    tls_cipher="AES128-SHA256",
    body=b"username=admin&username=%20&x",
    at=1484063137.857,
)

EXPECTED = {
    "http.cookie": b"app=test; a%62=1; ab=2; c",
    "http.host": b"www.example.org",
    "http.referer": b"https://developer.example.org/",
    "http.user_agent": b"Mozilla/5.0",
    "http.x_forwarded_for": b"203.0.113.195, 70.41.3.18",
    "http.request.full_uri": b"https://www.example.org:8443/Articles/index.HTML?section=539061&expand=a+b&expand=%20&&flag",
    "http.request.method": b"POST",
    "http.request.cookies": {b"app": [b"test"], b"ab": [b"1", b"2"], b"c": [b""]},
    "http.request.timestamp.sec": 1484063137,
    "http.request.timestamp.msec": 857,
    "http.request.uri": b"/Articles/index.HTML?section=539061&expand=a+b&expand=%20&&flag",
    "http.request.uri.path": b"/Articles/index.HTML",
    "http.request.uri.path.extension": b"html",
    "http.request.uri.query": b"section=539061&expand=a+b&expand=%20&&flag",
    "http.request.uri.args": {b"section": [b"539061"], b"expand": [b"a+b", b"%20"], b"flag": [b""]},
    "http.request.uri.args.names": [b"section", b"expand", b"expand", b"flag"],
    "http.request.uri.args.values": [b"539061", b"a+b", b"%20", b""],
    "raw.http.request.full_uri": b"https://www.example.org:8443/articles/../Articles/index.HTML?section=539061&expand=a+b&expand=%20&&flag",
    "raw.http.request.uri": b"/articles/../Articles/index.HTML?section=539061&expand=a+b&expand=%20&&flag",
    "raw.http.request.uri.path": b"/articles/../Articles/index.HTML",
    "raw.http.request.uri.path.extension": b"html",
    "raw.http.request.uri.query": b"section=539061&expand=a+b&expand=%20&&flag",
    "raw.http.request.uri.args": {b"section": [b"539061"], b"expand": [b"a+b", b"%20"], b"flag": [b""]},
    "raw.http.request.uri.args.names": [b"section", b"expand", b"expand", b"flag"],
    "raw.http.request.uri.args.values": [b"539061", b"a+b", b"%20", b""],
    "http.request.version": b"HTTP/1.1",
    "http.request.headers.truncated": False,
    "http.request.accepted_languages": [b"fr-CH", b"en", b"fr", b"de"],
    "http.request.body.raw": b"username=admin&username=%20&x",
    "http.request.body.size": 29,
    "http.request.body.truncated": False,
    "http.request.body.mime": b"text/plain",
    "http.request.body.form": {b"username": [b"admin", b"%20"], b"x": [b""]},
    "http.request.body.form.names": [b"username", b"username", b"x"],
    "http.request.body.form.values": [b"admin", b"%20", b""],
    "http.request.body.multipart": {},
    "ip.src": ip_address("192.0.2.7"),
    "ssl": True,
    "cf.tls_version": b"TLSv1.2",
    "cf.tls_cipher": b"AES128-SHA256",
    "cf.edge.server_port": 8443,
    "cf.edge.client_tcp": True,
}
# ruff: noqa: E501 - fields and values read as a table


def everything(http, at=None):
    return compute(RequestView(http, at), EXTRACTORS.items())


def test_every_field_has_its_documented_format():
    found = everything(HTTP)
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    rest = set(EXTRACTORS) - set(EXPECTED)
    assert rest == {
        name for name in EXTRACTORS if name.startswith(("http.request.headers", "http.request.body.multipart."))
    } - {"http.request.headers.truncated"}


def test_blanks_around_a_header_are_no_part_of_it():
    """RFC 9110 5.5: the next server would not see them either."""
    found = everything(HttpRequest(headers=(("x-a", b" \tevil "), ("x-a", b"b \t"), ("user-agent", b"\tbad bot "))))
    assert found["http.request.headers"] == {b"x-a": [b"evil", b"b"], b"user-agent": [b"bad bot"]}
    assert found["http.request.headers.values"] == [b"evil", b"b", b"bad bot"]
    assert found["http.user_agent"] == b"bad bot"


def test_headers_have_lower_case_names_and_the_host_counts_as_one():
    found = everything(HttpRequest(host="a.example", headers=(("X-A", b"1"), ("x-a", b"2"))))
    assert found["http.request.headers"] == {b"host": [b"a.example"], b"x-a": [b"1", b"2"]}
    assert found["http.request.headers.names"] == [b"host", b"x-a", b"x-a"]
    assert found["http.request.headers.values"] == [b"a.example", b"1", b"2"]
    given_host = everything(HttpRequest(host="a.example", headers=(("host", b"A.example"),)))
    assert given_host["http.request.headers"] == {b"host": [b"A.example"]}


@pytest.mark.parametrize("more", [0, 1])
def test_a_thousand_headers_are_looked_at_and_further_ones_are_said_to_be_cut_off(more):
    found = everything(HttpRequest(host="", headers=tuple(("x", b"%d" % n) for n in range(1000 + more))))
    assert found["http.request.headers"] == {b"x": [b"%d" % n for n in range(1000)]}
    assert found["http.request.headers.truncated"] is bool(more)


def test_every_request_field_of_the_catalogue_that_a_proxy_can_know_is_given():
    unknowable = (
        "cf.tls_client_auth.",
        "cf.tls_c",
        "cf.bot_management.",
        "cf.random_seed",
        "cf.edge.server_ip",
        "cf.tls_client",
    )
    for name, info in FIELDS.items():
        if info.scope == "request" and info.canonical == name and not name.startswith(unknowable):
            assert name in EXTRACTORS, name
    assert {name for name in EXTRACTORS if name not in FIELDS} == set()


def test_every_value_has_the_type_of_its_field():
    names = frozenset(EXTRACTORS)
    for http in (
        HTTP,
        HttpRequest(),
        HttpRequest(body=b"", scheme="http", target="*", method="OPTIONS", http_version="HTTP/3"),
    ):
        found = everything(http, 1.0)
        check_types(found, names)
        assert set(found) == names


def test_what_a_request_lacks_is_empty():
    found = everything(HttpRequest(host="a.example", scheme="http"), at=12.5)
    for name in (
        "http.cookie",
        "http.referer",
        "http.user_agent",
        "http.x_forwarded_for",
        "cf.tls_version",
        "cf.tls_cipher",
    ):
        assert found[name] == b""
    assert (found["http.request.timestamp.sec"], found["http.request.timestamp.msec"]) == (12, 500)
    assert (found["ssl"], found["cf.edge.server_port"]) == (False, 80)
    assert found["http.request.full_uri"] == b"http://a.example/"


@pytest.mark.parametrize(
    ("target", "path", "uri"),
    [
        ("", b"/", b"/"), ("*", b"*", b"*"), ("http://x.example/a//b?c", b"/a/b", b"/a/b?c"), ("https://x.example", b"/", b"/"),
        ("https://x.example?q", b"/", b"/?q"), ("/a?", b"/a", b"/a?"), ("/a?b?c", b"/a", b"/a?b?c"), ("a/b", b"/a/b", b"/a/b"),
        ("/é", b"/%C3%A9", b"/%C3%A9"), ("/\udcff", b"/%FF", b"/%FF"),
    ],
)  # fmt: skip
def test_a_target_of_any_form_gives_path_and_uri(target, path, uri):
    found = everything(HttpRequest(host="x.example", target=target))
    assert (found["http.request.uri.path"], found["http.request.uri"]) == (path, uri)


def test_the_usual_port_is_not_part_of_the_full_uri():
    assert everything(HttpRequest(host="a:443"))["http.request.full_uri"] == b"https://a/"
    assert everything(HttpRequest(host="a:80", scheme="http"))["http.request.full_uri"] == b"http://a/"
    assert everything(HttpRequest(host="[::1]:8443"))["http.request.full_uri"] == b"https://[::1]:8443/"
    assert everything(HttpRequest(host="[::1]"))["http.request.full_uri"] == b"https://[::1]/"


def test_addresses_of_every_notation():
    assert address("192.0.2.1") == address("::ffff:192.0.2.1") == ip_address("192.0.2.1")
    assert address("fe80::1%eth0") == address("[fe80::1]") == ip_address("fe80::1")
    for wrong in ("", "x", "1.2.3", "1.2.3.4:80", "01.2.3.4"):
        with pytest.raises(ValueError):
            address(wrong)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", []), (b"*", []), (b"en", [b"en"]), (b"a;q=0.1,b;q=0.2", [b"b", b"a"]), (b"a;q=0", []), (b"a , b", [b"a", b"b"]),
        (b"a;q=x, b;q=0.5", [b"a", b"b"]), (b";;,,;q=1", []), (b"a;Q=0.3;x=1, b;q=0.4", [b"b", b"a"]),
    ],
)  # fmt: skip
def test_languages_are_sorted_by_weight(header, expected):
    assert languages(header) == expected


def test_a_body_that_was_not_read_counts_as_truncated():
    def body(**settings):
        found = everything(HttpRequest(**settings))
        return found["http.request.body.size"], found["http.request.body.truncated"]

    assert body() == (0, False)
    assert body(headers=(("content-length", b"10"),)) == (10, True)
    assert body(headers=(("content-length", b"0"),)) == (0, False)
    assert body(headers=(("transfer-encoding", b"chunked"),)) == (0, True)
    assert body(body=b"abc", headers=(("content-length", b"10"),), body_truncated=True) == (10, True)
    assert body(body=b"abc", headers=(("content-length", b"x"),)) == (3, False)


@given(
    st.builds(
        HttpRequest,
        method=st.text(max_size=5), scheme=st.sampled_from(["https", "http", "", "WSS"]), host=st.text(max_size=20), target=st.text(max_size=30),
        headers=st.lists(st.tuples(st.sampled_from(["cookie", "accept-language", "content-type", "content-length", "é", "host", "x"]),
                                   st.binary(max_size=20)), max_size=5).map(tuple),
        body=st.none() | st.binary(max_size=60), at=st.none() | st.floats(0, 4e9),
    )
)  # fmt: skip
def test_nothing_that_a_client_sends_makes_a_field_fail(http):
    found = everything(http, 0.0)
    check_types(found, frozenset(EXTRACTORS))
