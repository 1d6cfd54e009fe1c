"""Properties are read, told apart, edited with comments kept, and put into the bundle, where they decide nothing."""

import pytest

from mtls_tui.engine.bundle import Bundle, BundleProperty
from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.policy import Policy
from mtls_tui.lang import parse
from mtls_tui.rulefile import PropertyEntry, RuleFileError, bundle, load, loads, save
from mtls_tui.rulefile.edit import (
    insert_property,
    move_property,
    remove_host,
    remove_property,
    update_host,
    update_property,
)
from mtls_tui.rulefile.seeds import EMPTY

TEXT = """\
version = 1

[[hosts]]
name = "api.example.com"
mtls = false

[[rules]]
ref = "admin"
expression = '''starts_with(http.request.uri.path, "/admin")'''

# ---- what must hold ----

# Nobody, whatever they bring.
[[properties]]
name = "nobody reaches /admin"  # the first
hosts = ["api.example.com"]
when = '''http.request.uri.path
  eq "/admin"'''   # one path
expect = "blocked"

# The probe.
[[properties]]
name = "health checks pass"
when = 'http.request.uri.path eq "/healthz"'
unless = '''ip.src eq 192.0.2.1'''
client = "none"
expect = "allowed"

# ---- tests ----

[[tests]]
name = "t"
url = "https://api.example.com/"
expect = { action = "allow" }
"""


def test_a_property_is_read_with_what_it_leaves_out():
    assert loads(TEXT).properties == (
        PropertyEntry(
            name="nobody reaches /admin",
            hosts=("api.example.com",),
            when='http.request.uri.path\n  eq "/admin"',
            unless=None,
            client="any",
            expect="blocked",
        ),
        PropertyEntry(
            name="health checks pass",
            hosts=(),
            when='http.request.uri.path eq "/healthz"',
            unless="ip.src eq 192.0.2.1",
            client="none",
            expect="allowed",
        ),
    )
    (least,) = loads("[[properties]]\nname = 'all'\nexpect = 'blocked'\n").properties
    assert (least.when, least.unless, least.hosts, least.client) == ("true", None, (), "any")


def test_a_file_with_properties_is_saved_as_it_was_read(tmp_path):
    path = tmp_path / "a.rules.toml"
    path.write_text(TEXT)
    save(load(path))
    assert path.read_text() == TEXT


def test_an_update_leaves_every_other_line_as_it_is():
    new = update_property(loads(TEXT), 0, when='http.host eq "a"', unless=parse("ssl"), client="untrusted")
    before, after = TEXT.split("\n"), new.text.split("\n")
    assert [line for line in before if line not in after] == [
        "when = '''http.request.uri.path",
        "  eq \"/admin\"'''   # one path",
    ]
    assert [line for line in after if line not in before] == [
        "when = '''http.host eq \"a\"'''   # one path", "unless = '''ssl'''", 'client = "untrusted"',
    ]  # fmt: skip
    assert update_property(new, 1, unless=None).properties[1].unless is None


def test_a_property_is_inserted_moved_and_removed_with_its_comment():
    file = loads(TEXT)
    moved = move_property(file, 0, 1)
    assert [entry.name for entry in moved.properties] == ["health checks pass", "nobody reaches /admin"]
    text = moved.text
    assert text.index("# ---- what") < text.index("# The probe.") < text.index("# Nobody") < text.index("# ---- tests")
    assert move_property(moved, 1, 0).text == TEXT
    removed = remove_property(file, 0)
    assert [entry.name for entry in removed.properties] == ["health checks pass"]
    assert "# Nobody" not in removed.text and "# ---- what must hold" in removed.text
    entry = PropertyEntry(name="new", expect="allowed", unless="ssl")
    for at, names in ((0, ["new", "nobody reaches /admin"]), (None, ["nobody reaches /admin", "health checks pass"])):
        made = insert_property(file, entry, at)
        assert [one.name for one in made.properties][:2] == names
        assert entry in made.properties
    with pytest.raises(IndexError):
        remove_property(file, 2)
    with pytest.raises(RuleFileError, match="`expect`"):
        insert_property(file, {"name": "x", "expected": "blocked"})


def test_in_a_new_file_properties_stand_between_rules_and_tests():
    new = insert_property(
        loads(TEXT.replace("properties", "rules").split("# ---- what")[0]), {"name": "p", "expect": "blocked"}
    )
    assert new.text.index("[[rules]]") < new.text.index("[[properties]]")
    new = insert_property(
        loads(EMPTY + '[[tests]]\nname = "t"\nurl = "https://a/"\nexpect = { action = "allow" }\n'),
        {"name": "p", "expect": "blocked"},
    )
    assert new.text.index("[[properties]]") < new.text.index("[[tests]]")


def test_properties_follow_a_host_to_its_new_name():
    file = loads(TEXT.replace('hosts = ["api.example.com"]', 'hosts = ["API.example.com."] # it'))
    renamed = update_host(file, 0, name="b.example.com")
    assert renamed.properties[0].hosts == ("b.example.com",)
    assert renamed.properties[1].hosts == ()
    assert renamed.usable and 'hosts = ["b.example.com"] # it' in renamed.text
    assert update_host(file, 0, mtls=True).properties == file.properties


def test_a_property_of_a_host_that_was_removed_is_told_and_not_widened_to_all_hosts():
    file = insert_property(
        loads(TEXT + '[[hosts]]\nname = "b.example.com"\nmtls = false\n'),
        {"name": "b", "hosts": ["b.example.com"], "expect": "blocked"},
    )
    removed = remove_host(file, 1)
    assert removed.properties[2].hosts == ("b.example.com",)
    assert [problem.code for problem in removed.problems] == ["unknown-host"]


def test_a_name_below_a_wildcard_host_may_be_named():
    text = '[[hosts]]\nname = "*.example.com"\n[[properties]]\nname = "p"\nexpect = "blocked"\nhosts = [\'{}\']\n'
    assert loads(text.format("*.example.com")).usable
    assert loads(text.format("a.example.com")).usable
    assert not loads(text.format("example.com"), strict=False).usable


def test_the_bundle_has_the_properties_in_canonical_form_and_decides_without_them(certificate, tmp_path):
    file = loads(TEXT.replace('hosts = ["api', 'hosts = ["API'))
    made = Bundle.decode(bundle(file).encode())
    assert made.properties == (
        BundleProperty(
            name="nobody reaches /admin",
            hosts=("api.example.com",),
            when='http.request.uri.path eq "/admin"',
            expect="blocked",
        ),
        BundleProperty(
            name="health checks pass",
            when='http.request.uri.path eq "/healthz"',
            unless="ip.src eq 192.0.2.1",
            client="none",
            expect="allowed",
        ),
    )
    opposite = insert_property(file, {"name": "no", "expect": "allowed", "when": 'http.request.uri.path eq "/admin"'})
    request = HttpRequest(host="api.example.com", target="/admin")
    for one in (made, bundle(opposite)):
        assert Policy.from_bundle(one).decide(request).decision.action == "block"


def test_every_key_of_a_property_is_in_the_bundle():
    assert set(PropertyEntry.__struct_fields__) == set(BundleProperty.__struct_fields__)
