"""The readme's tour works pasted as it stands: every block, with the answers that its words and comments promise."""

import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtls_tui.demo import workspace

README = Path(__file__).parents[1] / "README.md"


def tour():
    """All shell blocks from the first one that runs in the workspace, as one paste."""
    text = README.read_text("utf-8").split("## Five minutes")[1].split("\n## ")[0]
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S))
    return blocks.split("cd demo\n", 1)[1]


@pytest.mark.gateway
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_tour_pasted_as_blocks_does_what_it_says(tmp_path):
    from mtls_tui.gateway import GatewayError
    from mtls_tui.gateway.envoy import binary as envoy

    try:
        envoy.find()
    except GatewayError as error:
        pytest.skip(str(error))

    ports = workspace.Ports(*workspace.free_ports(28443, 28080, 29443))
    made = workspace.open_or_make(tmp_path / "demo", datetime.now(UTC), ports=ports)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    paste = tour()
    promised = re.findall(r"# (\d{3})$", paste, re.M)
    assert promised == ["403", "200", "403", "200", "403"]
    script = (
        "set -m\n"
        "trap 'echo \"exit $?: $BASH_COMMAND\"' ERR\n"
        f'curl() {{ command curl --resolve api.localhost:{ports.gateway}:127.0.0.1 "$@"; }}\n'
        + paste.replace("8443", str(ports.gateway))
        + "wait\n"
    )
    shell = subprocess.Popen(
        ["bash", "-s"], cwd=made.folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = shell.communicate(script, timeout=120)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    assert re.findall(r"^\d{3}$", said, re.M) == promised, said
    assert "Traceback" not in said, said
    failed = re.findall(r"^exit (\d+): mtls-tui (\w+)", said, re.M)
    assert failed == [("1", "simulate"), ("1", "prove")], said  # the two that the words around them announce
    assert "BLOCKED" in said and "✗ api.localhost" in said
