"""Verbs as a user types them: arguments in, exit code and both streams out, in this process."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtls_tui.cli import main

SAMPLES = Path(__file__).parents[2] / "sample_rules"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def mtls_tui(monkeypatch, capfd):
    """Call it like the command; `stdin` are the bytes of standard input."""

    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["mtls-tui", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err + captured.out
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def sample(tmp_path):
    """A copy of a sample rule file with what it refers to."""
    import shutil

    folder = tmp_path / "samples"
    shutil.copytree(SAMPLES, folder)
    return lambda name: next(folder.glob(f"{name}*.rules.toml"))
