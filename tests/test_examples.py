"""Every Python example of the pages runs as it stands, in a folder that has the files it names."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtls_tui import rulefile
from mtls_tui.pki.authority import Authority
from tests.conftest import ROOT
from tests.gateway.site import Site

HERE = {"docs/proxies/README.md": "runs under real servers in tests/gateway"}
RULES = """\
version = 1

[[hosts]]
name = "api.example.com"
mtls = true
anchors = ["ca.pem"]

[[rules]]
ref = "mtls-api"
expression = 'http.host in {"api.example.com"} and not cf.tls_client_auth.cert_verified'
action = "block"

[[tests]]
name = "no certificate"
url = "https://api.example.com/"
certificate = "none"
expect = { action = "block", rule = "mtls-api" }
"""


def examples():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        name = str(page.relative_to(ROOT))
        for number, code in enumerate(re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)):
            if name not in HERE:
                marks = [pytest.mark.gateway] if "Gateway(" in code else []
                yield pytest.param(code, id=f"{name}-{number}", marks=marks)


@pytest.fixture
def folder(tmp_path):
    """Rule files of the names that examples use, a client certificate, and a bundle with a server certificate."""
    authority = Authority.init(tmp_path / "ca", cn="Example authority", at=datetime.now(UTC))
    shutil.copy(authority.folder / "ca.pem", tmp_path)
    (tmp_path / "client.pem").write_bytes(authority.issue(cn="client", at=datetime.now(UTC)).certificate_pem())
    for name in ("api", "payments"):
        (tmp_path / f"{name}.rules.toml").write_text(RULES)
    rulefile.export(rulefile.load(tmp_path / "api.rules.toml"), tmp_path / "api.bundle.json")
    return tmp_path


def run(folder: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, input=code, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("code", examples())
def test_every_python_example_runs(code, folder):
    if "Gateway(" in code:
        pytest.importorskip("envoy", reason="the gateway's extra is not installed")
        (folder / "site").mkdir()
        site = Site(folder / "site", 9)
        site.write(path=folder / "api.bundle.json")
    if "import pytest" in code:
        (folder / "test_example.py").write_text(code)
        done = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py")
        assert "passed" in done.stdout, done.stdout
    else:
        done = run(folder, "-", code=code)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_of_a_decision_runs_for_a_request_that_is_allowed_and_for_one_that_is_blocked(folder):
    """An allowed request has no rule: an example that forgets it fails for those who do everything right."""
    page = (ROOT / "docs" / "simulate.md").read_text("utf-8")
    code = re.search(r"^```python\n(.*?)^```$", page, re.M | re.S).group(1)
    assert run(folder, "-", code=code).stdout.startswith("allowed")
    blocked = code.replace(', load_chain("client.pem")', "")
    assert blocked != code
    said = run(folder, "-", code=blocked).stdout
    assert said.startswith("blocked") and "by mtls-api" in said
