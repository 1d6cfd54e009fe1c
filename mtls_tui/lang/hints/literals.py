"""Hints for literals on the right of an operator: addresses, numbers, strings, sets, lists."""

from __future__ import annotations

import re
from ipaddress import ip_network

from mtls_tui.lang.hints.place import BARE, MistakeContext


def address(place: MistakeContext) -> str:
    """Hint for a literal that is not an address here."""
    if place.mark == '"':
        return "IP addresses stand without quotes: 192.0.2.1"
    chunk = re.match(r"[0-9A-Fa-f:./]*", place.after)
    written = chunk[0] if chunk else ""
    in_set = place.before.rfind("{") > place.before.rfind("}")
    if "/" in written and not in_set:
        return f"a network stands in a set: `in {{{written}}}`"
    if ".." in written and not in_set:
        return f"a range stands in a set: `in {{{written}}}`"
    if place.message == "host part of address was not zero":
        try:
            whole = ip_network(written, strict=False)
        except ValueError:
            return ""
        return f"bits after the prefix have to be zero: {whole}"
    if "length" in place.message:
        return "the prefix length is at most 32 for IPv4 and 128 for IPv6"
    return _missing(place) or "an IP address has to stand here: 192.0.2.1 or 2001:db8::1"


def number(place: MistakeContext) -> str:
    """Hint for a literal that is not an integer."""
    if place.mark == '"':
        return "integers stand without quotes: 443"
    if "radix 8" in place.message:
        return "a leading 0 makes a number octal: write it without"
    if "too large" in place.message or "too small" in place.message:
        return "integers have 64 bits: from -9223372036854775808 to 9223372036854775807"
    if re.match(r"[0-9]*\.[0-9]", place.after):
        return "there are whole numbers only"
    if place.before.endswith("0x"):
        return "hexadecimal digits have to follow 0x"
    return _missing(place) or "an integer has to stand here: 443, -1 or 0x1f"


def string(place: MistakeContext) -> str:
    """Hint for a literal that is not a string."""
    if re.search(r"\\[x0-7]?[0-9A-Fa-f]?$", place.before[-3:]) and place.code == "bad-byte":
        return escape(place)
    line = place.before.rsplit("\n", 1)[-1]
    begun = re.search(r"[^\s(){}\"',]*$", line)
    if not place.after.strip() and not (begun and begun[0]):
        return "a string in double quotes has to follow"
    word = (begun[0] if begun else "") + (BARE.match(place.after) or [""])[0]
    return f'strings stand in double quotes: "{word}"' if word else 'strings stand in double quotes: "…"'


def braces(place: MistakeContext) -> str:
    """Something else than a set after `in`."""
    if '"{"' not in place.message:
        return ""
    found = BARE.match(place.after)
    quoted = re.match(r'"[^"]*"', place.after)
    word = quoted[0] if quoted else found[0] if found else "…"
    if place.mark in "([":
        return "a set stands in braces: `in {…}`"
    return f"a set stands in braces: `in {{{word}}}`; a list has a dollar: `in $name`"


_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*)"', re.DOTALL)


def escape(place: MistakeContext) -> str:
    """A backslash that means nothing in a string."""
    opening = place.text.rfind('"', 0, place.start)
    found = _QUOTED.match(place.text, opening, opening + 5000) if opening >= 0 else None
    advice = 'a backslash has to be doubled, or the string written raw: r"…"'
    if found is None or '"' in found[1] or len(found[1]) > 60:
        return advice
    return f'a backslash has to be doubled, or the string written raw: r"{found[1]}"'


def _missing(place: MistakeContext) -> str:
    """What is said of any literal that isn't there."""
    if place.mark == "$":
        return "a list goes with `in`: `in $name`"
    if place.before.rfind("{") > place.before.rfind("}") and place.mark not in "}":
        return "items of a set are all of the left side's type, and the set ends with }"
    return "" if place.after.strip() else "the value is missing"
