"""Requests from a URL, a HAR entry and JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.requests.har import entries, from_har
from mtls_tui.simulate.requests.message import from_json, to_json
from mtls_tui.simulate.requests.url import from_url, without_dots


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://API.example.com", "api.example.com", "/"),
        ("api.example.com/x", "api.example.com", "/x"),
        ("https://a:443/", "a", "/"),
        ("https://a:8443/", "a:8443", "/"),
        ("http://a:443/", "a:443", "/"),
        ("https://[2001:DB8::1]:8443/", "[2001:db8::1]:8443", "/"),
        ("https://bücher.example/ä b?q=ü&r=%2F#f", "xn--bcher-kva.example", "/%C3%A4%20b?q=%C3%BC&r=%2F"),
        ("https://a/b/../c/./d", "a", "/b/../c/./d"),
        ("https://a/x?q=<script>'%3C", "a", "/x?q=<script>'%3C"),
        ("https://a?x=1", "a", "/?x=1"),
        ("https://a/x?", "a", "/x?"),
        ("https://a/x?b?c", "a", "/x?b?c"),
    ],
)
def test_url_gives_host_and_target(url, host, target):
    request = from_url(url)
    assert (request.host, request.target) == (host, target)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "ftp://a/",
        "https://a:99999/",
        "https://[::1/",
        "https://a b/",
        "https://" + "a" * 70_000,
        "http://é\udc80/",
    ],
)
def test_what_is_no_url_is_an_error_with_words(url):
    with pytest.raises(RequestError) as error:
        from_url(url)
    assert str(error.value)


@pytest.mark.parametrize(("ip", "canonical"), [("192.0.2.7", "192.0.2.7"), ("2001:DB8:0::7", "2001:db8::7")])
def test_client_address_is_canonical(ip, canonical):
    assert from_url("https://a/", ip=ip).client_ip == canonical


def test_wrong_address_method_and_header_are_errors():
    for change in ({"ip": "1.2.3"}, {"method": "GE T"}, {"headers": [("a b", "c")]}, {"headers": [("a", "b\r\nc: d")]}):
        with pytest.raises(RequestError):
            from_url("https://a/", **change)


@given(st.lists(st.sampled_from(["a", "b", ".", "..", ""]), max_size=8))
def test_no_dot_segment_survives(segments):
    path = without_dots("/" + "/".join(segments))
    assert path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))


HAR = {
    "log": {
        "version": "1.2",
        "entries": [
            {
                "startedDateTime": "2026-11-21T09:00:00.000Z",
                "request": {
                    "method": "POST",
                    "url": "https://api.example.com/v1/pay?id=1",
                    "httpVersion": "h2",
                    "headers": [{"name": ":authority", "value": "x"}, {"name": "X-A", "value": "1"}],
                    "cookies": [{"name": "s", "value": "1"}],
                    "postData": {"mimeType": "application/json", "text": "{}"},
                },
            },
            {"request": {"url": "data:,x"}},
            {"request": 7},
        ],
    }
}


def test_har_entry_is_a_request():
    request = from_har(json.dumps(HAR).encode())
    assert (request.method, request.host, request.target, request.body) == (
        "POST",
        "api.example.com",
        "/v1/pay?id=1",
        b"{}",
    )
    assert request.headers == (("x-a", b"1"), ("cookie", b"s=1"))
    assert (request.http_version, request.at) == ("HTTP/2", 1795251600.0)


def test_a_body_in_a_har_that_is_not_base64_says_so():
    post = {"text": "ä", "encoding": "base64"}
    har = {"log": {"entries": [{"request": {"url": "https://a.example/", "postData": post}}]}}
    (entry,) = entries(json.dumps(har).encode())
    assert "base64" in entry.error


@pytest.mark.parametrize(("url", "scheme"), [("wss://a.example/live?x", "https"), ("ws://a.example/live?x", "http")])
def test_a_websocket_in_a_har_is_the_http_request_that_opens_it(url, scheme):
    har = {"log": {"version": "1.2", "entries": [{"request": {"method": "GET", "url": url}}]}}
    request = from_har(json.dumps(har).encode())
    assert (request.scheme, request.host, request.target) == (scheme, "a.example", "/live?x")


@pytest.mark.parametrize("url", ["data:image/png;base64,iVBOR", "blob:https://a.example/1", "about:blank", "x"])
def test_a_url_in_a_har_that_goes_to_no_server_says_so(url):
    har = {"log": {"version": "1.2", "entries": [{"request": {"method": "GET", "url": url}}]}}
    (entry,) = entries(json.dumps(har).encode())
    assert "not sent to a server" in entry.error


@pytest.mark.parametrize("url", ["https://a:image/", "https://a:99999/", "https://[::1/", "https://a\u2100b/"])
def test_a_broken_url_is_refused_in_words_of_our_own(url):
    with pytest.raises(RequestError, match=r"not a URL: (the port|its host)"):
        from_url(url)


def test_har_entries_that_cannot_be_read_are_counted_with_a_reason():
    read = list(entries(json.dumps(HAR).encode()))
    assert [entry.number for entry in read] == [1, 2, 3]
    assert [bool(entry.error) for entry in read] == [False, True, True]
    with pytest.raises(RequestError, match="entry 2"):
        from_har(json.dumps(HAR).encode(), 2)
    with pytest.raises(RequestError, match="there is no entry 9"):
        from_har(json.dumps(HAR).encode(), 9)


@pytest.mark.parametrize("data", [b"", b"{}", b"[", b"\xff\xfe", b"[" * 100_000, b'{"log":{"entries":7}}'])
def test_no_har_is_an_error(data):
    with pytest.raises(RequestError):
        list(entries(data))


def test_json_request_reads_what_it_writes():
    request = from_json(
        b'{"url": "https://a/b?c", "method": "PUT", "headers": {"X-A": ["1", "2"]}, "body": "x", "ip": "::1", "at": 5}'
    )
    assert request.headers == (("x-a", b"1"), ("x-a", b"2"))
    assert from_json(json.dumps(to_json(request)).encode()) == request


@pytest.mark.parametrize("data", [b"", b"{}", b'{"url": 1}', b'{"url": "https://a/", "methud": "GET"}', b"\xff"])
def test_wrong_json_is_an_error(data):
    with pytest.raises(RequestError):
        from_json(data)
