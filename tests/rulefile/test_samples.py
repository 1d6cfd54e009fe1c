"""The samples are what they say: clean, canonical, different, and all their tests pass."""

from pathlib import Path

import pytest

from mtls_tui.cli.fmt import Changed, formatted
from mtls_tui.rulefile import load
from mtls_tui.simulate.testing.suite import run_tests

FOLDER = Path(__file__).parents[2] / "sample_rules"
SAMPLES = sorted(FOLDER.glob("*.rules.toml"))


def test_there_are_six_and_the_readme_names_each():
    assert len(SAMPLES) >= 6
    readme = (FOLDER / "README.md").read_text()
    assert all(f"`{path.name}`" in readme for path in SAMPLES)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_all_tests_of_a_sample_pass(path):
    report = run_tests(load(path))
    assert report.ok, [(result.test.name, result.failures, result.error) for result in report.failed]
    assert len(report.results) >= 3


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_canonical_commented_and_tests_both_verdicts(path):
    rulefile = load(path)
    assert formatted(rulefile) == (rulefile, Changed())
    assert rulefile.text.startswith("# ")
    assert {"allow", "block"} <= {test.expect.action for test in rulefile.tests}
    used = {test.expect.rule for test in rulefile.tests}
    blocking = {rule.ref for rule in rulefile.rules if rule.action == "block" and not rule.shadow}
    assert blocking <= used
