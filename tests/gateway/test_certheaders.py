"""Certificates in header values: every proxy's spelling gives the same DER, anything odd is refused."""

import contextlib
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.gateway import certheaders as ch

LEAF, OTHER = b"\x30\x03leaf", b"\x30\x03next"


def pem(*chain: bytes) -> bytes:
    block = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
    return "".join(block.format(b64encode(der).decode()) for der in chain).encode()


def escaped(*chain: bytes) -> bytes:
    return quote(pem(*chain).decode(), safe="").encode()


def test_every_spelling_gives_the_chain_in_the_order_sent():
    both = (LEAF, OTHER)
    assert ch.from_pem(pem(*both)) == both
    assert ch.from_escaped_pem(escaped(*both)) == both
    assert ch.from_envoy(b'Hash=00;Chain="' + escaped(*both) + b'"') == both
    assert ch.from_envoy(b'Cert="' + escaped(LEAF) + b'"') == (LEAF,)
    assert ch.from_traefik(b",".join(b64encode(der) for der in both)) == both
    assert ch.from_traefik(quote(b64encode(b"\xff\xfe" + LEAF)).encode()) == (b"\xff\xfe" + LEAF,)
    item = [b":" + b64encode(der) + b":" for der in both]
    assert ch.from_rfc9440(item[0], item[1] + b", " + item[1]) == (LEAF, OTHER, OTHER)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"Hash=00", b'Chain=""', b"Chain", b'Chain="x', b'Hash=1,Hash=2;Chain="%s"' % escaped(LEAF),
        b'Chain="%s";Chain="%s"' % (escaped(LEAF), escaped(OTHER)),
        b'Hash=1;Chain="%s",Hash=2;Chain="%s"' % (escaped(LEAF), escaped(OTHER)),
        b'Chain="%s"' % escaped(LEAF)[:-30],
    ],
)  # fmt: skip
def test_envoy_header_of_more_or_less_than_one_element_is_refused(text):
    with pytest.raises(ValueError):
        ch.from_envoy(text)


@pytest.mark.parametrize(
    "text",
    [b"junk" + pem(LEAF), pem(LEAF) + b"junk", pem(LEAF).replace(b"MA", b"M!"), b"-----BEGIN CERTIFICATE-----",
     pem(LEAF).replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), pem(*[LEAF] * 33)],
)  # fmt: skip
def test_pem_with_anything_beside_certificates_is_refused(text):
    with pytest.raises(ValueError):
        ch.from_pem(text)


@pytest.mark.parametrize(
    "read",
    [
        lambda chain: ch.from_pem(pem(*chain)),
        lambda chain: ch.from_escaped_pem(escaped(*chain)),
        lambda chain: ch.from_envoy(b'Chain="' + escaped(*chain) + b'"'),
        lambda chain: ch.from_traefik(b",".join(b64encode(der) for der in chain)),
        lambda chain: ch.from_rfc9440(
            b":" + b64encode(chain[0]) + b":", b", ".join(b":" + b64encode(der) + b":" for der in chain[1:])
        ),
    ],
    ids=["pem", "escaped pem", "envoy", "traefik", "rfc9440"],
)
def test_every_spelling_holds_as_many_certificates_as_are_taken_and_one_more_is_refused(read):
    chain = (LEAF, *[OTHER] * (ch.MOST_CERTIFICATES - 1))
    assert read(chain) == chain
    with pytest.raises(ValueError, match="more than 32 certificates"):
        read((*chain, OTHER))


@pytest.mark.parametrize("text", [b"", b":", b"::", b":%%:", b"AAAA", b":AAAA", b'":AAAA:"', b":AAAA:;p=1", b":AA A=:"])
def test_rfc9440_value_that_is_no_byte_sequence_is_refused(text):
    with pytest.raises(ValueError):
        ch.from_rfc9440(text)


def test_concatenated_der_is_taken_apart():
    first, second = b"\x30\x81\x80" + bytes(128), b"\x30\x03abc"
    assert ch.split_der(first + second) == (first, second)
    for broken in (b"", b"\x31\x00", first[:-1], b"\x30\x80", b"\x30\x85" + bytes(5)):
        with pytest.raises(ValueError):
            ch.split_der(broken)


@given(st.binary(max_size=80))
def test_readers_raise_value_error_and_nothing_else(data):
    for read in (ch.from_pem, ch.from_escaped_pem, ch.from_envoy, ch.from_traefik, ch.from_rfc9440, ch.split_der):
        with contextlib.suppress(ValueError):
            assert all(read(data))
