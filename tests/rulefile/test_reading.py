# ruff: noqa: E501 - one mistake a line reads as a table
"""What is wrong with a rule file is said with file, line, key and cure; what is right is read as it stands."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui.rulefile import RuleFileError, load, loads
from mtls_tui.rulefile.edit import update_rule

HOST = '[[hosts]]\nname = "api.example.com"\n'
RULE = "[[rules]]\nref = \"a\"\nexpression = '''ssl'''\n"
TEST = '[[tests]]\nname = "t"\nurl = "https://api.example.com/"\nexpect = { action = "allow" }\n'

PROPERTY = "[[properties]]\nname = 'p'\nexpect = 'blocked'\n"
BAD = {
    # name: (text, code, line, key, words in message or cure)
    "syntax": ('version = 1\nrules = [', "syntax", 2, "", "not TOML"),
    "unclosed text": ('x = "abc', "syntax", 1, "", "not TOML"),
    "a key twice": ("version = 1\nversion = 1\n", "syntax", 2, "", "stands twice"),
    "unquoted text": ("[[rules]]\nref = a\n", "syntax", 2, "", "quotes"),
    "unknown top-level key": ("versoin = 1\n", "unknown-key", 1, "versoin", "`version`"),
    "unknown key": (RULE + 'expresion = "ssl"\n', "unknown-key", 4, "rules[0].expresion", "`expression`"),
    "unknown key in a response": (RULE + "response = { state = 404 }\n", "unknown-key", 4, "rules[0].response.state", "`status`"),
    "unknown key in an expectation": (TEST.replace("action", "acton"), "unknown-key", 4, "tests[0].expect.acton", "`action`"),
    "unknown key of a list": ('[lists.x]\nkind = "ip"\nitem = []\n', "unknown-key", 3, "lists.x.item", "`items`"),
    "missing key": ("[[rules]]\nref = 'a'\n", "missing-key", 1, "rules[0]", "expression"),
    "wrong type": (RULE + 'enabled = "yes"\n', "type", 4, "rules[0].enabled", "true or false"),
    "number for a text": ("[[rules]]\nref = 1\nexpression = 'ssl'\n", "type", 2, "rules[0].ref", "quotes"),
    "text for an array": (HOST + 'anchors = "ca.pem"\n', "type", 3, "hosts[0].anchors", "brackets"),
    "table for tables": ("[rules]\nref = 'a'\n", "type", 1, "rules", "[[rules]]"),
    "array for lists": ("[[lists]]\nkind = 'ip'\n", "type", 1, "lists", "[lists.NAME]"),
    "unknown action": (RULE + 'action = "blok"\n', "type", 4, "rules[0].action", "`block`"),
    "unknown kind of list": ('[lists.x]\nkind = "ips"\n', "type", 2, "lists.x.kind", "`ip`"),
    "unknown version": ("version = 2\n", "type", 1, "version", "version = 1"),
    "status that is no refusal": (RULE + "response = { status = 200 }\n", "type", 4, "rules[0].response.status", "400 to 499"),
    "content type": (RULE + 'response = { content_type = "text/css" }\n', "type", 4, "rules[0].response.content_type", "text/"),
    "missing PEM": (HOST + 'anchors = ["ca.pem"]\n', "missing", 3, "hosts[0].anchors[0]", "no such file"),
    "a directory for a PEM": (HOST + 'anchors = ["."]\n', "directory", 3, "hosts[0].anchors[0]", "is a directory"),
    "top-level anchor": ('anchors = [\n  "ca.pem",\n]\n', "missing", 2, "anchors[0]", "no such file"),
    "a relative server key": (HOST + 'server_certificate = "/x.pem"\nserver_key = "x.key"\n', "missing", 4, "hosts[0].server_key", "no such file"),
    "duplicate ref": (RULE + RULE, "duplicate", 5, "rules[1].ref", "line 2"),
    "duplicate host": (HOST + HOST.replace("api", "API"), "duplicate", 4, "hosts[1].name", "line 2"),
    "host with a port": (HOST.replace('.com', '.com:443'), "value", 2, "hosts[0].name", "no port"),
    "host with a scheme": (HOST.replace('api', 'https://api'), "value", 2, "hosts[0].name", "no scheme"),
    "certificates on a plain host": (HOST + "mtls = false\ncrl_policy = 'soft'\n", "contradiction", 4, "hosts[0].crl_policy", "mtls = true"),
    "required CRLs that are not given": (HOST + "crl_policy = 'require'\n", "contradiction", 3, "hosts[0].crl_policy", "crls"),
    "key without certificate": (HOST + "server_key = '/x.key'\n", "contradiction", 3, "hosts[0].server_key", "server_certificate"),
    "authority of a plain upstream": (HOST + "upstream = 'http://a'\nupstream_ca = 'pem'\n", "contradiction", 4, "hosts[0].upstream_ca", "https"),
    "upstream with a path": (HOST + "upstream = 'http://a/b'\n", "value", 3, "hosts[0].upstream", "path"),
    "upstream without a scheme": (HOST + "upstream = 'localhost:8080'\n", "value", 3, "hosts[0].upstream", "http://"),
    "response of a log rule": (RULE + "action = 'log'\nresponse = {}\n", "contradiction", 5, "rules[0].response", "block"),
    "unknown list": ("[[rules]]\nref='a'\nexpression = '''ip.src in $offce'''\n[lists.office]\nkind='ip'\n", "unknown-list", 3, "rules[0].expression", "`office`"),
    "managed list": ("[[rules]]\nref='a'\nexpression = '''ip.src in $cf.vpn'''\n", "unknown-list", 3, "rules[0].expression", '[lists."cf.vpn"]'),
    "list of another kind": ("[[rules]]\nref='a'\nexpression = '''http.host in $x'''\n[lists.x]\nkind='ip'\n", "list-kind", 3, "rules[0].expression", "hostname"),
    "bad address": ("[lists.x]\nkind='ip'\nitems=['1.2.3.4',\n'1.2.3']\n", "list-item", 4, "lists.x.items[1]", "192.0.2.7"),
    "host bits": ("[lists.x]\nkind='ip'\nitems=['192.0.2.1/24']\n", "list-item", 3, "lists.x.items[0]", "192.0.2.0/24"),
    "number in an address list": ("[lists.x]\nkind='ip'\nitems=[1]\n", "list-item", 3, "lists.x.items[0]", "quotes"),
    "text in a list of ASNs": ("[lists.x]\nkind='asn'\nitems=['AS1']\n", "list-item", 3, "lists.x.items[0]", "without quotes"),
    "URL in a host list": ("[lists.x]\nkind='hostname'\nitems=['https://a']\n", "list-item", 3, "lists.x.items[0]", "no scheme"),
    "list name": ("[lists.Office]\nkind='ip'\n", "value", 1, "lists.Office", "lower case"),
    "unknown rule in a test": (RULE + TEST.replace('"allow"', '"block", rule = "b"'), "unknown-rule", 7, "tests[0].expect.rule", "`a`"),
    "a test that expects nothing": (TEST.replace('action = "allow"', ""), "value", 4, "tests[0].expect", "nothing is expected"),
    "a misspelt role": (TEST + "certificate = 'revokd'\n", "value", 5, "tests[0].certificate", "`revoked`"),
    "a test's missing certificate": (TEST + "certificate = 'x.pem'\n", "missing", 5, "tests[0].certificate", "no such file"),
    "a test's address": (TEST + "ip = '1.2.3'\n", "value", 5, "tests[0].ip", "192.0.2.7"),
    "a test's time": (TEST + "at = 'tomorrow'\n", "value", 5, "tests[0].at", "2030-01-31"),
    "a test's URL": (TEST.replace("https://", ""), "value", 3, "tests[0].url", "https://"),
    "a test's unknown field": (TEST + "set = { 'http.hst' = 'a' }\n", "unknown-field", 5, 'tests[0].set."http.hst"', "`http.host`"),
    "properties without double brackets": ("[properties]\nname = 'a'\n", "type", 1, "properties", "[[properties]]"),
    "a property without a name": ("[[properties]]\nexpect = 'blocked'\n", "missing-key", 1, "properties[0]", "`name = …`"),
    "a property that expects nothing": ("[[properties]]\nname = 'p'\n", "missing-key", 1, "properties[0]", "`expect = …`"),
    "a property's unknown key": (PROPERTY + "host = 'a'\n", "unknown-key", 4, "properties[0].host", "`hosts`"),
    "what no property expects": (PROPERTY.replace("'blocked'", "'block'"), "type", 3, "properties[0].expect", "`blocked`"),
    "a property of an unknown client": (PROPERTY + "client = 'untrused'\n", "type", 4, "properties[0].client", "`untrusted`"),
    "a text for a property's hosts": (PROPERTY + "hosts = 'a'\n", "type", 4, "properties[0].hosts", "brackets"),
    "a number for a condition": (PROPERTY + "when = 1\n", "type", 4, "properties[0].when", "quotes"),
    "an empty condition": (PROPERTY + "unless = ''\n", "type", 4, "properties[0].unless", "length"),
    "a property twice": (PROPERTY + PROPERTY, "duplicate", 5, "properties[1].name", "line 2"),
    "a property's name": (PROPERTY.replace("'p'", '"p\\u001b"'), "value", 2, "properties[0].name", "printable"),
    "a property of an unknown host": (HOST + PROPERTY + "hosts = [\n'api.exmple.com']\n", "unknown-host", 7, "properties[0].hosts[0]", "`api.example.com`"),
    "a property of what is not a host": (HOST + PROPERTY + "hosts = ['https://api.example.com']\n", "value", 6, "properties[0].hosts[0]", "no scheme"),
    "a property's unknown field": (PROPERTY + "when = '''\nhttp.hst eq 'a''''\n", "unknown-identifier", 5, "properties[0].when", "`http.host`"),
    "a property's comparison of types": (PROPERTY + "unless = '''ip.src eq 1'''\n", "bad-address", 4, "properties[0].unless", "^"),
    "a property's unknown list": (PROPERTY + "when = '''ip.src in $x'''\n", "unknown-list", 4, "properties[0].when", "[lists.x]"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_every_mistake_is_told_with_line_key_and_cure(name, tmp_path, certificate):
    text, code, line, key, words = BAD[name]
    path = tmp_path / "x.rules.toml"
    path.write_text(text)
    (tmp_path / "pem").write_bytes(certificate)
    with pytest.raises(RuleFileError) as caught:
        load(path)
    assert len(caught.value.problems) == 1, str(caught.value)
    problem = caught.value.problem
    assert (problem.code, problem.line, problem.key) == (code, line, key), str(problem)
    assert problem.file == str(path)
    assert problem.cure or problem.detail
    assert words in problem.message + problem.cure + problem.detail
    assert str(problem).startswith(f"{path}:{line}:")


def test_all_problems_are_told_in_the_order_of_the_file():
    with pytest.raises(RuleFileError) as caught:
        loads(HOST + "upstream = 'x'\n" + RULE.replace("ssl", "sl") + RULE + "[lists.x]\nkind='ip'\nitems=['?']\n")
    assert [problem.key for problem in caught.value.problems] == [
        "hosts[0].upstream", "rules[0].expression", "rules[1].ref", "lists.x.items[0]",
    ]  # fmt: skip


def test_a_wrong_expression_is_shown_with_carets_and_its_place_in_the_file():
    text = "[[rules]]\nref = 'a'\n\nexpression = '''\n(ssl\n  and http.hst eq \"a\")'''\n"
    with pytest.raises(RuleFileError) as caught:
        loads(text)
    problem = caught.value.problem
    assert (problem.line, problem.column) == (6, 7)
    assert text.split("\n")[problem.line - 1][problem.column - 1 :].startswith("http.hst")
    assert "^^^^^^^^ unknown identifier" in problem.detail
    assert problem.diagnostic is not None
    assert "http.host" in problem.cure


def test_a_wrong_expression_on_one_line_is_placed_behind_its_quotes():
    text = "[[rules]]\nref = 'a'\nexpression   =  '''http.hst eq \"a\"'''\n"
    with pytest.raises(RuleFileError) as caught:
        loads(text)
    problem = caught.value.problem
    assert text.split("\n")[problem.line - 1][problem.column - 1 :].startswith("http.hst")


def test_a_file_with_problems_of_meaning_can_still_be_opened_to_cure_them():
    rulefile = loads(RULE.replace("ssl", "sl") + RULE.replace('"a"', '"b"'), strict=False)
    assert rulefile.expressions[0] is None
    assert rulefile.expressions[1] is not None
    assert not rulefile.usable
    assert update_rule(rulefile, 0, expression="ssl").usable
    with pytest.raises(RuleFileError):
        rulefile.rule(0)


def test_a_file_that_is_not_utf8_is_told_with_line_and_byte(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_bytes(b"version = 1\n# caf\xe9\n")
    with pytest.raises(RuleFileError) as caught:
        load(path)
    assert (caught.value.problem.code, caught.value.problem.line) == ("encoding", 2)
    assert "0xe9" in str(caught.value)


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_bytes(b"\xef\xbb\xbfversion = 1\n")
    assert load(path).version == 1


def test_a_file_of_50_mb_is_refused_without_being_read(tmp_path):
    path = tmp_path / "x.rules.toml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    begin = time.process_time()
    with pytest.raises(RuleFileError) as caught:
        load(path)
    assert caught.value.problem.code == "too-large"
    assert time.process_time() - begin < 0.5


def test_a_directory_a_missing_file_and_a_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, code in ((".", "directory"), ("absent", "missing"), ("pipe", "directory"), ("a\0b", "unreadable")):
        with pytest.raises(RuleFileError) as caught:
            load(tmp_path / name)
        assert caught.value.problem.code == code


def test_deep_nesting_is_refused():
    with pytest.raises(RuleFileError):
        loads("x = " + "[" * 5000 + "]" * 5000)


def test_a_pem_that_holds_a_key_is_told_apart(tmp_path):
    (tmp_path / "ca.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(RuleFileError) as caught:
        loads(HOST + 'anchors = ["ca.pem"]\ncrls = ["ca.pem"]\n', tmp_path)
    assert [problem.code for problem in caught.value.problems] == ["not-a-certificate", "not-a-crl"]
    assert "only PRIVATE KEY" in str(caught.value)


def test_what_is_left_out_has_its_default():
    rulefile = loads(HOST + RULE + TEST)
    assert rulefile.hosts[0].mtls
    rule = rulefile.rule(0)
    assert (rule.ref, rule.action, rule.enabled, rule.response, rule.shadow) == ("a", "block", True, None, False)
    assert (rulefile.tests[0].method, rulefile.tests[0].certificate) == ("GET", "none")


def test_times_of_every_notation_are_read():
    from mtls_tui.rulefile.checks.testcases import moment

    assert moment("2030-01-31T12:00:00Z") == moment("2030-01-31T13:00:00+01:00") == 1896091200
    rulefile = loads(TEST + "at = 2030-01-31T12:00:00Z\n")
    assert moment(rulefile.tests[0].at) == 1896091200
    assert moment(loads(TEST + "at = 2030-01-31\n").tests[0].at) == 1896048000
    for wrong in (True, "x", None, 1e300, float("inf")):
        with pytest.raises(ValueError):
            moment(wrong)


def test_paths_and_texts_of_every_kind_are_told_and_never_a_traceback():
    for path in ("a\\u0000b", "~nobody-of-that-name/x", "x" * 5000, "/proc/self/mem", "/dev/zero"):
        with pytest.raises(RuleFileError) as caught:
            loads(HOST + f'anchors = ["{path}"]\n')
        assert caught.value.problem.key == "hosts[0].anchors[0]"
    for text in (
        "# \udcff\n",
        "version = 1\r",
        "version = 99999999999999999999999\n",
        "version = 1e400\n",
        "version = nan\n",
        "[[rules]]\nref = 1979-05-27\n",
        '"" = 1\n',
        "a.b.c = 1\n",
    ):
        with pytest.raises(RuleFileError):
            loads(text)


SAMPLE = (Path(__file__).parents[2] / "sample_rules" / "6-many-hosts-with-lists.rules.toml").read_text()
pieces = st.sampled_from(
    [
        "",
        '"',
        "'",
        "\n",
        "[",
        "]",
        "{",
        "}",
        "=",
        "#",
        "\\",
        "'''",
        "1",
        "true",
        "[[rules]]\n",
        "\x00",
        "é",
        ".",
        ",",
        "\ud800",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 8), pieces), min_size=1, max_size=4))
def test_a_damaged_file_is_told_or_read_and_never_a_traceback(damages):
    text = SAMPLE
    for position, length, piece in damages:
        text = text[:position] + piece + text[position + length :]
    try:
        rulefile = loads(text, strict=False)
    except RuleFileError as error:
        assert all(problem.message for problem in error.problems)
        assert str(error)
    else:
        assert all(0 < problem.line <= text.count("\n") + 1 for problem in rulefile.problems)
