"""A request that an answer shows, in the forms in which one tries it: a line for the simulator, for curl, a test.

Command lines are for a POSIX shell and printable ASCII. What an argument can't hold (a NUL, a line break at its end)
can't be given by one; a body is piped in.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from mtls_tui.analysis.witness import TIMES, needs
from mtls_tui.engine.model import HttpRequest, Request
from mtls_tui.lang.types import FieldValue
from mtls_tui.rulefile import ExpectEntry, TestEntry
from mtls_tui.search.making import usual_version
from mtls_tui.search.scenario import Scenario
from mtls_tui.simulate.testing.suggest import as_test, toml
from mtls_tui.simulate.values import plain, written

USUAL = HttpRequest()


@dataclass(frozen=True, slots=True)
class Witness:
    """A request, the fields of it that the rules read, and the simulator's certificate that it comes with ("" none)."""

    http: HttpRequest
    request: Request
    role: str = ""

    @property
    def timed(self) -> bool:
        """Whether the time of the request matters."""
        return self.http.at is not None and not TIMES.isdisjoint(self.request.fields)


def simulate_line(witness: Witness, file: str) -> str:
    """The command line by which the simulator shows the same request; "" if there is none."""
    http = witness.http
    words = ["mtls-tui", "simulate", file, "--url", f"{http.scheme}://{http.host}{http.target}"]
    if http.method != "GET":
        words += ["--method", http.method]
    for name, value in http.headers:
        words += ["--header", f"{name}: {_text_of(value)}"]
    if http.client_ip != USUAL.client_ip:
        words += ["--ip", http.client_ip]
    for option, given, usual in (
        ("--http-version", http.http_version, usual_version(http.scheme)),
        ("--tls-version", http.tls_version, USUAL.tls_version),
        ("--tls-cipher", http.tls_cipher, USUAL.tls_cipher),
    ):
        if given != usual:
            words += [option, given.encode("latin-1").decode("utf-8", "surrogateescape")]
    if witness.timed and http.at is not None:
        words += ["--at", f"{http.at:.3f}".rstrip("0").rstrip(".")]
    if witness.role:
        words += ["--role", witness.role]
    for name, field_value in http.overrides.items():
        words += ["--set", f"{name}={written(field_value)}"]
    if http.body is not None:
        words += ["--body", "-"]
    return _line(words, http.body)


_CURL_VERSIONS = {"HTTP/1.0": "--http1.0", "HTTP/1.1": "--http1.1", "HTTP/2": "--http2", "HTTP/3": "--http3"}


def curl_line(witness: Witness) -> tuple[str, str]:
    """The command line by which curl sends the request, and what curl can't do about it ("" when nothing is left).

    Both are "" if there is no such line. The client's certificate is a file that the user has: `client.pem`.
    """
    http = witness.http
    words = ["curl"]
    if http.method != ("GET" if http.body is None else "POST"):
        words += ["--head"] if http.method == "HEAD" else ["--request", http.method]
    reads_headers = any(name.startswith("http.request.headers") for name in witness.request.fields)
    given = {name.lower() for name, _ in http.headers}
    for name, field in (("User-Agent", "http.user_agent"), ("Accept", "")):
        if name.lower() not in given and (reads_headers or field in witness.request.fields):
            words += ["--header", f"{name}:"]  # curl would send its own
    if http.body is not None and "content-type" not in given:
        words += ["--header", "Content-Type:"]
    for name, value in http.headers:
        words += ["--header", f"{name}: {_text_of(value)}" if value else f"{name};"]
    if http.http_version != usual_version(http.scheme) and http.http_version in _CURL_VERSIONS:
        words += [_CURL_VERSIONS[http.http_version]]
    if http.scheme == "https" and http.tls_version in ("TLSv1.2", "TLSv1.1"):
        words += ["--tls-max", http.tls_version.removeprefix("TLSv")]
    if witness.role:
        words += ["--cert", "client.pem"]
    if http.body is not None:
        words += ["--data-binary", "@-"]
    words += ["--globoff", "--path-as-is"] if set(http.target) & set("[]{}") or "/." in http.target else []
    line = _line([*words, f"{http.scheme}://{http.host}{http.target}"], http.body)
    return (line, ", ".join(_beyond_curl(witness))) if line else ("", "")


