"""Copying that works where people are: inside tmux, over SSH, locally. Says which way it went."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

MAX_OSC52 = 74_994
"""Bytes of text that terminals take (xterm's limit of 100,000 for the encoded form)."""


def copy(text: str, by_terminal: Callable[[str], None]) -> str:
    """Copy a text to the clipboard, `by_terminal` unless tmux does it; returns how, in words for the user."""
    if os.environ.get("TMUX") and shutil.which("tmux"):
        done = _tmux(text)
        if done:
            return done
    if len(text.encode()) <= MAX_OSC52:
        by_terminal(text)
        return "copied through the terminal (OSC 52); if paste gives nothing, the terminal does not allow it"
    return "too long to copy through the terminal: use $EDITOR (F12)"


def _tmux(text: str) -> str:
    """Tmux's own buffer and, with `-w` (3.2 and later), the terminal's clipboard; works with default settings."""
    for arguments, words in (
        (["tmux", "load-buffer", "-w", "-"], "copied by tmux, to its buffer and the terminal's clipboard"),
        (["tmux", "load-buffer", "-"], "copied to tmux's buffer (prefix ] pastes)"),
    ):
        try:
            subprocess.run(arguments, input=text.encode(), check=True, timeout=2, capture_output=True)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            continue
        return words
    return ""
