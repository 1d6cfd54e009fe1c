"""`mtls-tui fmt`: expressions become canonical, everything else stays octet for octet."""

import json

UGLY = "# rules\n[[rules]] # first\nref =   \"a\"\nexpression = 'ssl&&!(http.host==\"a\")' # why\nenabled = true\n\n[[rules]]\nref = \"b\"\nexpression = '''ssl'''\n"
PRETTY = UGLY.replace("'ssl&&!(http.host==\"a\")'", "'''ssl and not (http.host eq \"a\")'''")


def test_a_file_is_formatted_in_place_and_then_stays(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(UGLY)
    path.chmod(0o600)
    result = mtls_tui("fmt", path)
    assert result.code == 0
    assert "formatted 1 rule: a" in result.err
    assert path.read_text() == PRETTY
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_mtime_ns
    assert mtls_tui("fmt", path).code == 0
    assert path.stat().st_mtime_ns == before


def test_check_and_diff_change_nothing(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(UGLY)
    assert mtls_tui("fmt", "--check", path).code == 1
    result = mtls_tui("fmt", "--diff", path)
    assert result.code == 0
    assert "+expression = '''ssl and not (http.host eq \"a\")''' # why" in result.out.split("\n")
    assert path.read_text() == UGLY
    path.write_text(PRETTY)
    assert mtls_tui("fmt", "--check", path).code == 0


def test_standard_input_goes_to_standard_output(mtls_tui):
    result = mtls_tui("fmt", "-", stdin=UGLY.encode())
    assert (result.code, result.out) == (0, PRETTY)
    assert mtls_tui("fmt", "--check", "-", stdin=UGLY.encode()).code == 1


def test_json_names_what_changed(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(UGLY)
    result = mtls_tui("fmt", "--check", "--json", path)
    assert json.loads(result.out) == {"files": [{"file": str(path), "changed": ["a"], "properties": []}]}


def test_the_expressions_of_properties_are_formatted_and_their_comments_stay(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    ugly = "# p\n[[properties]]\nname = 'p' # n\nexpect = 'blocked'\nwhen = 'ssl&&ssl' # w\nunless = '!ssl' # u\n"
    path.write_text(ugly)
    assert mtls_tui("fmt", "--check", path).code == 1
    result = mtls_tui("fmt", path)
    assert (result.code, result.err) == (0, f"{path}: formatted 1 property: p\n")
    assert path.read_text() == ugly.replace("'ssl&&ssl'", "'''ssl and ssl'''").replace("'!ssl'", "'''not ssl'''")
    assert mtls_tui("fmt", "--check", path).code == 0
    path.write_text(UGLY + ugly)
    assert "would change 1 rule: a; 1 property: p\n" in mtls_tui("fmt", "--diff", path).err
    path.write_text(ugly.replace("!ssl", "!sl"))
    result = mtls_tui("fmt", path)
    assert result.code == 2 and "properties[0].unless" in result.err
    assert "!sl" in path.read_text()


def test_a_long_expression_goes_on_several_lines_and_means_the_same(mtls_tui, tmp_path):
    from mtls_tui.lang import parse
    from mtls_tui.rulefile import load

    long = " or ".join(f'http.host eq "h{n}.example.com"' for n in range(8))
    path = tmp_path / "x.rules.toml"
    path.write_text(f"[[rules]]\nref = 'a'\nexpression = '''{long}'''\n")
    assert mtls_tui("fmt", path).code == 0
    rule = load(path).rules[0]
    assert max(map(len, rule.expression.split("\n"))) <= 100
    assert parse(rule.expression) == parse(long)


def test_a_file_with_other_problems_can_be_formatted_and_a_broken_expression_can_not(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(UGLY + '[[hosts]]\nname = "a"\nanchors = ["absent.pem"]\n')
    assert mtls_tui("fmt", path).code == 0
    path.write_text(UGLY.replace("'''ssl'''", "'''sl'''"))
    result = mtls_tui("fmt", path)
    assert result.code == 2
    assert "unknown identifier" in result.err
    assert "ssl&&" in path.read_text()


# ruff: noqa: E501 - rule files in one line