def _beyond_curl(witness: Witness) -> Iterator[str]:
    """What the request needs besides, in words: its address, its time, or what its certificate says."""
    http = witness.http
    # The words of a request that has nothing but what curl can't give.
    rest = replace(
        http,
        headers=(),
        body=None,
        method="GET",
        http_version=http.http_version if http.http_version not in _CURL_VERSIONS else usual_version(http.scheme),
        tls_version=USUAL.tls_version if http.tls_version in ("TLSv1.2", "TLSv1.1") else http.tls_version,
    )
    yield from needs(rest, "", witness.request).split(", ")[1:]


def test_table(witness: Witness, name: str, action: str) -> str:
    """The request as a `[[tests]]` table that expects an action; "" if a test can't say it (a body of odd bytes)."""
    entry = test_entry(witness, name, action)
    return "" if entry is None else toml([entry])


def test_entry(witness: Witness, name: str, action: str) -> TestEntry | None:
    """The request as a test of a rule file; None if a test can't say it."""
    http = witness.http
    more: dict[str, FieldValue] = {}
    if http.http_version != usual_version(http.scheme):
        more["http.request.version"] = http.http_version.encode("latin-1")
    if http.scheme == "https" and http.tls_version != USUAL.tls_version:
        more["cf.tls_version"] = http.tls_version.encode("latin-1")
    if http.scheme == "https" and http.tls_cipher != USUAL.tls_cipher:
        more["cf.tls_cipher"] = http.tls_cipher.encode("latin-1")
    scenario = Scenario(
        replace(http, overrides={**more, **http.overrides}),
        role=witness.role or "none",
        at=datetime.fromtimestamp(http.at or 0, UTC) if witness.timed else datetime.now(UTC),
    )
    expect = ExpectEntry(action="allow" if action == "allow" else "block")
    entry = as_test(scenario, name, expect)
    return entry if entry is None or witness.timed else msgspec.structs.replace(entry, at=None)


def request_data(witness: Witness, file: str) -> dict[str, Any]:
    """The request and its lines for JSON: `request`, `try`, `curl`."""
    http = witness.http
    request = {
        "method": http.method,
        "url": f"{http.scheme}://{http.host}{http.target}",
        "headers": [[name, value.decode("utf-8", "backslashreplace")] for name, value in http.headers],
        "body": None if http.body is None else http.body.decode("utf-8", "backslashreplace"),
        "ip": http.client_ip,
        "http_version": http.http_version,
        "tls_version": http.tls_version,
        "tls_cipher": http.tls_cipher,
        "at": http.at,
        "set": {name: plain(value) for name, value in http.overrides.items()},
    }
    return {"request": request, "try": simulate_line(witness, file), "curl": curl_line(witness)[0]}


def _line(words: list[str], body: bytes | None) -> str:
    if any("\0" in word or word.endswith("\n") for word in words):
        return ""
    line = " ".join(map(_quoted, words))
    return line if body is None else f"printf {_octal(body)} | {line}"


def _quoted(word: str) -> str:
    """A word as every POSIX shell reads it, in printable ASCII."""
    if word.isascii() and word.isprintable():
        return shlex.quote(word)
    return f'"$(printf {_octal(word.encode("utf-8", "surrogateescape"))})"'


def _octal(data: bytes) -> str:
    """Bytes as a quoted format of printf."""
    shown = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"\\%" else f"\\{byte:03o}" for byte in data)
    return shlex.quote(shown)


def _text_of(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
