"""One gateway for all tests of this folder that need one; they skip where Envoy is not installed."""

import os
from pathlib import Path

import pytest

pytest.importorskip("httptools", reason="the extra `gateway` is not installed")

from mtls_tui.gateway import GatewayError
from mtls_tui.gateway.envoy import binary as envoy
from tests.gateway.site import Site
from tests.gateway.upstream import Upstream

HERE = Path(__file__).parent


@pytest.fixture(scope="session", params=["asked", "inside"])
def road(request):
    """How requests are decided: by a question about each, or inside Envoy as far as rules run there."""
    return request.param


@pytest.fixture(scope="session")
def upstream(road):
    with Upstream() as running:
        yield running


@pytest.fixture(scope="session")
def envoy_binary():
    try:
        return envoy.find()
    except GatewayError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def site(road, tmp_path_factory, upstream, envoy_binary):
    made = Site(tmp_path_factory.mktemp(f"site-{road}"), upstream.port)
    made.start(inside=road == "inside")
    yield made
    made.gateway.stop()


def pytest_collection_modifyitems(items):
    """On a CI machine, whose load nobody knows, a test with real processes gets a second try; the output names it."""
    if os.environ.get("CI"):
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.flaky(reruns=1))
