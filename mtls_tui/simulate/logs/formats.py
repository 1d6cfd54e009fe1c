"""Choosing the reader for a log: by name, by a mapping or template of the user's, or by looking at its first lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs import json_lines
from mtls_tui.simulate.logs.json_lines import JsonLines, wanted_columns
from mtls_tui.simulate.logs.parts import check_part, logpush_status
from mtls_tui.simulate.logs.tally import LineReader
from mtls_tui.simulate.logs.template import TEMPLATES, compile_template
from mtls_tui.simulate.logs.text_lines import TextLines

FORMATS: Final = ("auto", "json", "logpush", "decisions", "har", *TEMPLATES)
SAMPLE_LINES = 200
PACKED: Final = {
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "zstdcat"), b"BZh": ("packed with bzip2", "bzcat"),
    b"\xfd7zXZ\0": ("packed with xz", "xzcat"), b"\x04\x22\x4d\x18": ("packed with lz4", "lz4cat"),
    b"PK\x03\x04": ("a zip archive", "unzip -p"),
}  # fmt: skip
"""First bytes of files that are not read as they are: what they are, and the program that unpacks them."""
_HAPROXY = re.compile(rb" -?\d+/-?\d+/-?\d+/-?\d+/\+?-?\d+ -?\d+ \+?\d+ \S+ \S+ [-\w]{4} \d+/")
_ANY = msgspec.json.Decoder()


def reader_for(
    head: bytes,
    wanted: frozenset[str],
    *,
    name: str = "auto",
    template: str | None = None,
    mapping: Sequence[tuple[str, str]] = (),
) -> LineReader:
    """The reader of a log that begins with `head`, decoding only what is `wanted` (parts and fields).

    `template` is an nginx log_format or Envoy format string; `mapping` pairs parts or fields with JSON keys and goes
    over what the names of the keys suggest. Raises RequestError if the format can't be told or a name is wrong.
    """
    for part, _ in mapping:
        check_part(part)
    for magic, (what, tool) in PACKED.items():
        if head.startswith(magic):
            raise RequestError(f"the log is {what}; unpack it on the way: `{tool} LOG | mtls-tui replay FILE -`")
    if template is not None:
        return TextLines("template", compile_template(template, wanted))
    if name == "auto":
        name = sniffed(head)
    if name in TEMPLATES:
        return TextLines(name, compile_template(TEMPLATES[name], wanted))
    if name == "decisions":
        columns = tuple((part, key) for key, part in json_lines.DECISIONS.items())
        keep = {"kind", "fingerprint", "verified", "revoked"}
        columns = tuple(item for item in columns if item[0] in keep or item[0] in wanted)
        return JsonLines(name, columns, finish=json_lines.finish_decision)
    if name == "logpush":
        columns = tuple((part, key) for key, part in json_lines.LOGPUSH.items() if part)
        return JsonLines(name, wanted_columns(_over(columns, mapping), wanted), statuses=logpush_status)
    if name == "json":
        columns = _over(json_lines.guessed_columns(_objects(head)), mapping)
        if not columns:
            raise RequestError(
                "no key of the log is known; say which is which, such as --map host=KEY --map target=KEY"
            )
        return JsonLines(name, wanted_columns(columns, wanted))
    raise RequestError(f"`{name}` is not a log format; choose one of {', '.join(FORMATS)}")


def sniffed(head: bytes) -> str:
    """The name of the format that the first lines are in. Raises RequestError if they are in none."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"log"' in head[:4096] and b'"version"' in head[:4096]:
        return "har"
    objects = _objects(head)
    if objects:
        if any("ClientRequestHost" in line for line in objects):
            return "logpush"
        if any(line.get("kind") == "decision" and "action" in line for line in objects):
            return "decisions"
        return "json"
    lines = head.split(b"\n")[:SAMPLE_LINES]
    best, score = "", 0
    for name in TEMPLATES:
        pattern = compile_template(TEMPLATES[name]).pattern
        hits = sum(1 for line in lines if pattern.match(line))
        if hits > score:
            best, score = name, hits
    if not best and any(_HAPROXY.search(line) for line in lines):
        raise RequestError(
            "this looks like HAProxy's `option httplog`, which says the host only if `capture request header Host len "
            "64` is set; give the lines' form with --template, such as '$prefix $remote_addr:$port [$time_local] "
            '$frontend $server $times $status $size $a $b $state $connections $queues {$host} {$answer} "$request"\' '
            "($prefix: what the system log writes before, one variable for each word)"
        )
    if not best:
        raise RequestError(
            "the format of the log can't be told from its first lines; name it with --format "
            f"({', '.join(FORMATS[1:])}) or give its template with --template"
        )
    return best


def _objects(head: bytes) -> list[dict[str, Any]]:
    """The JSON objects among the first lines."""
    found = []
    for line in head.split(b"\n")[:SAMPLE_LINES]:
        if line.lstrip().startswith(b"{"):
            try:
                value = _ANY.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if isinstance(value, dict):
                found.append(value)
    return found


def _over(columns: tuple[tuple[str, str], ...], mapping: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """A mapping laid over another: what the user maps replaces what gave the same part."""
    mapped = {part for part, _ in mapping}
    composite = {"target", "request", "url"} if mapped & {"path", "query", "target", "request", "url"} else set()
    return (*(item for item in columns if item[0] not in mapped | composite), *mapping)
