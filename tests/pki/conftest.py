"""Certificates made by OpenSSL's own program, where it is installed."""

import shutil
import subprocess
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mtls_tui import pki
from tests.pki import mint


@pytest.fixture(scope="session")
def top():
    """A root."""
    return mint.root()


@pytest.fixture
def store(top):
    """A store that trusts it."""
    return pki.TrustStore([top.certificate])


class OpenSSL:
    """The `openssl` program in a folder of its own. What it makes begins now."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *arguments, stdin=b""):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def key(self, name, key):
        path = self.folder / f"{name}.key"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path.name

    def self_signed_v1(self, common_name):
        """An authority of version 1, as `openssl x509 -req` makes without extensions."""
        key = mint.key("v1")
        request = self.run("req", "-new", "-key", self.key("v1", key), "-subj", f"/CN={common_name}")
        pem = self.run("x509", "-req", "-signkey", "v1.key", "-days", "20000", stdin=request)
        made = x509.load_pem_x509_certificate(pem)
        if made.version is not x509.Version.v1:
            pytest.skip("this OpenSSL makes version 3 only")
        return mint.Made(made, key)

    def signed_with(self, digest, *, root_only=False):
        """A root and a leaf (DER), signed with a digest that cryptography would not use."""
        root_key, leaf_key = self.key("root", mint.rsa_key()), self.key("leaf", mint.key("client"))
        root = self.run(
            "req", "-x509", "-new", "-key", root_key, f"-{digest}", "-subj", f"/CN=Root {digest}", "-days", "20000",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        (self.folder / "root.pem").write_bytes(root)
        request = self.run("req", "-new", "-key", leaf_key, "-subj", "/CN=client")
        (self.folder / "ext").write_text("basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n")
        leaf = self.run(
            "x509", "-req", "-CA", "root.pem", "-CAkey", root_key, "-set_serial", "77", "-days", "20000",
            f"-{'sha256' if root_only else digest}", "-extfile", "ext", stdin=request,
        )  # fmt: skip
        return SimpleNamespace(root=root, leaf=leaf)


@pytest.fixture
def openssl(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program")
    return OpenSSL(tmp_path)
