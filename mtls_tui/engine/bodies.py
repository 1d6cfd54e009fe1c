"""Request bodies: forms, multipart parts, and what kind of content they look like. Bounded work on hostile input."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

MAX_PARTS = 1000
"""Multipart parts that are looked at."""
MAX_HEADER = 4096
"""Octets of a header value in which parameters are looked for: the search is quadratic in the worst case."""


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One part of a multipart body. Header values are as sent; None where the part has no such header."""

    content: bytes
    name: bytes | None = None
    filename: bytes | None = None
    content_type: bytes | None = None
    disposition: bytes | None = None
    encoding: bytes | None = None


@dataclass(frozen=True)
class Body:
    """A body as far as it was read. `size` is that of the whole body in octets, as far as it is known."""

    content: bytes
    size: int
    truncated: bool
    content_type: bytes = b""

    @cached_property
    def form(self) -> list[tuple[bytes, bytes]]:
        """The fields of a URL-encoded form, undecoded; empty for any other content type."""
        is_form = _media_type(self.content_type) == b"application/x-www-form-urlencoded"
        return split_pairs(self.content) if is_form else []

    @cached_property
    def parts(self) -> list[BodyPart]:
        """The parts of a multipart body (RFC 2046 5.1.1); empty for any other content type."""
        if not _media_type(self.content_type).startswith(b"multipart/"):
            return []
        boundary = parameter(self.content_type, b"boundary")
        return split_parts(self.content, boundary) if boundary else []


def split_pairs(text: bytes) -> list[tuple[bytes, bytes]]:
    """`a=1&b` as pairs in order, nothing decoded; empty parts are left out."""
    pairs = []
    for part in text.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((name, value))
    return pairs


def _media_type(header: bytes) -> bytes:
    return header.partition(b";")[0].strip().lower()


def parameter(header: bytes, name: bytes) -> bytes | None:
    """A parameter of a header value (`form-data; name="x"`), quotes and quoted pairs taken off; None if absent."""
    pattern = rb';\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))'
    for match in re.finditer(pattern, header[:MAX_HEADER], re.DOTALL):
        if match[1].lower() == name:
            return re.sub(rb"\\(.)", rb"\1", match[2], flags=re.DOTALL) if match[2] is not None else match[3]
    return None


def split_parts(content: bytes, boundary: bytes) -> list[BodyPart]:
    """The parts between the delimiters; a last part that was cut off counts with what there is of it."""
    delimiter = b"--" + boundary
    position = 0 if content.startswith(delimiter) else content.find(b"\r\n" + delimiter) + 2
    if position == 1:  # not found
        return []
    parts: list[BodyPart] = []
    while len(parts) < MAX_PARTS:
        line_end = content.find(b"\r\n", position)
        after = position + len(delimiter)
        if content.startswith(b"--", after) or line_end < 0:
            break
        end = content.find(b"\r\n" + delimiter, line_end)
        parts.append(_part(content[line_end + 2 : end if end >= 0 else len(content)]))
        if end < 0:
            break
        position = end + 2
    return parts


def _part(text: bytes) -> BodyPart:
    if text.startswith(b"\r\n"):
        head, content = b"", text[2:]
    else:
        head, _, content = text.partition(b"\r\n\r\n")
    headers: dict[bytes, bytes] = {}
    for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    disposition = headers.get(b"content-disposition")
    return BodyPart(
        content,
        name=parameter(disposition, b"name") if disposition else None,
        filename=parameter(disposition, b"filename") if disposition else None,
        content_type=headers.get(b"content-type"),
        disposition=disposition,
        encoding=headers.get(b"content-transfer-encoding"),
    )


_MAGIC: tuple[tuple[bytes, bytes], ...] = (
    (b"\x89PNG\r\n\x1a\n", b"image/png"),
    (b"\xff\xd8\xff", b"image/jpeg"),
    (b"GIF87a", b"image/gif"),
    (b"GIF89a", b"image/gif"),
    (b"BM", b"image/bmp"),
    (b"II*\x00", b"image/tiff"),
    (b"MM\x00*", b"image/tiff"),
    (b"%PDF-", b"application/pdf"),
    (b"%!PS-", b"application/postscript"),
    (b"PK\x03\x04", b"application/zip"),
    (b"PK\x05\x06", b"application/zip"),
    (b"\x1f\x8b", b"application/gzip"),
    (b"BZh", b"application/x-bzip2"),
    (b"\xfd7zXZ\x00", b"application/x-xz"),
    (b"\x28\xb5\x2f\xfd", b"application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", b"application/x-7z-compressed"),
    (b"Rar!\x1a\x07", b"application/x-rar-compressed"),
    (b"\x7fELF", b"application/x-elf"),
    (b"MZ", b"application/x-msdownload"),
    (b"\xca\xfe\xba\xbe", b"application/java-vm"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"application/x-ole-storage"),
    (b"\x00asm", b"application/wasm"),
    (b"OggS", b"application/ogg"),
    (b"ID3", b"audio/mpeg"),
    (b"fLaC", b"audio/flac"),
    (b"\x1aE\xdf\xa3", b"video/webm"),
)
_RIFF = {b"WEBP": b"image/webp", b"WAVE": b"audio/wav", b"AVI ": b"video/x-msvideo"}
_SNIFFED = 64 * 1024


def sniff(content: bytes) -> bytes:
    """The media type that a content looks like; empty for an empty one. The header is not asked."""
    if not content:
        return b""
    for magic, kind in _MAGIC:
        # Two letters are too common at the start of a text to stand for a file format.
        if content.startswith(magic) and (len(magic) > 2 or not _is_text(content[:512])):
            return kind
    if content[:4] == b"RIFF" and content[8:12] in _RIFF:
        return _RIFF[content[8:12]]
    if content[4:8] == b"ftyp":
        return b"video/mp4"
    head = content[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] in (b"{", b"[") and _is_json(content):
        return b"application/json"
    lowered = head[:256].lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return b"text/html"
    if lowered.startswith(b"<?xml"):
        return b"text/xml"
    if lowered.startswith(b"<svg"):
        return b"image/svg+xml"
    return b"text/plain" if _is_text(content[:_SNIFFED]) else b"application/octet-stream"


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _is_text(content: bytes) -> bool:
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", content):
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end >= len(content) - 3 and error.reason == "unexpected end of data"
    return True
