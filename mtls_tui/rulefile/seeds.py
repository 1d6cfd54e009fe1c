"""What a new rule file, and a new mTLS rule, begin with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mtls_tui.engine import hostnames
from mtls_tui.rulefile.edit import fresh_name, insert_host, insert_rule
from mtls_tui.rulefile.errors import Problem, RuleFileError
from mtls_tui.rulefile.model import RuleFile

EMPTY = """\
# Rules of mtls-tui: who may reach which host. Paths are relative to this file.
version = 1
"""


def default_expression(hostnames_: Iterable[str], *, block_revoked: bool = False) -> str:
    """The expression that Cloudflare's "Create mTLS rule" makes: these hosts need a valid certificate.

    A revoked certificate counts as verified there; `block_revoked` also asks for one that isn't revoked.

    A wildcard (`*.example.com`) becomes a `wildcard` clause, since `in` compares whole names.
    """
    names = list(hostnames_)
    exact = [name for name in names if not name.startswith("*.")]
    clauses = []
    if exact:
        clauses.append("http.host in {" + " ".join(f'"{name}"' for name in exact) + "}")
    clauses += [f'http.host wildcard "{name}"' for name in names if name.startswith("*.")]
    hosts = clauses[0] if len(clauses) == 1 else "(" + " or ".join(clauses) + ")"
    invalid = "not cf.tls_client_auth.cert_verified"
    if block_revoked:
        invalid = f"({invalid} or cf.tls_client_auth.cert_revoked)"
    return f"({hosts} and {invalid})"


def slug(name: str) -> str:
    """A name as a ref: `mtls-api-clients`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100] or "rule"


def add_mtls_rule(
    rulefile: RuleFile,
    name: str,
    names: Iterable[str],
    *,
    at: int | None = None,
    ref: str | None = None,
    block_revoked: bool = False,
    **host_settings: Any,
) -> RuleFile:
    """With Cloudflare's default mTLS rule for some host names: block when no valid certificate is presented.

    A revoked certificate still counts as valid in it, unless `block_revoked`. `name` becomes the description, and the
    ref when none is given. Host names that the file doesn't have yet are added with `mtls = true` and `host_settings`
    (`anchors`, `upstream`, …). Raises `RuleFileError` for a name that is not a host name.
    """
    hosts = []
    for given in names:
        try:
            hosts.append(hostnames.configured(given.strip()))
        except hostnames.HostnameError as error:
            raise RuleFileError(
                Problem("value", f"`{given}` is not a host name: {error}", rulefile.name, cure="like api.example.com")
            ) from None
    if not hosts:
        raise RuleFileError(Problem("value", "no host name is given", rulefile.name, cure="name at least one"))
    known = {_form(host.name) for host in rulefile.hosts}
    for host in dict.fromkeys(hosts):
        if host not in known:
            rulefile = insert_host(rulefile, {"name": host, "mtls": True, **host_settings})
    taken = {rule.ref for rule in rulefile.rules}
    chosen = ref or slug(name)
    if chosen in taken and ref is None:
        chosen = fresh_name(chosen, taken)
    rule = {
        "ref": chosen,
        "description": name,
        "expression": default_expression(dict.fromkeys(hosts), block_revoked=block_revoked),
        "action": "block",
        "enabled": True,
    }
    return insert_rule(rulefile, rule, at)


def _form(name: str) -> str:
    try:
        return hostnames.configured(name)
    except hostnames.HostnameError:
        return name
