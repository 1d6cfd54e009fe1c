"""The access log when it is renamed, its disk full, its reader stalled, its writer killed: losses are counted."""

import errno
import json
import os
import re
import signal
from pathlib import Path

import pytest

from mtls_tui.gateway import GatewayError
from mtls_tui.gateway.accesslog import LogLine, LogWriter
from mtls_tui.gateway.logfile import LogFile, open_log
from mtls_tui.gateway.logwatch import STEADY_SECONDS, EnvoyLog, LogWatch
from mtls_tui.gateway.tally import Tally, memory
from tests.gateway.command import Serving, ask_status, serving
from tests.gateway.site import poll, whole_lines
from tests.gateway.wire import Connection

gateway = pytest.mark.gateway


@pytest.fixture
def bundle(site, tmp_path):
    path = tmp_path / "x.bundle.json"
    site.write(path=path)
    return path


def ask(running, site, path, host="api.example.com"):
    with Connection(running.port, "api.example.com", site.client("good")) as connection:
        return connection.get(path, host).status


def replaced(running, victim):
    """Whether another process answers in its place."""
    workers = json.loads(ask_status(running.status, "/status")[1])["workers"]
    return all(worker["generation"] == 1 and worker["process"] != victim for worker in workers)


def paths(file):
    return {json.loads(line).get("path") for line in whole_lines(file)} if file.exists() else set()


def lost(running):
    return json.loads(ask_status(running.status, "/status")[1])["log"]["lost"]


# --- rotation --------------------------------------------------------------------------------------------------------


@gateway
def test_renamed_log_is_opened_again_on_sigusr1_by_all_processes_and_envoy(site, bundle, tmp_path):
    log, old = tmp_path / "access.jsonl", tmp_path / "access.jsonl.1"
    with serving(bundle, tmp_path, log=log, workers="2") as running:
        assert ask(running, site, "/first") == 200
        assert ask(running, site, "/first-refused", "nowhere.example.com") == 421
        poll(lambda: {"/first", "/first-refused"} <= paths(log))
        log.rename(old)
        running.process.send_signal(signal.SIGUSR1)
        running.says("log opened again")
        for number in range(12):  # more than the processes, so that each is asked
            assert ask(running, site, f"/second{number}") == 200
        assert ask(running, site, "/second-refused", "nowhere.example.com") == 421
        wanted = {f"/second{number}" for number in range(12)} | {"/second-refused"}
        poll(lambda: wanted <= paths(log))
        assert paths(old) == {"/first", "/first-refused"}
        victim = json.loads(ask_status(running.status, "/status")[1])["workers"][0]["process"]
        os.kill(victim, signal.SIGKILL)  # the one that comes after it inherits the new file
        poll(lambda: replaced(running, victim), 30)
        for number in range(12):
            poll(lambda path=f"/third{number}": ask(running, site, path) == 200)
        poll(lambda: {f"/third{number}" for number in range(12)} <= paths(log))
        assert not any(path.startswith("/third") for path in paths(old))


@gateway
def test_log_that_can_not_be_opened_again_goes_on_in_the_old_file(site, bundle, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    with serving(bundle, tmp_path, log=folder / "access.jsonl") as running:
        folder.rename(tmp_path / "gone")
        running.process.send_signal(signal.SIGUSR1)
        assert "No such file or directory" in running.says("log not opened again")
        assert ask(running, site, "/on") == 200
        poll(lambda: "/on" in paths(tmp_path / "gone" / "access.jsonl"))


@gateway
def test_signals_while_it_starts_and_to_its_processes_kill_nobody(site, bundle, tmp_path):
    running = Serving(bundle, tmp_path)
    try:
        poll(lambda: handles(running.process.pid, signal.SIGUSR1), 30)
        for number in (signal.SIGUSR1, signal.SIGHUP):
            running.process.send_signal(number)
        running.says("log opened again")
        workers = json.loads(ask_status(running.status, "/status")[1])["workers"]
        for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGINT):
            os.kill(workers[0]["process"], number)
        assert ask(running, site, "/") == 200
        after = json.loads(ask_status(running.status, "/status")[1])["workers"]
        assert [one["process"] for one in after] == [one["process"] for one in workers]
    finally:
        running.process.terminate()
        assert running.ended() == 0


def handles(process, number):
    """Whether a process has a handler for a signal (proc_pid_status(5): SigCgt)."""
    caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{process}/status").read_text())
    return int(caught[1], 16) >> (number - 1) & 1


# --- what is lost ----------------------------------------------------------------------------------------------------


@gateway
def test_lines_that_processes_and_envoy_lose_on_a_full_disk_are_counted_and_told_once(site, bundle, tmp_path):
    with serving(bundle, tmp_path, log=Path("/dev/full")) as running:
        for number in range(5):
            assert ask(running, site, f"/{number}") == 200
        for number in range(3):
            assert ask(running, site, f"/{number}", "nowhere.example.com") == 421
        poll(lambda: lost(running)["decision"] == 5 and lost(running)["envoy"] >= 3, 30)
        metrics = ask_status(running.status, "/metrics")[1].decode()
        assert 'mtls_tui_log_lines_lost_total{by="decision"} 5.0' in metrics
        assert "No space left on device" in running.says("decision processes: the access log can't be written")
        running.says("Envoy: the access log can't be written")
        assert ask(running, site, "/more") == 200
        poll(lambda: lost(running)["decision"] == 6)
        assert sum("can't be written" in line for line in running.said) == 2
        assert ask_status(running.status, "/healthz")[0] == 200


