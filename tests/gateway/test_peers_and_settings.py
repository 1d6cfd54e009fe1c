"""Who may ask, and what may be set."""

import os
from dataclasses import asdict
from pathlib import Path

import pytest

from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.planning import read_bundle
from mtls_tui.gateway.settings import (
    LIMIT_RANGES,
    TLS_CIPHERS,
    GatewayError,
    Limits,
    Settings,
    address_text,
    parse_address,
)


@pytest.mark.parametrize("text", ["127.0.0.1:8443", "[::1]:0", "unix:/run/x.sock"])
def test_address_is_read_as_it_is_written(text):
    assert address_text(parse_address(text)) == text


@pytest.mark.parametrize(
    "text", ["", "8443", "localhost:1", "127.0.0.1:", "127.0.0.1:70000", "unix:", "1.2.3.4:-1", "unix:/" + "x" * 101]
)
def test_address_that_is_none_is_refused_with_the_cure(text):
    with pytest.raises(GatewayError, match=r"127\.0\.0\.1:8443|shorter"):
        parse_address(text)


def test_unix_socket_is_refused_where_a_port_is_needed():
    with pytest.raises(GatewayError):
        parse_address("unix:/x", sockets=False)
    assert parse_address("unix:x") == Path("x").absolute()


def test_only_loopback_is_trusted_unless_said_otherwise():
    assert Peers.of([]).trusts("127.0.0.1") and Peers.of([]).trusts("::1") and Peers.of([]).trusts("::ffff:127.0.0.1")
    assert not Peers.of([]).trusts("192.0.2.1") and not Peers.of([]).trusts("") and not Peers.of([]).trusts("x")
    named = Peers.of(["192.0.2.0/24", "uid:33"])
    assert named.trusts("192.0.2.1") and not named.trusts("127.0.0.1") and named.users == {33}
    assert Peers.from_text(named.text()) == named


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "proxy.example", "192.0.2.1/24", "uid:x", ""])
def test_trust_in_everybody_or_nobody_is_refused(text):
    with pytest.raises(GatewayError, match="--trust"):
        Peers.of([text])


def test_pipe_in_the_place_of_a_bundle_is_refused_without_waiting_for_its_writer(tmp_path):
    pipe = tmp_path / "a.bundle.json"
    os.mkfifo(pipe)
    with pytest.raises(GatewayError, match="not a regular file"):
        read_bundle(pipe)


def test_every_limit_has_a_range_and_can_be_named():
    assert set(LIMIT_RANGES) == set(asdict(Limits()))
    for name, bounds in LIMIT_RANGES.items():
        for value in bounds:
            assert getattr(Limits.parse([f"{name.replace('_', '-')}={value}"]), name) == value
    assert Limits.parse(["connections=5", "drain_seconds=0.5"]) == Limits(connections=5, drain_seconds=0.5)
    assert Limits.parse([]) == Limits()


@pytest.mark.parametrize(
    "text",
    ["", "connections", "connections=", "connections=1.5", "connections=0", "connections=1000001", "drain-seconds=-1",
     "idle-seconds=nan", "request-seconds=inf", "request-seconds=1e9", "buffer-bytes=65534", "nothing=1"],
)  # fmt: skip
def test_limit_that_is_none_or_out_of_range_is_refused(text):
    with pytest.raises(GatewayError, match="give "):
        Limits.parse([text])


@pytest.mark.parametrize(
    "changes",
    [{"tls_minimum": "1.3", "tls_maximum": "1.2"}, {"tls_minimum": "1.3", "tls_ciphers": TLS_CIPHERS[:1]},
     {"tls_ciphers": ("AES128-SHA",)}],
)  # fmt: skip
def test_tls_settings_that_leave_nothing_or_something_weak_are_refused(changes):
    with pytest.raises(GatewayError):
        Settings(**changes)
