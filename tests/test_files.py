"""Files are read without waiting and within a bound, and written whole or not at all, whoever asks for it."""

import os
import shlex
import signal
import stat
import threading
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from mtls_tui import files
from mtls_tui.cli import group
from mtls_tui.cli.errors import InputError
from mtls_tui.engine.bundle import MAX_BYTES
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.files import FileError, near, read_bounded, write_atomically, write_new
from mtls_tui.gateway import credentials, crlfiles
from mtls_tui.gateway.crlstore import CrlStore
from mtls_tui.gateway.settings import GatewayError
from mtls_tui.pki.authority import Authority, AuthorityError, load_key
from mtls_tui.rulefile.materials import MaterialError, certificates
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.requests.curl import parse_curl
from mtls_tui.tui.app import settings
from mtls_tui.tui.authority import jobs

RULES = "version = 1\n"
URL = "https://api.example.com/"


@contextmanager
def without_waiting(seconds=120):
    """Fails when the block is still at it after a time that is long for a busy machine."""

    def late(*_):
        raise AssertionError("waited for somebody to write to a FIFO")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


VERBS = [
    "check FIFO",
    "fmt FIFO",
    "export FIFO -o OUT",
    "export RULES -o OUT --sign FIFO",
    "convert FIFO --to cloudflare",
    "convert FIFO --to rules",
    "test FIFO",
    f"simulate FIFO --url {URL}",
    f"simulate RULES --url {URL} --cert FIFO",
    f"simulate RULES --url {URL} --body FIFO",
    "simulate RULES --har FIFO",
    f"simulate RULES --curl 'curl {URL} -d @FIFO'",
    f"simulate RULES --url {URL} --cert RULES --passphrase-file FIFO",
    "eval ssl --lists FIFO",
    "prove FIFO",
    "prove RULES --against FIFO",
    "replay FIFO RULES",
    "replay RULES FIFO",
    "replay RULES RULES --against FIFO",
    "certs show FIFO",
    "certs import FIFO",
    "certs issue --csr FIFO",
    "certs attach FIFO a.example.com",
    "certs --passphrase-file FIFO crl",
    "authz FIFO --style nginx --allow-root --listen unix:SOCKET",
    "authz RULES --style nginx --allow-root --listen unix:SOCKET --verify-key FIFO",
    "serve FIFO --allow-root",
    "serve RULES --allow-root --verify-key FIFO",
]


@pytest.mark.parametrize("command", VERBS)
def test_no_verb_waits_for_a_fifo_that_it_is_given(command, fifo, tmp_path):
    rules = tmp_path / "x.rules.toml"
    rules.write_text(RULES)
    with without_waiting():
        Authority.init(tmp_path / "store", cn="A", at=jobs.now_utc())
        names = {"FIFO": fifo, "RULES": rules, "OUT": tmp_path / "out", "SOCKET": tmp_path / "s"}
        words = shlex.split(command)
        for name, path in names.items():
            words = [word.replace(name, str(path)) for word in words]
        if words[0] == "certs":
            words.insert(1, f"--store={tmp_path / 'store'}")
        result = CliRunner().invoke(group, words)
    assert isinstance(result.exception, SystemExit | InputError), result.exception
    said = f"{result.output} {result.exception}"
    assert result.exit_code and "Usage:" not in said, said
    assert "fifo" in said and ("not a regular file" in said or "nobody writes to" in said), said
    assert not (tmp_path / "out").exists()


def test_no_reader_waits_for_a_fifo(fifo, tmp_path):
    with without_waiting():
        for read, error in (
            (lambda: read_bounded(fifo, 10), FileError),
            (lambda: read_bounded(fifo, 10, pipes=True), FileError),
            (lambda: Ruleset.from_bundle(fifo), OSError),
            (lambda: certificates(fifo), MaterialError),
            (lambda: credentials.load("h", fifo, fifo), GatewayError),
            (lambda: crlfiles._bytes(fifo), GatewayError),
            (lambda: load_key(fifo), AuthorityError),
            (lambda: parse_curl(f"curl https://a/ -d @{fifo}"), RequestError),
            (lambda: jobs.import_foreign(tmp_path, None, path=str(fifo), name=""), AuthorityError),
        ):
            with pytest.raises(error):
                read()
        assert settings.read(fifo).problems
        Authority.init(tmp_path / "store", cn="A", at=jobs.now_utc())
        for name in ("ca.crl", "ca.pem"):
            (tmp_path / "store" / name).unlink()
            os.mkfifo(tmp_path / "store" / name)
            if name == "ca.crl":
                assert Authority(tmp_path / "store").crl_due(jobs.now_utc())
        with pytest.raises(AuthorityError, match="not a regular file"):
            Authority(tmp_path / "store")
        store = CrlStore(tmp_path / "state")
        store.keep({"a.crl": b"x"})
        (kept,) = (tmp_path / "state" / "crls").iterdir()
        kept.unlink()
        os.mkfifo(kept, 0o600)
        with pytest.raises(GatewayError):
            CrlStore(tmp_path / "state").recall(["a.crl"])


