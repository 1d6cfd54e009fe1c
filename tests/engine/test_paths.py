"""Rules see the path that the upstream sees: the table is what Envoy (normalize_path, merge_slashes) forwards."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.engine.paths import extension, normalise, stable

ENVOY = {
    b"/": b"/", b"/a/./b": b"/a/b", b"/a/../b": b"/b", b"/a/..": b"/", b"/a/.": b"/a/", b"/..": b"/", b"/../a": b"/a",
    b"/%2e%2e/a": b"/a", b"/a/%2E%2e/b": b"/b", b"/a/.%2e/b": b"/b", b"/a/%2e": b"/a/", b"/a/%2e%2e": b"/",
    b"//a///b": b"/a/b", b"/a//../b": b"/a/b", b"/a/b/..//c": b"/a/c", b"/a/...//b": b"/a/.../b", b"/a//": b"/a/",
    b"//": b"//", b"///": b"//", b"//.": b"//", b"/a/..//": b"//", b"///..": b"//", b"/.//": b"//",
    b"/a///../../b": b"/a/b", b"/a//..//..//b": b"/a/b", b"/a/b/../../../c": b"/c", b"//..//a": b"/a",
    b"/a\\b": b"/a/b", b"/a\\..\\b": b"/b", b"/a/\\/b": b"/a/b", b"/\\": b"//", b"/a/.\\b": b"/a/b",
    b"/a/..;/b": b"/b", b"/a/..;x=1/b": b"/b", b"/a/.;/b": b"/a/b", b"/a/..;": b"/", b"/a/...;/b": b"/a/...;/b",
    b"/a/b/..;foo;bar/c": b"/a/c", b"/a;/..;/b": b"/b", b"/;/a": b"/;/a", b"/a;b=c/../d": b"/d",
    b"/a/%2e%2e;/b": b"/a/..;/b", b"/a/..%3b/b": b"/a/..%3b/b", b"/a\\..;\\b": b"/a/..;/b",
    b"/a%2fb": b"/a%2fb", b"/a%5cb": b"/a%5cb", b"/a/..%2fb": b"/a/..%2fb", b"/a%2Fb/../c": b"/c",
    b"/a%2f%2e%2e/b": b"/a%2f../b", b"/%2f/..//a": b"/a", b"/a%5c..%5cb/../c": b"/c",
    b"/%61%41%7e": b"/aA~", b"/%c3%a9": b"/%c3%a9", b"/%2d%5f": b"/-_", b"/%21%20": b"/%21%20",
    b"/%zz": b"/%zz", b"/a%": b"/a%", b"/a%4": b"/a%4", b"/%": b"/%", b"/%%36": b"/%6", b"/a%%%41": b"/a%%A",
    b"/%4%31": b"/%2541", b"/%c%33": b"/%25c3", b"/a/%2%65%2e/b": b"/a/%252e./b", b"/a/%%32e%%32e/b": b"/a/%252e%252e/b",
    b"/a/.%%32e/b": b"/a/.%252e/b", b"/a%2%46b": b"/a%252Fb", b"/%25%32%65": b"/%252e", b"/x/%252e%252e/y": b"/x/%252e%252e/y",
    b"/a'b\"<>`{}^[]": b"/a'b%22%3C%3E%60%7B%7D%5E[]", b"/a|b": b"/a%7Cb",
    b"/.a": b"/.a", b"/a/.b/..c/d.": b"/a/.b/..c/d.", b"/a/..b/c": b"/a/..b/c", b"/a%2e%2e/b": b"/a../b",
}  # fmt: skip
# ruff: noqa: E501 - pairs of path and normal form read as a table


@pytest.mark.parametrize("path", ENVOY, ids=repr)
def test_the_normal_form_is_envoy_s(path):
    assert normalise(path) == ENVOY[path]


def test_a_path_that_means_another_when_normalised_again_is_told():
    unstable = {path for path, normal in ENVOY.items() if not stable(normal)}
    assert unstable == {b"/a/%2e%2e;/b", b"/a\\..;\\b"}
    for path in ENVOY.values():
        assert stable(path) == (normalise(path) == path)


pieces = st.sampled_from(
    [b"/", b".", b"..", b"a", b"%2e", b"%2F", b"%", b"%%", b"%32", b"e", b"\\", b";", b"%5c", b"{", b"%25", b"//"]
)


@given(st.lists(pieces, max_size=12).map(lambda found: b"/" + b"".join(found)))
def test_a_normal_path_has_no_dot_segments_no_double_slashes_and_begins_with_one(path):
    found = normalise(path)
    assert found.startswith(b"/")
    segments = found.split(b"/")[1:]
    assert b"." not in segments
    assert b".." not in segments
    assert found == b"//" or b"//" not in found
    assert b"\\" not in found


@given(st.binary(max_size=60))
def test_any_octets_have_a_normal_form(path):
    assert normalise(b"/" + path).startswith(b"/")


def test_hostile_paths_take_linear_time():
    begin = time.process_time()
    for path in (
        b"/" + b"a" * 300_000 + b"%",
        b"/a" * 150_000 + b"%",
        b"/a/.." * 60_000,
        b"/" * 300_000,
        b"/%%" * 100_000,
        b"/..;" * 75_000,
    ):
        stable(normalise(path))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/foo", b""), (b"/foo.mp3", b"mp3"), (b"/.mp3", b""), (b"/.foo.mp3", b"mp3"), (b"/foo.tar.bz2", b"bz2"),
        (b"/foo.", b""), (b"/foo.MP3", b"mp3"), (b"/articles/index.html", b"html"), (b"/articles/index.", b""),
        (b"/a.b/c", b""), (b"/", b""), (b"", b""),
    ],
)  # fmt: skip
def test_the_extension_follows_the_documented_cases(path, expected):
    assert extension(path) == expected
