"""`mtls-tui export`: writes what can be enforced, and nothing when anything is wrong."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from mtls_tui.engine.bundle import Bundle, BundleError
from mtls_tui.engine.policy import Policy

KEY = Ed25519PrivateKey.generate()


@pytest.mark.parametrize("number", range(1, 7))
def test_every_sample_can_be_exported_and_enforced(number, mtls_tui, sample, tmp_path):
    target = tmp_path / "x.bundle.json"
    result = mtls_tui("export", sample(number), "-o", target)
    assert result.code == 0, result.err
    policy = Policy.from_bundle_bytes(target.read_bytes())
    assert result.out.splitlines()[1] == policy.digest


def test_json_says_what_was_written(mtls_tui, sample, tmp_path):
    target = tmp_path / "x.bundle.json"
    data = json.loads(mtls_tui("export", sample(6), "-o", target, "--json").out)
    assert data["digest"] == Bundle.decode(target.read_bytes()).digest
    assert (data["rules"], data["hosts"][0], data["signed"]) == (4, "api.example.com", False)


def test_a_key_signs(mtls_tui, sample, tmp_path, monkeypatch):
    target, key = tmp_path / "x.bundle.json", tmp_path / "bundle.key"
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "signed" in mtls_tui("export", sample(1), "-o", target, "--sign", key).out
    assert Bundle.decode(target.read_bytes(), KEY.public_key())
    with pytest.raises(BundleError):
        Bundle.decode(target.read_bytes(), Ed25519PrivateKey.generate().public_key())
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    assert mtls_tui("export", sample(1), "-o", target, "--sign", key).code == 2
    monkeypatch.setenv("MTLS_TUI_SIGN_PASSPHRASE", "secret")
    assert mtls_tui("export", sample(1), "-o", target, "--sign", key).code == 0


@pytest.mark.parametrize("content", [None, b"nonsense", b""])
def test_a_key_that_can_t_sign_writes_nothing(content, mtls_tui, sample, tmp_path):
    target, key = tmp_path / "x.bundle.json", tmp_path / "bundle.key"
    if content is not None:
        key.write_bytes(content)
    result = mtls_tui("export", sample(1), "-o", target, "--sign", key)
    assert result.code == 2
    assert "--sign" in result.err
    assert not target.exists()


def test_a_failing_test_stops_an_export_unless_forced(mtls_tui, sample, tmp_path):
    path, target = sample(1), tmp_path / "x.bundle.json"
    path.write_text(path.read_text().replace('expect = { action = "allow" }', 'expect = { action = "block" }'))
    result = mtls_tui("export", path, "-o", target)
    assert result.code == 1
    assert f"{path}:27: test failed: a good certificate gets in" in result.err
    assert not target.exists()
    assert "although 1 test failed" in mtls_tui("export", path, "-o", target, "--force").err
    assert target.exists()


def test_another_file_is_not_overwritten_unless_forced(mtls_tui, sample, tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")
    result = mtls_tui("export", sample(1), "-o", target)
    assert result.code == 2
    assert "not a bundle" in result.err
    assert target.read_text() == "precious"
    assert mtls_tui("export", sample(1), "-o", target, "--force").code == 0


def test_findings_are_told_and_stop_a_strict_export(mtls_tui, sample, tmp_path):
    path, target = sample(1), tmp_path / "x.bundle.json"
    path.write_text(
        path.read_text().replace("not cf.tls_client_auth.cert_verified", "not cf.tls_client_auth.cert_presented")
    )
    path.write_text(path.read_text().split("[[tests]]")[0])
    result = mtls_tui("export", path, "-o", target, "--strict")
    assert result.code == 1
    assert "[presented-only]" in result.err
    assert "not exported" in result.err
    assert not target.exists()
    result = mtls_tui("export", path, "-o", target)
    assert (result.code, target.exists()) == (0, True)
    assert "[presented-only]" in result.err
    assert mtls_tui("export", sample(2), "-o", target, "--strict").code == 0


def test_the_way_back_is_told(mtls_tui, sample, tmp_path):
    target = tmp_path / "x.bundle.json"
    assert "way back" not in mtls_tui("export", sample(1), "-o", target).err
    assert "way back" in mtls_tui("export", sample(1), "-o", target).err


def test_a_rule_file_from_standard_input_is_exported(mtls_tui, tmp_path):
    text = b'[[hosts]]\nname = "a"\nmtls = false\n[[rules]]\nref = "r"\nexpression = "ssl"\n'
    assert mtls_tui("export", "-", "-o", tmp_path / "x.bundle.json", stdin=text).code == 0


def test_without_anchors_or_hosts_nothing_is_exported(mtls_tui, tmp_path):
    target = tmp_path / "x.bundle.json"
    for text in (b'[[hosts]]\nname = "a"\n', b"version = 1\n"):
        result = mtls_tui("export", "-", "-o", target, "--force", stdin=text)
        assert result.code == 2
        assert "cure" in result.err
        assert not target.exists()


def test_hosts_that_the_gateways_envoy_has_to_ask_about_are_named_with_the_reason(mtls_tui, tmp_path):
    source, target = tmp_path / "x.rules.toml", tmp_path / "x.bundle.json"
    source.write_text(ROADS)
    said = mtls_tui("export", source, "-o", target).out
    assert "body.example.com: the gateway asks about every request: a rule reads the body" in said
    assert "signed.example.com: the gateway asks when a rule is reached that can't run inside Envoy: hmac: " in said
    assert "plain.example.com" not in said
    data = json.loads(mtls_tui("export", source, "-o", target, "--json").out)["gateway"]
    assert {host["name"]: host["inside"] for host in data} == {
        "plain.example.com": True, "body.example.com": False, "signed.example.com": True,
    }  # fmt: skip


ROADS = (
    """
version = 1

[[hosts]]
name = "plain.example.com"
mtls = false
upstream = "http://127.0.0.1:1"

[[hosts]]
name = "body.example.com"
mtls = false
upstream = "http://127.0.0.1:1"

[[hosts]]
name = "signed.example.com"
mtls = false
upstream = "http://127.0.0.1:1"

[[rules]]
ref = "path"
action = "block"
expression = '(http.host eq "plain.example.com" and http.request.uri.path eq "/x")'

[[rules]]
ref = "body"
action = "block"
expression = '(http.host eq "body.example.com" and http.request.body.raw contains "x")'

[[rules]]
ref = "hmac"
action = "block"
expression = """
    + """'''(http.host eq "signed.example.com" and
not is_timed_hmac_valid_v0("key", http.request.uri, 10, http.request.timestamp.sec, 1))'''
"""
)
