"""What is read from outside has a bound: exactly so much is taken, one more is refused in words that say so."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import engine, pki, rulefile
from mtls_tui.cli import eval_, output
from mtls_tui.cli.certs import show
from mtls_tui.cli.errors import InputError
from mtls_tui.engine import bundle as bundle_module
from mtls_tui.engine import ruleset
from mtls_tui.engine.bundle import Bundle, BundleError, BundleHost
from mtls_tui.gateway import crlfiles, planning
from mtls_tui.gateway.settings import GatewayError
from mtls_tui.pki import load
from mtls_tui.rulefile import materials, reading
from mtls_tui.simulate import policies
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs.source import open_log
from mtls_tui.simulate.replay import run
from mtls_tui.simulate.requests import curl, url
from tests.pki import mint

ROOT = mint.root()
PEM = ROOT.certificate.public_bytes(Encoding.PEM)
CRL = mint.crl(ROOT, [1, 2]).public_bytes(Encoding.PEM)
BUNDLE = Bundle(hosts=(BundleHost(name="a.example", mtls=False),)).encode()
RULES = b'version = 1\n[[hosts]]\nname = "a.example"\n'
HAR = json.dumps(
    {"log": {"entries": [{"startedDateTime": "2026-11-24T12:00:00Z", "time": 1, "response": {"status": 200},
                          "request": {"method": "GET", "url": "https://a.example/", "headers": []}}]}}
).encode()  # fmt: skip


def replayed(path):
    return run.replay(Bundle.decode(BUNDLE), open_log(str(path)), format="har")


def sent_by_curl(path):
    return curl.parse_curl(f"curl -d @{path} http://a.example")


def read_as_bytes(path):
    return rulefile.from_bytes(path.read_bytes(), path=None)


def from_stdin(function):
    """The function with the file's content on standard input."""

    def called(path):
        before, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BytesIO(path.read_bytes()))
        try:
            return function()
        finally:
            sys.stdin = before

    return called


READERS = {
    "revocation list of the gateway": (crlfiles, "LARGEST_FILE", CRL, crlfiles._bytes),
    "bundle of the gateway": (planning, "LARGEST_BUNDLE", BUNDLE, planning.read_bundle),
    "file of curl": (curl, "LARGEST_FILE", b"x" * 900, sent_by_curl),
    "bundle's bytes": (bundle_module, "MAX_BYTES", BUNDLE, lambda path: Bundle.decode(path.read_bytes())),
    "bundle of a ruleset": (ruleset, "MAX_BYTES", BUNDLE, engine.Ruleset.from_bundle),
    "rule file or bundle of a simulation": (policies, "MAX_BYTES", BUNDLE, policies.load_policy),
    "certificates": (load, "MAX_BYTES", PEM, lambda path: pki.load_certificates(path.read_bytes())),
    "certificate file": (materials, "MAX_MATERIAL", PEM, materials.certificates),
    "certificate of a simulation": (policies, "MAX_MATERIAL", PEM, policies.load_chain),
    "rule file": (reading, "MAX_RULE_FILE", RULES, rulefile.load),
    "rule file's bytes": (
        reading,
        "MAX_RULE_FILE",
        RULES,
        lambda path: rulefile.from_bytes(path.read_bytes(), path=None),
    ),
    "HAR file": (run, "MAX_HAR", HAR, replayed),
    "expression on standard input": (eval_, "MAX_STDIN", b"true", from_stdin(lambda: eval_._text("-"))),
}
"""By what is read: the module and name of its bound, what it takes, and how."""


ERRORS = (BundleError, GatewayError, RequestError, pki.LoadError, rulefile.RuleFileError, materials.MaterialError)


def said(reader, path):
    """The error's text; empty when it is read."""
    try:
        return "" if reader(path) is not None else "nothing"
    except Exception as error:
        assert isinstance(error, (ValueError, OSError, InputError, *ERRORS)), repr(error)
        return str(error)


@pytest.mark.parametrize("what", READERS)
def test_exactly_so_much_is_read_and_one_byte_more_is_refused_in_words_that_say_so(what, tmp_path, monkeypatch):
    module, name, content, reader = READERS[what]
    for more in (0, 1):
        path = tmp_path / f"{more}.in"
        path.write_bytes(content)
        monkeypatch.setattr(module, name, len(content) - more)
        message = said(reader, path)
        assert bool(message) is bool(more), message
    assert re.search(r"too large|larger than|more than", message), message
    assert "Error" not in message and "Traceback" not in message


STDIN = {
    "rule file or bundle of a simulation": (policies, "MAX_BYTES", lambda: policies.load_policy("-")),
    "rules of a simulation": (policies, "MAX_RULE_FILE", lambda: policies.read_rules("-")),
    "certificate to show": (show, "MAX_BYTES", lambda: show.command.callback(Path("-"), False)),
    "rule file": (output, "MAX_RULE_FILE", lambda: output.read_rule_file("-")),
    "expression": (eval_, "MAX_STDIN", lambda: eval_._text("-")),
}


@pytest.mark.parametrize("what", STDIN)
def test_standard_input_is_never_read_further_than_its_bound_and_one_byte(what, monkeypatch):
    module, name, reader = STDIN[what]
    monkeypatch.setattr(module, name, 1000)
    endless = io.BytesIO(b"#" * 10_000)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=endless))
    with contextlib.suppress(Exception):
        reader()
    assert endless.tell() == 1001


def test_a_url_of_exactly_the_greatest_length_is_taken_and_a_longer_one_is_refused():
    longest = "http://a.example/".ljust(url.MAX_URL, "a")
    assert url.from_url(longest).target == longest.removeprefix("http://a.example")
    with pytest.raises(RequestError, match=f"{url.MAX_URL + 1} characters; at most {url.MAX_URL}"):
        url.from_url(longest + "a")
