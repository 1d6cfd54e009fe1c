"""The certificate authority's board: pure actions first, then the real thing under the pilot."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from textual.pilot import Pilot

from mtls_tui.cli import certs
from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority
from mtls_tui.pki.issue import DAY
from mtls_tui.rulefile import load
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.screen import frame
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.authority import jobs
from mtls_tui.tui.authority.effects import Forget, RunJob, TryPassphrase, WithKey
from mtls_tui.tui.authority.handlers import Passphrases
from mtls_tui.tui.authority.state import AuthorityState, authority_of
from mtls_tui.tui.certificates.lines import of_hosts
from mtls_tui.tui.files import draft
from mtls_tui.tui.state.overlays import Form, Picker
from tests.tui.helpers import RULES, Driver, document_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def make_store(folder: Path, at: datetime = NOW, passphrase: bytes | None = None) -> Authority:
    """An authority with certificates in every state."""
    authority = Authority.init(folder, cn="Test authority", at=at - 40 * DAY, passphrase=passphrase)
    authority.issue(cn="good", at=at, sans=["dns:good.example"])
    authority.issue(cn="soon", at=at, days=9)
    authority.issue(cn="over", at=at, days=5, not_before=at - 20 * DAY)
    gone = authority.issue(cn="gone", at=at)
    held = authority.issue(cn="held", at=at)
    authority.revoke(gone.record.serial, reason="keyCompromise", at=at)
    authority.revoke(held.record.serial, reason="certificateHold", at=at)
    return authority


@pytest.fixture
def store(tmp_path: Path) -> Authority:
    return make_store(tmp_path / "ca")


def opened(tmp_path: Path, text: str = RULES) -> Driver:
    """A driver whose board has read the store beside the rule file."""
    driver = Driver(document_of(text, tmp_path)).do("authority.open")
    store = jobs.read(tmp_path / "ca", driver.document.content.file, NOW)
    return driver.do("authority.loaded", store=store)


def shown(driver: Driver, size: tuple[int, int] = (120, 40)) -> str:
    return "\n".join(line.text for line in frame(driver.document, *size).lines["board"])


def to(driver: Driver, name: str) -> Driver:
    state = authority_of(driver.document)
    assert state is not None
    place = next(index for index, row in enumerate(state.shown) if row.name == name)
    return driver.do("authority.click", index=place) if place != state.index else driver


# --- what is shown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_status_and_days_left_are_told_in_words(store: Authority, tmp_path: Path, size: tuple[int, int]) -> None:
    text = shown(opened(tmp_path), size)
    lines = {
        name: next(x for x in text.splitlines() if x[3:].startswith(f"{name} ")) for name in ("good", "soon", "gone")
    }
    assert "valid" in lines["good"] and "364 days left" in lines["good"]
    assert "valid, ends soon !" in lines["soon"] and "8 days left" in lines["soon"]
    assert "revoked (keyCompromise)" in lines["gone"]
    assert "expired" in text and "15 days ago" in text and "on hold" in text
    assert "1 ends soon !" in text and "2 revoked" in text and "key not encrypted" in text


def test_a_folder_without_an_authority_offers_to_make_one(tmp_path: Path) -> None:
    driver = opened(tmp_path)
    assert "is not there yet" in shown(driver) and "i makes an authority" in shown(driver)
    assert "is not there yet" in driver.press("n").refused
    driver.press("i")
    assert isinstance(driver.document.overlay, Form) and driver.document.overlay.then == "authority.make"


def test_names_of_strangers_are_harmless(tmp_path: Path) -> None:
    authority = Authority.init(tmp_path / "ca", cn="[bold]\x1b[31m", at=NOW)
    authority.issue(cn="x\x1b]0;t\x07\u202e\n[/]", at=NOW)
    driver = opened(tmp_path)
    for size in ((120, 40), (80, 24), (40, 12)):
        assert shown(driver, size).replace("\n", "").isprintable()
    driver.do("authority.facts", row=authority_of(driver.document).row, facts=(("cf.x", "a\x1b[2Jb"),))  # type: ignore[union-attr]
    assert all(line.text.isprintable() for line in frame(driver.document, 120, 40).floating.lines)  # type: ignore[union-attr]


def test_search_and_moving_about(store: Authority, tmp_path: Path) -> None:
    driver = opened(tmp_path)
    driver.press("/").type("soon").press("enter")
    assert [row.name for row in authority_of(driver.document).shown] == ["soon"]  # type: ignore[union-attr]
    driver.press("escape")
    assert driver.document.board == "authority", "the first Esc clears the search"
    driver.press("G")
    assert authority_of(driver.document).row.name == "held"  # type: ignore[union-attr]
    driver.press("escape")
    assert driver.document.board == "" and driver.effects[-1] == Forget()


def test_keys_of_the_panes_do_nothing_while_a_board_covers_them(store: Authority, tmp_path: Path) -> None:
    driver = opened(tmp_path)
    before = driver.document
    driver.press("tab", "t", "!", "space", "ctrl+t")
    assert driver.document == before
    driver.press("ctrl+p").do("palette.run", key="hosts.open")
    assert driver.document.board == "" and driver.document.view.focus == "hosts"


# --- what is asked for ----------------------------------------------------------------------------------------------


def test_issuing_asks_for_what_was_typed(store: Authority, tmp_path: Path) -> None:
    driver = opened(tmp_path).do("authority.issue_form")
    driver.type("device 7").press("tab", "ctrl+u").type("30").press("tab").type("dns:a.example, b@example.com")
    driver.press("enter")
    effect = driver.effects[-1]
    assert isinstance(effect, RunJob) and effect.job == "issue"
    asked = effect.arguments
    assert (asked["cn"], asked["days"], asked["sans"]) == ("device 7", 30, ("dns:a.example", "b@example.com"))
    assert asked["output"] == tmp_path / "device-7"
    assert "issuing" in shown(driver)
    assert driver.press("enter").document.overlay.error.startswith("wait")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"cn": ""}, "give a common name"),
        ({"days": "0"}, "whole number"),
        ({"days": "many"}, "whole number"),
        ({"p12": "a", "again": "b"}, "differ"),
        ({"csr": "a.csr", "p12": "a", "again": "a"}, "its maker has it"),
    ],
)
def test_what_can_not_be_issued_is_told_at_once(
    store: Authority, tmp_path: Path, typed: dict[str, str], says: str
) -> None:
    values = {"cn": "x", "days": "1", "sans": "", "csr": "", "key": "ed25519", "output": "", "p12": "", "again": ""}
    driver = opened(tmp_path).do("authority.issue_now", **(values | typed))
    assert says in driver.refused
    assert not any(isinstance(effect, RunJob) for effect in driver.effects)


def test_revoking_and_restoring_only_where_that_can_be(store: Authority, tmp_path: Path) -> None:
    driver = opened(tmp_path)
    page = driver.do("authority.revoke_form", serial="1", name="device").document.overlay
    assert page.chosen.key == "certificateHold"  # type: ignore[union-attr]  # what Enter does can be taken back
    driver.press("escape")
    assert "revoked already" in to(driver, "gone").do("authority.revoke").refused
    assert "for good" in driver.do("authority.restore").refused
    assert "not on hold" in to(driver, "good").do("authority.restore").refused
    assert "only what this authority issued" in to(driver, "Test authority").do("authority.revoke").refused
    to(driver, "held").press("r")
    asked = driver.effects[-1]
    assert isinstance(asked, WithKey) and asked.then == "authority.restore_now"


def test_every_reason_of_the_command_line_is_offered() -> None:
    from mtls_tui.tui.authority.actions import KEY_KINDS
    from mtls_tui.tui.authority.issued_actions import REASONS

    assert set(REASONS) == set(issue.REASONS)
    assert set(KEY_KINDS) == set(issue.KEY_KINDS)


def test_the_default_store_is_that_of_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MTLS_TUI_STORE", str(tmp_path / "ca"))
    CliRunner().invoke(certs.command, ["init"], catch_exceptions=False)
    (tmp_path / "empty.rules.toml").write_text("version = 1\n")
    assert (jobs.store_for(load(tmp_path / "empty.rules.toml")) / "ca.pem").exists()


def test_trusting_writes_what_attach_writes_and_undo_takes_it_back(store: Authority, tmp_path: Path) -> None:
    (tmp_path / "cli.rules.toml").write_text(RULES)
    driver = opened(tmp_path)
    before = driver.file
    driver.press("a").press("enter")
    done = CliRunner().invoke(
        certs.command, ["--store", str(tmp_path / "ca"), "attach", str(tmp_path / "cli.rules.toml"), "api.example.com"]
    )
    assert done.exit_code == 0, done.output
    assert driver.file == (tmp_path / "cli.rules.toml").read_text()
    assert 'anchors = ["ca/ca.pem"]' in driver.file and 'crls = ["ca/ca.crl"]' in driver.file
    assert driver.document.board == "authority" and "trusts Test authority now" in driver.document.notice.text  # type: ignore[union-attr]
    assert "trusted by api.example.com" in shown(to(driver, "Test authority"))
    changed = driver.document.content
    driver.do("authority.trust_now", key="0", foreign="", name="Test authority")
    assert driver.document.content is changed and "already" in driver.document.notice.text  # type: ignore[union-attr]
    driver.press("u")
    assert driver.file == before


def test_a_foreign_authority_is_trusted_without_a_crl(store: Authority, tmp_path: Path) -> None:
    other = Authority.init(tmp_path / "other", cn="Partner", at=NOW)
    jobs.import_foreign(tmp_path / "ca", None, path=str(other.folder / "ca.pem"), name="partner")
    driver = to(opened(tmp_path), "Partner").press("a").press("down", "down", "enter")
    hosts = driver.document.content.file.hosts
    assert all(host.anchors == ("ca/foreign/partner.pem",) and host.crls == () for host in hosts)


def test_a_certificate_goes_into_the_simulator_by_its_file_or_as_it_is(store: Authority, tmp_path: Path) -> None:
    driver = opened(tmp_path)
    driver.do("authority.simulated", name="good", file="clients/good.pem", pem="")
    probe = driver.document.content.probe
    assert (probe.certificate, probe.pem, driver.document.board) == ("clients/good.pem", "", "")
    pem = store.inventory.all()[0].pem
    driver.do("authority.open").do("authority.simulated", name="good", file="", pem=pem).evaluate()
    assert driver.document.results is not None and "CN=good" in driver.document.results.certificate.text
    assert driver.document.view.focus == "simulator"


# --- passphrases ----------------------------------------------------------------------------------------------------


def test_a_passphrase_is_hidden_and_gets_neither_into_undo_nor_draft(store: Authority, tmp_path: Path) -> None:
    driver = opened(tmp_path).do("authority.ask", then="authority.issue_form", then_arguments={})
    driver.type("s3cret-word")
    floating = frame(driver.document, 120, 40).floating
    assert floating is not None
    assert not any("s3cret" in line.text for line in floating.lines)
    assert any("•••" in line.text for line in floating.lines)
    driver.press("enter")
    assert isinstance(driver.effects[-1], TryPassphrase) and "s3cret" not in repr(driver.effects)
    driver.do("authority.unlocked", then="authority.issue_form", then_arguments={})
    driver.do("authority.trust_now", key="0", foreign="", name="x")
    assert "s3cret" not in repr(driver.document)
    assert b"s3cret" not in draft.encode(driver.document.content)


@pytest.mark.parametrize("how", ["escape", "live log", "palette", "simulator"])
def test_whichever_way_the_board_is_left_passphrases_are_forgotten(store: Authority, tmp_path: Path, how: str) -> None:
    driver = opened(tmp_path)
    assert Forget() not in driver.effects
    match how:
        case "escape":
            driver.press("escape")
        case "live log":
            driver.press("L")
        case "palette":
            driver.do("palette.open").do("palette.run", key="rule.find")
        case _:
            driver.do("authority.simulated", name="good", file="good.pem", pem="")
    assert driver.document.board != "authority"
    assert driver.effects.count(Forget()) == 1


async def test_the_mouse_chooses_and_opens(store: Authority, tmp_path: Path) -> None:
    app = app_of(tmp_path, TRUSTING)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.controller is not None and not app.controller.busy)
        assert app.controller is not None
        await pilot.press("C")
        await until(pilot, lambda: "held" in text_of(app, "board"))
        lines = text_of(app, "board").splitlines()
        row = next(y for y, line in enumerate(lines) if "held" in line)
        await pilot.click("#board", offset=(8, row))
        state = authority_of(app.controller.document)
        assert state is not None and state.row is not None and state.row.name == "held"
        app.controller.wheel("board", -1)
        assert authority_of(app.controller.document).row.name == "gone"  # type: ignore[union-attr]
        await pilot.pause(0.6)  # else it is a double click
        await pilot.click("#board", offset=(8, row - 1))
        await until(pilot, lambda: "cert_serial" in text_of(app, "overlay"))


# --- under the pilot ------------------------------------------------------------------------------------------------


def app_of(tmp_path: Path, text: str) -> MtlsApp:
    path = tmp_path / "t.rules.toml"
    path.write_text(text)
    return MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")


TRUSTING = RULES.replace("mtls = true", 'mtls = true\nanchors = ["ca/ca.pem"]\ncrls = ["ca/ca.crl"]', 1)


async def until(pilot: Pilot[int], what: Callable[[], bool]) -> None:
    """Until something has come about."""
    for _ in range(1500):
        if what():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    app = pilot.app
    assert isinstance(app, MtlsApp) and app.controller is not None
    raise AssertionError(f"it never came about: {app.controller.document.notice}, {app.controller.document.overlay}")


def text_of(app: MtlsApp, pane: str) -> str:
    return "\n".join(line.text for line in app.pane(pane).lines)


async def test_the_whole_life_of_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTLS_TUI_CA_PASSPHRASE", raising=False)
    now = datetime.now(UTC)
    make_store(tmp_path / "ca", now, b"open sesame")
    app = app_of(tmp_path, TRUSTING)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.controller is not None and not app.controller.busy)
        assert app.controller is not None
        assert "soon · 8 days left !" in text_of(app, "hosts")
        await pilot.press("C")
        await until(pilot, lambda: "Test authority" in text_of(app, "board"))
        assert "key encrypted" in text_of(app, "board")
        await pilot.press("n")
        await until(pilot, lambda: "passphrase" in text_of(app, "overlay"))
        await pilot.press(*"wrong", "enter")
        await until(pilot, lambda: "wrong passphrase" in text_of(app, "overlay"))
        await pilot.press("ctrl+u", *"open", "space", *"sesame", "enter")
        await until(pilot, lambda: "Issue a client certificate" in text_of(app, "overlay"))
        await pilot.press(*"robot", "tab", "ctrl+u", *"20", *["tab"] * 5, *"pw", "tab", *"pw", "enter")
        await until(pilot, lambda: "robot" in text_of(app, "board") and app.controller.document.overlay is None)
        key = tmp_path / "robot.key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert pkcs12.load_pkcs12((tmp_path / "robot.p12").read_bytes(), b"pw").cert is not None
        leaf = x509.load_pem_x509_certificate((tmp_path / "robot.pem").read_bytes())
        assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 20
        assert "file robot.pem" in text_of(app, "board"), "the cursor goes to the new one"
        # facts, revoke on hold, restore: the passphrase is not asked for again
        await pilot.press("enter")
        await until(pilot, lambda: "cert_fingerprint_sha256" in text_of(app, "overlay"))
        await pilot.press("escape", "d")
        await until(pilot, lambda: isinstance(app.controller.document.overlay, Picker))
        await pilot.press(*"hold", "enter")
        await until(pilot, lambda: "on hold" in next(x for x in text_of(app, "board").splitlines() if "robot" in x))
        crl = x509.load_pem_x509_crl((tmp_path / "ca" / "ca.crl").read_bytes())
        assert crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
        await pilot.press("r")
        await until(pilot, lambda: "restored" in text_of(app, "footer"))
        await pilot.press("s")
        await until(pilot, lambda: app.controller.document.board == "" and not app.controller.busy)
        assert app.controller.document.content.probe.certificate == "robot.pem"
        await until(pilot, lambda: "□ ALLOWED" in text_of(app, "simulator"))
        assert app.controller.kept(Passphrases).known == {}
        assert "↳ 2 clients · 8 days !" in text_of(app, "hosts")


async def test_an_authority_is_made_and_what_fails_stays_in_the_form(tmp_path: Path) -> None:
    app = app_of(tmp_path, RULES)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.controller is not None and not app.controller.busy)
        controller = app.controller
        assert controller is not None
        controller.dispatch("authority.open_at", folder="ca")
        await until(pilot, lambda: "i makes an authority" in text_of(app, "board"))
        await pilot.press("i", "enter")
        await until(pilot, lambda: "nothing issued yet" in text_of(app, "board"))
        assert (tmp_path / "ca" / "ca.key").stat().st_mode & 0o777 == 0o600
        await pilot.press("i")
        await until(pilot, lambda: isinstance(controller.document.overlay, Form))
        await pilot.press("enter")
        await until(pilot, lambda: "exists already" in text_of(app, "overlay"))
        await pilot.press("escape", "m")
        await until(pilot, lambda: isinstance(controller.document.overlay, Form))
        await pilot.press(*"gone.pem", "enter")
        await until(pilot, lambda: "no such file" in text_of(app, "overlay"))
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(controller.document.overlay, Form))
        await pilot.press("enter")
        await until(pilot, lambda: "good for 30 days" in text_of(app, "footer"))


# --- jobs and the list of hosts -------------------------------------------------------------------------------------


def test_a_signing_request_keeps_its_key_and_nothing_is_overwritten(store: Authority, tmp_path: Path) -> None:
    key = issue.generate_key()
    request = x509.CertificateSigningRequestBuilder().subject_name(issue.common_name("asked")).sign(
        key, hashes.SHA256()
    )  # fmt: skip
    (tmp_path / "a.csr").write_bytes(request.public_bytes(Encoding.PEM))
    asked = {"cn": "", "days": 3, "sans": (), "key": "ed25519", "csr": str(tmp_path / "a.csr"), "p12": ""}
    text = jobs.issue(tmp_path / "ca", None, output=tmp_path / "a", **asked)  # type: ignore[arg-type]
    assert "CN=asked" in text and not (tmp_path / "a.key").exists()
    count = len(store.inventory.all())
    with pytest.raises(issue.IssueError, match="exists already"):
        jobs.issue(tmp_path / "ca", None, output=tmp_path / "a", **asked)  # type: ignore[arg-type]
    assert len(store.inventory.all()) == count


def test_the_board_reads_what_the_command_line_lists(store: Authority, tmp_path: Path) -> None:
    done = CliRunner().invoke(certs.command, ["--store", str(tmp_path / "ca"), "list", "--json"])
    listed = {one["serial"]: one["status"] for one in json.loads(done.output)}
    read = jobs.read(tmp_path / "ca", document_of(RULES, tmp_path).content.file, datetime.now(UTC))
    assert {row.serial: row.status for row in read.rows if row.kind == "issued"} == listed


def test_hosts_tell_which_clients_end_soon_and_follow_the_inventory(tmp_path: Path) -> None:
    authority = make_store(tmp_path / "ca", datetime.now(UTC))
    path = tmp_path / "t.rules.toml"
    path.write_text(TRUSTING)
    file = load(path, strict=False)
    lines = [line.text for line in of_hosts(file)["api.example.com"]]
    assert "↳ soon · 8 days left !" in lines
    authority.issue(cn="next", at=datetime.now(UTC), days=3)
    os.utime(tmp_path / "ca" / "inventory.db")
    lines = [line.text for line in of_hosts(file)["api.example.com"]]
    assert "↳ 2 clients · 2 days !" in lines


def test_a_crl_that_ends_soon_is_marked_and_the_mark_is_in_sight(tmp_path: Path) -> None:
    from datetime import timedelta

    now = datetime.now(UTC)
    long = "The authority of all our many devices"
    authority = Authority.init(tmp_path / "ca", cn=long, at=now, days=10)
    authority.write_crl(now, validity=timedelta(hours=30))
    driver = Driver(document_of(TRUSTING, tmp_path)).evaluate()
    text = "\n".join(line.text for line in frame(driver.document, 120, 40).lines["hosts"])
    assert "9 days left !" in text and "CA The" in text
    assert "29 hours left !" in text or "30 hours left !" in text
    authority.write_crl(now - timedelta(days=3), validity=timedelta(days=1))
    driver = Driver(document_of(TRUSTING, tmp_path)).evaluate()
    text = "\n".join(line.text for line in frame(driver.document, 120, 40).lines["hosts"])
    assert "STALE 2 days" in text


def test_a_strangers_inventory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "inventory.db").write_bytes(b"")
    (tmp_path / "ca.pem").write_text("no certificate")
    path = tmp_path / "t.rules.toml"
    path.write_text(TRUSTING.replace("ca/ca.pem", "ca.pem"))
    of_hosts(load(path, strict=False))
    assert (tmp_path / "inventory.db").read_bytes() == b""
    assert replace(AuthorityState(), index=3).row is None
