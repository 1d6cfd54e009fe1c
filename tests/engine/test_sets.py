"""Sets and lists hold what they say, edges and families included."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.engine.sets import (
    Addresses,
    Hostnames,
    Integers,
    ListError,
    NamedList,
    PreparedLists,
    addresses,
    integers,
    of_list,
)

ints = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-5, 20)
ranges = st.lists(st.tuples(ints, ints).map(lambda pair: (min(pair), max(pair))), max_size=6)


@settings(max_examples=300, deadline=None)
@given(ranges, ints)
def test_integer_ranges_hold_what_lies_between_their_ends(given_ranges, value):
    wanted = any(first <= value <= last for first, last in given_ranges)
    assert (value in Integers(given_ranges)) is wanted
    assert (value in integers(given_ranges)) is wanted


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=5))
def test_neighbouring_ranges_hold_their_numbers_and_no_gap_between(pairs):
    given_ranges = [(first, first + more) for first, more in pairs]
    held = {value for value in range(-2, 16) if any(first <= value <= last for first, last in given_ranges)}
    assert {value for value in range(-2, 16) if value in Integers(given_ranges)} == held
    base = ip_address("192.0.2.0")
    listed = Addresses([(int(base + first), int(base + last)) for first, last in given_ranges], [])
    assert {value for value in range(16) if base + value in listed} == held


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("192.0.1.255", False),
        ("198.51.100.7", True),
        ("203.0.113.4", False),
        ("203.0.113.5", True),
        ("203.0.113.9", True),
        ("203.0.113.10", False),
        ("2001:db8::", True),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2001:db9::", False),
        ("::192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_addresses_networks_and_ranges_end_where_they_end(address, wanted):
    expression = lang.parse("ip.src in {192.0.2.0/24 198.51.100.7 203.0.113.5..203.0.113.9 2001:db8::/32}")
    fields = {"ip.src": ip_address(address)}
    assert engine.compile(expression)(fields) is engine.explain(expression, fields).verdict is wanted


@pytest.mark.parametrize("operator", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_addresses_of_two_families_are_unequal_and_in_no_order(operator):
    expression = lang.parse(f"ip.src {operator} 192.0.2.1")
    for address in ("::c000:201", "::ffff:192.0.2.1", "::"):
        fields = {"ip.src": ip_address(address)}
        assert engine.compile(expression)(fields) is engine.explain(expression, fields).verdict is (operator == "ne")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0", "2001:db8::/33"]), max_size=4),
    st.ip_addresses(),
)
def test_overlapping_networks_hold_what_any_of_them_holds(networks, address):
    wanted = any(address.version == ip_network(n).version and address in ip_network(n) for n in networks)
    assert (address in addresses(networks)) is wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        (b"a.example", True),
        (b"www.a.example", False),
        (b"x.b.example", True),
        (b"x.y.b.example", True),
        (b"b.example", False),
        (b".b.example", False),
        (b"x..b.example", False),
        (b"xb.example", False),
        (b"A.example", False),
        (b"", False),
    ],
)
def test_a_star_in_a_hostname_list_stands_for_one_or_more_labels(host, wanted):
    assert (host in Hostnames([b"a.example", b"*.b.example"])) is wanted


def test_long_host_names_cost_time_linear_in_their_labels():
    assert b".".join([b"a"] * 20_000) not in Hostnames([b"*.example"])


@pytest.mark.parametrize(
    ("kind", "items"), [("Ip", ["192.0.2.1"]), ("Int", [64496, "AS64497"]), ("Bytes", ["a.example"])]
)
def test_lists_take_their_items_as_written_in_a_rule_file(kind, items):
    value = {"Ip": ip_address("192.0.2.1"), "Int": 64496, "Bytes": b"a.example"}[kind]
    assert value in of_list("l", kind, {"l": items})


@pytest.mark.parametrize(("kind", "named"), [("Ip", "hostname"), ("Int", "ip"), ("Bytes", "asn"), ("Bytes", "ip")])
def test_a_list_of_another_kind_is_refused(kind, named):
    with pytest.raises(ListError, match=f"`l` is a list of kind {named}"):
        of_list("l", kind, {"l": NamedList(named, ())})


def test_an_unknown_list_is_an_error_for_the_compiler_and_unknown_for_the_explanation():
    expression = lang.parse("ip.src in $office")
    with pytest.raises(ListError, match="no list is named `office`"):
        engine.compile(expression)
    trace = engine.explain(expression, {"ip.src": ip_address("192.0.2.1")})
    assert trace.verdict is None


def test_prepared_lists_work_out_their_members_once():
    lists = PreparedLists({"l": (item for item in ["192.0.2.1"])})
    assert of_list("l", "Ip", lists) is of_list("l", "Ip", lists)
    assert list(lists) == ["l"] and len(lists) == 1 and lists["l"] == ("192.0.2.1",)


def test_internationalised_host_names_are_held_as_a_labels():
    assert b"xn--bcher-kva.example" in of_list("l", "Bytes", {"l": ["bücher.example"]})
