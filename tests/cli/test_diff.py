"""`mtls-tui diff`: what a change means, in an order in which one reads it, with exit codes for a pipeline."""

import json
import re

import pytest
from markdown_it import MarkdownIt

from mtls_tui.analysis.bundle_changes import bundle_changes
from mtls_tui.cli.diff_markdown import code
from mtls_tui.engine.bundle import Bundle
from mtls_tui.rulefile import bundle, loads
from tests.simulate.test_docs import FOLDER, run_examples

BASE = """\
version = 1
[[hosts]]
name = "api.example.com"
upstream = "http://127.0.0.1:1"

[lists.office]
kind = "ip"
items = ["192.0.2.0/24"]

[[rules]]
ref = "mtls"
expression = '''not cf.tls_client_auth.cert_verified and not http.request.uri.path eq "/healthz"'''

[[rules]]
ref = "office"
expression = '''http.request.uri.path eq "/admin" and not ip.src in $office'''

[[properties]]
name = "no certificate, no entry"
unless = '''http.request.uri.path eq "/healthz"'''
client = "none"
expect = "blocked"
"""


@pytest.fixture
def diff(mtls_tui, tmp_path):
    old, new = tmp_path / "old.rules.toml", tmp_path / "new.rules.toml"
    old.write_text(BASE)

    def call(*changes, arguments=(), back=False):
        text = BASE
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        new.write_text(text)
        return mtls_tui("diff", *((new, old) if back else (old, new)), *arguments)

    return call


def test_a_file_is_the_same_as_itself(diff):
    result = diff()
    assert (result.code, result.out) == (
        0,
        "who gets in\n  ✓ proved: no request is newly let in\n  ✓ proved: no request is newly blocked\nthe same\n",
    )


def test_what_is_only_written_in_another_way_is_said_to_be_so(diff):
    path = 'http.request.uri.path eq "/healthz"'
    result = diff(
        (f"not cf.tls_client_auth.cert_verified and not {path}", f"not (cf.tls_client_auth.cert_verified or {path})")
    )
    assert result.code == 0
    assert "~ rule mtls: written in another way: it matches the same requests" in result.out
    assert result.out.endswith("the same: written in another way, every decision is as it was\n")
    result = diff(('["192.0.2.0/24"]', '["192.0.2.128/25", "192.0.2.0/25"]'))
    assert (result.code, "~ list office: 2 added, 1 removed" in result.out) == (0, True)
    result = diff(('ref = "office"', 'ref = "other"'))
    assert result.code == 0 and "+ rule other: block" in result.out and "- rule office" in result.out


def test_who_is_newly_let_in_comes_before_who_is_newly_blocked_each_with_a_request(diff, mtls_tui):
    result = diff(("\"/healthz\"'''\n\n[[rules]]", "\"/health\"'''\n\n[[rules]]"))
    assert result.code == 1
    assert "~ rule mtls: another expression" in result.out
    marks = re.findall(r"^  ([✗✓?] .*)$", result.out, re.M)
    assert [mark.partition(": ")[2].partition(" now: ")[0] for mark in marks[:2]] == [
        "GET https://api.example.com/health without a certificate is allowed",
        "GET https://api.example.com/healthz without a certificate is blocked",
    ]
    assert "✗ GET https://api.example.com/health without a certificate is allowed: no rule matched" in result.out
    line = re.search(r"try it: (.*)", result.out)[1]
    assert mtls_tui(*line.split()[1:]).code == 0
    assert result.out.endswith("it differs\n")


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:2", "~ host api.example.com: goes to http://127.0.0.1:2"),
        ("[lists", '[[hosts]]\nname = "b.ex"\nmtls = false\n[lists', "+ host b.ex: asks for no certificate"),
        ('ref = "mtls"', 'ref = "mtls"\nresponse = { status = 404 }', "~ rule mtls: another response"),
        ("[[properties]]", "[[rules]]\nref = 'l'\nexpression = 'ssl'\naction = 'log'\n[[properties]]", "+ rule l: log"),
        ('client = "none"', 'client = "untrusted"', "~ no certificate, no entry (other client): ✓ every such"),
        ('name = "no certificate', 'name = "No certificate', "- no certificate, no entry: ✓ every such request to"),
        ('ref = "office"', 'ref = "office"\nshadow = true', "~ rule office: only reports now (shadow)"),
        ('ref = "office"', 'ref = "office"\nenabled = false', "~ rule office: disabled now"),
    ],
)  # fmt: skip
def test_what_differs_besides_the_wording_of_rules_is_a_difference(diff, before, after, line):
    result = diff((before, after))
    assert result.code == 1
    assert f"  {line}" in result.out


def test_what_decides_nothing_and_reports_nothing_is_no_difference(diff):
    assert diff(('ref = "mtls"', 'ref = "mtls"\ndescription = "x"')).code == 0
    last = "[[rules]]\nref = 'never'\nexpression = 'ssl and not ssl'\n[[properties]]"
    assert diff(("[[properties]]", last)).code == 0


def test_what_stays_open_has_an_exit_code_of_its_own(diff):
    digest = "0123456789abcdef" * 2
    result = diff(
        (
            "[[properties]]",
            f"[[rules]]\nref = 'h'\nexpression = '''sha256(http.cookie) eq \"{digest}\"'''\n[[properties]]",
        )
    )
    assert result.code == 3
    assert (
        "? api.example.com: no request to api.example.com was found that is newly blocked; this is not a proof"
        in result.out
    )
    assert result.out.endswith("open: not everything was found or proved\n")


