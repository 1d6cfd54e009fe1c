"""What the gateway does to a request before any rule sees it, as far as its defaults go: a simulation has to say so."""

from __future__ import annotations

import re
from dataclasses import replace

from mtls_tui.engine.model import BODY_BYTES, HttpRequest

_REFUSED = re.compile(r"%(2f|5c|00)", re.IGNORECASE)


def as_served(http: HttpRequest) -> tuple[HttpRequest, tuple[str, ...]]:
    """The request as the gateway's rules would see it, and notes on what differs from the request as given."""
    notes: list[str] = []
    path = http.target.partition("?")[0]
    found = _REFUSED.search(path)
    if found:
        option = "" if found[1] == "00" else "; `serve --escaped-slashes` changes that"
        notes.append(f"the gateway answers 400 to `{found[0]}` in a path, before any rule{option}")
    if http.body is not None and len(http.body) > BODY_BYTES:
        notes.append(f"rules see the first {BODY_BYTES} bytes of the body, and that it is truncated")
        http = replace(http, body=http.body[:BODY_BYTES], body_truncated=True)
    return http, tuple(notes)
