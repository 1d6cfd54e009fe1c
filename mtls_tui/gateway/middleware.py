"""The same rules inside an ASGI application that stands behind a proxy which terminates TLS.

    app = MtlsMiddleware(app, "api.bundle.json", style="rfc9440", secret=os.environ["MTLS_TUI_SECRET"])

The proxy must overwrite the certificate's header. What doesn't come from the proxy (see `senders`) gets 403. An allowed
request reaches the application with `scope["mtls_tui"]`: rule, verified, revoked, fingerprint; and with `Client-Cert`
only when the certificate is verified and not revoked. Every refusal is logged with its reason (`mtls_tui.middleware`):
what a rule blocked as INFO, everything else as WARNING.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from mtls_tui.engine.model import Response
from mtls_tui.gateway import planning, proxy_styles
from mtls_tui.gateway.crlstore import CrlStore
from mtls_tui.gateway.decision import REFUSED, Decider, GatewayVerdict, told_upstream
from mtls_tui.gateway.parts import PassedPart, needed
from mtls_tui.gateway.questions import Question, RawQuestion
from mtls_tui.gateway.reload import LONGEST_RETRY, Mark, mark
from mtls_tui.gateway.senders import SECRET_HEADER, Senders
from mtls_tui.gateway.settings import EscapedSlashes, GatewayError, Limits
from mtls_tui.gateway.stripping import stands_for_certificate

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LOG = logging.getLogger("mtls_tui.middleware")
LOOK_SECONDS = 0.5
_IN_PATHS = "/!$&'()*+,;=:@~"
"""What stands in a path as it is, beside letters, digits and `_.-` (RFC 3986 3.3)."""


class MtlsMiddleware:
    """Decides every HTTP request and websocket by a bundle; takes over a changed one, keeps the last good one.

    Raises GatewayError at once when the bundle is broken, or reads what the proxy does not pass on: the application
    doesn't start. `secret` is what the proxy sends as X-Mtls-Tui-Secret (several: each is taken, for a change of it).
    `trust` names the proxy's addresses or networks, or the Unix socket (`unix:PATH`) that it comes by; with a secret,
    both must be right. Neither: loopback.
    """

    def __init__(
        self,
        app: Application,
        bundle: Path | str,
        *,
        style: str = "rfc9440",
        secret: str | Sequence[str] | None = (),
        trust: Iterable[str] = (),
        verify_key: bytes | None = None,
        shadow: bool = False,
        escaped_slashes: EscapedSlashes = "reject",
        limits: Limits | None = None,
        state_dir: Path | None = None,
    ) -> None:
        if style not in proxy_styles.BY_NAME:
            raise GatewayError(f"style `{style}`: choose one of {', '.join(proxy_styles.BY_NAME)}")
        self.app = app
        self.reload_error = ""
        """What on disk was refused, and why; empty while it is what runs. It is tried again until it is taken."""
        self._bundle = Path(bundle).absolute()
        self._senders = Senders.of(secret, trust)
        self._style = of_applications(proxy_styles.BY_NAME[style])
        self._escaped_slashes = escaped_slashes
        self._verify_key, self._shadow, self._limits = verify_key, shadow, limits or Limits()
        self._lists = CrlStore(state_dir)
        self._data: bytes | None = None
        self._retry_at = 0.0
        self._files: tuple[Path, ...] = (self._bundle,)
        self._looked = time.monotonic()
        self._seen: dict[Path, Mark] = {}
        self._decider, self._needs = self._load()
        self._loading = asyncio.Lock()

    def _load(self) -> tuple[Decider, frozenset[PassedPart]]:
        before = self._marks()
        refused: list[str] = []
        try:
            data = planning.read_bundle(self._bundle)
            opened = self._open(data)
        except Exception as error:
            if self._data is None:
                raise
            # A broken bundle stops no newer revocation list.
            refused.append(str(error))
            data = self._data
            opened = self._open(data)
        self._data = data
        self._lists.keep(opened.lists)
        self._files = (self._bundle, *opened.seen)
        # Looked at before reading: a file that changes meanwhile, or is new here, is read again.
        self._seen = {path: before.get(path) for path in self._files}
        self.reload_error = "; ".join((*refused, *opened.refused))
        needs = needed(opened.policy)

        def read(asking: RawQuestion) -> Question:
            return proxy_styles.read_forwarded(self._style, asking, self._escaped_slashes, needs)

        return Decider(opened.policy, read, shadow=self._shadow), needs

    def _open(self, data: bytes) -> planning.Opened:
        first = self._data is None
        opened = planning.open_bundle(self._bundle, data, self._verify_key, self._lists, strict=first)
        proxy_styles.check(self._style, opened.policy, str(self._bundle))
        return opened

    def _marks(self) -> dict[Path, Mark]:
        return {path: mark(path) for path in self._files}

    async def _refresh(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS or self._loading.locked():
            return
        async with self._loading:
            self._looked = time.monotonic()
            now = self._marks()
            if now == self._seen and not (self.reload_error and self._looked >= self._retry_at):
                return
            self._seen = now
            before = self.reload_error
            try:
                self._decider, self._needs = await asyncio.to_thread(self._load)
            except Exception as error:  # the last good decider stays
                self.reload_error = f"{type(error).__name__}: {error}"
            if self.reload_error and self.reload_error != before:
                LOG.warning("reload refused, its last good state stays: %s", self.reload_error)
            self._retry_at = time.monotonic() + LONGEST_RETRY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: decide, then call the application or answer for it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        await self._refresh()
        doubt = self._senders.doubt(scope)
        if doubt is not None:
            LOG.warning("refused: not from the proxy: %s", doubt)
            await _refuse(scope, send, REFUSED)
            return
        # Both of one bundle: another may be taken over while the body comes in.
        decider, needs = self._decider, self._needs
        body, truncated = b"", False
        if "body" in needs and scope["type"] == "http":
            body, truncated, receive = await _buffer(receive, self._limits.body_bytes)
        verdict = decider.judge(_asking(scope, body, truncated), time.time())
        if verdict.response is not None:
            ruled = verdict.outcome is not None and verdict.outcome.decision.rule is not None
            # `ascii`: parts of the reason are what a client wrote.
            LOG.log(logging.INFO if ruled else logging.WARNING, "refused: %s", ascii(verdict.line.reason)[1:-1])
            await _refuse(scope, send, verdict.response)
            return
        await self.app({**scope, "headers": _cleaned(scope, verdict), "mtls_tui": _told(verdict)}, receive, send)


def of_applications(style: proxy_styles.ProxyStyle) -> proxy_styles.ProxyStyle:
    """The style of a proxy that passes the request itself on, with its body, and no question about it."""
    told = {key: name for key, name in style.told.items() if key not in ("method", "target", "host")}
    hop = proxy_styles.HOP_HEADERS - {"content-length", "expect", "upgrade"}
    return replace(style, told=told, body=True, question=False, joined="", hop=hop)


def _asking(scope: Scope, body: bytes, truncated: bool) -> RawQuestion:
    path: bytes = scope.get("raw_path") or quote(str(scope["path"]), safe=_IN_PATHS).encode("ascii")
    if scope.get("query_string"):
        path += b"?" + scope["query_string"]
    headers = [(name.decode("latin-1").lower(), value) for name, value in scope["headers"]]
    headers = [(name, value) for name, value in headers if name != SECRET_HEADER]
    return RawQuestion(scope.get("method", "GET"), path.decode("latin-1"), headers, body, body_truncated=truncated)


def _cleaned(scope: Scope, verdict: GatewayVerdict) -> list[tuple[bytes, bytes]]:
    """The headers for the application: of those that stand for a certificate, only the verified one."""
    headers = [(name, value) for name, value in scope["headers"] if not stands_for_certificate(name.decode("latin-1"))]
    told, too_long = told_upstream(verdict, ("client-cert", "client-cert-chain"))
    if too_long:
        LOG.warning("not told to the application, since too long: %s", ", ".join(too_long))
    return headers + [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told]


def _told(verdict: GatewayVerdict) -> dict[str, object]:
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
