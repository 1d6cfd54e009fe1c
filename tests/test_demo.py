"""The demo's folder: made once, never over somebody's files, and everything in it means what its name says."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from mtls_tui.demo import workspace
from mtls_tui.demo.workspace import DemoError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return workspace.open_or_make(tmp_path_factory.mktemp("demo") / "demo", NOW)


def test_an_existing_workspace_is_taken_as_it_is(made):
    made.rules.write_text(made.rules.read_text() + "# mine\n")
    again = workspace.open_or_make(made.folder, NOW)
    assert again == made
    assert made.rules.read_text().endswith("# mine\n")


def test_a_folder_of_somebody_else_is_refused_untouched(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DemoError, match="is not a demo workspace"):
        workspace.open_or_make(tmp_path, NOW)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(DemoError):
        workspace.open_or_make(tmp_path / "demo", NOW)
    assert (tmp_path / "demo").read_text() == "mine"


def test_private_keys_are_private(made):
    keys = list(made.folder.rglob("*.key"))
    assert len(keys) == 9
    assert all(path.stat().st_mode & 0o077 == 0 for path in keys)


@pytest.mark.parametrize(
    ("client", "verified", "revoked", "error"),
    [
        ("good", True, False, None),
        ("laptop", True, False, None),
        ("expired", False, False, 10),
        ("revoked", True, True, 23),
        ("foreign", False, False, 20),
        ("server_purpose", False, False, 26),
    ],
)
def test_each_certificate_means_what_its_name_says(made, client, verified, revoked, error):
    from mtls_tui import pki

    store = pki.TrustStore(anchors=[(made.store / "ca.pem").read_bytes()], crls=[(made.store / "ca.crl").read_bytes()])
    chain = x509.load_pem_x509_certificates(made.certificate(client).read_bytes())
    answer = pki.verify(chain, store, at=NOW)
    assert (answer.presented, answer.verified, answer.revoked) == (True, verified, revoked)
    assert (answer.error.number if answer.error else None) == error


def test_the_demo_rule_file_is_clean_and_its_tests_pass(made):
    from mtls_tui import rulefile, simulate

    report = simulate.run_tests(rulefile.load(made.rules), now=NOW)
    assert report.failed == ()
    assert len(report.results) == 6


def test_the_properties_that_the_demo_states_are_proved(made):
    from mtls_tui import rulefile
    from mtls_tui.analysis.properties_in_file import judged

    assert [answer.status for answer in judged(rulefile.load(made.rules))] == ["proved", "proved"]


@pytest.mark.gateway
def test_simulated_and_real_agree_for_every_certificate(tmp_path):
    from mtls_tui.demo import tour
    from mtls_tui.gateway import GatewayError
    from mtls_tui.gateway.envoy import binary as envoy

    try:
        envoy.find()
    except GatewayError as error:
        pytest.skip(str(error))

    first = workspace.free_ports(18443, 18080, 19443)
    made = workspace.open_or_make(tmp_path / "demo", datetime.now(UTC), ports=workspace.Ports(*first))
    said = []
    assert tour.run(made, said.append), "\n".join(said)
    text = "\n".join(said)
    assert text.count("  =  ") == 11
    assert tour.run(made, said.append), "a workspace can be toured again"
