"""A log's requests under a policy: counted by verdict, rule and host, and against another policy. Memory stays flat.

Lines that tell the same (the same host, the same verdict on the certificate, whatever the rules read) are counted
first and judged once. Nothing is dropped in silence: a line that can't be read is counted, with a sample.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import get_context
from time import perf_counter
from typing import Any, BinaryIO, Final, cast

from mtls_tui.engine.bundle import Bundle
from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.policy import Policy
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.types import FieldValue
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs.formats import reader_for, sniffed
from mtls_tui.simulate.logs.parts import PARTS, Reading, reading, wanted_parts
from mtls_tui.simulate.logs.source import BLOCK, SAMPLE, FileSlice, LogSource, ranges
from mtls_tui.simulate.logs.tally import LineReader
from mtls_tui.simulate.replay.judge import NOBODY, Judge, LoggedVerdict
from mtls_tui.simulate.requests import har

MEMO: Final = 50_000
"""Verdicts that are remembered between blocks."""
MAX_HOSTS: Final = 2_000
"""Host names that are counted by themselves; a client can send any. The rest is counted together."""
OTHERS: Final = "(other hosts)"
MAX_GROUPS: Final = 5_000
EXAMPLES: Final = 3
SAMPLES: Final = 5
RANGE: Final = 16 * 1024 * 1024
"""Bytes of a file that a worker takes at a time."""
TOO_LONG: Final = "longer than any log's line"
MAX_HAR: Final = 512 * 1024 * 1024
EVERYTHING: Final = PARTS | FIELDS.keys()


@dataclass(frozen=True, slots=True)
class Example:
    """One line of a group: as it stands in the log (cut), and the request that it tells, to be simulated."""

    line: bytes
    http: HttpRequest | None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)


@dataclass
class ChangedLines:
    """Lines whose verdict differs between two policies in the same way."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)


GroupKey = tuple[str, LoggedVerdict, LoggedVerdict]
"""Host, verdict before (the other policy), verdict after (this one)."""


@dataclass
class Replay:
    """What came of a log. Mergeable: every worker counts its own."""

    lines: int = 0
    outcomes: Counter[tuple[str, LoggedVerdict]] = field(default_factory=Counter)
    """How many lines, by host and verdict."""
    unreadable: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[str, bytes]] = field(default_factory=list)
    """Reason and head of some lines that can't be read."""
    groups: dict[GroupKey, ChangedLines] = field(default_factory=dict)
    seconds: float = 0.0
    format: str = ""
    columns: tuple[str, ...] = ()
    """What the log tells of what the rules read."""
    damage: str = ""
    _hosts: set[str] = field(default_factory=set)

    def count(self, host: str, verdict: LoggedVerdict, number: int) -> str:
        """Count lines; the host under which they were counted."""
        if host not in self._hosts:
            if len(self._hosts) >= MAX_HOSTS:
                host = OTHERS
            else:
                self._hosts.add(host)
        self.outcomes[host, verdict] += number
        return host

    def differs(self, key: GroupKey, number: int) -> ChangedLines:
        """Count lines whose verdict differs; the group, which may want examples."""
        if key not in self.groups and len(self.groups) >= MAX_GROUPS:
            key = (OTHERS, key[1], key[2])
        group = self.groups.setdefault(key, ChangedLines())
        group.count += number
        return group

    def take(self, host: str, after: LoggedVerdict, before: LoggedVerdict | None, number: int) -> ChangedLines | None:
        """Count lines by their verdict, and against another policy's: the group, where the two differ."""
        host = self.count(host, after, number)
        return self.differs((host, before, after), number) if before is not None and before != after else None

    def bad(self, reason: str, line: bytes, number: int = 1) -> None:
        """Count lines that can't be read, and keep a sample."""
        self.unreadable[reason] += number
        if len(self.samples) < SAMPLES:
            self.samples.append((reason, line[:SAMPLE]))

    def merge(self, other: Replay) -> None:
        """Take in what another worker has counted."""
        self.lines += other.lines
        for (host, verdict), number in other.outcomes.items():
            self.count(host, verdict, number)
        self.unreadable.update(other.unreadable)
        self.samples.extend(other.samples[: SAMPLES - len(self.samples)])
        for key, theirs in other.groups.items():
            ours = self.differs(key, theirs.count)
            ours.examples.extend(theirs.examples[: EXAMPLES - len(ours.examples)])

    def by_action(self) -> Counter[str]:
        """How many lines got each action, `unknown` among them."""
        counts: Counter[str] = Counter()
        for (_, verdict), number in self.outcomes.items():
            counts[verdict.action] += number
        return counts


