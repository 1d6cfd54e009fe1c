"""The same rules inside an ASGI application that stands behind a proxy which terminates TLS.

    app = MtlsMiddleware(app, "api.bundle.json", style="rfc9440", trust=["10.0.0.7"])

The proxy must overwrite the certificate's header. What isn't a trusted proxy gets 403. An allowed request reaches the
application with `scope["mtls_tui"]`: rule, verified, fingerprint.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from mtls_tui.engine.fresh_crls import crl_files
from mtls_tui.engine.model import Response
from mtls_tui.gateway import planning, styles
from mtls_tui.gateway.decision import REFUSED, Decider, Verdict
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.questions import Asking, Question
from mtls_tui.gateway.reload import Mark, mark
from mtls_tui.gateway.settings import EscapedSlashes, GatewayError, Limits

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOK_SECONDS = 0.5
_IN_PATHS = "/!$&'()*+,;=:@~"
"""What stands in a path as it is, beside letters, digits and `_.-` (RFC 3986 3.3)."""


class MtlsMiddleware:
    """Decides every HTTP request and websocket by a bundle; takes over a changed one, keeps the last good one.

    Raises GatewayError at once when the bundle is broken: the application doesn't start.
    """

    def __init__(
        self,
        app: Application,
        bundle: Path | str,
        *,
        style: str = "rfc9440",
        trust: Iterable[str] = (),
        verify_key: bytes | None = None,
        shadow: bool = False,
        escaped_slashes: EscapedSlashes = "reject",
        limits: Limits | None = None,
    ) -> None:
        if style not in styles.BY_NAME:
            raise GatewayError(f"style `{style}`: choose one of {', '.join(styles.BY_NAME)}")
        self.app = app
        self.reload_error = ""
        """Why the bundle on disk was refused; empty while it is the one that runs."""
        self._bundle = Path(bundle).absolute()
        self._peers = Peers.of(trust)
        self._style = _of_real_requests(styles.BY_NAME[style])
        self._escaped_slashes = escaped_slashes
        self._verify_key, self._shadow, self._limits = verify_key, shadow, limits or Limits()
        self._lists: dict[str, bytes] = {}
        self._files: tuple[Path, ...] = (self._bundle,)
        self._looked = time.monotonic()
        self._seen: dict[Path, Mark] = {}
        self._decider, self._body = self._load()
        self._loading = asyncio.Lock()

    def _load(self) -> tuple[Decider, bool]:
        before = self._marks()
        data = planning.read_bundle(self._bundle)
        opened = planning.open_bundle(self._bundle, data, self._verify_key, self._lists)
        self._lists = opened.lists
        self._files = (self._bundle, *(Path(path) for path in crl_files(opened.bundle)))
        # Looked at before reading: a file that changes meanwhile, or is new here, is read once more.
        self._seen = {path: before.get(path) for path in self._files}
        body = planning.ask_for(opened.policy.ruleset.fields_read) == "body"
        return Decider(opened.policy, self._read, shadow=self._shadow), body

    def _read(self, asking: Asking) -> Question:
        return styles.read_forwarded(self._style, asking, self._escaped_slashes)

    def _marks(self) -> dict[Path, Mark]:
        return {path: mark(path) for path in self._files}

    async def _refresh(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS or self._loading.locked():
            return
        async with self._loading:
            self._looked = time.monotonic()
            now = self._marks()
            if now == self._seen:
                return
            self._seen = now
            try:
                self._decider, self._body = await asyncio.to_thread(self._load)
                self.reload_error = ""
            except GatewayError as error:
                self.reload_error = str(error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        await self._refresh()
        client = scope.get("client")
        if not client or not self._peers.trusts(str(client[0])):
            await _refuse(scope, send, REFUSED)
            return
        body, truncated = b"", False
        if self._body and scope["type"] == "http":
            body, truncated, receive = await _buffer(receive, self._limits.body_bytes)
        verdict = self._decider.judge(_asking(scope, str(client[0]), body, truncated), time.time())
        if verdict.response is not None:
            await _refuse(scope, send, verdict.response)
            return
        await self.app({**scope, "mtls_tui": _told(verdict)}, receive, send)


def _of_real_requests(style: styles.Style) -> styles.Style:
    """The style of a proxy that passes the request itself on, not a question about it."""
    told = {key: name for key, name in style.told.items() if key not in ("method", "target", "host")}
    return replace(style, told=told)


def _asking(scope: Scope, peer: str, body: bytes, truncated: bool) -> Asking:
    path: bytes = scope.get("raw_path") or quote(str(scope["path"]), safe=_IN_PATHS).encode("ascii")
    if scope.get("query_string"):
        path += b"?" + scope["query_string"]
    headers = [(name.decode("latin-1").lower(), value) for name, value in scope["headers"]]
    return Asking(scope.get("method", "GET"), path.decode("latin-1"), headers, body, peer, truncated)


def _told(verdict: Verdict) -> dict[str, object]:
    line = verdict.line
    return {"rule": line.rule, "verified": line.verified, "revoked": line.revoked, "fingerprint": line.fingerprint}


async def _buffer(receive: Receive, limit: int) -> tuple[bytes, bool, Receive]:
    """The body's beginning, whether it was cut, and a `receive` that gives the application all of it."""
    messages: list[Message] = []
    size, more = 0, True
    while more and size <= limit:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            break
        size += len(message.get("body", b""))
        more = bool(message.get("more_body", False))
    body = b"".join(message.get("body", b"") for message in messages)

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return body[:limit], len(body) > limit, again


async def _refuse(scope: Scope, send: Send, response: Response) -> None:
    body = response.body.encode("utf-8")
    headers = [
        (b"content-type", response.content_type.encode("ascii")),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"cache-control", b"no-store"),
    ]
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": response.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": b"" if scope.get("method") == "HEAD" else body})
