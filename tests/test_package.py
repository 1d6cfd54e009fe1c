"""The built wheel holds everything the program needs: it runs from the wheel's files alone."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    pytest.importorskip("hatchling")
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    code = "import mtls_tui, sys; assert sys.argv[1] in mtls_tui.__file__; sys.argv[1:] = sys.argv[2:]; "
    code += "from mtls_tui.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, str(installed), *arguments],
        env=environment, cwd=installed.parent, capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


def test_every_data_file_is_in_the_wheel(installed):
    def data_files(folder):
        return {
            str(path.relative_to(folder))
            for path in (folder / "mtls_tui").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert data_files(installed) == data_files(ROOT)


def test_the_program_starts_from_the_wheel(installed):
    answer = run(installed, "--help")
    assert answer.returncode == 0
    for verb in ("check", "simulate", "serve", "certs"):
        assert verb in answer.stdout


def test_an_expression_is_evaluated_from_the_wheel(installed):
    answer = run(installed, "eval", 'http.host eq "a"', "--field", "http.host=a", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)
