"""What the simulator says when something given to it can't be used: the place, what is wrong, the cure."""

from __future__ import annotations


class RequestError(ValueError):
    """A request (URL, curl command, HAR, JSON), certificate, field value or log that can't be used."""
