"""A simulation says what the gateway does before any rule."""

import json

import pytest
from click.testing import CliRunner

from mtls_tui.cli.simulate import command
from mtls_tui.engine.model import BODY_BYTES, HttpRequest
from mtls_tui.simulate.as_served import as_served


@pytest.mark.parametrize(("target", "said"), [("/a%2fb", True), ("/a%5Cb", True), ("/a%00", True), ("/a?x=%2f", False)])
def test_paths_that_the_gateway_refuses_are_named(target, said):
    http, notes = as_served(HttpRequest(target=target))
    assert http.target == target
    assert bool(notes) == said
    assert all("400" in note for note in notes)


@pytest.mark.parametrize(("size", "cut"), [(BODY_BYTES, False), (BODY_BYTES + 1, True)])
def test_a_long_body_is_seen_as_the_gateways_rules_see_it(tmp_path, size, cut):
    rules = tmp_path / "x.rules.toml"
    rules.write_text(
        'version = 1\n[[hosts]]\nname = "a.example"\nmtls = false\n'
        "[[rules]]\nref = 'cut'\nexpression = 'http.request.body.truncated'\naction = 'block'\n"
    )
    body = tmp_path / "body"
    body.write_bytes(b"x" * size)
    arguments = [str(rules), "--url", "https://a.example/", "--method", "POST", "--body", str(body), "--json"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == (1 if cut else 0), result.output
    assert bool(json.loads(result.stdout)["notes"]) == cut
