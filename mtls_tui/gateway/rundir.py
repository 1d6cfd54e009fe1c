"""The run directory: sockets, Envoy's files and copies of server keys; private, in memory where possible, gone after.

Its layout:  admin.sock  status.sock  d0.sock …  envoy.json  envoy.log  xds/{listeners,clusters,routes}.json  ca/*.pem
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from mtls_tui.gateway.settings import GatewayError

PREFIX = "mtls-tui-gateway-"


def bases() -> list[Path]:
    """Folders to make it in, best first: in memory and the user's own."""
    texts = [os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm", tempfile.gettempdir()]  # noqa: S108 - mkdtemp inside
    return [Path(text) for text in texts if text]


def make() -> Path:
    """A new one, mode 0700; those of dead processes are cleared away first."""
    for base in bases():
        if base.is_dir() and os.access(base, os.W_OK | os.X_OK) and len(os.fsencode(base)) < 60:
            sweep(base)
            path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))
            for name in ("xds", "ca"):
                (path / name).mkdir(mode=0o700)
            return path
    raise GatewayError("no folder for the run directory can be written; set XDG_RUNTIME_DIR or TMPDIR")


def sweep(base: Path) -> None:
    """Remove our run directories whose process is dead: they hold copies of keys."""
    for path in base.glob(f"{PREFIX}*"):
        text = path.name.removeprefix(PREFIX).partition("-")[0]
        try:
            if path.is_symlink() or path.stat().st_uid != os.geteuid() or not text.isdigit() or is_alive(int(text)):
                continue
        except OSError:
            continue
        shutil.rmtree(path, ignore_errors=True)


def is_alive(process: int) -> bool:
    """Whether a process of this number exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def write(path: Path, data: bytes) -> None:
    """Put a file in place in one step, mode 0600: Envoy looks when the name moves."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)
