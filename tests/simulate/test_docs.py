"""The pages show what the program prints."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs"
spec = importlib.util.spec_from_file_location("run_examples", FOLDER / "run_examples.py")
run_examples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run_examples)


@pytest.mark.parametrize("name", run_examples.PAGES)
def test_page_shows_what_the_program_prints(name, monkeypatch):
    monkeypatch.chdir(FOLDER / "examples")
    page = (FOLDER / name).read_text("utf-8")
    assert run_examples.BLOCK.search(page)
    assert run_examples.refreshed(page) == page, "run: python docs/run_examples.py"


def test_a_page_out_of_date_is_seen(monkeypatch):
    monkeypatch.chdir(FOLDER / "examples")
    page = "```console\n$ mtls-tui test payments.rules.toml\nwhat it once said\n```\n"
    assert "4 tests passed" in run_examples.refreshed(page)
