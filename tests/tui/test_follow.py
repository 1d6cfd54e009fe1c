"""Following a log: nothing lost and nothing doubled through rotation and truncation, bounded, never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.gateway.accesslog import LogLine
from mtls_tui.tui.log import follow
from mtls_tui.tui.log.follow import Follower, logs_near
from mtls_tui.tui.log.state import KEPT, LONGEST, LogEntry, TailState, parse

GOOD = (
    b'{"kind":"decision","time":"2026-11-24T10:00:00.000Z","action":"block","rule":"r","host":"a.example","path":"/"}'
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_what_is_there_and_what_comes_is_read_once(log: Path) -> None:
    append(log, b"one\ntwo\nthr")
    follower = Follower(log)
    assert follower.read().lines == (b"one", b"two")
    assert follower.read().lines == ()
    append(log, b"ee\nfour\n")
    assert follower.read().lines == (b"three", b"four")


def test_a_log_that_is_not_there_yet_is_waited_for_and_read_from_its_beginning(log: Path) -> None:
    follower = Follower(log)
    assert "waited for" in follower.read().problem
    log.write_bytes(b"x" * (follow.FIRST + 10) + b"\nlast\n")
    batch = follower.read()
    assert batch.problem == "" and batch.lines == (b"last",) and batch.overlong == 1


@pytest.mark.parametrize("how", ["at once", "later"])
def test_rotation_loses_nothing(log: Path, how: str) -> None:
    append(log, b"one\n")
    follower = Follower(log)
    follower.read()
    append(log, b"two\n")
    log.rename(log.with_name("access.log.1"))
    if how == "later":
        assert follower.read().lines == (b"two",)
        append(log.with_name("access.log.1"), b"late\nno newline")
        log.write_bytes(b"three\n")
        assert follower.read().lines == (b"late", b"no newline", b"three")
    else:
        log.write_bytes(b"three\n")
        assert follower.read().lines == (b"two", b"three")
    append(log, b"four\n")
    assert follower.read().lines == (b"four",)


def test_truncation_begins_anew(log: Path) -> None:
    append(log, b"a long first line\nand half of")
    follower = Follower(log)
    follower.read()
    os.truncate(log, 0)
    append(log, b"new\n")
    assert follower.read().lines == (b"new",)


def test_only_the_end_of_a_large_log_is_read_and_a_flood_is_passed_over(log: Path) -> None:
    line = b"x" * 99 + b"\n"
    log.write_bytes(line * 10_000)
    follower = Follower(log)
    first = follower.read()
    assert first.skipped == 0 and 0 < len(first.lines) <= follow.FIRST // 100
    assert set(first.lines) == {line[:-1]}, "the first line is not cut"
    append(log, line * 30_000)
    batch = follower.read()
    assert batch.skipped == 30_000 * 100 - follow.MOST
    assert set(batch.lines) == {line[:-1]} and len(batch.lines) <= follow.MOST // 100


def test_an_endless_line_takes_bounded_memory_and_the_next_one_is_read(log: Path) -> None:
    log.write_bytes(b"")
    follower = Follower(log)
    follower.read()
    for _ in range(5):
        append(log, b"y" * 900_000)
        assert follower.read().lines == ()
        assert len(follower._rest) <= follow.LONGEST_LINE
    append(log, b"end of it\nnext\n")
    assert follower.read().lines == (b"next",)


def test_what_is_no_file_is_told_and_never_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a file" in Follower(tmp_path / "pipe").read().problem
    assert "not a file" in Follower(tmp_path).read().problem


@given(st.lists(st.binary(max_size=40).filter(lambda line: line.strip() and b"\n" not in line), max_size=30), st.data())
def test_however_it_is_written_each_line_comes_once(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    follower = Follower(Path("unused"))
    found: list[bytes] = []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        found += follower._lines(whole[:size])[0]
        whole = whole[size:]
    assert found == lines


def test_logs_of_the_gateway_are_found_and_others_left_alone(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(b"")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "gw.jsonl").write_bytes(GOOD + b"\n")
    (tmp_path / "nginx.log").write_bytes(b'127.0.0.1 - - "GET /"\n')
    (tmp_path / "other.jsonl").write_bytes(b'{"kind":"decision"}\n')
    os.mkfifo(tmp_path / "pipe.log")
    assert set(logs_near(tmp_path)) == {"access.log", "sub/gw.jsonl"}


# --- lines ----------------------------------------------------------------------------------------------------------


def test_what_the_gateway_writes_is_read_whole() -> None:
    import msgspec

    line = LogLine(
        "decision", "2026-11-24T10:00:00.000Z", "allow", "r", "why", "id-1", "192.0.2.1", "h", "PUT", "/p", ["l"],
        "block", "ab" * 32, True, True, "bad", 7,
    )  # fmt: skip
    entry = parse(msgspec.json.encode(line), 5)
    assert entry is not None
    for name in ("time", "action", "rule", "reason", "id", "client", "host", "method", "path", "would", "fingerprint",
                 "verified", "revoked", "certificate_error"):  # fmt: skip
        assert getattr(entry, name) == getattr(line, name), name
    assert entry.logged == ("l",) and entry.number == 5


@pytest.mark.parametrize(
    "line",
    [b"", b"\xff\xfe", b"[]", b"1", b'"kind"', b"{}", b'{"kind":"x"}', b'{"kind":["decision"]}', b'{"kind":"decision"',
     b"[" * 100_000, b'{"kind":"decision","a":' + b"[" * 60_000, b"\x00" * 50, b'{"kind":"decision","time":"\xff"}'],
)  # fmt: skip
def test_what_is_no_line_of_the_log_is_none(line: bytes) -> None:
    assert parse(line, 0) is None


def test_the_port_in_a_line_of_envoy_is_no_part_of_the_host() -> None:
    entry = parse(b'{"kind":"answer","host":"api.example.com:8443","status":421}', 0)
    assert entry is not None and (entry.host, entry.status) == ("api.example.com", "421")
    entry = parse(b'{"kind":"answer","host":"[2001:db8::1]:8443"}', 0)
    assert entry is not None and entry.host == "[2001:db8::1]"


def test_values_of_the_wrong_type_and_endless_ones_do_no_harm() -> None:
    entry = parse(
        b'{"kind":"decision","time":17,"host":{"a":1},"rule":["x"],"path":"%s","verified":"yes","logged":"x",'
        b'"method":null,"status":403,"fingerprint":"-"}' % (b"p" * 60_000), 0,
    )  # fmt: skip
    assert entry is not None
    assert (entry.host, entry.rule, entry.verified, entry.fingerprint, entry.status) == ("", "", False, "", "403")
    assert len(entry.path) <= 4001 and len(entry.reason) <= LONGEST


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_line_raises(line: bytes) -> None:
    assert parse(line, 0) is None or isinstance(parse(line, 0), LogEntry)


def test_memory_is_bounded_while_following_and_while_paused() -> None:
    state = TailState()
    for begin in range(0, 5 * KEPT, 700):
        state = state.arrived(tuple(LogEntry(n, "decision") for n in range(begin, begin + 700)))
    assert len(state.entries) == KEPT and state.entry is state.entries[-1]
    from dataclasses import replace

    state = replace(state, paused=True, at=state.entries[3].number)
    last = state.entries[-1].number
    for begin in range(last + 1, last + 1 + 3 * KEPT, 900):
        state = state.arrived(tuple(LogEntry(n, "decision") for n in range(begin, begin + 900)))
    assert len(state.waiting) == KEPT and state.entries[-1].number == last and state.index == 3
    state = state.resumed()
    assert len(state.entries) == KEPT and state.index == KEPT - 1 and not state.waiting
