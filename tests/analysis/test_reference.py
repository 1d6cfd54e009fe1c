"""The reference pages are what the tables say today."""

import runpy

import pytest

from tests.conftest import ROOT

PAGES = runpy.run_path(str(ROOT / "docs" / "reference.py"))["pages"]()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_is_current(name):
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `python docs/reference.py`"


def test_pages_name_every_field_function_and_finding():
    from mtls_tui.analysis import CHECKS
    from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS

    assert all(f"| `{name}` |" in PAGES["language.md"] for name in FIELDS)
    assert all(f"### {name}\n" in PAGES["language.md"] for name in FUNCTIONS)
    assert all(f"## {check.code}\n" in PAGES["lint.md"] for check in CHECKS)
