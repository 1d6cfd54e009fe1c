"""A bundle holds all that a decision depends on, and nothing is written that could not be enforced."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from mtls_tui.engine.bundle import Bundle, BundleError
from mtls_tui.engine.policy import Policy
from mtls_tui.rulefile import RuleFileError, bundle, export, exports, history, loads
from mtls_tui.rulefile.edit import insert_host, insert_rule, update_host, update_rule
from mtls_tui.rulefile.reading import reread
from mtls_tui.rulefile.seeds import EMPTY, add_mtls_rule
from mtls_tui.rulefile.trust import out_of_date

CREATED = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path, certificate, crl):
    (tmp_path / "ca.pem").write_bytes(certificate)
    (tmp_path / "ca.crl").write_bytes(crl)
    return tmp_path


@pytest.fixture
def rulefile(folder):
    start = EMPTY + '[lists.office]\nkind = "ip"\nitems = ["192.0.2.0/24"]\n'
    made = add_mtls_rule(
        loads(start, folder),
        "api",
        ["API.example.com"],
        anchors=["ca.pem"],
        crls=["ca.crl"],
        upstream="http://127.0.0.1:1",
    )
    made = insert_host(
        made, {"name": "www.example.com", "mtls": False, "server_certificate": "ca.pem", "server_key": "ca.pem"}
    )
    return insert_rule(
        made, {"ref": "second", "expression": "ip.src   in $office&&ssl", "shadow": True, "response": {"status": 404}}
    )


def test_a_bundle_embeds_trust_and_keeps_keys_as_absolute_paths(rulefile, folder, certificate, crl):
    made = bundle(rulefile, created=CREATED)
    assert made.created == "2030-01-31T12:00:00Z"
    api, www = made.hosts
    assert (api.name, api.mtls, api.upstream) == ("api.example.com", True, "http://127.0.0.1:1")
    assert (api.anchors, api.crls) == ((certificate.decode(),), (crl.decode(),))
    assert (www.mtls, www.server_key) == (False, str(folder / "ca.pem"))
    assert made.lists["office"].items == ("192.0.2.0/24",)
    assert [(rule.ref, rule.expression, rule.shadow) for rule in made.rules] == [
        ("api", '(http.host in {"api.example.com"} and not cf.tls_client_auth.cert_verified)', False),
        ("second", "ip.src in $office and ssl", True),
    ]
    assert made.rules[1].response.status == 404


def test_two_exports_of_one_file_differ_in_their_time_alone(rulefile):
    first, second = bundle(rulefile, created=CREATED), bundle(rulefile, created=datetime(2031, 1, 1, tzinfo=UTC))
    assert first.digest != second.digest
    assert replace(first, created="") == replace(second, created="")
    assert bundle(rulefile, created=CREATED).encode() == first.encode()


def test_an_export_can_be_enforced(rulefile, folder):
    done = export(rulefile, folder / "x.bundle.json")
    policy = Policy.from_bundle_bytes(done.path.read_bytes())
    assert policy.digest == done.digest
    assert set(policy.hosts) == {"api.example.com", "www.example.com"}


def test_a_signed_export_verifies_with_its_key_only(rulefile, folder):
    key = Ed25519PrivateKey.generate()
    done = export(rulefile, folder / "x.bundle.json", key)
    assert done.signed
    data = done.path.read_bytes()
    assert Bundle.decode(data, key.public_key()) == done.bundle
    with pytest.raises(BundleError):
        Bundle.decode(data, Ed25519PrivateKey.generate().public_key())


def test_an_earlier_bundle_is_replaced_and_no_other_file_is(rulefile, folder):
    path = folder / "x.bundle.json"
    export(rulefile, path)
    export(rulefile, path)
    for content in (b"precious", b'{"a": 1}', rulefile.text.encode()):
        path.write_bytes(content)
        with pytest.raises(RuleFileError) as caught:
            export(rulefile, path)
        assert caught.value.problem.code == "not-a-bundle"
        assert path.read_bytes() == content
    export(rulefile, path, force=True)
    assert Bundle.decode(path.read_bytes())
    path.write_bytes(b"")
    export(rulefile, path)


def test_what_has_problems_is_not_exported(rulefile, folder):
    path = folder / "x.bundle.json"
    plain = insert_rule(loads(EMPTY, folder), {"ref": "a", "expression": "ssl"})
    cases = {
        "unknown": update_rule(rulefile, 0, expression="nonsense"),
        "missing": update_host(rulefile, 0, anchors=["absent.pem"]),
        "no-anchors": update_host(rulefile, 0, anchors=None, crls=None),
        "no-hosts": plain,
    }
    for code, broken in cases.items():
        with pytest.raises(RuleFileError) as caught:
            export(broken, path, force=True)
        assert code in caught.value.problem.code + str(caught.value)
        assert not path.exists()


def test_a_crl_that_can_never_be_used_is_not_exported(rulefile, folder, roles):
    from cryptography.hazmat.primitives.serialization import Encoding

    from mtls_tui.pki import issue

    foreign = issue.revocation_list(
        issue.Issuer(roles.authority.certificate, issue.generate_key()), [], number=1, this_update=roles.at,
        next_update=roles.at + issue.DAY,
    )  # fmt: skip
    (folder / "ca.crl").write_bytes(foreign.public_bytes(Encoding.PEM))
    with pytest.raises(RuleFileError) as caught:
        export(rulefile, folder / "x.bundle.json")
    problem = caught.value.problem
    assert (problem.code, problem.key, problem.line) == ("trust", "hosts[0]", rulefile.line_of("hosts", 0, "name"))
    assert problem.message.startswith("ca.crl: this CRL can never be used")
    assert problem.cure.startswith("load the CRL of the very authority")
    assert not (folder / "x.bundle.json").exists()


def test_top_level_anchors_count_for_every_host_that_asks(folder):
    rulefile = insert_host(insert_host(loads('anchors = ["ca.pem"]\n', folder), {"name": "a"}), {"name": "b"})
    policy = Policy.from_bundle(export(rulefile, folder / "x.bundle.json").bundle)
    assert policy.host("a").store is policy.host("b").store
    assert len(policy.host("a").store.anchors) == 1


def test_every_export_is_kept_and_the_oldest_go_first(rulefile, folder, monkeypatch):
    monkeypatch.setattr(history, "KEPT", 3)
    path = folder / "x.bundle.json"
    digests = [export(update_rule(rulefile, 0, description=str(n)), path).digest for n in range(5)]
    kept = exports(path)
    assert [entry.number for entry in kept] == [5, 4, 3]
    assert [Bundle.decode(entry.path.read_bytes()).digest for entry in kept] == digests[:1:-1]
    assert exports(folder / "other.bundle.json") == ()


def test_a_history_that_can_t_be_written_fails_no_export(rulefile, folder, monkeypatch):
    (folder / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "file"))
    assert export(rulefile, folder / "x.bundle.json").kept is None


def test_material_that_is_out_of_date_is_told_where_it_is_named(rulefile, roles):
    rulefile = reread(rulefile, rulefile.text.replace("version = 1\n", 'version = 1\nanchors = ["ca.pem"]\n', 1))
    assert rulefile.anchors == ("ca.pem",)
    assert out_of_date(rulefile, roles.at) == ()
    later = out_of_date(rulefile, roles.at + timedelta(days=31))
    assert [(problem.code, problem.key) for problem in later] == [("crl-stale", "hosts[0].crls[0]")]
    assert later[0].line == rulefile.line_of("hosts", 0, "crls")
    much_later = out_of_date(rulefile, roles.at + timedelta(days=4000))
    assert [(problem.code, problem.key) for problem in much_later] == [
        ("anchor-out-of-date", "anchors[0]"),
        ("crl-stale", "hosts[0].crls[0]"),
    ]
    before = out_of_date(rulefile, roles.at - timedelta(days=4000))
    assert all("not valid before" in problem.message for problem in before)
    assert len(before) == 2
