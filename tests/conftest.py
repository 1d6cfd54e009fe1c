"""What all tests share: the developer's home and configuration stay out, conformance data is found, or a sample of it.

Made examples are the same at every run, so that a run can't fail by chance or by a busy machine; to look further,
`pytest --hypothesis-profile=search` makes new ones and keeps those that failed.
"""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mtls_tui import lang

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
SAMPLE = ROOT / "tests" / "data"

settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", settings.get_profile("search"), derandomize=True, database=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _private_home(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    for name in ("CONFIG", "STATE", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("HOME", str(home))
    for name in list(os.environ):
        if name.startswith(("MTLS_TUI_", "TEXTUAL")) and not name.startswith("TEXTUAL_SNAPSHOT"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared():
    """The folder of conformance data beside the checkout; where it is absent, the sample in `tests/data`, or a skip.

    The sample holds only what this project made itself (`tests/data/make.py`); the rest is third-party data.
    """

    def find(name: str) -> Path:
        for path in (SHARED / name, SAMPLE / Path(name).name):
            if path.exists():
                return path
        pytest.skip(f"needs ../shared/{name}: third-party data, not part of the repository")

    return find


@pytest.fixture(scope="session")
def expressions() -> list[str]:
    """Some 450 expressions as they come: from public repositories; without these data, generated ones of the sample."""
    public = SHARED / "conformance" / "real_expressions.jsonl"
    if public.exists():
        texts = [json.loads(line)["expr"] for line in public.read_text("utf-8").splitlines()]
    else:
        with gzip.open(SAMPLE / "engine_verdicts.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts = list({row["expression"]: 0 for row in map(json.loads, lines) if "verdict" in row})
        texts = texts[:: len(texts) // 450]

    def parses(text: str) -> bool:
        try:
            lang.parse(text, max_length=None, check=False)
        except lang.ParseError:
            return False
        return True

    return [text for text in texts if parses(text)]


def pytest_make_parametrize_id(val, argname):
    """Long values are no names: freshly made keys would make each parallel worker see other tests."""
    if isinstance(val, str | bytes) and len(val) > 60:
        return argname
    return None
