"""A status that said `refused` clears when what was broken is mended, also back to what runs already."""

import pytest

from tests.gateway.site import poll

pytestmark = pytest.mark.gateway


def test_status_clears_when_the_broken_bundle_becomes_the_running_one_again(site):
    good = site.bundle.read_bytes()
    try:
        site.bundle.write_bytes(good[: len(good) // 2])
        poll(lambda: site.gateway.status()["last_reload"]["result"] == "refused")
    finally:
        site.bundle.write_bytes(good)
    poll(lambda: site.gateway.status()["last_reload"]["result"] == "taken")
    assert site.ask(kind="good").status == 200
