"""`mtls-tui prove`: 0 proved, 1 a request passes (or no proof), 2 error; what it shows can be repeated."""

import json
import os
import shlex
import subprocess
import sys

import pytest


def test_the_default_rule_is_proved_to_keep_everyone_out(mtls_tui, sample):
    result = mtls_tui("prove", sample(1))
    assert result.code == 0
    assert result.out.count("✓") == 2
    assert "every request to api.example.com without a certificate is blocked" in result.out


def test_a_revoked_certificate_passes_the_default_rule(mtls_tui, sample):
    assert mtls_tui("prove", sample(1), "--client", "revoked").code == 1
    assert mtls_tui("prove", sample(2), "--client", "revoked").code == 0


def test_a_request_that_passes_can_be_simulated(mtls_tui, sample):
    path = sample(5)
    result = mtls_tui("prove", path)
    assert result.code == 1
    lines = tries(result.out)
    assert lines
    for line in lines:
        again = mtls_tui(*shlex.split(line)[1:])
        assert again.code == 0, again.out + again.err


def tries(text):
    return [line.partition("try it: ")[2] for line in text.splitlines() if "try it: " in line]


def in_a_shell(line, folder):
    """The exit code of a line as printed, run by the system's shell: 0 allowed, 1 blocked."""
    command = folder / "bin" / "mtls-tui"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mtls_tui "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode


WITNESSES = [
    ('http.request.version eq "HTTP/1.0"', "over HTTP/1.0"),
    ('http.request.version eq "HTTP/1.1" and not ssl', "GET http://"),
    ('cf.tls_version eq "TLSv1.2"', "with TLSv1.2"),
    ('cf.tls_cipher eq "ECDHE-X"', "with cipher ECDHE-X"),
    ('http.request.body.raw contains "zz"', "with body `zz`"),
    ('lookup_json_string(http.request.body.raw, "it\'s") eq "100% \\\\"', "with body"),
    ('http.request.body.raw contains "a\\x00b\\xff"', "with body"),
    ('any(http.request.headers["x"][*] eq "a\\x80b")', "with header `x: a\\x80b`"),
    ('any(http.request.headers["x"][*] eq "it\'s $(no) `word`")', "with header"),
    ('http.cookie eq "a=b"', "with header `cookie: a=b`"),
    ('http.request.method eq "PUT"', "PUT https://"),
    ("ip.src eq 198.51.100.9", "from 198.51.100.9"),
    ("ip.src in {2001:db8::/32}", "from 2001:db8::"),
    ("cf.edge.server_port eq 8443", "https://api.example.com:8443/"),
    ("http.request.timestamp.sec gt 1900000000", "at 2030-03-17T17:46:41Z"),
    ("http.request.timestamp.sec lt 1750000000", "at 2023-"),
    ('http.request.uri.args["k"][0] eq "v"', "/?k=v"),
    ('http.request.uri.path eq "/%C3%BC"', "/%C3%BC"),
    ('ip.src.country eq "DE"', "with ip.src.country `DE`"),
    ("cf.bot_management.score gt 50", "with cf.bot_management.score `51`"),
    ("any(cf.bot_management.detection_ids[*] eq 7)", "with cf.bot_management.detection_ids `[7"),
    ('cf.random_seed eq "\\xff\\x01"', "with cf.random_seed"),
]


@pytest.mark.parametrize(("condition", "said"), WITNESSES)
def test_what_is_shown_is_allowed_when_tried_and_the_sentence_says_what_it_needs(mtls_tui, tmp_path, condition, said):
    rules = [(condition, "skip"), "not cf.tls_client_auth.cert_verified"]
    file = write(tmp_path / "a.rules.toml", ("api.example.com", True), rules=rules)
    result = mtls_tui("prove", file, "--client", "none")
    assert said in result.out
    (line,) = tries(result.out)
    assert in_a_shell(line, tmp_path) == 0


@pytest.mark.parametrize(
    ("condition", "client"),
    [
        ('cf.tls_client_auth.cert_serial eq "0A"', "untrusted"),
        ('cf.tls_client_auth.cert_issuer_dn ne "CN=Good"', "untrusted"),
        ("len(cf.tls_client_auth.cert_subject_dn) gt 9", "revoked"),
        ("cf.tls_client_auth.cert_presented", "untrusted"),
        ("cf.tls_client_auth.cert_revoked", "revoked"),
    ],
)
def test_a_request_with_a_certificate_is_allowed_when_tried(mtls_tui, tmp_path, condition, client):
    file = write(tmp_path / "a.rules.toml", ("api.example.com", True), rules=[(condition, "skip"), "true"])
    (line,) = tries(mtls_tui("prove", file, "--client", client).out)
    assert in_a_shell(line, tmp_path) == 0


