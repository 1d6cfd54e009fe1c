"""One gateway for all tests of this folder that need one; they skip where Envoy is not installed."""

import pytest

pytest.importorskip("httptools", reason="the extra `gateway` is not installed")

from mtls_tui.gateway import GatewayError
from mtls_tui.gateway.envoy import binary as envoy
from tests.gateway.site import Site
from tests.gateway.upstream import Upstream


@pytest.fixture(scope="session")
def upstream():
    with Upstream() as running:
        yield running


@pytest.fixture(scope="session")
def envoy_binary():
    try:
        return envoy.find()
    except GatewayError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def site(tmp_path_factory, upstream, envoy_binary):
    made = Site(tmp_path_factory.mktemp("site"), upstream.port)
    made.start()
    yield made
    made.gateway.stop()
