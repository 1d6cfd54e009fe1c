"""A simulation says what the gateway does before any rule."""

import json
import shutil
import subprocess

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


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
@pytest.mark.parametrize(("algorithm", "passed_on"), [("RSA", True), ("RSA-PSS", False)])
def test_a_certificate_that_the_gateway_never_gets_is_not_simulated(tmp_path, algorithm, passed_on):
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=tmp_path)  # noqa: E731
    run("genpkey", "-algorithm", algorithm, "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem")
    run("req", "-x509", "-key", "key.pem", "-subj", "/CN=a", "-days", "30", "-out", "cert.pem")
    rules = tmp_path / "x.rules.toml"
    rules.write_text(
        'version = 1\nanchors = ["cert.pem"]\n[[hosts]]\nname = "a.example"\n[[rules]]\nref = "mtls"\n'
        'expression = "not cf.tls_client_auth.cert_presented"\naction = "block"\n'
    )
    arguments = [str(rules), "--url", "https://a.example/", "--cert", str(tmp_path / "cert.pem"), "--json"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == (0 if passed_on else 1), result.output
    assert ("RSASSA-PSS" in str(json.loads(result.stdout)["notes"])) != passed_on


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
@pytest.mark.parametrize(("usage", "allowed"), [("digitalSignature", True), ("keyAgreement", False)])
def test_a_certificate_with_which_the_handshake_fails_is_not_simulated_as_allowed(tmp_path, usage, allowed):
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=tmp_path)  # noqa: E731
    run(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", "key.pem"),
        *("-subj", "/CN=a", "-days", "30", "-addext", f"keyUsage=critical,{usage}", "-out", "cert.pem"),
    )
    rules = tmp_path / "x.rules.toml"
    rules.write_text('version = 1\nanchors = ["cert.pem"]\n[[hosts]]\nname = "a.example"\n')
    arguments = [str(rules), "--url", "https://a.example/", "--cert", str(tmp_path / "cert.pem")]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == (0 if allowed else 1), result.output
    assert ("handshake" in result.stdout) != allowed, result.output
