"""What is set of TLS and of limits on the command line is what clients meet."""

import ssl

import pytest

from tests.gateway.command import serving
from tests.gateway.wire import Connection, make_context

pytestmark = pytest.mark.gateway
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def handshake(port, site, version, ciphers=None):
    """Version and cipher that come about; None when the handshake fails."""
    context = make_context(site.client("good"), version=version)
    if ciphers is not None:
        context.set_ciphers(ciphers)
    try:
        with Connection(port, "api.example.com", context=context) as connection:
            return connection.get("/").status, connection.tls.version(), connection.tls.cipher()[0]
    except (ssl.SSLError, ConnectionError):
        return None


@pytest.fixture
def bundle(site, tmp_path):
    path = tmp_path / "x.bundle.json"
    site.write(path=path)
    return path


def test_lowest_tls_version_keeps_older_ones_out_and_limits_hold(site, bundle, tmp_path):
    with serving(bundle, tmp_path, "--tls-min", "1.3", "--limit", "header-count=20") as running:
        assert handshake(running.port, site, TLS12) is None
        assert handshake(running.port, site, TLS13)[:2] == (200, "TLSv1.3")
        with Connection(running.port, "api.example.com", site.client("good")) as connection:
            assert connection.get("/", headers=[(f"x-{number}", "1") for number in range(30)]).status == 431


def test_only_the_chosen_ciphers_are_spoken(site, bundle, tmp_path):
    wanted = "ECDHE-ECDSA-AES256-GCM-SHA384"
    with serving(bundle, tmp_path, "--tls-max", "1.2", "--tls-cipher", wanted) as running:
        assert handshake(running.port, site, TLS13) is None
        assert handshake(running.port, site, TLS12) == (200, "TLSv1.2", wanted)
        assert handshake(running.port, site, TLS12, "ECDHE-ECDSA-AES128-GCM-SHA256") is None
