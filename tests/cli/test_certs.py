"""`mtls-tui certs` as a user types it."""

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from mtls_tui.cli import certs
from mtls_tui.cli.errors import InputError


@pytest.fixture
def run(tmp_path):
    def call(*arguments, expect=0):
        result = CliRunner().invoke(certs.command, ["--store", str(tmp_path / "ca"), *arguments], catch_exceptions=True)
        if isinstance(result.exception, InputError):
            assert expect == 2, result.exception
            return str(result.exception)
        assert result.exit_code == expect, (result.output, result.exception)
        return result.stdout

    return call


def test_the_whole_life_of_a_client_certificate(run, tmp_path):
    run("init", "--cn", "Acme")
    issued = json.loads(run("issue", "--cn", "dev1", "-o", str(tmp_path / "dev1"), "--json"))
    assert stat.S_IMODE((tmp_path / "dev1.key").stat().st_mode) == 0o600
    assert run("list").splitlines()[1].split()[:2] == [issued["serial"], "valid"]
    run("revoke", issued["serial"], "--reason", "certificateHold")
    assert "on hold (certificateHold)" in run("list")
    run("restore", issued["serial"])
    run("revoke", issued["serial"], "--reason", "superseded")
    assert [entry["status"] for entry in json.loads(run("list", "--json"))] == ["revoked"]


def test_what_ends_soon_is_marked(run, tmp_path):
    run("init")
    run("issue", "--cn", "soon", "--days", "20", "-o", str(tmp_path / "soon"))
    assert "20 days left !" in run("list")


def test_nothing_is_issued_when_a_file_would_be_overwritten(run, tmp_path):
    run("init")
    (tmp_path / "dev.pem").write_text("mine")
    assert "exists already" in run("issue", "--cn", "dev", "-o", str(tmp_path / "dev"), expect=2)
    assert json.loads(run("list", "--json")) == []
    assert (tmp_path / "dev.pem").read_text() == "mine"


def test_pkcs12_takes_its_passphrase_from_the_environment(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLS_TUI_P12_PASSPHRASE", "pass")
    run("init")
    run("issue", "--cn", "phone", "--p12", "-o", str(tmp_path / "phone"))
    assert stat.S_IMODE((tmp_path / "phone.p12").stat().st_mode) == 0o600


def test_show_prints_the_fields_as_rules_see_them(run, tmp_path):
    run("init")
    issued = json.loads(run("issue", "--cn", "dev1", "-o", str(tmp_path / "dev1"), "--json"))
    facts = json.loads(run("show", str(tmp_path / "dev1.pem"), "--json"))
    assert facts["cf.tls_client_auth.cert_fingerprint_sha256"] == issued["fingerprint_sha256"]
    assert facts["cf.tls_client_auth.cert_serial"] == issued["serial"]
    assert "dev1" in run("show", str(tmp_path / "dev1.pem"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list"], "there is no authority here"),
        (["show", "absent.pem"], "no such file"),
        (["issue", "--cn", "x"], "there is no authority here"),
    ],
)
def test_bad_input_is_one_message(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in run(*arguments, expect=2)


def test_names_with_control_characters_do_not_reach_the_terminal(run, tmp_path):
    run("init")
    run("issue", "--cn", "evil\x1b[31m", "-o", str(tmp_path / "e"))
    assert "\x1b" not in run("list")


def test_attached_hosts_trust_the_authority_and_the_file_keeps_its_comments(run, tmp_path):
    from mtls_tui import rulefile

    run("init")
    rules = tmp_path / "x.rules.toml"
    rules.write_text('version = 1\n\n# the API\n[[hosts]]\nname = "api.example.com"\nmtls = false\n')
    run("attach", str(rules), "api.example.com")
    run("attach", str(rules), "API.example.com")
    loaded = rulefile.load(rules)
    assert (loaded.hosts[0].mtls, loaded.hosts[0].anchors, loaded.hosts[0].crls) == (
        True,
        ("ca/ca.pem",),
        ("ca/ca.crl",),
    )
    assert "# the API" in rules.read_text()
    assert "no host `b.example.com`; its hosts: api.example.com" in run("attach", str(rules), "b.example.com", expect=2)
    assert "certs import" in run("attach", str(rules), "api.example.com", "--ca", "other", expect=2)


def test_a_crl_is_renewed_when_half_of_its_time_is_over_and_not_before(run, tmp_path, monkeypatch):
    run("init")
    made = datetime.now(UTC)
    assert json.loads(run("crl", "--renew", "--json"))["written"] is False
    for days, due in ((14, False), (16, True), (17, False), (60, True)):
        monkeypatch.setattr(certs.crl, "now", lambda days=days: made + timedelta(days=days))
        before = (tmp_path / "ca" / "ca.crl").read_bytes()
        assert json.loads(run("crl", "--renew", "--json"))["written"] is due
        assert (before != (tmp_path / "ca" / "ca.crl").read_bytes()) is due


def test_a_crl_that_is_gone_broken_or_behind_the_inventory_is_renewed_at_once(run, tmp_path):
    run("init")
    path = tmp_path / "ca" / "ca.crl"
    behind = path.read_bytes()
    serial = json.loads(run("issue", "--cn", "dev1", "-o", str(tmp_path / "dev1"), "--json"))["serial"]
    run("revoke", serial)
    for data in (behind, b"", b"garbage", behind[:-40]):
        path.write_bytes(data)
        assert json.loads(run("crl", "--renew", "--json"))["written"] is True
        assert json.loads(run("crl", "--renew", "--json"))["written"] is False
    path.unlink()
    assert json.loads(run("crl", "--renew", "--json"))["written"] is True
