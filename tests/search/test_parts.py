"""The catalogue alone says which parts of a request a field follows from; it is true, and readers know every part."""

from dataclasses import replace

import pytest

from mtls_tui.engine.fields import EXTRACTORS, RequestView
from mtls_tui.engine.model import HttpRequest
from mtls_tui.gateway.parts import PARTS as PASSED
from mtls_tui.gateway.parts import parts_of as passed_of
from mtls_tui.lang.catalogue import FIELDS, PARTS, parts_of
from mtls_tui.search.candidates import knob_of
from mtls_tui.search.scenario import Scenario, Turn
from mtls_tui.simulate.logs.parts import PARTS as TOLD
from mtls_tui.simulate.logs.parts import PARTS_OF_FIELD

FORM = (
    b"--x\r\nContent-Disposition: form-data; name=a; filename=f\r\nContent-Type: text/plain\r\n"
    b"Content-Transfer-Encoding: binary\r\n\r\n1\r\n--x--\r\n"
)
PLAIN = HttpRequest(
    method="GET", scheme="https", host="a.example", target="/a.html?b=c", client_ip="192.0.2.1", http_version="HTTP/2",
    tls_version="TLSv1.3", tls_cipher="AEAD-AES128-GCM-SHA256", body=b"", at=1_700_000_000.0,
    headers=(("user-agent", b"a"), ("content-type", b"application/x-www-form-urlencoded")),
)  # fmt: skip
EMPTY = replace(PLAIN, headers=(("content-type", b"multipart/form-data; boundary=x"),))
FILLED = replace(EMPTY, body=FORM)
CHANGES = {
    "host": [replace(PLAIN, host="b.example")],
    "port": [replace(PLAIN, host="a.example:8443")],
    "method": [replace(PLAIN, method="POST")],
    "path": [replace(PLAIN, target="/b.txt?b=c")],
    "query": [replace(PLAIN, target="/a.html?d=e")],
    "client": [replace(PLAIN, client_ip="192.0.2.2")],
    "headers": [
        replace(PLAIN, headers=(*PLAIN.headers, (name, b"de")))
        for name in ("x-a", "cookie", "referer", "x-forwarded-for", "accept-language")
    ] + [replace(PLAIN, headers=()), replace(PLAIN, headers=(("x-a", b"a"),) * 2000)],
    "scheme": [replace(PLAIN, scheme="http")],
    "http_version": [replace(PLAIN, http_version="HTTP/3")],
    "tls_version": [replace(PLAIN, tls_version="TLSv1.2")],
    "tls_cipher": [replace(PLAIN, tls_cipher="AES128-SHA")],
    "body": [replace(PLAIN, body=b"d=e"), replace(PLAIN, body=b"%PDF-1.7", body_truncated=True)],
    "time": [replace(PLAIN, at=1_800_000_000.5)],
    "certificate": [], "edge": [],
}  # fmt: skip
INCLUDED = {"host": {"port"}, "port": {"scheme"}, "headers": {"host", "port"}, "body": {"headers"}}
"""What the catalogue counts to a part besides itself."""
NOT_OF_HTTP = {"certificate", "edge"}


def follows(name):
    """The parts whose change changes a field."""
    usual = EXTRACTORS[name](RequestView(PLAIN))
    found = {part for part, some in CHANGES.items() if any(EXTRACTORS[name](RequestView(one)) != usual for one in some)}
    return found | (
        {"body"} if EXTRACTORS[name](RequestView(EMPTY)) != EXTRACTORS[name](RequestView(FILLED)) else set()
    )


def test_every_field_has_parts_and_those_of_http_are_extracted():
    assert set(CHANGES) == set(PARTS)
    for info in FIELDS.values():
        assert info.parts and set(info.parts) <= set(PARTS), info.name
    of_http = {name for name, info in FIELDS.items() if NOT_OF_HTTP.isdisjoint(info.parts)}
    assert of_http == set(EXTRACTORS), "a field is a row of lang/data/fields.json and a line of engine/fields.py"
    assert parts_of("no.such.field") == ("edge",)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_parts_of_a_field_are_those_that_its_value_follows_from(name):
    parts = set(parts_of(name))
    included = set().union(*(INCLUDED.get(part, set()) for part in parts))
    assert parts <= follows(name) <= parts | included


@pytest.mark.parametrize("name", [name for name, info in FIELDS.items() if info.header])
def test_field_of_one_header_follows_from_that_header_alone(name):
    header = FIELDS[name].header
    usual = EXTRACTORS[name](RequestView(PLAIN))
    for other in ("user-agent", "cookie", "referer", "x-forwarded-for", "accept-language", "x-a"):
        changed = EXTRACTORS[name](RequestView(replace(PLAIN, headers=((other, b"a=1, de"),))))
        without = EXTRACTORS[name](RequestView(replace(PLAIN, headers=())))
        assert (changed != without) is (other == header), other
    assert usual is not None


@pytest.mark.parametrize("name", FIELDS)
def test_every_reader_of_the_table_knows_every_part(name):
    assert passed_of(name) <= set(PASSED)
    assert set(PARTS_OF_FIELD.get(name, ())) <= TOLD | {"headers"}
    knob = knob_of(FIELDS[name].canonical)
    assert knob is not None and (knob.kind != "field" or knob.name == FIELDS[name].canonical)


@pytest.mark.parametrize(
    ("name", "value"),
    [("http.host", "b.example"), ("http.request.method", "PUT"), ("http.request.uri.path", "/x"),
     ("http.request.uri.path.extension", "/x.js"), ("http.request.uri.query", "q=1"), ("http.request.uri", "/y?z"),
     ("ip.src", "192.0.2.9"), ("ssl", "http"), ("http.request.version", "HTTP/1.0"), ("http.user_agent", b"z"),
     ("http.referer", b"z"), ("http.cookie", b"z=1"), ("http.x_forwarded_for", b"z"),
     ("http.request.accepted_languages", b"fr"), ("http.request.timestamp.sec", 1_750_000_000),
     ("http.request.body.raw", b"z"), ("http.request.body.size", b"zz"), ("http.request.body.mime", b"%PDF-1.7"),
     ("cf.edge.client_tcp", "HTTP/3")],
)  # fmt: skip
def test_what_is_turned_for_a_field_changes_the_field(name, value):
    turned = Scenario(PLAIN).turned([Turn(knob_of(name), value)])
    assert EXTRACTORS[name](RequestView(turned.http)) != EXTRACTORS[name](RequestView(PLAIN))
