"""Verdicts that Envoy may remember for a moment: the text in which they travel; `verdict_cache.lua` remembers them.

Only for hosts whose rules read nothing but the host and the certificate. Then equal host and equal certificates (the
whole chain as presented) have equal verdicts until rules, trust or time change: a verdict lives for at most
`Settings.remember_seconds`, belongs to one generation of the bundle (which the route tells, and a reload changes on
live connections), and is not given out near the end of a certificate's validity. Paths that the engine might refuse
for themselves are always asked for. Whatever fails in the Lua leaves the question to the decision service.

Pure text; knows no Envoy configuration and no sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from mtls_tui.gateway.envoy.programs import program

VERDICT_HEADER = "x-mtls-tui-verdict"
"""On an answer of the decision service: what Envoy may remember."""
METADATA = "mtls-tui"
LONGEST = 12_000
"""Characters of a verdict; longer ones are not remembered."""
MOST_REMEMBERED = 2048
"""Verdicts that each thread of Envoy remembers; one more, and it forgets all of them."""
MOST_BYTES = 8 * 1024 * 1024
"""Of all that a thread remembers: anybody can present chains."""

FIELDS = ("action", "status", "type", "body", "statistic", "line")
"""What a verdict tells, in this order; after these come the headers for the upstream, name and value in turn.
`statistic` is where Envoy counts how often it gave the verdict. `line` is
its part of the lines in the access log, ready-made: members of a JSON object."""


def encode(values: dict[str, str], upstream: Sequence[tuple[str, str]]) -> str:
    """A verdict as a header value: percent-encoded parts separated by bars; empty when it is too long."""
    parts = [quote(values.get(name, ""), safe=" ") for name in FIELDS]
    parts += [quote(part, safe=" :/+=,") for pair in upstream for part in pair]
    text = "|".join(parts)
    return text if len(text) <= LONGEST else ""


def lua(remember_milliseconds: int) -> str:
    """The filter: gives remembered verdicts, and learns new ones from what the decision service answers."""
    limits = f"{remember_milliseconds:d}, {MOST_REMEMBERED:d}, {MOST_BYTES:d}"
    return f"local lifetime_milliseconds, most_verdicts, most_bytes = {limits}\n{program('verdict_cache')}"
