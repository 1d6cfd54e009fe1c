"""A request as the gateway's Envoy tells it: to the decision service (`http`), and to compiled rules (`tables`)."""

from dataclasses import dataclass, field

from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.lua import Compiled
from mtls_tui.engine.model import HttpRequest
from mtls_tui.gateway.questions import canonical_host
from mtls_tui.pki import facts_absent


@dataclass(frozen=True)
class Wire:
    """What Envoy knows; `facts` are those of the certificate that differ from those of no certificate."""

    host: str = "a.example"
    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, bytes], ...] = ()
    address: str = "192.0.2.1"
    protocol: str = "HTTP/2"
    tls_version: str = "TLSv1.3"
    tls_cipher: str = "AEAD-AES128-GCM-SHA256"
    milliseconds: int = 1_795_168_800_123
    facts: dict = field(default_factory=dict)

    @property
    def http(self) -> HttpRequest:
        """As `gateway.questions` makes it. Raises `MalformedError`."""
        host = canonical_host(self.host)
        return HttpRequest(
            method=self.method, scheme="https", host=host, target=self.target, normalised=True,
            headers=(("host", host.encode()), *self.headers), client_ip=self.address, http_version=self.protocol,
            tls_version=self.tls_version, tls_cipher=self.tls_cipher,
        )  # fmt: skip

    def view(self) -> RequestView:
        return RequestView(self.http, self.milliseconds / 1000)

    def fields(self) -> dict:
        """What the engine decides on. Raises for a request that it blocks before any rule."""
        return compute(self.view(), EXTRACTORS.items()) | facts_absent() | self.facts

    def tables(self, lua, compiled: Compiled):
        """What `decide` gets: what the compiled rules say they need, and nothing else."""
        named = compiled.headers
        headers = [
            part for name, value in self.headers if named is None or name in named for part in (name.encode(), value)
        ]
        given = {
            "host": self.host.encode(), "method": self.method.encode(),
            "target": self.target.encode("utf-8", "surrogateescape"), "headers": lua.runtime.table_from(headers),
            "address": self.address.encode(), "protocol": self.protocol.encode(),
            "tls_version": self.tls_version.encode(), "tls_cipher": self.tls_cipher.encode(),
            "milliseconds": self.milliseconds,
        }  # fmt: skip
        facts = facts_absent() | self.facts
        return (
            lua.table({name: value for name, value in given.items() if name in compiled.reads}),
            lua.table({name: facts[name] for name in compiled.facts}),
        )
