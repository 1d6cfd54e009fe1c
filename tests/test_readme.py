"""The readme's tour works by copy and paste: every command, in its order, with the answer that its comment promises."""

import os
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtls_tui.demo import workspace

README = Path(__file__).parents[1] / "README.md"


def commands():
    tour = README.read_text("utf-8").split("## Five minutes")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", tour, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return lines[lines.index("cd demo") + 1 :]


@pytest.mark.gateway
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_every_command_of_the_tour_does_what_it_says(tmp_path):
    from mtls_tui.gateway import GatewayError, envoy

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

    def run(command):
        return subprocess.run(
            ["bash", "-c", command], cwd=made.folder, env=environment, capture_output=True, text=True, timeout=60
        )

    said, gateway = [], None
    try:
        for line in commands():
            command = line.split("   ")[0].replace("8443", str(ports.gateway))
            if command.startswith("mtls-tui demo"):
                words = command.rstrip(" &").split()
                gateway = subprocess.Popen(words, cwd=made.folder, env=environment, stderr=subprocess.DEVNULL)
                deadline = time.monotonic() + 20
                while workspace.port_is_free(ports.gateway) and time.monotonic() < deadline:
                    time.sleep(0.05)
            elif command == "kill %1":
                gateway.terminate()
                assert gateway.wait(20) == 0
            elif command.startswith("curl"):
                promised = line.rsplit("# ", 1)[1]
                answer = run(
                    f"{command} -sS -o /dev/null -w '%{{http_code}}' --resolve api.localhost:{ports.gateway}:127.0.0.1"
                )
                said.append(answer.stdout)
                assert answer.stdout == promised, f"{line}\n{answer.stderr}"
            else:
                result = run(command)
                assert result.returncode in (0, 1) and "Traceback" not in result.stderr, f"{line}\n{result.stderr}"
    finally:
        if gateway is not None and gateway.poll() is None:
            gateway.kill()
    assert said == ["403", "200", "403", "200", "403"]
