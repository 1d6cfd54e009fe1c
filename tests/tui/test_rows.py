"""Every expression has its rows, and each part of a row leads to the node that it shows."""

from __future__ import annotations

from mtls_tui import lang
from mtls_tui.lang import edit
from mtls_tui.lang.tree import node_at, source
from mtls_tui.tui.state.rows import rows_of


def shown(text: str) -> list[str]:
    rows = rows_of(lang.parse(text, check=False))
    signs = {"open": "(", "close": ")", "clause": "-"}
    return [f"{'  ' * row.depth}{signs[row.kind]} {'|'.join(part.text for part in row.parts)}".rstrip() for row in rows]


def test_a_rule_reads_as_rows_with_rails() -> None:
    assert shown('(http.host in {"a" "b"} and (not ssl or cf.tls_client_auth.cert_revoked))') == [
        "( all of",
        "  - Hostname|is in|a, b",
        "  ( any of",
        "    - not|SSL/HTTPS",
        "    - Client certificate revoked",
        "  )",
        ")",
    ]


def test_negation_is_said_in_the_builders_words_where_it_has_them() -> None:
    assert shown("not ip.src in {10.0.0.0/8}") == ["- IP Source Address|is not in|10.0.0.0/8"]
    assert "does not start with" in shown('not starts_with(http.host, "a")')[0]
    assert shown("not ssl")[0].startswith("- not|")


def test_negated_groups_and_double_negation_keep_every_not() -> None:
    assert shown('not (http.host eq "a" and ssl)')[0] == "( not|all of"
    assert shown('not not http.host contains "a"')[0].startswith("- not|Hostname|does not contain|a")


def test_xor_says_how_many() -> None:
    assert shown("ssl xor cf.tls_client_auth.cert_revoked")[0] == "( one of"
    assert shown("ssl xor ssl xor ssl")[0] == "( an odd number of"


def test_functions_indexes_and_dynamic_right_sides_are_parts() -> None:
    assert shown('any(lower(http.request.headers.names[*])[*] == "x-debug")') == [
        "- any| |lower|(|Header names|[*]|)|[*]|equals|x-debug"
    ]
    row = rows_of(lang.parse("http.request.uri.path ne raw.http.request.uri.path", check=False))[0]
    assert [part.sort for part in row.parts] == ["field", "operator", "field"]
    assert row.parts[2].column == "right"


def test_raw_strings_show_their_meaning_and_keep_their_form() -> None:
    assert shown(r'http.host matches r"^a\.b$"')[0].endswith(r"matches regex|^a\.b$")


def test_an_empty_set_and_an_empty_string_can_be_seen() -> None:
    assert shown("ip.src in {}")[0].endswith("{ }")
    assert shown('http.host eq ""')[0].endswith('""')


def test_constants_are_rows() -> None:
    assert shown("true") == ["- every request"]


def test_every_real_expression_opens_with_all_its_clauses(expressions: list[str]) -> None:
    assert len(expressions) > 200
    for text in expressions:
        expression = lang.parse(text, max_length=None, check=False)
        rows = rows_of(expression)
        assert rows
        depth = 0
        for row in rows:
            for part in row.parts:
                node_at(expression, part.path)
            depth += {"open": 1, "close": -1, "clause": 0}[row.kind]
        assert depth == 0


def test_replacing_a_part_by_itself_changes_no_byte(expressions: list[str]) -> None:
    for text in expressions:
        expression = lang.parse(text, max_length=None, check=False)
        for row in rows_of(expression)[:40]:
            for part in row.parts:
                if part.sort in {"field", "value", "function", "index"}:
                    done = edit.replace_part(expression, part.path, source(expression, part.path))
                    assert isinstance(done, edit.Edit), (text, part)
                    assert done.expression.text == text
                    assert done.expression == expression
