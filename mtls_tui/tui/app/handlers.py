"""Handlers of effects on the terminal and the settings."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from mtls_tui.tui.app import clipboard, settings
from mtls_tui.tui.app.effects import Copy, KeepSetting, Redraw, TakeMouse
from mtls_tui.tui.files import draft
from mtls_tui.tui.registry.effects import Host, handles
from mtls_tui.tui.text.effects import EditOutside


@handles(Redraw)
def _redraw(_: Redraw, host: Host) -> None:
    host.terminal.redraw()


@handles(TakeMouse)
def _mouse(effect: TakeMouse, host: Host) -> None:
    host.terminal.use_mouse(effect.on)


@handles(Copy)
def _copy(effect: Copy, host: Host) -> None:
    host.dispatch("notice.show", text=clipboard.copy(effect.text, host.terminal.copy_to_clipboard), kind="good")


@handles(EditOutside)
def _edit(effect: EditOutside, host: Host) -> None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    folder = draft.folder().parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w+", suffix=".rules", dir=folder, encoding="utf-8") as file:
        file.write(effect.text + "\n")
        file.flush()
        try:
            with host.terminal.suspend():
                done = subprocess.run([*shlex.split(command), file.name], check=False)  # noqa: S603
        except (OSError, ValueError) as error:
            host.dispatch("notice.show", text=f"{command}: {error}; set $EDITOR", kind="bad")
            return
        finally:
            host.terminal.redraw()
        new = Path(file.name).read_text(encoding="utf-8", errors="replace")
    if done.returncode != 0:
        text = f"{command} ended with {done.returncode}: nothing was changed"
        host.dispatch("notice.show", text=text, kind="bad")
        return
    host.dispatch(effect.then, text=new)


@handles(KeepSetting)
def _keep(effect: KeepSetting, host: Host) -> None:
    if not host.keeps_settings:
        return
    try:
        settings.write(effect.name, effect.value)
    except (OSError, ValueError) as error:
        host.dispatch("notice.show", text=f"the setting can't be kept: {error}", kind="bad")
