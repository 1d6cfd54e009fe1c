"""What to do about a mistake: one line, found from what is wrong and what stands around it."""

from __future__ import annotations

from mtls_tui.lang.failure import Rejected


def hint(text: str, rejected: Rejected) -> str:
    """The advice for a mistake, "" when there is none to give."""
    return ""
