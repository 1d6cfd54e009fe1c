"""One host, one form: case, port, final dot, IDN, brackets; and the most specific name wins."""

import pytest

from mtls_tui.engine.hostnames import HostnameError, configured, most_specific, normalise


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.COM:8443", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("api.example.com.:443", "api.example.com"),
        ("api.example.com:", "api.example.com"),
        (" api.example.com ", "api.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example:1", "xn--bcher-kva.example"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:443", "[::1]"),
        ("[0:0::1]", "[::1]"),
        ("[2001:DB8::A]", "[2001:db8::a]"),
        ("", ""),
        ("[::1", "[::1"),
        ("[x]", "[x]"),
        ("a:b:c", "a:b:c"),
        ("api.example.com:x", "api.example.com:x"),
        ("api.example.com..", "api.example.com."),
        ("straße.example", "straße.example"),
        ("[::1]x", "[::1]x"),
    ],
)
def test_a_name_as_it_came_has_one_form(given, form):
    assert normalise(given) == form


def test_what_is_no_host_name_equals_no_configured_name():
    for given in (
        "",
        "[::1",
        "api.example.com..",
        "a b",
        "straße.example",
        "api.example.com:x",
        "*.example.com",
        "a/../b",
    ):
        assert most_specific(normalise(given), {"api.example.com": 1, "*.example.com": 2}) is None, given


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ("API.example.com.", "api.example.com"),
        ("*.Example.com", "*.example.com"),
        ("localhost", "localhost"),
        ("10.0.0.1", "10.0.0.1"),
        ("[::1]", "[::1]"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_a_configured_name_has_the_same_form(given, form):
    assert configured(given) == form
    assert form.startswith("*") or normalise(form) == form


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "*",
        "*.",
        "a..b",
        "-a.example",
        "a-.example",
        "a" * 64 + ".example",
        "x." * 127 + "yy",
        "https://a",
        "a/b",
        "a:443",
        "::1",
        "[::1",
        "[::1]:443",
        "[x]",
        "*.10.0.0.1",
        "1.2.3",
        "256.1.1.1",
        "a b",
        "a.*.b",
        "straße.example",
        "a\n",
    ],
)
def test_what_is_no_host_name_can_t_be_configured(name):
    with pytest.raises(HostnameError):
        configured(name)


def test_the_most_specific_name_wins():
    hosts = {"a.example.com": 1, "*.example.com": 2, "*.b.example.com": 3}
    for name, found in {
        "a.example.com": 1,
        "x.example.com": 2,
        "x.a.example.com": 2,
        "b.example.com": 2,
        "x.b.example.com": 3,
        "y.x.b.example.com": 3,
        "example.com": None,
        "com": None,
        "*.example.com": None,
        "": None,
        "aexample.com": None,
        ".example.com": None,
        "x..example.com": None,
        "evil/x.example.com": None,
        "a b.example.com": None,
        "é.example.com": None,
    }.items():
        assert most_specific(name, hosts) == found, name