def test_errors_are_errors(diff, mtls_tui, tmp_path):
    assert diff(("ssl" if False else "block", "blok")).code == 2
    result = mtls_tui("diff", tmp_path / "old.rules.toml", tmp_path / "missing.rules.toml")
    assert result.code == 2 and "missing.rules.toml" in result.err
    (tmp_path / "x.bundle.json").write_text("{}")
    result = mtls_tui("diff", tmp_path / "x.bundle.json", tmp_path / "old.rules.toml")
    assert result.code == 2 and "not a bundle" in result.err
    result = diff(arguments=["--host", "nowhere.ex"])
    assert result.code == 2 and "there is no host `nowhere.ex`: the file has api.example.com" in result.err


def test_an_exported_bundle_is_compared_as_its_rule_file(mtls_tui, tmp_path):
    deployed = tmp_path / "a.bundle.json"
    deployed.write_bytes(bundle(loads(BASE)).encode())
    path = tmp_path / "a.rules.toml"
    path.write_text(BASE)
    assert mtls_tui("diff", deployed, path).code == 0
    path.write_text(BASE.replace("192.0.2.0/24", "192.0.2.0/25"))
    result = mtls_tui("diff", deployed, path)
    assert result.code == 1 and "~ list office: 1 added, 1 removed" in result.out and "is blocked now" in result.out
    assert mtls_tui("diff", path, path, "--host", "api.example.com").code == 0


def test_json_has_everything(diff):
    result = diff(('client = "none"', 'client = "any"'), arguments=["--json"])
    data = json.loads(result.out)
    assert (result.code, data["same"], data["open"]) == (1, False, False)
    assert data["changes"] == [
        {
            "sign": "~",
            "subject": "property",
            "name": "no certificate, no entry",
            "words": "other client",
            "rewrite": False,
        }
    ]
    assert [(one["change"], one["status"]) for one in data["decisions"]] == [
        ("newly let in", "proved the same"), ("newly blocked", "proved the same"),
    ]  # fmt: skip
    (one,) = data["properties"]
    assert (one["sign"], one["status"], one["client"]) == ("~", "broken", "trusted")
    assert one["test"].startswith("[[tests]]") and one["curl"].startswith("curl ")


def test_markdown_shows_requests_as_code_and_properties_as_tests(diff):
    result = diff(
        ('client = "none"', 'client = "any"'),
        ("\"/healthz\"'''\n\n[[rules]]", "\"/health\"'''\n\n[[rules]]"),
        arguments=["--format", "markdown"],
    )
    assert result.code == 1
    out = result.out
    order = [
        "### `",
        "**It differs.**",
        "**Newly let in**",
        "**Newly blocked**",
        "**Rules and lists**",
        "**Properties**",
    ]
    assert [out.index(part) for part in order] == sorted(out.index(part) for part in order)
    assert "  ```sh\n  curl https://api.example.com/health\n  ```\n" in out
    assert "<details><summary>as a test</summary>" in out and "  [[tests]]\n" in out


NASTY = "x` <b>@team</b> #12 **y** [z](http://evil.example) ``` | ~~a~~ !"


def test_names_never_become_markup_in_markdown(diff):
    quoted = json.dumps(NASTY)
    result = diff(
        ('name = "no certificate, no entry"', f"name = {quoted}"),
        ('ref = "office"', f"ref = {quoted}"),
        arguments=["--format", "markdown"],
    )
    assert result.code == 1
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(result.out)
    spans = [child for token in tokens for child in token.children or ()]
    names = [child.content for child in spans if child.type == "code_inline"]
    assert names.count(NASTY) >= 2
    assert not any(child.type in ("html_inline", "link_open", "s_open") for child in spans)
    texts = "".join(child.content for child in spans if child.type == "text")
    assert "@" not in texts and "<b>" not in texts


def test_requests_of_a_review_never_become_markup(diff):
    agent = "@team #12 *c*<i>"
    rule = f"[[rules]]\nref = 'h'\nexpression = '''http.user_agent eq \"{agent}\"'''\n[[properties]]"
    result = diff(("[[properties]]", rule), arguments=["--format", "markdown"])
    assert result.code == 1
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(result.out)
    spans = [child for token in tokens for child in token.children or ()]
    assert any(f"with header `user-agent: {agent}`" in child.content for child in spans if child.type == "code_inline")
    assert "@team" not in "".join(child.content for child in spans if child.type == "text")


@pytest.mark.parametrize("text", ["a", "`", "``a`", "a``b", " a", "`a`"])
def test_a_code_span_has_its_text_whole(text):
    (inline,) = (token for token in MarkdownIt().parse(f"x {code(text)} y") if token.type == "inline")
    (span,) = (child for child in inline.children if child.type == "code_inline")
    assert span.content == text


def test_changes_are_told_with_what_is_different():
    old = Bundle.decode(bundle(loads(BASE)).encode())
    new = bundle(loads(BASE.replace('ref = "office"', 'ref = "office"\naction = "log"').replace("/admin", "/admin/")))
    (change,) = bundle_changes(old, new)
    assert str(change) == "~ rule office: another expression, block → log"
    assert not change.rewrite
    assert bundle_changes(old, old) == []


def test_page_shows_what_the_program_prints(monkeypatch):
    page = (FOLDER / "diff.md").read_text("utf-8")
    monkeypatch.chdir(FOLDER / "examples")
    assert run_examples.refreshed(page) == page
