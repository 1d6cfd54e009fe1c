"""`mtls-tui check`: 0 clean, 1 findings, 2 unusable; every place exact, for people, JSON and SARIF."""

import json

import pytest

CLEAN = '[[hosts]]\nname = "a.example"\nmtls = false\n[[rules]]\nref = "r"\nexpression = \'\'\'http.host eq "a.example" and ssl\'\'\'\naction = "log"\n'


@pytest.mark.parametrize("number", range(1, 7))
def test_every_sample_is_clean(number, mtls_tui, sample):
    result = mtls_tui("check", sample(number))
    assert result.code == 0, result.out
    assert "clean" in result.err or "info" in result.out


def test_findings_are_placed_in_the_file(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(CLEAN.replace("and ssl", "and ip.src.asnum eq 1"))
    result = mtls_tui("check", path)
    assert result.code == 1
    column = CLEAN.split("\n")[5].index("ssl") + 1
    assert result.out.startswith(f"{path}:6:{column}: warning: rules[0].expression: r: ")
    assert "  cure: " in result.out


def test_remarks_count_when_strict(mtls_tui, sample):
    assert mtls_tui("check", sample(1)).code == 0
    assert mtls_tui("check", "--strict", sample(1)).code == 1


def test_findings_of_a_code_can_be_left_out(mtls_tui, sample):
    result = mtls_tui("check", "--strict", "--ignore", "revoked-accepted", sample(1))
    assert (result.code, result.out) == (0, "")
    result = mtls_tui("check", "--ignore", "revoked-acepted", sample(1))
    assert result.code == 2
    assert "`revoked-accepted`" in result.err


def test_a_host_that_trusts_nobody_is_a_finding(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(CLEAN.replace("mtls = false", "mtls = true"))
    result = mtls_tui("check", path)
    assert result.code == 1
    assert "trusts no authority" in result.out


def test_an_unusable_file_says_why_once_and_others_are_still_checked(mtls_tui, tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(CLEAN)
    bad.write_text(CLEAN.replace("and ssl", "and sl"))
    result = mtls_tui("check", bad, good)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("unknown identifier") == 2  # the message, and below the carets
    assert "^^ unknown identifier" in result.err
    assert f"{good}: clean (1 host, 1 rule, 0 tests)" in result.err


def test_standard_input_is_checked_too(mtls_tui):
    assert mtls_tui("check", "-", stdin=CLEAN.encode()).code == 0
    result = mtls_tui("check", "-", stdin=b"\xff")
    assert result.code == 2
    assert "<stdin>:1: error: not UTF-8" in result.err


def test_json_has_everything(mtls_tui, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(CLEAN.replace("and ssl", "and sl").replace("a.example", "ä.example"))
    result = mtls_tui("check", "--json", bad, "-", stdin=CLEAN.replace("and ssl", "and ip.src.asnum eq 1").encode())
    assert result.code == 2
    first, second = json.loads(result.out)["files"]
    assert not first["usable"]
    assert [(p["code"], p["line"], p["severity"]) for p in first["problems"]] == [("unknown-identifier", 6, "error")]
    assert second["usable"]
    assert second["findings"][0]["severity"] == "warning"
    assert second["rules"] == 1


def test_sarif_has_every_finding_with_its_region(mtls_tui, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub folder").mkdir()
    (tmp_path / "sub folder" / "bad.toml").write_text(CLEAN.replace("and ssl", "and sl"))
    result = mtls_tui("check", "--sarif", "sub folder/bad.toml")
    document = json.loads(result.out)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    (found,) = run["results"]
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"] == "unknown-identifier"
    assert found["level"] == "error"
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sub%20folder/bad.toml"
    assert place["region"] == {"startLine": 6, "startColumn": CLEAN.split("\n")[5].index("ssl") + 1}
    assert mtls_tui("check", "--sarif", "--json", "x").code == 2


def test_a_clean_file_gives_an_empty_sarif_run(mtls_tui):
    result = mtls_tui("check", "--sarif", "-", stdin=CLEAN.encode())
    assert result.code == 0
    assert json.loads(result.out)["runs"][0]["results"] == []


def test_control_characters_of_a_file_never_reach_the_terminal(mtls_tui, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(
        '[[rules]]\nref = "\\u001b[31m\\u202e"\nexpression = "\\u001b]0;x\\u0007"\n[[hosts]]\nname = "\\u001b[2J"\n'
    )
    result = mtls_tui("check", path)
    assert result.code == 2
    assert "\x1b" not in result.err + result.out
    assert "\u202e" not in result.err + result.out
    assert mtls_tui("check", "--json", path).out.count("\x1b") == 0


def test_colour_is_for_those_who_want_it(mtls_tui, monkeypatch):
    text = CLEAN.replace("and ssl", "and ip.src.asnum eq 1").encode()
    assert "\x1b[" not in mtls_tui("check", "-", stdin=text).out
    assert "\x1b[" in mtls_tui("check", "--color", "-", stdin=text).out
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert "\x1b[" in mtls_tui("check", "-", stdin=text).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in mtls_tui("check", "-", stdin=text).out


def test_a_file_of_some_hundred_rules_is_checked(mtls_tui, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(
        '[[hosts]]\nname = "a.example"\nmtls = false\n'
        + "".join(
            f"[[rules]]\nref = \"r{n}\"\nexpression = '''http.request.uri.path eq \"/p{n}\"'''\n" for n in range(300)
        )
    )
    assert mtls_tui("check", "--quiet", path).code in (0, 1)


# ruff: noqa: E501 - rule files in one line


CURABLE = """# who may come in
[[hosts]]
name = "a.example"
mtls = false

# keys of those we know
[[rules]]
ref = "methods"   # kept
expression = '''
http.request.method in {"get"   "PUT"} and
any(http.request.headers["X-Key"][*] eq "x")'''
action = "log"

[[rules]]
ref = "net"
expression = "ip.src in {10/8 10.1.1.1}"
action = "log"
"""
CURED = CURABLE.replace('"get"', '"GET"').replace("X-Key", "x-key").replace(" 10.1.1.1", " ")


def test_fixes_go_into_the_file_and_nothing_else_changes(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(CURABLE)
    assert mtls_tui("check", path).code == 1
    assert path.read_text() == CURABLE
    result = mtls_tui("check", "--fix", path)
    assert result.code == 0
    assert "fixed 3 findings: methods (value-never), methods (header-case), net (duplicate-item)" in result.err
    assert path.read_text().replace("'''ip.src in {10/8 }'''", '"ip.src in {10/8 }"') == CURED
    assert mtls_tui("check", "--fix", "--json", path).code == 0
    assert "10/8" in path.read_text()
    result = mtls_tui("check", "--fix", "--strict", "--json", path)
    assert json.loads(result.out)["files"][0]["fixed"] == [{"rule": "net", "code": "short-address"}]
    assert "{10.0.0.0/8 }" in path.read_text()


def test_a_file_is_left_alone_that_is_unusable_or_standard_input_or_has_ignored_findings_only(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    codes = ("--ignore", "value-never", "--ignore", "header-case", "--ignore", "duplicate-item")
    for text, options, code in ((CURABLE, codes, 0), (CURABLE.replace("ip.src in", "ip.src on"), (), 2)):
        path.write_text(text)
        assert mtls_tui("check", "--fix", *options, path).code == code
        assert path.read_text() == text
    assert mtls_tui("check", "--fix", "-", stdin=CURABLE.encode()).code == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_machines_get_rule_and_fix_of_a_finding_as_an_edit_of_the_file(mtls_tui, tmp_path, newline):
    path = tmp_path / "x.rules.toml"
    path.write_bytes(CURABLE.replace("\n", newline).encode())
    findings = json.loads(mtls_tui("check", "--json", path).out)["files"][0]["findings"]
    lines = CURABLE.split("\n")
    for finding in reversed(findings):
        if fix := finding["fix"]:
            assert fix["line"] == fix["end_line"] == finding["line"]
            line = lines[fix["line"] - 1]
            lines[fix["line"] - 1] = line[: fix["column"] - 1] + fix["text"] + line[fix["end_column"] - 1 :]
    assert [finding["rule"] for finding in findings if finding["fix"]] == ["methods", "methods", "net", "net"]
    assert "\n".join(lines) == CURED.replace("10/8", "10.0.0.0/8")
    (run,) = json.loads(mtls_tui("check", "--sarif", path).out)["runs"]
    result = next(result for result in run["results"] if result["ruleId"] == "header-case")
    assert result["properties"] == {"rule": "methods"}
    (change,) = result["fixes"][0]["artifactChanges"]
    column = CURABLE.split("\n")[10].index('"X-Key"') + 1
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 11, "startColumn": column, "endLine": 11, "endColumn": column + 7},
            "insertedContent": {"text": '"x-key"'},
        }
    ]


def test_a_fix_among_escapes_is_no_edit_of_the_file_but_is_put_in(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text('[[rules]]\nref = "r"\nexpression = "http.request.method eq \\"get\\""\naction = "log"\n')
    (finding,) = json.loads(mtls_tui("check", "--json", path).out)["files"][0]["findings"]
    assert (finding["code"], finding["rule"], finding["fix"]) == ("value-never", "r", None)
    assert mtls_tui("check", "--fix", path).code == 0
    assert 'http.request.method eq "GET"' in path.read_text()


BAD_VALUES = "[[rules]]\nref = 'a'\nexpression = '''ssl and\n http.request.method eq \"ge,t:%\"'''\n"


def test_github_gets_a_workflow_command_for_each_finding(mtls_tui, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b.rules.toml").write_text(BAD_VALUES)
    result = mtls_tui("check", "--format", "github", "a,b.rules.toml")
    assert result.code == 1
    assert result.out == (
        "::warning file=a%2Cb.rules.toml,line=4,col=25,title=value-never::"
        "a: `http.request.method` is in capital letters, never `ge,t:%25` (write `GE,T:%25`)\n"
    )
    (tmp_path / "a,b.rules.toml").write_text("[[rules]]\n")
    result = mtls_tui("check", "--format", "github", "a,b.rules.toml")
    assert result.code == 2 and result.out.startswith("::error file=a%2Cb.rules.toml,line=1,col=1,title=missing-key::")
    assert all(line.startswith("::error ") for line in result.out.splitlines())


def test_gitlab_gets_a_report_whose_fingerprints_stay_when_lines_move(mtls_tui, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.rules.toml"
    twice = BAD_VALUES.replace("ssl", 'http.request.method eq "ge,t:%"')
    path.write_text(twice)
    result = mtls_tui("check", "--format", "gitlab", "a.rules.toml")
    assert result.code == 1
    report = json.loads(result.out)
    found = [entry for entry in report if entry["check_name"] == "value-never"]
    assert [(entry["severity"], entry["location"]) for entry in found] == [
        ("major", {"path": "a.rules.toml", "lines": {"begin": 3}}),
        ("major", {"path": "a.rules.toml", "lines": {"begin": 4}}),
    ]
    assert len({entry["fingerprint"] for entry in report}) == len(report)
    assert found[0]["description"] == "a: `http.request.method` is in capital letters, never `ge,t:%` (write `GE,T:%`)"
    path.write_text("# more\n\n" + twice)
    moved = json.loads(mtls_tui("check", "--format", "gitlab", "a.rules.toml").out)
    assert [entry["fingerprint"] for entry in moved] == [entry["fingerprint"] for entry in report]


def test_one_format_at_a_time(mtls_tui, tmp_path):
    path = tmp_path / "a.rules.toml"
    path.write_text(BAD_VALUES)
    assert mtls_tui("check", "--format", "json", path).out == mtls_tui("check", "--json", path).out
    assert mtls_tui("check", "--format", "sarif", path).out == mtls_tui("check", "--sarif", path).out
    for pair in (["--json", "--sarif"], ["--format", "github", "--json"]):
        result = mtls_tui("check", *pair, path)
        assert result.code == 2 and "exclude each other" in result.err
