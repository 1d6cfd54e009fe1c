"""What is not described: said once, caught where a clause becomes an atom of its own."""

from __future__ import annotations


class OpaqueError(Exception):
    """A clause that is not described; the message says which part."""
