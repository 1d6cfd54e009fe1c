"""How a verb says that its input is unusable: raise `InputError`, and the command ends with exit code 2."""

from __future__ import annotations


class InputError(Exception):
    """Unusable input: the message names the place and the cure; nothing of the user's was changed."""
