"""Each bad input gives one clear error with the cure, no traceback, exit code 2, and changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = {
    "check": ["check", "{}"],
    "fmt": ["fmt", "{}"],
    "export": ["export", "{}", "-o", "out.bundle.json"],
    "eval": ["eval", "ssl", "--lists", "{}"],
}
RULE = "[[rules]]\nref = 'a'\nexpression = '''ssl'''\n"
CASES = {
    "a syntax error": (b"version = = 1\n", "not TOML"),
    "an unknown key": (b"versoin = 1\n", "did you mean `version`?"),
    "an unknown field": (RULE.replace("ssl", "sl").encode(), "unknown identifier"),
    "a wrong type": (RULE.encode() + b"enabled = 'yes'\n", "true or false"),
    "a missing PEM": (b"[[hosts]]\nname = 'a'\nanchors = ['absent.pem']\n", "no such file"),
    "a directory for a PEM": (b"[[hosts]]\nname = 'a'\nanchors = ['.']\n", "is a directory"),
    "no UTF-8": (b"# \xe9\n", "save the file as UTF-8"),
    "binary": (bytes(range(256)), "UTF-8"),
    "a directory": (None, "is a directory"),
    "an absent file": (None, "no such file"),
    "50 MB": (None, "too large"),
    "a null byte": (b"a = 1\0\n", "not TOML"),
    "a number of 5,000 digits": (b"version = " + b"9" * 5000, "too many digits"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_clear_error(case, verb, mtls_tui, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, words = CASES[case]
    if verb == "fmt" and case in ("a missing PEM", "a directory for a PEM"):
        return  # fmt has no need of the PEM
    path = tmp_path / "x.rules.toml"
    if content is not None:
        path.write_bytes(content)
    elif case == "a directory":
        path.mkdir()
    elif case == "50 MB":
        with path.open("wb") as file:
            file.truncate(50_000_000)
    before = path.stat() if path.exists() else None
    result = mtls_tui(*(argument.format(path) for argument in VERBS[verb]))
    assert result.code == 2
    assert words in result.err
    assert str(path) in result.err
    assert result.err.count("error: ") + result.err.count("mtls-tui: ") >= 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ([path.name] if before else [])
    if before:
        assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_a_folder_that_can_t_be_written_loses_nothing(mtls_tui, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(RULE.replace("ssl", "ssl&&ssl"))
    path.write_text('[[hosts]]\nname = "a"\nmtls = false\n' + path.read_text())
    for target in ("/proc/x.bundle.json", tmp_path / "absent" / "x.json", path / "x.json", tmp_path):
        result = mtls_tui("export", path, "-o", target)
        assert result.code == 2
        assert "cure: " in result.err
        assert str(target) in result.err


def test_text_is_read_and_printed_as_utf8_without_a_locale():
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "mtls_tui", "eval", 'http.host eq "é"', "--explain"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"")
    assert "é".encode() in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["eval", "ssl"], ["eval", "--json", "ssl"], ["--help"], ["prove", "--help"]])
def test_output_that_can_not_be_written_is_an_error_and_no_answer(arguments):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mtls_tui", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "mtls-tui: the output can't be written: No space left on device\n")


def test_a_mistyped_verb_gets_the_nearest_one():
    result = subprocess.run(
        [sys.executable, "-m", "mtls_tui", "chek", "x"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "Did you mean 'check'?" in result.stderr


def test_an_interrupted_command_ends_with_130_and_not_with_a_verdict(monkeypatch):
    from mtls_tui import cli

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Verbs, "get_command", interrupted)
    monkeypatch.setattr(sys, "argv", ["mtls-tui", "check"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
