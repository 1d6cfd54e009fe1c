"""A request from a curl command line: what curl would send, worked out without sending it.

Options that can't matter to a rule are passed over; those that could and are not followed are said, and so is
every unknown one. Nothing is dropped in silence.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from urllib.parse import quote_from_bytes

from mtls_tui.engine.model import HttpRequest
from mtls_tui.files import read_bounded
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.requests import curl_options as options
from mtls_tui.simulate.requests.shell import split
from mtls_tui.simulate.requests.url import basic, from_url, header

USER_AGENT = b"curl/8.14.1"
"""What stands for the User-Agent when the command sets none: curl sends its own version."""
BOUNDARY = b"------------------------mtlstuisimulated"
"""curl's boundary is random; a fixed one of the same length keeps the simulation repeatable."""

FileReader = Callable[[str], bytes]
_HTTP_VERSIONS = {
    "http0.9": "HTTP/0.9", "http1.0": "HTTP/1.0", "http1.1": "HTTP/1.1", "http2": "HTTP/2",
    "http2-prior-knowledge": "HTTP/2", "http3": "HTTP/3", "http3-only": "HTTP/3",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What `--cert`, `--key`, `--pass` and `--cert-type` said: paths as written, passphrase in clear."""

    path: str
    key: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    kind: str = ""


@dataclass(frozen=True, slots=True)
class CurlRequest:
    """The request, the client certificate named on the command line, and what the reader should know."""

    http: HttpRequest
    certificate: ClientCertificate | None = None
    notes: tuple[str, ...] = ()


def parse_curl(text: str, *, read: FileReader | None = None) -> CurlRequest:
    """What a curl command would send. `read` gives the bytes of a file named with `@` (default: from disk).

    Raises RequestError for a command that curl would refuse (open quote, missing argument, no URL), for an unreadable
    file, and for the form that only Windows' cmd.exe reads.
    """
    if re.search(r"\^\"|\^\r?\n", text):
        raise RequestError("this is quoted for Windows' cmd.exe; copy it as cURL (bash), or (POSIX)")
    shell = split(text)
    words = list(shell.words)
    while words and (words[0] in ("$", "#", "sudo", "time", "env") or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.S)):
        words.pop(0)
    if not words:
        raise RequestError("the command is empty")
    if PurePath(words[0].replace("\\", "/")).name.lower() not in ("curl", "curl.exe"):
        raise RequestError(f"this is a `{words[0]}` command; it has to begin with `curl` (in a browser: copy as cURL)")
    command = _Command(read or _from_disk)
    command.notes.extend(shell.notes)
    command.arguments(words[1:])
    return command.request()


LARGEST_FILE = 256 * 1024 * 1024
"""Bytes of a file that a command names."""


def _from_disk(name: str) -> bytes:
    try:
        return read_bounded(Path(name).expanduser(), LARGEST_FILE, pipes=True)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; a home folder that nobody has
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RequestError(f"{name!a}: {reason}; the curl command reads this file") from None


class _Command:
    """The state curl builds up while it reads its options from left to right."""

    def __init__(self, read: FileReader) -> None:
        self.read = read
        self.notes: list[str] = []
        self.urls: list[str] = []
        self.method: str | None = None
        self.headers: list[tuple[str, bytes]] = []
        self.removed: set[str] = set()
        self.data: bytes | None = None
        self.data_type = b"application/x-www-form-urlencoded"
        self.json = False
        self.form: list[bytes] = []
        self.upload: bytes | None = None
        self.query: list[str] = []
        self.cookies: list[bytes] = []
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        self.http_version: str | None = None
        self.tls_version = "TLSv1.3"

    # --- reading options -------------------------------------------------------------------------------------

    def arguments(self, words: list[str]) -> None:
        rest = iter(words)
        plain = False
        for word in rest:
            if plain or word == "-" or not word.startswith("-"):
                self.urls.append(word)
            elif word == "--":
                plain = True
            elif word.startswith("--"):
                if self.option(word[2:], word, rest, None):
                    return
            elif self.short(word, rest):
                return

    def short(self, word: str, rest: Iterator[str]) -> bool:
        cluster = word[1:]
        while cluster:
            letter, cluster = cluster[0], cluster[1:]
            name = options.SHORT.get(letter)
            if name is None:
                self.notes.append(f"`-{letter}` is not an option of curl; it was passed over")
                continue
            if name in options.TAKES_ARGUMENT:
                return self.option(name, f"-{letter}", rest, cluster or None)
            if self.option(name, f"-{letter}", rest, None):
                return True
        return False

    def option(self, name: str, written: str, rest: Iterator[str], attached: str | None) -> bool:
        """Take one option; True when what follows belongs to another transfer."""
        if name not in options.KNOWN and name.startswith("no-") and name[3:] in options.KNOWN:
            self.flags.discard(name[3:])
            return False
        if name not in options.KNOWN:
            self.notes.append(f"`{written}` is unknown; it was passed over, and taken to have no argument")
            return False
        argument = ""
        if name in options.TAKES_ARGUMENT:
            value = attached if attached is not None else next(rest, None)
            if value is None:
                raise RequestError(f"`{written}` needs an argument")
            argument = value
        if note := options.SAID_WITH_ARGUMENT.get(name) or options.SAID_WITHOUT_ARGUMENT.get(name):
            self.notes.append(f"`{written}` was passed over: {note}")
        elif name == "next":
            self.notes.append("after `--next` comes another request, which was not read")
            return True
        elif name in options.ACTED_WITH_ARGUMENT:
            self.with_argument(name, argument)
        elif name in options.ACTED_WITHOUT_ARGUMENT:
            self.without_argument(name)
        return False

    def without_argument(self, name: str) -> None:
        if name in _HTTP_VERSIONS:
            self.http_version = _HTTP_VERSIONS[name]
        elif name.startswith("tlsv1"):
            # The option sets the lowest version; a client and server of today settle on 1.3 unless --tls-max is lower.
            self.flags.add(name)
        else:
            self.flags.add(name)

    def with_argument(self, name: str, value: str) -> None:
        if name.startswith("data") or name == "json":
            self.add_data(name, value)
        elif name in ("form", "form-string"):
            self.form.append(self.form_part(value, literal=name == "form-string"))
        elif name == "header":
            self.add_header(value)
        elif name == "url":
            self.urls.append(value)
        elif name == "request":
            self.method = value
        elif name == "cookie":
            if "=" in value:
                self.cookies.append(_bytes(value))
            elif value:
                self.notes.append(f"the cookie file `{value}` is not read; write the cookies as name=value")
        elif name == "url-query":
            self.query.append(value[1:] if value.startswith("+") else _text(self.urlencoded(value)))
        elif name == "upload-file":
            self.upload = b"" if value in ("-", ".") else self.read(value)
            if value in ("-", "."):
                self.notes.append("an upload from standard input is taken as empty")
        elif name == "tls-max":
            if value in ("1.0", "1.1", "1.2", "1.3"):
                self.tls_version = "TLSv1" if value == "1.0" else f"TLSv{value}"
        else:
            self.values[name] = value

    def add_header(self, text: str) -> None:
        if text.startswith("@"):
            for line in self.read(text[1:]).decode("utf-8", "surrogateescape").splitlines():
                if line.strip() and not line.startswith("@"):
                    self.add_header(line)
            return
        name, colon, value = text.partition(":")
        if colon and value.strip():
            self.headers.append(header(name.strip(), value))
        elif colon:
            self.removed.add(name.strip().lower())  # curl: `Name:` removes a header that curl would send
        elif text.rstrip().endswith(";"):
            self.headers.append(header(text.strip()[:-1], b""))  # curl: `Name;` sends it empty
        else:
            self.notes.append(f"the header `{text}` has no colon; curl does not send it")

    def add_data(self, name: str, value: str) -> None:
        if name == "data-urlencode":
            piece = self.urlencoded(value)
        elif name != "data-raw" and value.startswith("@"):
            piece = self.read(value[1:])
            if name in ("data", "data-ascii"):
                piece = piece.translate(None, b"\r\n\0")  # curl strips these from files read by -d
        else:
            piece = _bytes(value)
        if name == "json":
            self.json = True
            self.data = (self.data or b"") + piece
        else:
            self.data = piece if self.data is None else self.data + b"&" + piece

    def urlencoded(self, value: str) -> bytes:
        """`--data-urlencode`: content, =content, name=content, @file, name@file."""
        equals, at = value.find("="), value.find("@")
        if equals >= 0 and (at < 0 or equals < at):
            name, content = value[:equals], _bytes(value[equals + 1 :])
        elif at >= 0:
            name, content = value[:at], self.read(value[at + 1 :])
        else:
            name, content = "", _bytes(value)
        text = quote_from_bytes(content, safe="-._~").replace("%20", "+")  # as curl's tool does
        return _bytes(f"{name}={text}" if name else text)

    def form_part(self, value: str, *, literal: bool) -> bytes:
        name, equals, content = value.partition("=")
        if not equals:
            raise RequestError(f"`-F {value}` has no `=`; write it as name=content or name=@file")
        filename = content_type = None
        if literal:
            raw = _bytes(content)
        else:
            content, *attributes = content.split(";")
            for attribute in attributes:
                key, _, text = attribute.strip().partition("=")
                if key == "type":
                    content_type = text
                elif key == "filename":
                    filename = text.strip('"')
                elif "/" in attribute and content_type:
                    content_type += f";{attribute}"
            if content[:1] in ("@", "<"):
                path = content[1:].strip('"')
                raw = self.read(path)
                if content[0] == "@":
                    filename = filename or PurePath(path).name
                    content_type = content_type or mimetypes.guess_type(path)[0] or "application/octet-stream"
            else:
                raw = _bytes(content.strip('"') if content.startswith('"') else content)
        head = b'Content-Disposition: form-data; name="' + _bytes(name) + b'"'
        if filename is not None:
            head += b'; filename="' + _bytes(filename) + b'"'
        if content_type is not None:
            head += b"\r\nContent-Type: " + _bytes(content_type)
        return b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + raw + b"\r\n"

    # --- what comes of them ----------------------------------------------------------------------------------

    def request(self) -> CurlRequest:
        if not self.urls:
            raise RequestError("there is no URL in the command")
        if len(self.urls) > 1:
            self.notes.append(f"the command has {len(self.urls)} URLs; one was taken")
        # After an unknown option its argument, if it had one, stands where a URL would.
        url = next((url for url in self.urls if "://" in url), self.urls[0])
        if "globoff" not in self.flags:
            url = self.globbed(url)
        if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", url):
            self.notes.append("the URL has no scheme: https was taken, where curl would take http")
        body, default_method, defaults = self.body()
        query = "&".join(self.query)
        if "get" in self.flags and body is not None:
            query = "&".join(filter(None, (query, _text(body))))
            body, default_method = None, "GET"
            defaults.pop("content-type", None)
        if query:
            bare, hash_sign, fragment = url.partition("#")
            joint = "" if bare.endswith("?") else "&" if "?" in bare else "?"
            url = bare + joint + query + hash_sign + fragment
        if "head" in self.flags:
            default_method = "HEAD"
        http = from_url(
            url,
            method=self.method or default_method,
            headers=self.all_headers(defaults, body),
            body=body,
            http_version=self.http_version,
            keep_dots="path-as-is" in self.flags,
        )
        if http.scheme == "https" and self.tls_version != http.tls_version:
            http = replace(http, tls_version=self.tls_version, tls_cipher="ECDHE-ECDSA-AES128-GCM-SHA256")
        return CurlRequest(http, self.certificate(), tuple(dict.fromkeys(self.notes)))

    def body(self) -> tuple[bytes | None, str, dict[str, bytes]]:
        """Body, method that it implies, and headers that curl adds for it."""
        if self.form:
            body = b"".join(self.form) + b"--" + BOUNDARY + b"--\r\n"
            return body, "POST", {"content-type": b"multipart/form-data; boundary=" + BOUNDARY}
        if self.upload is not None:
            return self.upload, "PUT", {}
        if self.data is not None:
            if self.json:
                return self.data, "POST", {"content-type": b"application/json", "accept": b"application/json"}
            return self.data, "POST", {"content-type": self.data_type}
        return None, "GET", {}

    def all_headers(self, defaults: dict[str, bytes], body: bytes | None) -> list[tuple[str, bytes]]:
        """Headers in curl's order: its own first (those not replaced or removed), then the user's."""
        own: list[tuple[str, bytes]] = []
        values = self.values
        if "user" in values:
            user, _, password = values["user"].partition(":")
            own.append(("authorization", basic(user.replace("%", "%25"), password.replace("%", "%25"))))
        if "oauth2-bearer" in values:
            own.append(("authorization", b"Bearer " + _bytes(values["oauth2-bearer"])))
        if "range" in values:
            own.append(("range", b"bytes=" + _bytes(values["range"])))
        agent = _bytes(values["user-agent"]) if "user-agent" in values else USER_AGENT
        if agent:
            own.append(("user-agent", agent))
        own.append(("accept", defaults.pop("accept", b"*/*")))
        if "referer" in values and (referer := values["referer"].removesuffix(";auto")):
            own.append(("referer", _bytes(referer)))
        if self.cookies:
            own.append(("cookie", b";".join(self.cookies)))
        if "compressed" in self.flags:
            own.append(("accept-encoding", b"deflate, gzip, br, zstd"))
        if body is not None:
            own.append(("content-length", str(len(body)).encode()))
        own.extend(defaults.items())
        given = {name for name, _ in self.headers}
        return [item for item in own if item[0] not in given | self.removed] + self.headers

    def certificate(self) -> ClientCertificate | None:
        text = self.values.get("cert")
        if text is None:
            if "key" in self.values:
                self.notes.append("`--key` without `--cert` has no effect")
            return None
        # curl splits at the first colon that has no backslash before it; `\\:` and `\\\\` are escapes.
        pieces = re.match(r"((?:[^:\\]|\\.|\\$)*)(?::(.*))?\Z", text, re.S)
        path, passphrase = (pieces[1], pieces[2]) if pieces else (text, None)
        return ClientCertificate(
            re.sub(r"\\([:\\])", r"\1", path),
            self.values.get("key"),
            self.values.get("pass", passphrase),
            self.values.get("cert-type", "").upper(),
        )

    def globbed(self, url: str) -> str:
        """The first of the URLs that curl's globbing makes: `{a,b}` gives a, `[1-3]` gives 1."""
        first = re.sub(r"\{([^{},]*)(?:,[^{}]*)*\}", r"\1", url)
        first = re.sub(r"\[(\w+)-\w+(?::\d+)?\]", r"\1", first)
        if first != url:
            self.notes.append(f"curl would make several requests from `{url}`; the first was taken")
        return first


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
