"""`simulate`, `test` and `replay` as a user types them: exit codes, stdout for data, stderr for narration."""

import contextlib
import gzip
import json
import queue
import subprocess
import sys
import threading
import time
from xml.etree import ElementTree as ET

import msgspec
import pytest
from click.testing import CliRunner

from mtls_tui.cli import replay, simulate, test_
from mtls_tui.cli.errors import InputError
from mtls_tui.rulefile import export, load
from mtls_tui.simulate.document import SimulationDocument
from tests.simulate.conftest import NOW
from tests.simulate.test_replay import nginx
from tests.simulate.test_suite import case

AT = NOW.isoformat()
URL = "https://api.example.com/v1"


def call(command, *arguments, expect=0, **options):
    """Run a verb; its result, or the text of its error when 2 is expected."""
    result = CliRunner().invoke(command, [str(a) for a in arguments], **options)
    if isinstance(result.exception, InputError):
        assert expect == 2, result.exception
        return str(result.exception)
    assert result.exit_code == expect, (result.output, result.exception)
    return result.stderr if expect == 2 else result


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--url", URL], 1),
        (["--url", URL, "--cert", "good.pem"], 0),
        (["--url", URL, "--cert", "expired.pem"], 1),
        (["--url", URL, "--cert", "revoked.pem", "--explain"], 1),
        (["--url", URL, "--role", "good"], 0),
        (["--url", URL, "--role", "revoked"], 1),
        (["--url", URL, "--ip", "192.0.2.4"], 0),
        (["--url", URL, "--set", "cf.tls_client_auth.cert_verified=true"], 0),
        (["--url", "https://api.example.com/admin", "--method", "POST", "--cert", "good.pem"], 1),
        (["--url", "https://api.example.com/admin", "--cert", "good.pem"], 0),
        (["--url", URL, "--header", "Host: www.example.com"], 0),
        (["--curl", f"curl {URL} -X POST -d a=1"], 1),
    ],
)
def test_simulate_says_allowed_or_blocked_by_its_exit_code(site, monkeypatch, options, code):
    monkeypatch.chdir(site.folder)
    result = call(simulate.command, site.rules, "--at", AT, *options, expect=code)
    assert ("BLOCKED" if code else "ALLOWED") in result.stdout
    assert "\x1b" not in result.stdout


def test_certificate_and_passphrase_come_from_the_curl_command(site, monkeypatch):
    monkeypatch.chdir(site.folder)
    arguments = [site.rules, "--at", AT]
    call(simulate.command, *arguments, "--curl", f"curl --cert good.pem --key good.key {URL}")
    call(simulate.command, *arguments, "--curl", f"curl -k --cert-type P12 -E good.p12:geheim {URL}")
    result = call(simulate.command, *arguments, "--curl", "-", input=f"curl '{URL}' \\\n  -k -E good.pem\n")
    assert "note: `-k`" in result.stderr
    assert "note" not in result.stdout


def test_pkcs12_takes_its_passphrase_from_file_or_environment(site, monkeypatch, tmp_path):
    arguments = [site.rules, "--at", AT, "--url", URL, "--cert", site.folder / "good.p12"]
    (tmp_path / "secret").write_text("geheim\n")
    call(simulate.command, *arguments, "--passphrase-file", tmp_path / "secret")
    monkeypatch.setenv("P12", "geheim")
    call(simulate.command, *arguments, "--passphrase-env", "P12")
    monkeypatch.setenv("P12", "wrong")
    assert "passphrase is wrong" in call(simulate.command, *arguments, "--passphrase-env", "P12", expect=2)
    assert "give its passphrase" in call(simulate.command, *arguments, expect=2)


def test_json_is_the_documented_shape_and_nothing_else(site):
    result = call(
        simulate.command, site.rules, "--at", AT, "--url", URL, "--cert", site.cert("expired"), "--json", expect=1
    )
    read = msgspec.json.decode(result.stdout, type=SimulationDocument)
    assert (read.verdict, read.rule.ref, read.certificate.error.number) == ("block", "mtls", 10)
    assert read.to_let_in
    assert not read.to_block


def test_schema_is_printed_without_a_request():
    schema = json.loads(call(simulate.command, "--schema").stdout)
    assert schema["title"] == "mtls-tui simulation"


def test_published_schema_is_the_one_of_the_program():
    from importlib import resources

    published = resources.files("mtls_tui.simulate").joinpath("data", "simulation.schema.json").read_text()
    assert json.loads(published) == json.loads(call(simulate.command, "--schema").stdout)


