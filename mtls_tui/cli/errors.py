"""How a verb says that its input is unusable: raise `InputError`, and the command ends with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """Unusable input: the message names the place and the cure; nothing of the user's was changed."""


@contextmanager
def as_input_error(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds become an `InputError` with their words. For a `with`, or as a decorator."""
    try:
        yield
    except kinds as error:
        raise InputError(str(error)) from None
