"""The fields of the simulator's request."""

from __future__ import annotations

FIELDS = ("method", "url", "certificate", "ip", "at", "headers", "body", "overrides")
"""The simulator's fields, in the order in which the cursor visits them."""