def test_a_pipe_that_somebody_writes_to_is_read_where_pipes_are_taken(fifo):
    def write():
        with fifo.open("wb") as pipe:
            pipe.write(b"se")
            pipe.flush()
            pipe.write(b"cret" * 50_000)

    held = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer is there before the reader
    thread = threading.Thread(target=write)
    thread.start()
    with without_waiting():
        data = b""
        while not data:
            try:
                data = read_bounded(fifo, 1_000_000, pipes=True)
            except FileError:
                continue
    thread.join()
    os.close(held)
    assert data == b"se" + b"cret" * 50_000


def test_what_is_no_bounded_regular_file_is_refused_with_path_and_cure(tmp_path):
    big = tmp_path / "big"
    big.write_bytes(b"x" * 11)
    for path, code in (
        (tmp_path / "absent", "missing"),
        (tmp_path, "directory"),
        (big, "too-large"),
        (tmp_path / "a\0b", "unreadable"),
        (files.Path("/dev/zero"), "directory"),
        (files.Path("/proc/self/maps"), "too-large"),  # says it is empty
    ):
        with pytest.raises(FileError) as caught:
            read_bounded(path, 10)
        error = caught.value
        assert (error.code, error.path) == (code, path)
        assert error.cure and str(path) in str(error) and error.cure in str(error)
        assert isinstance(error, OSError) and error.strerror == error.what
    assert read_bounded(big, 11) == b"x" * 11
    assert MAX_BYTES > 0


def test_a_forced_write_has_its_mode_whatever_stood_there_and_whatever_the_umask(tmp_path):
    path = tmp_path / "ca.crl"
    path.write_bytes(b"old")
    path.chmod(0o600)
    before = os.umask(0o077)
    try:
        write_atomically(path, b"new", mode=0o644, forced=True)
        write_new(tmp_path / "ca.key", b"key", mode=0o600)
    finally:
        os.umask(before)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o644)
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    with pytest.raises(FileError, match="nothing is overwritten"):
        write_new(tmp_path / "ca.key", b"other")
    assert (tmp_path / "ca.key").read_bytes() == b"key"


def test_a_secret_never_goes_through_a_link(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"")
    theirs.chmod(0o666)
    for name, link_stays in (("a.pem", True), ("a.key", False)):
        (tmp_path / name).symlink_to(theirs)
        jobs.write_issued(tmp_path / name, name.encode(), secret=not link_stays)
        assert (tmp_path / name).is_symlink() is link_stays
        assert (tmp_path / name).read_bytes() == name.encode()
    assert theirs.read_bytes() == b"a.pem"
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600


def test_the_folder_is_synced_after_every_rename(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_mode))
    authority = Authority.init(tmp_path / "store", cn="A", at=jobs.now_utc())
    for write in (
        lambda: write_atomically(tmp_path / "x", b""),
        lambda: write_new(tmp_path / "y", b""),
        lambda: authority.write_crl(jobs.now_utc()),
        lambda: CrlStore(tmp_path / "state").keep({"a.crl": b"x"}),
    ):
        synced.clear()
        write()
        assert [stat.S_ISDIR(mode) for mode in synced] == [False, True]


def test_files_near_are_those_of_the_folder_and_one_level_below(tmp_path):
    for name in ("b.PEM", "a.pem", "ca/c.pem", "ca/deep/d.pem", "key.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in near(tmp_path, (".pem",))] == ["a.pem", "b.PEM", "ca/c.pem"]
    assert near(tmp_path / "missing", (".pem",)) == []