def test_a_bundle_gives_the_same_verdicts_as_its_rule_file(site, tmp_path):
    bundle = tmp_path / "site.bundle.json"
    export(load(site.rules), bundle)
    for role, code in (("good", 0), ("expired", 1)):
        options = ["--at", AT, "--url", URL, "--cert", site.cert(role), "--json"]
        one = json.loads(call(simulate.command, site.rules, *options, expect=code).stdout)
        two = json.loads(call(simulate.command, bundle, *options, expect=code).stdout)
        assert (one["verdict"], one["rule"], one["certificate"]) == (two["verdict"], two["rule"], two["certificate"])


def test_rules_and_bundles_are_read_from_standard_input(site, tmp_path, monkeypatch):
    monkeypatch.chdir(site.folder)
    text = site.rules.read_bytes()
    call(simulate.command, "-", "--url", URL, "--role", "good", input=text)
    call(simulate.command, "-", "--url", URL, input=text, expect=1)
    export(load(site.rules), tmp_path / "b.json")
    call(simulate.command, "-", "--url", URL, input=(tmp_path / "b.json").read_bytes(), expect=1)
    call(test_.command, "-", input=text + PASS.encode())


def test_har_entry_and_json_request(site, tmp_path):
    har = tmp_path / "x.har"
    request = {"method": "PUT", "url": URL, "headers": [{"name": "x", "value": "y"}]}
    har.write_text(json.dumps({"log": {"entries": [{"request": {"url": "data:,"}}, {"request": request}]}}))
    out = call(simulate.command, site.rules, "--har", har, "--entry", "2", "--json", expect=1).stdout
    assert json.loads(out)["request"]["method"] == "PUT"
    assert "entry 1" in call(simulate.command, site.rules, "--har", har, expect=2)
    again = call(simulate.command, site.rules, "--request", "-", "--json", input=json.dumps({"url": URL}), expect=1)
    assert json.loads(again.stdout)["request"]["url"] == URL


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "exactly one"),
        (["--url", URL, "--curl", "curl x"], "exactly one"),
        (["--url", URL, "--cert", "a", "--role", "good"], "exclude"),
        (["--url", "ftp://x"], "http or https"),
        (["--url", URL, "--cert", "/nowhere.pem"], "no such file"),
        (["--url", URL, "--at", "soon"], "not a time"),
        (["--url", URL, "--set", "a.b=1"], "not a field"),
        (["--url", URL, "--set", "ssl"], "FIELD=VALUE"),
        (["--url", URL, "--header", "x"], "Name: value"),
        (["--url", URL, "--ip", "x"], "not an IP address"),
        (["--url", URL, "--body", "/nowhere"], "no such file"),
        (["--url", URL, "--passphrase-env", "NOPE"], "no variable NOPE"),
        (["--curl", "curl 'x"], "never ends"),
    ],
)
def test_simulate_says_what_cannot_be_used(site, options, message):
    assert message in call(simulate.command, site.rules, *options, expect=2)


@pytest.mark.parametrize("command", [simulate.command, replay.command])
def test_a_broken_rule_file_is_an_error_with_place_and_cure(command, tmp_path):
    broken = tmp_path / "b.rules.toml"
    broken.write_text('version = 1\n[[rules]]\nref = "r"\nexpression = "http.hots eq 1"\naction = "block"\n')
    log = tmp_path / "l.log"
    log.write_bytes(nginx())
    rest = ["--url", URL] if command is simulate.command else [log]
    message = call(command, broken, *rest, expect=2)
    assert "b.rules.toml:4" in message
    assert "http.host" in message
    assert "no such file" in call(command, tmp_path / "none.toml", *rest, expect=2)


@pytest.fixture
def tested(site):
    """A rule file beside the site's, with these tests."""

    def write(*cases):
        path = site.folder / "tested.rules.toml"
        path.write_text(site.rules.read_text() + "".join(cases))
        return path

    return write


PASS = case(name="good passes", certificate="good")
FAIL = case(name="none passes", certificate="none")


def test_test_exits_by_what_the_tests_say(tested):
    assert "1 test passed" in call(test_.command, tested(PASS)).stdout
    out = call(test_.command, tested(PASS, FAIL), expect=1).stdout
    assert "none passes" in out
    assert "1 of 2 tests failed" in out
    assert "no tests" in call(test_.command, tested(), expect=1).stdout
    call(test_.command, tested(PASS, FAIL), "--filter", "good")
    assert "fits the filter" in call(test_.command, tested(PASS), "--filter", "zzz", expect=1).stdout
    assert call(test_.command, "/nowhere.toml", expect=2)


