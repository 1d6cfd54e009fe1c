"""The keys of a rule file, as types: what a table may hold. Reading, checking and JSON Schema all follow from them.

Nothing here looks at a value's meaning (does the PEM exist, does the expression parse): that is `checks`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from mtls_tui.pki.store import CrlPolicy, RevocationScope

VERSION = 1

RuleAction: TypeAlias = Literal["block", "log", "skip", "managed_challenge", "js_challenge", "challenge"]
ListKind: TypeAlias = Literal["ip", "hostname", "asn"]
ContentType: TypeAlias = Literal["text/plain", "text/html", "text/xml", "application/json"]
ExpectedAction: TypeAlias = Literal["allow", "block", "log", "skip", "managed_challenge", "js_challenge", "challenge"]
Must: TypeAlias = Literal["blocked", "allowed"]
Who: TypeAlias = Literal["any", "none", "untrusted", "revoked", "trusted"]

NonEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]
FilePath: TypeAlias = Annotated[str, Meta(min_length=1, description="Path of a file, relative to this rule file.")]


class TableEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What all tables share: immutable, unknown keys are errors, defaults are not written."""


class HostEntry(TableEntry, frozen=True):
    """`[[hosts]]`: one host name and how certificates are asked for and trusted on it."""

    name: Annotated[NonEmpty, Meta(description="Host name, `*.example.com`, or an IP address; no port.")]
    mtls: Annotated[bool, Meta(description="Ask clients for a certificate.")] = True
    anchors: Annotated[tuple[FilePath, ...], Meta(description="PEM files of the trusted authorities.")] = ()
    intermediates: Annotated[tuple[FilePath, ...], Meta(description="PEM files that help to build paths.")] = ()
    crls: Annotated[tuple[FilePath, ...], Meta(description="Revocation lists, PEM or DER.")] = ()
    crl_policy: Annotated[
        CrlPolicy | None,
        Meta(description="`require` (default with any CRL): no usable CRL means not verified. `soft`: it is ignored."),
    ] = None
    revocation: Annotated[RevocationScope | None, Meta(description="Ask for the whole path (default) or the leaf.")] = (
        None
    )
    upstream: Annotated[str | None, Meta(description="Where the gateway sends requests: http://… or https://…")] = None
    upstream_ca: Annotated[FilePath | None, Meta(description="PEM of the authority of an https upstream.")] = None
    server_certificate: Annotated[FilePath | None, Meta(description="The gateway's certificate for this host.")] = None
    server_key: Annotated[FilePath | None, Meta(description="The key of that certificate.")] = None


class ListEntry(TableEntry, frozen=True):
    """`[lists.NAME]`: what `$NAME` stands for."""

    kind: ListKind
    items: tuple[str | int, ...] = ()
    description: str = ""


class ResponseEntry(TableEntry, frozen=True):
    """What a blocked client gets."""

    status: Annotated[int, Meta(ge=400, le=499)] = 403
    content_type: ContentType = "text/plain"
    body: Annotated[str, Meta(max_length=2048)] = ""


class RuleEntry(TableEntry, frozen=True):
    """`[[rules]]`: one rule. `expression` is its text as written in the file."""

    ref: Annotated[NonEmpty, Meta(max_length=128, description="Stable name, unique in the file.")]
    expression: Annotated[str, Meta(description="In the Cloudflare Rules language.")]
    description: Annotated[str, Meta(max_length=500)] = ""
    action: RuleAction = "block"
    enabled: bool = True
    shadow: Annotated[bool, Meta(description="Report what would be blocked, block nothing.")] = False
    response: ResponseEntry | None = None


class PropertyEntry(TableEntry, frozen=True):
    """`[[properties]]`: what has to happen to all requests of a kind. It is proved, and decides nothing."""

    name: Annotated[NonEmpty, Meta(max_length=200, description="What has to hold, in words; unique in the file.")]
    expect: Annotated[Must, Meta(description="What every such request has to get.")]
    hosts: Annotated[
        tuple[NonEmpty, ...], Meta(description="Requests for these hosts; none given: for every host.")
    ] = ()
    when: Annotated[NonEmpty, Meta(description="The requests that are meant: an expression. Default: all.")] = "true"
    unless: Annotated[NonEmpty | None, Meta(description="Of these, the ones that are not meant: an expression.")] = None
    client: Annotated[
        Who, Meta(description="What the client comes with: no certificate, one that is not valid, revoked, valid.")
    ] = "any"


class ExpectEntry(TableEntry, frozen=True):
    """What a test expects: the action, the rule that decides, the value of clauses (expression to Boolean)."""

    action: ExpectedAction | None = None
    rule: str | None = None
    clauses: dict[str, bool] = {}


class TestEntry(TableEntry, frozen=True):
    """`[[tests]]`: a request, the certificate it comes with, the expected verdict."""

    __test__ = False  # pytest would collect it by its name

    name: NonEmpty
    url: NonEmpty
    expect: ExpectEntry
    method: NonEmpty = "GET"
    headers: dict[str, str | tuple[str, ...]] = {}
    body: str | None = None
    ip: str | None = None
    at: Annotated[
        Any,
        Meta(
            description="When: a TOML date-time, an RFC 3339 text, or POSIX seconds.",
            extra_json_schema={"type": ["string", "number"]},
        ),
    ] = None
    set: Annotated[dict[str, Any], Meta(description="Field values that win over what the request gives.")] = {}
    certificate: Annotated[
        NonEmpty,
        Meta(
            description="none, good, expired, not_yet_valid, revoked, foreign, self_signed, server_purpose "
            "or a PEM file."
        ),
    ] = "none"


class FileEntry(TableEntry, frozen=True):
    """The whole file."""

    version: Annotated[int, Meta(ge=1, le=VERSION)] = VERSION
    anchors: tuple[FilePath, ...] = ()
    intermediates: tuple[FilePath, ...] = ()
    crls: tuple[FilePath, ...] = ()
    hosts: tuple[HostEntry, ...] = ()
    lists: dict[str, ListEntry] = {}
    rules: tuple[RuleEntry, ...] = ()
    properties: tuple[PropertyEntry, ...] = ()
    tests: tuple[TestEntry, ...] = ()


KEYS: dict[type[TableEntry], tuple[str, ...]] = {
    struct: struct.__struct_fields__
    for struct in (FileEntry, HostEntry, ListEntry, RuleEntry, ResponseEntry, PropertyEntry, TestEntry, ExpectEntry)
}
"""The keys of each table, in the order in which they are written."""
