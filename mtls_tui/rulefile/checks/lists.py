"""Checks of lists: their names, and that each item is one of the list's kind."""

from __future__ import annotations

import re
from ipaddress import ip_network

from mtls_tui.engine import hostnames
from mtls_tui.rulefile.checks.report import ProblemReport

LIST_NAME = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*")


def check_lists(report: ProblemReport) -> None:
    """Names and items of all lists."""
    for name, entry in report.rulefile.lists.items():
        if not LIST_NAME.fullmatch(name) or len(name) > 50:
            report.add(
                "value", ("lists", name), "not a list name", "use a-z, 0-9 and _, at most 50 characters, lower case"
            )
        for index, item in enumerate(entry.items):
            trouble, cure = _ITEM_CHECKS[entry.kind](item)
            if trouble:
                report.add("list-item", ("lists", name, "items", index), f"`{item}` {trouble}", cure)


def _ip_item(item: str | int) -> tuple[str, str]:
    if isinstance(item, int):
        return "is a number", "write addresses in quotes"
    try:
        ip_network(item)
    except ValueError:
        try:
            network = ip_network(item, strict=False)
        except ValueError:
            return "is not an address or CIDR", 'write it like "192.0.2.7" or "192.0.2.0/24"'
        return "has bits set right of the prefix", f'write "{network}"'
    if "/" in item and not item.partition("/")[2].isdigit():
        return "has a netmask", f'write "{ip_network(item)}"'
    return "", ""


def _hostname_item(item: str | int) -> tuple[str, str]:
    if isinstance(item, int):
        return "is a number", "write host names in quotes"
    try:
        hostnames.configured(item)
    except hostnames.HostnameError as error:
        return f"is not a host name: {error}", 'write it like "api.example.com" or "*.example.com"'
    return "", ""


def _asn_item(item: str | int) -> tuple[str, str]:
    if not isinstance(item, int):
        return "is a text", "write AS numbers without quotes and without `AS`"
    return ("", "") if 0 <= item < 2**32 else ("is no AS number", "AS numbers go from 0 to 4294967295")


_ITEM_CHECKS = {"ip": _ip_item, "hostname": _hostname_item, "asn": _asn_item}