def test_test_writes_junit_and_json(tested, tmp_path):
    junit = tmp_path / "out.xml"
    out = json.loads(call(test_.command, tested(PASS, FAIL), "--junit", junit, "--json", expect=1).stdout)
    assert (out["passed"], out["failed"]) == (1, 1)
    suite = ET.parse(junit).getroot().find("testsuite")  # noqa: S314 - our own output
    assert suite.get("failures") == "1"
    assert "cert_verified" in suite.find(".//failure").text
    assert "nowhere" in call(test_.command, tested(PASS), "--junit", "/nowhere/x.xml", expect=2)


def test_coverage_has_a_threshold(tested):
    path = tested(PASS)
    out = call(test_.command, path, "--coverage").stdout
    assert "Coverage " in out
    assert "is below 99 %" in call(test_.command, path, "--min-coverage", "99", expect=1).stderr
    call(test_.command, path, "--min-coverage", "1")
    assert "coverage" in json.loads(call(test_.command, path, "--coverage", "--json").stdout)


def test_suggested_tests_are_all_of_stdout_and_complete_the_file(tested):
    result = call(test_.command, tested(PASS), "--suggest")
    assert result.stdout.startswith("[[tests]]\n")
    assert "would raise the coverage" in result.stderr
    told = json.loads(call(test_.command, tested(PASS), "--suggest", "--json").stdout)
    assert "\n".join(suggestion["toml"] for suggestion in told["suggestions"]) == result.stdout
    assert (told["coverage_after"], told["not_found"]) == (100, [])
    full = tested(PASS, "\n" + result.stdout)
    out = call(test_.command, full, "--min-coverage", "100").stdout
    assert "Coverage 100.0 %" in out
    assert "no missing test" in call(test_.command, full, "--suggest").stderr


def test_watch_runs_again_when_the_file_changes(tested):
    path = tested(PASS)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "mtls_tui", "test", str(path), "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True)
    reader.start()
    try:
        assert "1 test passed" in lines.get(timeout=30)
        # Nothing tells from outside when the watcher has begun to watch, so the file is written until it has seen it.
        seen = ""
        deadline = time.monotonic() + 30
        while "none passes" not in seen and time.monotonic() < deadline:
            tested(PASS, FAIL)
            with contextlib.suppress(queue.Empty):
                seen += lines.get(timeout=0.3)
        assert "none passes" in seen
    finally:
        process.kill()
        process.wait(10)
        reader.join(10)
        process.stdout.close()


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "access.log.gz"
    lines = [nginx(verify="NONE"), nginx(verify="SUCCESS"), nginx("www.example.com"), b"broken\n"]
    path.write_bytes(gzip.compress(b"".join(lines)))
    return path


def test_replay_of_a_packed_log(site, log):
    result = call(replay.command, site.rules, log)
    assert "blocked" in result.stdout
    assert "unknown" not in result.stdout.partition("By rule")[0]
    assert "Unreadable" in result.stdout
    assert result.stderr == ""
    out = json.loads(call(replay.command, site.rules, log, "--json").stdout)
    assert out["verdicts"] == {"block": 1, "allow": 2}
    assert (out["lines"], out["unreadable"]) == (4, 1)


def test_replay_reads_standard_input(site, log):
    out = call(replay.command, site.rules, "-", "--json", input=log.read_bytes()).stdout
    assert json.loads(out)["lines"] == 4


def test_replay_against_can_set_the_exit_code(site, log, tmp_path):
    strict = tmp_path / "strict.rules.toml"
    strict.write_text(
        'version = 1\n[[hosts]]\nname = "api.example.com"\n[[hosts]]\nname = "www.example.com"\nmtls = false\n'
        '[[rules]]\nref = "all"\nexpression = \'ssl\'\naction = "block"\n'
    )
    arguments = [strict, log, "--against", site.rules, "--set", "ssl=true"]
    result = call(replay.command, *arguments)
    assert "newly blocked  2" in result.stdout
    call(replay.command, *arguments, "--exit-code", expect=1)
    call(replay.command, site.rules, log, "--against", site.rules, "--exit-code")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--map", "host"], "FIELD=KEY"),
        (["--map", "hots=x"], "nothing that a log"),
        (["--set", "x=1"], "not a field"),
        (["--template", "nothing"], "no variable"),
        (["--against", "/nowhere"], "no such file"),
    ],
)
def test_replay_says_what_cannot_be_used(site, log, options, message):
    assert message in call(replay.command, site.rules, log, *options, expect=2)
    assert "No such file" in call(replay.command, site.rules, "/nowhere.log", expect=2)


def test_colour_can_be_forced_and_no_color_forbids_it(site, monkeypatch):
    arguments = [site.rules, "--at", AT, "--url", URL]
    assert "\x1b[" in call(simulate.command, *arguments, "--color", expect=1).stdout
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert "\x1b[" in call(simulate.command, *arguments, expect=1).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in call(simulate.command, *arguments, expect=1).stdout
