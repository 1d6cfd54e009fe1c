"""Literals: functions that read strings, integers and addresses, and say what is wrong as the original does.

Each takes the text and a position, and gives the position after the literal and its node; raises Rejected. They know
neither names nor types.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mtls_tui.lang.ast import Address, Integer, ListName, Network, Range, Span, String
from mtls_tui.lang.failure import Rejected, expected_literal, expected_name, unrecognised
from mtls_tui.lang.limits import INTEGER_MAX, INTEGER_MIN, MAX_HASHES

SPACES = re.compile(r"[ \r\n]*+")
"""Blanks between tokens; a tab is not one."""
DIGITS = re.compile(r"[0-9A-Fa-f]++")
"""What an integer takes at once, whatever its base, so that `10fe` is one bad number and not `10`."""
PLAIN_STRING = re.compile(r'"([^"\\]*+)"')
ADDRESS_CHARACTERS = re.compile(r"[0-9A-Fa-f:./]++")
LIST_CHARACTERS = re.compile(r"[a-z0-9_.]++")

_PLAIN = re.compile(r'(?:[^"\\]++|\\["\\]){1,1000}')  # a bound, since `re` remembers each repetition of a group
_SIMPLE_ESCAPE = re.compile(r'\\(["\\])')
_HASHES = re.compile(r"#*+")
_HEX_PAIR = re.compile(r"[0-9A-Fa-f]{2}|\+[0-9A-Fa-f]")
_OCTAL = re.compile(r"[0-7]{3}")
_SEPARATOR = re.compile(r"[:.-]")
_SHORT_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_GOOD_DIGITS = {8: re.compile("[0-7]*"), 10: re.compile("[0-9]*"), 16: re.compile("[0-9A-Fa-f]*")}

after_spaces = SPACES.match
plain_string = PLAIN_STRING.match
_digits = DIGITS.match
_address_characters = ADDRESS_CHARACTERS.match


# --- integers -----------------------------------------------------------------------------------------------------


def _number_problem(written: str, radix: int, least: int, most: int) -> tuple[int, str]:
    """The value, and the first thing that is wrong with it from the left ("" when nothing is)."""
    negative = written.startswith("-")
    digits = written[1:] if negative else written
    found = _GOOD_DIGITS[radix].match(digits)
    good = found.end() if found else 0
    significant = digits[:good].lstrip("0")
    value = int(significant or "0", radix) if len(significant) <= 64 else 1 << 64
    value = -value if negative else value
    if not least <= value <= most:
        return value, f"number too {'small' if negative else 'large'} to fit in target type"
    if good < len(digits):
        return value, "invalid digit found in string"
    return value, "" if digits else "cannot parse integer from empty string"


def _number(text: str, start: int, end: int, radix: int) -> int:
    """A signed 64-bit number."""
    value, problem = _number_problem(text[start:end], radix, INTEGER_MIN, INTEGER_MAX)
    if problem:
        raise Rejected(text, start, end, "bad-number", f"{problem} while parsing with radix {radix}")
    return value


def integer(text: str, at: int) -> tuple[int, Integer]:
    """Decimal with an optional minus, `0x` hexadecimal, or octal after a leading `0`."""
    start, radix = at, 10
    if text.startswith("0x", at):
        start, radix = at + 2, 16
    elif text.startswith("0", at):
        radix = 8
    elif text.startswith("-", at):
        start += 1
    found = _digits(text, start)
    if found is None:
        raise expected_name(text, start, "digit")
    end = found.end()
    value = _number(text, at if radix == 10 else start, end, radix)
    return end, Integer(value, text[at:end], Span(at, end))


def integer_item(text: str, at: int) -> tuple[int, Integer | Range]:
    """An integer in a set, or a range of them."""
    end, first = integer(text, at)
    if not text.startswith("..", end):
        return end, first
    end, last = integer(text, end + 2)
    if last.value < first.value:
        raise Rejected(text, at, end, "range-bounds", "incompatible range bounds")
    return end, Range(first, last, Span(at, end))


# --- strings ------------------------------------------------------------------------------------------------------


def _taken(text: str, at: int, count: int) -> str:
    taken = text[at : at + count]
    if len(taken) < count:
        message = f"expected {count} characters, but found {len(taken)}"
        raise Rejected(text, at, at + count, "too-few-characters", message)
    return taken


def _hex_byte(text: str, at: int) -> int:
    taken = _taken(text, at, 2)
    if not _HEX_PAIR.fullmatch(taken):
        message = "invalid digit found in string while parsing with radix 16"
        raise Rejected(text, at, at + 2, "bad-byte", message)
    return int(taken, 16)


def _octal_byte(text: str, at: int) -> int:
    taken = _taken(text, at, 3)
    problem = "invalid digit found in string"
    if _OCTAL.fullmatch(taken):
        value = int(taken, 8)
        if value < 256:
            return value
        problem = "number too large to fit in target type"
    raise Rejected(text, at, at + 3, "bad-byte", f"{problem} while parsing with radix 8")


def missing_quote(text: str, at: int) -> Rejected:
    """No quote ends the string whose content begins here."""
    return Rejected(text, at, len(text), "missing-quote", "could not find an ending quote")


def quoted(text: str, start: int) -> tuple[int, bytes]:
    """The position after a quoted string whose quote stands at `start`, and what it denotes."""
    found = plain_string(text, start)
    if found is not None:
        return found.end(), found[1].encode()
    parts: list[bytes] = []
    at = start + 1
    while True:
        found = _PLAIN.match(text, at)
        if found is not None:
            if found.end() == len(text):
                raise missing_quote(text, start + 1)
            parts.append(_SIMPLE_ESCAPE.sub(r"\1", found[0]).encode())
            at = found.end()
        mark = text[at : at + 1]
        if mark == '"':
            return at + 1, b"".join(parts)
        escape = text[at + 1 : at + 2]
        if not escape:  # the text ends, in the string or after its backslash
            raise missing_quote(text, start + 1)
        if escape == "x":
            parts.append(bytes((_hex_byte(text, at + 2),)))
            at += 4
        elif escape in "01234567":
            parts.append(bytes((_octal_byte(text, at + 1),)))
            at += 4
        else:
            raise Rejected(text, at + 1, at + 2, "bad-escape", 'expected ", xHH or OOO after \\')


def raw(text: str, start: int) -> tuple[int, str]:
    """The position after a raw string whose `r` stands at `start`, and its content."""
    found = _HASHES.match(text, start + 1)
    assert found is not None
    hashes, opening = found[0], found.end()
    if len(hashes) > MAX_HASHES:
        message = "invalid raw string hash count, there can't be more than 255 #s"
        raise Rejected(text, start + 1, opening, "hash-count", message)
    if not text.startswith('"', opening):
        raise expected_name(text, opening, '" or #')
    closing = text.find('"' + hashes, opening + 1)
    if closing < 0:
        raise missing_quote(text, start + 1)
    return closing + 1 + len(hashes), text[opening + 1 : closing]


def quoted_or_raw(text: str, start: int) -> tuple[int, bytes]:
    """The position after a quoted or raw string, and what it denotes."""
    mark = text[start : start + 1]
    if mark == '"':
        return quoted(text, start)
    if mark == "r":
        end, content = raw(text, start)
        return end, content.encode()
    raise expected_name(text, start, '" or r') if mark else unrecognised(text, start)


def string(text: str, at: int) -> tuple[int, String]:
    """A quoted string, a raw string, or a byte string: two or more hexadecimal pairs joined by `:`, `-` or `.`."""
    mark = text[at : at + 1]
    if not mark:
        raise unrecognised(text, at)
    if mark in '"r':
        end, value = quoted_or_raw(text, at)
    else:
        end, value = _byte_string(text, at)
    return end, String(value, text[at:end], Span(at, end))


def _byte_string(text: str, start: int) -> tuple[int, bytes]:
    value = bytearray((_hex_byte(text, start),))
    at = start + 2
    if not _SEPARATOR.match(text, at):
        if at < len(text):
            raise expected_name(text, at, "byte separator")
        raise Rejected(text, at, at, "too-few-characters", "expected 1 characters, but found 0")
    while _SEPARATOR.match(text, at):
        value.append(_hex_byte(text, at + 1))
        at += 3
    return at, bytes(value)


# --- addresses ----------------------------------------------------------------------------------------------------


def _bad_network(text: str, start: int, end: int, problem: str) -> Rejected:
    return Rejected(text, start, end, "bad-address", problem)


def _address(text: str, start: int, end: int) -> Address:
    written = text[start:end]
    try:
        value: IPv4Address | IPv6Address = IPv6Address(written) if ":" in written else IPv4Address(written)
    except AddressValueError:
        message = "couldn't parse address in network: invalid IP address syntax"
        raise _bad_network(text, start, end, message) from None
    return Address(value, written, Span(start, end))


def _member(text: str, start: int, end: int) -> Address:
    """An address in a set: there IPv4 may have leading zeros and, left out at its end, bytes that are zero."""
    written = text[start:end]
    if not _SHORT_IPV4.fullmatch(written):
        return _address(text, start, end)
    values = [int(part[-4:]) if len(part.lstrip("0")) <= 3 else 256 for part in written.split(".")]
    if max(values) > 255:
        return _address(text, start, end)  # which says what is wrong
    return Address(IPv4Address(bytes((*values, 0, 0, 0)[:4])), written, Span(start, end))


def _network(text: str, start: int, slash: int, end: int) -> Network:
    try:
        base = _member(text, start, slash)
    except Rejected as rejected:  # the original shows all up to the first slash
        raise _bad_network(text, start, text.index("/", start), rejected.message) from None
    length, problem = _number_problem(text[slash + 1 : end], 10, 0, 255)
    if problem:
        raise _bad_network(text, slash + 1, end, f"couldn't parse length in network: {problem}")
    family = 4 if isinstance(base.value, IPv4Address) else 6
    maximum = base.value.max_prefixlen
    if length > maximum:
        message = (
            f"invalid length for network: Network length {length} is too long for Ipv{family} (maximum: {maximum})"
        )
        raise _bad_network(text, start, end, message)
    try:
        network = (IPv4Network if family == 4 else IPv6Network)((int(base.value), length))
    except ValueError:
        raise _bad_network(text, start, slash, "host part of address was not zero") from None
    return Network(network, text[start:end], Span(start, end))


def address(text: str, at: int) -> tuple[int, Address]:
    """A single address."""
    found = _address_characters(text, at)
    if found is None:
        raise expected_name(text, at, "IP address character")
    return found.end(), _address(text, at, found.end())


def address_item(text: str, at: int) -> tuple[int, Address | Network | Range]:
    """An address, a CIDR or an explicit range in a set."""
    found = _address_characters(text, at)
    if found is None:
        raise expected_name(text, at, "IP address character")
    end = found.end()
    dots = text.find("..", at, end)
    if dots >= 0:
        first, last = _address(text, at, dots), _address(text, dots + 2, end)
        if first.value.version != last.value.version or int(first.value) > int(last.value):
            raise Rejected(text, at, end, "range-bounds", "incompatible range bounds")
        return end, Range(first, last, Span(at, end))
    slash = text.rfind("/", at, end)
    if slash >= 0:
        return end, _network(text, at, slash, end)
    return end, _member(text, at, end)


# --- list names ---------------------------------------------------------------------------------------------------


def list_name(text: str, at: int) -> tuple[int, ListName]:
    """`$name`."""
    if not text.startswith("$", at):
        raise expected_literal(text, at, "$")
    found = LIST_CHARACTERS.match(text, at + 1)
    name = found[0] if found else text[at + 1 : at + 2]
    if found is None or name.startswith(".") or name.endswith("."):
        end = at + 1 + len(name)
        raise Rejected(text, at + 1, end, "bad-list-name", f"invalid list name {rust_quoted(name)}")
    return found.end(), ListName(name, Span(at, found.end()))


def rust_quoted(text: str) -> str:
    """The text in quotes with the escapes that the original's messages have."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
    shown = (escapes.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in text)
    return '"' + "".join(shown) + '"'
