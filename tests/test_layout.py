"""Import directions that a static graph can't see: each headless package in a process of its own."""

import subprocess
import sys

import pytest

HEADLESS = ["lang", "pki", "engine", "rulefile", "search", "analysis", "simulate", "targets", "gateway", "cli"]


@pytest.mark.parametrize("package", HEADLESS)
def test_headless_package_does_not_import_textual(package):
    code = f"import sys, mtls_tui.{package}; sys.exit('textual' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("package", "banned"), [("lang", "socket asyncio ssl"), ("engine", "asyncio ssl subprocess")])
def test_language_and_engine_open_no_sockets(package, banned):
    # cryptography's names import email.utils, which imports the module socket and opens none
    code = f"import sys, mtls_tui.{package}; sys.exit(any(name in sys.modules for name in '{banned}'.split()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
