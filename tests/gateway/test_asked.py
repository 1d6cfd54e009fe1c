"""What a host is asked follows from the rules that can match there, and from no others."""

import pytest

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleRule
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway.roads import ask_for, fields_read

HOSTS = ("*.wild.example", "own.wild.example", "other.example")
BODY = 'http.request.body.raw contains "x"'


def asked(host, *expressions):
    """What a host is asked for under some rules; None: no rule can match there."""
    rules = tuple(BundleRule(ref=f"r{i}", expression=text, action="block") for i, text in enumerate(expressions))
    hosts = tuple(BundleHost(name=name, mtls=False) for name in HOSTS)
    policy = Policy.from_bundle(Bundle(hosts=hosts, rules=rules))
    fields = fields_read(next(one for one in hosts if one.name == host), policy)
    return None if fields is None else ask_for(fields)


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([], None),
        ([f'http.host eq "other.example" and {BODY}'], None),
        ([f'http.host in {{"own.wild.example" "other.example"}} and {BODY}'], None),
        ([f'http.host eq "other.example" and {BODY}', 'http.host eq "a.wild.example" and ip.src eq 1.2.3.4'], "plain"),
        ([f'http.host eq "other.example" and {BODY}', 'http.user_agent eq "x"'], "headers"),
        ([f'http.host eq "a.wild.example" and {BODY}'], "body"),
        ([f'lower(http.host) eq "a.b.wild.example" and {BODY}'], "body"),
        ([f'ends_with(http.host, ".wild.example") and {BODY}'], "body"),
        ([f'http.host eq "other.example" or {BODY}'], "body"),
        ([f'http.host ne "other.example" and {BODY}'], "body"),
        ([BODY], "body"),
    ],
)  # fmt: skip
def test_wildcard_is_asked_what_rules_read_that_can_match_under_it(expressions, expected):
    assert asked("*.wild.example", *expressions) == expected