def test_no_certificate_that_can_be_verified_lacks_a_serial_number(mtls_tui, tmp_path):
    rules = ['cf.tls_client_auth.cert_serial ne ""', "not cf.tls_client_auth.cert_presented"]
    file = write(tmp_path / "a.rules.toml", ("api.example.com", True), rules=rules)
    assert "✓" in mtls_tui("prove", file, "--client", "revoked").out


def test_a_change_is_seen_when_tried(mtls_tui, tmp_path):
    block = "not cf.tls_client_auth.cert_verified"
    for number, (condition, _) in enumerate(WITNESSES):
        old = write(tmp_path / f"old{number}.rules.toml", ("api.example.com", True), rules=[block])
        new = write(tmp_path / f"new{number}.rules.toml", ("api.example.com", True), rules=[(condition, "skip"), block])
        (line,) = tries(mtls_tui("prove", new, "--against", old).out)
        if line.startswith("printf") or "$(" in line:
            assert in_a_shell(line, tmp_path) == 0
        else:
            assert mtls_tui(*shlex.split(line)[1:]).code == 0, line
    (line,) = tries(mtls_tui("prove", old, "--against", new).out)
    assert in_a_shell(line, tmp_path) == 1


def test_json_has_the_same_answers(mtls_tui, sample):
    data = json.loads(mtls_tui("prove", sample(5), "--json").out)
    statuses = [answer["status"] for answer in data["answers"]]
    assert "reached" in statuses
    reached = next(answer for answer in data["answers"] if answer["status"] == "reached")
    assert reached["request"]["url"].startswith("https://")
    assert reached["try"].startswith("mtls-tui simulate ")


def test_a_change_is_shown_by_who_is_newly_let_in(mtls_tui, sample, tmp_path):
    old, new = sample(2), sample(1)
    result = mtls_tui("prove", new, "--against", old)
    assert result.code == 1
    assert "with a revoked certificate is allowed now" in result.out
    assert "no request to api.example.com is newly blocked" in result.out
    assert mtls_tui("prove", old, "--against", old).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "nowhere.example.com"], "no host `nowhere.example.com`"),
        (["--against", "missing.rules.toml"], "missing.rules.toml"),
    ],
)
def test_what_is_not_there_is_an_error(arguments, message, mtls_tui, sample):
    result = mtls_tui("prove", sample(1), *arguments)
    assert result.code == 2
    assert message in result.err


def test_internationalised_hosts_are_proved_by_their_a_labels(mtls_tui, tmp_path):
    rules = tmp_path / "idn.rules.toml"
    rules.write_text(
        'version = 1\n[[hosts]]\nname = "bücher.example"\nmtls = true\n[[rules]]\nref = "m"\naction = "block"\n'
        "expression = '(http.host eq \"xn--bcher-kva.example\" and not cf.tls_client_auth.cert_verified)'\n"
    )
    for arguments in ([str(rules)], [str(rules), "--host", "bücher.example"]):
        assert mtls_tui("prove", *arguments).code == 0


def test_nothing_to_prove_is_no_proof(mtls_tui, tmp_path):
    rules = tmp_path / "empty.rules.toml"
    rules.write_text("version = 1\n")
    assert mtls_tui("prove", rules).code == 1


def write(path, *hosts, rules):
    text = "version = 1\n"
    for name, mtls in hosts:
        text += f'[[hosts]]\nname = "{name}"\nmtls = {str(mtls).lower()}\n'
    for number, rule in enumerate(rules):
        expression, action = rule if isinstance(rule, tuple) else (rule, "block")
        text += f'[[rules]]\nref = "r{number}"\naction = "{action}"\nexpression = {json.dumps(expression)}\n'
    path.write_text(text)
    return path


def test_hosts_and_settings_are_compared_not_only_rules(mtls_tui, tmp_path):
    rules = ["cf.tls_client_auth.cert_presented and not cf.tls_client_auth.cert_verified"]
    old = write(tmp_path / "old.rules.toml", ("api.example.com", True), rules=rules)
    off = write(tmp_path / "off.rules.toml", ("api.example.com", False), rules=rules)
    more = write(tmp_path / "more.rules.toml", ("api.example.com", True), ("new.example.com", True), rules=rules)
    result = mtls_tui("prove", off, "--against", old)
    assert result.code == 1
    assert "with a certificate that is not valid is allowed now" in result.out
    assert "mTLS is off now" in result.out
    result = mtls_tui("prove", more, "--against", old)
    assert result.code == 1
    assert "new.example.com: GET https://new.example.com/ without a certificate is allowed now" in result.out
    assert mtls_tui("prove", old, "--against", more).code == 1
    assert mtls_tui("prove", old, "--against", old).code == 0


def test_a_host_without_mtls_sees_no_certificate_of_any_client(mtls_tui, tmp_path):
    file = write(tmp_path / "a.rules.toml", ("a.ex", False), rules=["not cf.tls_client_auth.cert_presented"])
    assert mtls_tui("prove", file, "--host", "a.ex", "--client", "untrusted").code == 0
