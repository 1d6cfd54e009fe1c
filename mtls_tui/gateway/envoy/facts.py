"""What the decision service tells Envoy of a client's certificates: the text in which it travels. Pure.

The service alone verifies. `inside.lua` remembers what it was told by the whole chain as presented and by the name of
the host, for at most `Settings.remember_seconds`, for one generation of the bundle, and never past the time until which
it holds: a certificate or a list on its way begins or ends then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

FACTS_HEADER = "x-mtls-tui-facts"
"""On an answer of the decision service: what Envoy may remember."""
WANTS_HEADER = "x-mtls-tui-wants"
"""On a question: facts are wanted."""
LONGEST = 24_000
"""Characters of the text; longer ones are not told."""
FOREVER = 1 << 52
"""Milliseconds since 1970."""
PLAIN = ":/+=,"
"""What is not escaped beside letters and digits. No blank: one at an end of a header's value is lost on its way."""


def encode(
    generation: int,
    until: float,
    line: str,
    facts: Mapping[str, object],
    upstream: Iterable[tuple[str, str]],
) -> str:
    """The text as a header value, percent-encoded parts separated by bars; empty when it is too long.

    `until`: POSIX seconds; `line`: members of a JSON object, for the log; `facts`: bytes or Booleans, by field;
    `upstream`: headers for the upstream, should the request be let pass.
    """
    till = FOREVER if math.isinf(until) else int(until * 1000)
    parts = [str(generation), str(till), quote(line, safe=PLAIN), str(len(facts))]
    for name, fact in facts.items():
        parts += [name, f"s{quote(fact, safe=PLAIN)}" if isinstance(fact, bytes) else "t" if fact is True else "f"]
    parts += [quote(part, safe=PLAIN) for pair in upstream for part in pair]
    text = "|".join(parts)
    return text if len(text) <= LONGEST else ""


def chosen(names: Sequence[str], fields: Mapping[str, object]) -> dict[str, object] | None:
    """The facts that rules inside Envoy read; None unless all are known, each as bytes or a Boolean."""
    facts = {name: fields.get(name) for name in names}
    return facts if all(isinstance(fact, bytes | bool) for fact in facts.values()) else None