@gateway
def test_reader_that_stalls_holds_no_request_up_and_lines_of_a_killed_process_are_counted(site, bundle, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with serving(bundle, tmp_path, log=pipe) as running:
        fill(writer)
        for number in range(20):
            assert ask(running, site, f"/{number}") == 200
            assert ask(running, site, f"/{number}", "nowhere.example.com") == 421  # of this, Envoy writes a line
        assert lost(running) == {"decision": 0, "killed": 0, "envoy": 0}
        victim = json.loads(ask_status(running.status, "/status")[1])["workers"][0]["process"]
        os.kill(victim, signal.SIGKILL)
        assert "20 log lines with it" in running.says("starting another")
        assert lost(running)["killed"] == 20
        poll(lambda: replaced(running, victim), 60)
        assert lost(running)["killed"] == 20  # the next one begins at 0
        running.process.kill()
    os.close(reader)
    os.close(writer)


def fill(descriptor):
    """Fill a pipe to the last byte."""
    try:
        for size in (65536, 1):
            while True:
                try:
                    os.write(descriptor, b"x" * size)
                except BlockingIOError:
                    break
    except OSError as error:
        assert error.errno == errno.EAGAIN


def line(path):
    return LogLine("decision", "now", "allow", path=path)


def test_lines_written_in_part_are_counted_one_by_one_and_the_next_begins_on_its_own():
    reader, descriptor = os.pipe()
    os.set_blocking(descriptor, False)
    log = LogWriter(descriptor)
    fill(descriptor)
    os.read(reader, 4096)  # room for some of the lines, and half of another
    for number in range(500):
        log.add(line(f"/{number}"))
    log.flush()
    assert log.error and 0 < log.lost < 500 and log.tally.open == 0
    text = b""
    os.set_blocking(reader, False)
    try:
        while piece := os.read(reader, 1 << 20):
            text += piece
    except BlockingIOError:
        pass
    whole = text.lstrip(b"x").split(b"\n")
    assert len(whole) - 1 == 500 - log.lost
    before = log.lost
    log.add(line("/after"))
    log.flush()
    assert log.error == "" and log.lost == before
    _, after, end = (text[-10:] + os.read(reader, 4096)).split(b"\n")[-3:]
    assert json.loads(after)["path"] == "/after" and not end
    os.close(reader)
    os.close(descriptor)


def test_what_is_gathered_beyond_the_bound_is_lost_and_counted(monkeypatch):
    monkeypatch.setattr("mtls_tui.gateway.accesslog.MOST_BUFFERED", 200)
    reader, descriptor = os.pipe()
    log = LogWriter(descriptor)
    for _ in range(50):
        log.add(line("/"))
    assert log.lost + len(log.take()) == 50 and log.lost > 0 and log.error
    os.close(reader)
    os.close(descriptor)


def test_tally_is_seen_by_whoever_shares_its_memory():
    descriptor = memory()
    mine, theirs = Tally(descriptor), Tally(descriptor)
    os.close(descriptor)
    for _ in range(3):
        mine.added()
    mine.settle(1, 1)
    assert (theirs.lost, theirs.open) == (1, 1)
    assert Tally().open == 0


def test_log_file_keeps_the_old_one_when_the_new_can_not_be_had(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = LogFile(folder / "a")
    before = log.descriptor
    folder.rename(tmp_path / "b")
    with pytest.raises(GatewayError, match="can't be written"):
        log.reopen()
    assert log.descriptor == before
    os.write(before, b"x")
    log.close()
    off = LogFile(Path(os.devnull))
    off.reopen()
    assert off.descriptor is None and not off.has_name


def test_pipe_that_nobody_reads_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(GatewayError, match="can't be written"):
        open_log(tmp_path / "pipe")


def stats(lines, written, failed, waiting=0):
    return dict(
        zip(("write_buffered", "write_completed", "write_failed", "write_total_buffered"),
            (lines, written, failed, waiting), strict=True)
    )  # fmt: skip


def test_lines_that_envoy_could_not_write_are_counted_over_looks_and_restarts():
    log = EnvoyLog()
    log.look(stats(10, 2, 0))
    assert (log.lost, log.failing) == (0, False)
    log.look(stats(14, 2, 0, waiting=900))  # four lines wait
    log.look(stats(17, 2, 1))  # they fail, with three more
    assert (log.lost, log.failing) == (7, True)
    log.look(stats(17, 2, 1))
    assert (log.lost, log.failing) == (7, True)  # nothing was tried
    log.look(stats(19, 3, 1))
    assert (log.lost, log.failing) == (7, False)
    log.look(stats(2, 0, 1))  # another Envoy
    assert (log.lost, log.failing) == (9, True)


def test_trouble_is_told_once_and_its_end_once_when_it_lasts():
    said = []
    watch = LogWatch("x", said.append)
    watch.look("", 0, 0.0)
    assert not said
    for second in range(5):
        watch.look("full", second, float(second))
    assert len(said) == 1 and "full" in said[0]
    watch.look("", 5, 6.0)
    watch.look("full", 6, 7.0)
    watch.look("", 9, 8.0)
    watch.look("", 9, 8.0 + STEADY_SECONDS - 1)
    assert len(said) == 1
    watch.look("", 9, 8.0 + STEADY_SECONDS)
    assert len(said) == 2 and "9 lines" in said[1]
