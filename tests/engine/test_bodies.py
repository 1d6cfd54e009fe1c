"""Forms, multipart parts and media types of request bodies; hostile ones cost no more than others."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.engine.bodies import MAX_HEADER, MAX_PARTS, Body, BodyPart, parameter, sniff, split_parts

MULTIPART = (
    b"preamble\r\n--XX\r\n"
    b'Content-Disposition: form-data; name="username"\r\n\r\nalice_doe\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="picture"; filename="a \\"b\\".jpg"\r\n'
    b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding:\r\n base64\r\n\r\n\xff\xd8\r\n--not\r\n"
    b"--XX \r\n\r\nno headers\r\n--XX--\r\nepilogue"
)


def test_parts_of_a_multipart_body_are_taken_apart():
    body = Body(MULTIPART, len(MULTIPART), False, b'multipart/form-data; boundary="XX"')
    assert body.parts == [
        BodyPart(b"alice_doe", name=b"username", disposition=b'form-data; name="username"'),
        BodyPart(
            b"\xff\xd8\r\n--not", name=b"picture", filename=b'a "b".jpg', content_type=b"image/jpeg", encoding=b"base64",
            disposition=b'form-data; name="picture"; filename="a \\"b\\".jpg"',
        ),
        BodyPart(b"no headers"),
    ]  # fmt: skip


def test_a_part_that_was_cut_off_counts_with_what_there_is():
    cut = MULTIPART[: MULTIPART.index(b"alice") + 3]
    assert [part.content for part in split_parts(cut, b"XX")] == [b"ali"]


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"text/plain",
        b"multipart/form-data",
        b"multipart/form-data; boundary=YY",
        b"multipart/form-data; boundary=",
    ],
)
def test_without_its_boundary_a_body_has_no_parts(kind):
    assert Body(MULTIPART, 1, False, kind).parts == []


def test_a_form_needs_its_content_type():
    assert Body(b"a=1&b&=c&", 1, False, b"Application/X-WWW-Form-Urlencoded; charset=x").form == [
        (b"a", b"1"),
        (b"b", b""),
        (b"", b"c"),
    ]
    assert Body(b"a=1", 1, False, b"text/plain").form == []


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        (b"a; b=c", b"b", b"c"),
        (b"a;B = c ;d=e", b"b", b"c"),
        (b'a; b="x;b=y"', b"b", b"x;b=y"),
        (b"a; b=", b"b", b""),
        (b"b=c", b"b", None),
        (b'a; b="x', b"b", b'"x'),
    ],
)
def test_parameters_of_a_header(header, name, value):
    assert parameter(header, name) == value


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", b""), (b"\x89PNG\r\n\x1a\n..", b"image/png"), (b"\xff\xd8\xff\xe0", b"image/jpeg"), (b"%PDF-1.7", b"application/pdf"),
        (b"PK\x03\x04", b"application/zip"), (b"\x1f\x8b\x08", b"application/gzip"), (b"MZ\x90\x00", b"application/x-msdownload"), (b"MZ is text", b"text/plain"), (b"BZh is text", b"application/x-bzip2"),
        (b' {"a": [1]}', b"application/json"), (b"[1", b"text/plain"), (b"<!DOCTYPE HTML><p>", b"text/html"), (b"<?xml version='1.0'?>", b"text/xml"),
        (b"hello", b"text/plain"), ("é".encode(), b"text/plain"), ("é".encode()[:1], b"text/plain"), (b"\x00\x01", b"application/octet-stream"),
        (b"\xff\xfe\xff", b"application/octet-stream"), (b"RIFF....WEBPVP8 ", b"image/webp"), (b"[" * 100_000, b"text/plain"),
    ],
)  # fmt: skip
def test_media_types_are_told_by_content(content, kind):
    assert sniff(content) == kind


@pytest.mark.parametrize("more", [0, 1])
def test_parts_and_header_values_are_looked_at_up_to_their_limits(more):
    body = b"".join(b"--X\r\n\r\n%d\r\n" % n for n in range(MAX_PARTS + more))
    assert [part.content for part in split_parts(body, b"X")] == [b"%d" % n for n in range(MAX_PARTS - 1)] + [
        b"%d" % (MAX_PARTS - 1) if more else b"%d\r\n" % (MAX_PARTS - 1)
    ]
    header = b"; boundary=XY".rjust(MAX_HEADER + more, b"a")
    assert parameter(header, b"boundary") == (b"X" if more else b"XY")


def test_hostile_bodies_take_linear_time():
    begin = time.process_time()
    many = b"--X\r\n\r\n\r\n" * 100_000
    assert len(split_parts(many, b"X")) == MAX_PARTS
    header = b"multipart/form-data" + b';a="' * 50_000 + b"; boundary=X"
    assert Body(many, 1, False, header).parts == []
    sniff(b"{" * 1_000_000)
    sniff(b" " * 1_000_000)
    assert time.process_time() - begin < 3


@given(st.binary(max_size=200), st.binary(max_size=30))
def test_any_body_can_be_looked_at(content, kind):
    for header in (kind, b"multipart/form-data; boundary=" + kind[:3]):
        body = Body(content, len(content), False, header)
        assert isinstance(body.parts, list)
        assert isinstance(body.form, list)
    assert isinstance(sniff(content), bytes)


# ruff: noqa: E501 - rows of cases
