"""The page about rule files shows what the program prints, and its table has every key."""

import re

from mtls_tui.rulefile import schema
from tests.simulate.test_docs import FOLDER, run_examples

PAGE = (FOLDER / "rule-file.md").read_text("utf-8")


def test_page_shows_what_the_program_prints(monkeypatch):
    monkeypatch.chdir(FOLDER / "examples")
    assert run_examples.refreshed(PAGE) == PAGE


def test_every_key_of_hosts_lists_rules_and_properties_is_in_its_table():
    for struct in (schema.HostEntry, schema.ListEntry, schema.RuleEntry, schema.PropertyEntry):
        for key in struct.__struct_fields__:
            assert re.search(rf"^\| .*`{key}`.* \|", PAGE, re.M), key