class Counting:
    """Counts blocks of lines under one policy, and another one to compare with."""

    def __init__(
        self, policy: Policy, against: Policy | None, reader: LineReader, full: LineReader,
        fixed: Mapping[str, FieldValue],
    ) -> None:  # fmt: skip
        self.judge = Judge(policy, fixed)
        self.other = Judge(against, fixed) if against is not None else None
        self.reader = reader
        self.full = full
        self.memo: dict[Any, tuple[str, LoggedVerdict, LoggedVerdict | None] | str] = {}

    def block(self, block: bytes, into: Replay) -> None:
        """Count the lines of one block."""
        tally = self.reader.tally(block)
        into.lines += tally.total
        for reason, line in tally.bad:
            into.bad(reason, line)
        memo = self.memo
        for key, number in tally.counts.items():
            judged = memo.get(key)
            if judged is None:
                if len(memo) >= MEMO:
                    memo.clear()
                judged = memo[key] = self.judged(key)
            if isinstance(judged, str):
                into.bad(judged, self.reader.find(block, key) if len(into.samples) < SAMPLES else b"", number)
                continue
            group = into.take(*judged, number)
            if group is not None and len(group.examples) < EXAMPLES:
                group.examples.append(self.example(block, key))

    def judged(self, key: Any) -> tuple[str, LoggedVerdict, LoggedVerdict | None] | str:
        """Host and verdicts of a distinct line, or why it can't be read."""
        try:
            told = reading(self.reader.values(key), self.reader.statuses)
        except RequestError as error:
            return str(error)
        return self.verdicts(told)

    def verdicts(self, told: Reading) -> tuple[str, LoggedVerdict, LoggedVerdict | None]:
        """Host and verdicts of one request."""
        host = told.http.host.lower() if "host" in told.parts and told.http.host else NOBODY
        return host[:255], self.judge(told), self.other(told) if self.other is not None else None

    def example(self, block: bytes, key: Any) -> Example:
        """A line of the block under this key, with the whole request that it tells."""
        line = self.reader.find(block, key)
        tally = self.full.tally(line)
        try:
            told = reading(self.full.values(next(iter(tally.counts))), self.full.statuses)
        except (RequestError, StopIteration):
            return Example(line[: 4 * SAMPLE], None)
        return Example(line[: 4 * SAMPLE], told.http, dict(told.fields))


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to count on its own; everything in it can be sent to another process."""

    bundle: bytes
    against: bytes | None
    head: bytes
    format: str
    template: str | None
    mapping: tuple[tuple[str, str], ...]
    fixed: Mapping[str, FieldValue]

    def counting(self) -> Counting:
        """Fresh policies and readers."""
        policy = Policy.from_bundle_bytes(self.bundle)
        against = Policy.from_bundle_bytes(self.against) if self.against is not None else None
        needed = policy.ruleset.fields_read | (against.ruleset.fields_read if against else frozenset())
        wanted = wanted_parts(needed) | {"host"}
        options: dict[str, Any] = {"name": self.format, "template": self.template, "mapping": self.mapping}
        reader = reader_for(self.head, wanted, **options)
        return Counting(policy, against, reader, reader_for(self.head, EVERYTHING, **options), self.fixed)


Progress = Callable[[int, int | None, int], None]
"""Called with bytes read, bytes in all (None: unknown) and lines."""


def replay(
    bundle: Bundle,
    source: LogSource,
    *,
    against: Bundle | None = None,
    format: str = "auto",  # noqa: A002 - the option's name
    template: str | None = None,
    mapping: Sequence[tuple[str, str]] = (),
    fixed: Mapping[str, FieldValue] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Replay:
    """What the requests of a log would get. `fixed` are field values that hold for every line.

    Raises RequestError if the log's format can't be told or used; an unreadable line is never an error.
    """
    begin = perf_counter()
    blocks = source.blocks()
    head = next(blocks, b"")
    name = sniffed(head) if format == "auto" and template is None and head.strip() else format
    encoded = bundle.encode(), against.encode() if against is not None else None
    plan = Plan(*encoded, head[: 512 * 1024], name, template, tuple(mapping), dict(fixed or {}))
    result = Replay(format="template" if template else name)
    if not head.strip() and format == "auto" and template is None:
        result.format = "empty"
    elif name == "har":
        _har(plan, head, blocks, result)
    else:
        counting = plan.counting()
        result.columns = counting.reader.parts
        lines = _watched(head, blocks, source, progress, result)
        if jobs > 1:
            _parallel(plan, source, lines, result, jobs, progress)
        else:
            for block in lines:
                counting.block(block, result)
        if not (jobs > 1 and source.divisible):
            _add_too_long(source, result)
    result.damage = source.damage
    result.seconds = perf_counter() - begin
    return result


def _watched(
    head: bytes, blocks: Iterator[bytes], source: LogSource, progress: Progress | None, result: Replay
) -> Iterator[bytes]:
    yield head
    for block in blocks:
        if progress is not None:
            progress(source.read, source.size, result.lines)
        yield block


def _har(plan: Plan, head: bytes, blocks: Iterator[bytes], result: Replay) -> None:
    """A HAR file is one JSON document, so it is read whole."""
    pieces: list[bytes] = []
    size = 0
    for block in chain((head,), blocks):
        pieces.append(block)
        size += len(block)
        if size > MAX_HAR:
            raise RequestError(f"the HAR file is larger than {MAX_HAR // 2**20} MiB; record less of it at a time")
    policy = Policy.from_bundle_bytes(plan.bundle)
    against = Policy.from_bundle_bytes(plan.against) if plan.against is not None else None
    judge, other = Judge(policy, plan.fixed), Judge(against, plan.fixed) if against else None
    # The browser knows the whole request but neither its own address nor what became of its certificate.
    parts = PARTS - {"ip", "verify", "tls_version", "tls_cipher", "time"} | {"headers"}
    result.columns = tuple(sorted(parts))
    for entry in har.entries(b"".join(pieces)):
        result.lines += 1
        if entry.http is None:
            result.bad(entry.error, f"entry {entry.number}".encode())
            continue
        known = parts | {"time"} if entry.http.at is not None else parts
        told = Reading(entry.http, {}, known)
        group = result.take(entry.http.host.lower()[:255], judge(told), other(told) if other else None, 1)
        if group is not None and len(group.examples) < EXAMPLES:
            group.examples.append(Example(f"entry {entry.number}".encode(), entry.http))


_worker: Counting | None = None


def _start(plan: Plan) -> None:
    global _worker
    _worker = plan.counting()


def _work(task: bytes | tuple[str, int, int]) -> Replay:
    """Count a block, or the lines of a file that begin in a range."""
    assert _worker is not None
    part = Replay()
    if isinstance(task, bytes):
        _worker.block(task, part)
        return part
    path, start, end = task
    with FileSlice(path, start, end) as stream:
        source = LogSource(path, cast("BinaryIO", stream))
        for block in source.blocks():
            _worker.block(block, part)
    _add_too_long(source, part)
    return part


def _parallel(
    plan: Plan, source: LogSource, blocks: Iterator[bytes], result: Replay, jobs: int, progress: Progress | None
) -> None:
    """Count in several processes; only a few blocks are on their way at a time, so memory stays flat.

    A plain file is read by the workers themselves, each its ranges; packed data comes through this process.
    """
    tasks: Iterable[bytes | tuple[str, int, int]] = blocks
    divided = source.divisible
    if divided:
        size = source.size or 0
        tasks = ((source.path, *part) for part in ranges(size, max(BLOCK, min(RANGE, size // (4 * jobs) + 1))))
    # A fork starts in no time; it is safe here, where no thread has been started yet. Elsewhere workers are spawned.
    method = "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"
    with ProcessPoolExecutor(jobs, get_context(method), initializer=_start, initargs=(plan,)) as pool:
        pending: dict[Future[Replay], int] = {}
        read = 0

        def finished(futures: Iterable[Future[Replay]]) -> None:
            nonlocal read
            for future in futures:
                read += pending.pop(future)
                result.merge(future.result())
            if progress is not None and divided:
                progress(read, source.size, result.lines)

        for task in tasks:
            pending[pool.submit(_work, task)] = 0 if isinstance(task, bytes) else task[2] - task[1]
            if len(pending) >= 3 * jobs:
                finished(wait(pending, return_when=FIRST_COMPLETED).done)
        while pending:
            finished(wait(pending, return_when=FIRST_COMPLETED).done)


def _add_too_long(source: LogSource, result: Replay) -> None:
    for sample in source.too_long_samples:
        result.bad(TOO_LONG, sample, 0)
    if source.too_long:
        result.lines += source.too_long
        result.unreadable[TOO_LONG] += source.too_long
