"""Small mistakes planted in the source, one at a time: does a test notice? Prints those that none noticed.

    python tests/mutants.py --count 300 --seed 1 --jobs 2
    python tests/mutants.py --count 50 --only pki

Each mutant is one change to the syntax tree (another comparison, `and` for `or`, a number plus one, a statement left
out). It runs in a copy of the checkout against the tests that reach its line, the quickest first, until one fails.
It runs in a fork, so nothing is imported twice; which tests reach which line is kept until package or tests change.
A mutant of a loop that no longer ends is a `timeout`, and so is any on a machine that is busy enough.
Needs `coverage` beside the development dependencies. Minutes to hours; not part of the suite.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ROOT = Path(__file__).parents[1]
DECISION = (
    "authz", "certheaders", "decision", "hosts", "middleware", "peers_and_settings", "questions", "senders", "service",
    "verdicts",
)  # fmt: skip
PLACES = {
    "engine": ("mtls_tui/engine", ["tests/engine"]),
    "pki": ("mtls_tui/pki", ["tests/pki"]),
    "rulefile": ("mtls_tui/rulefile", ["tests/rulefile"]),
    "analysis": (
        "mtls_tui/analysis",
        [f"tests/analysis/test_{name}.py" for name in ("difference", "infile", "lint", "reach")],
    ),
    "gateway": ("mtls_tui/gateway", [f"tests/gateway/test_{name}.py" for name in DECISION]),
}
"""What is mutated, and the tests that answer for it: those that need no Envoy and no minutes."""
NOT_DECIDING = {
    "mtls_tui/pki/attribute_names.py", "mtls_tui/rulefile/schemas.py", "mtls_tui/gateway/supervisor.py",
    *(f"mtls_tui/gateway/envoy/{name}.py" for name in ("binary", "config", "filters", "xds")),
    *(f"mtls_tui/gateway/workers/{name}.py" for name in ("control", "pool", "processes", "worker")),
}  # fmt: skip
"""Tables, and what only the real Envoy and real processes exercise."""
MOST_TESTS = 60
"""Test functions that one mutant is run against."""
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: the `number`-th that is possible in a file."""

    path: str
    line: int
    what: str
    source: str


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The children whose change changes what the program does: no annotations, no texts, no `__all__`."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, ast.JoinedStr):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.If) and "TYPE_CHECKING" in ast.unparse(item.test):
                continue
            if isinstance(item, ast.AST):
                yield item


def _changes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Apply each possible change in turn, yield its line and its words, and take it back."""
    todo = [tree]
    while todo:
        node = todo.pop()
        todo += _children(node)
        line = getattr(node, "lineno", 0)
        before = ast.unparse(node) if line and not isinstance(node, ast.stmt) else ""
        if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            old, node.ops[0] = node.ops[0], SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
            yield line, f"{before} -> {ast.unparse(node)}"
            node.ops[0] = old
        elif isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in SWAPS:
            operator, node.op = node.op, SWAPS[type(node.op)]()  # type: ignore[assignment]
            yield line, f"{before} -> {ast.unparse(node)}"
            node.op = operator  # type: ignore[assignment]
        elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
            value = node.value
            node.value = not value if type(value) is bool else value + 1
            yield line, f"{value} -> {node.value}"
            node.value = value
        for name, block in ast.iter_fields(node):
            if name not in ("body", "orelse", "finalbody") or not isinstance(block, list):
                continue
            for index, statement in enumerate(block):
                whole = isinstance(statement, ast.Raise | ast.Continue | ast.Break)
                called = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
                if whole or called or isinstance(statement, ast.AugAssign):
                    block[index] = ast.copy_location(ast.Pass(), statement)
                    yield statement.lineno, f"left out: {ast.unparse(statement)[:80]}"
                    block[index] = statement


def mutants_of(checkout: Path, path: str, chosen: set[int] | None = None) -> list[Mutant]:
    """All mutants of a file in a copy of the checkout; the source of those whose number is chosen.

    Of a copy, because the checkout itself may change while this runs.
    """
    tree = ast.parse((checkout / path).read_text("utf-8"))
    return [
        Mutant(path, line, what, ast.unparse(tree) if chosen and number in chosen else "")
        for number, (line, what) in enumerate(_changes(tree))
    ]


class Timer:
    """How long each test took."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report) -> None:  # type: ignore[no-untyped-def]
        self.seconds[report.nodeid.partition("[")[0]] += report.duration


def measure(place: str, file: Path) -> None:
    """Write what `reach` gives; exits with another code than 0 if a test fails."""
    import coverage
    import pytest

    source, tests = PLACES[place]
    timer = Timer()
    cover = coverage.Coverage(data_file=None, source=[str(ROOT / source)])
    cover.set_option("run:dynamic_context", "test_function")
    cover.start()
    code = pytest.main([*tests, "-q", "-n", "0"], plugins=[timer])
    cover.stop()
    if code != 0:
        raise SystemExit(1)
    ids = {node.replace("/", ".").replace(".py::", ".").replace("::", "."): node for node in timer.seconds}
    data = cover.get_data()
    found = {
        str(Path(path).relative_to(ROOT)): {
            line: [ids[name] for name in names if name in ids] for line, names in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    file.write_text(json.dumps([found, timer.seconds]), "utf-8")


def reach(place: str) -> tuple[dict[str, dict[str, list[str]]], Counter[str]]:
    """For each file and line the tests that run it, and the seconds of each test. Raises SystemExit if one fails.

    Kept in the folder for temporary files until the package or its tests change.
    """
    import pytest

    source, tests = PLACES[place]
    parts = [ROOT / part for part in [source, *tests] if (ROOT / part).exists()]
    files = sorted(file for part in parts for file in ([part] if part.is_file() else part.rglob("*.py")))
    digest = hashlib.sha256(b"".join(bytes(file) + b"\0" + file.read_bytes() for file in files)).hexdigest()
    kept = Path(tempfile.gettempdir(), f"mtls-tui-mutants-{place}-{digest[:16]}.json")
    if not kept.exists() and within(measure, (place, kept), None) != 0:
        raise SystemExit(f"{place}: the tests fail without any mutant")
    # What the tests need besides the package is imported now, once: the mutants' processes are forks of this one.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        pytest.main([*tests, "--collect-only", "-q", "-n", "0"])
    found, seconds = json.loads(kept.read_text("utf-8"))
    return found, Counter(seconds)


def within(function: Callable[..., None], arguments: tuple[Any, ...], seconds: float | None) -> int | None:
    """The exit code of a function run in a fork of this process; None when it takes longer than that."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    process.join(seconds)
    if process.is_alive() and process.pid:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return None
    return process.exitcode


def _tested(folder: Path, tests: list[str]) -> None:
    """Run tests in a copy of the checkout, with its modules and nobody else's."""
    import pytest

    os.setsid()
    os.chdir(folder)
    os.environ |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    sys.path[:] = [str(folder), *(place for place in sys.path if Path(place) not in (ROOT, ROOT / "tests"))]
    ours = (str(ROOT / "mtls_tui"), str(ROOT / "tests"))
    for name, module in list(sys.modules.items()):
        mine = name.partition(".")[0] in ("mtls_tui", "tests") or (getattr(module, "__file__", None) or "").startswith(
            ours
        )
        if mine and name != "__main__":
            del sys.modules[name]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    raise SystemExit(int(pytest.main(["-x", "-q", "-n", "0", "--rootdir", str(folder), *tests])))


def run(mutant: Mutant, tests: list[str], folder: Path, seconds: float) -> str:
    """`killed`, `survived` or `timeout`."""
    target = folder / mutant.path
    kept = target.read_text("utf-8")
    target.write_text(mutant.source, "utf-8")
    try:
        code = within(_tested, (folder, tests), seconds)
    finally:
        target.write_text(kept, "utf-8")
    return {None: "timeout", 0: "survived"}.get(code, "killed")


def copies(count: int, above: Path) -> SimpleQueue[Path]:
    """Copies of the checkout, each with the conformance data beside it where they are there."""
    made: SimpleQueue[Path] = SimpleQueue()
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for number in range(count):
        folder = above / f"copy-{number}" / "checkout"
        for name in listed.splitlines():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        if (ROOT.parent / "shared").exists():
            (folder.parent / "shared").symlink_to((ROOT.parent / "shared").resolve())
        made.put(folder)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="mutants in all (default: 300)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", choices=PLACES, action="append", help="of this package alone; repeat for more")
    options = parser.parse_args()
    os.chdir(ROOT)
    generator = random.Random(options.seed)
    places = options.only or list(PLACES)
    counted: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        folders = copies(options.jobs, Path(temporary))
        for place in places:
            lines, seconds = reach(place)
            clean = folders.get()
            folders.put(clean)
            files = sorted(set(lines) - NOT_DECIDING)
            able = [(path, number, one) for path in files for number, one in enumerate(mutants_of(clean, path))]
            reached = [item for item in able if lines[item[0]].get(str(item[2].line))]
            counted[place, "not reached"] = len(able) - len(reached)
            drawn = generator.sample(reached, min(options.count // len(places), len(reached)))

            def one(item: tuple[str, int, Mutant], lines=lines, seconds=seconds) -> tuple[Mutant, str]:  # type: ignore[no-untyped-def]
                path, number, mutant = item
                tests = sorted(lines[path][str(mutant.line)], key=lambda test: seconds[test])[:MOST_TESTS]
                folder = folders.get()
                try:
                    mutant = mutants_of(folder, path, {number})[number]
                    return mutant, run(mutant, tests, folder, 30 + 5 * sum(seconds[test] for test in tests))
                finally:
                    folders.put(folder)

            for path, _, mutant in drawn[:2]:  # else every mistake would seem to be noticed
                clear = replace(mutant, source=ast.unparse(ast.parse((clean / path).read_text("utf-8"))))
                tests = sorted(lines[path][str(mutant.line)], key=lambda test: seconds[test])[:MOST_TESTS]
                if run(clear, tests, clean, 300) != "survived":
                    raise SystemExit(f"{place}: the tests of {path}:{mutant.line} fail without any mistake")
            with ThreadPoolExecutor(options.jobs) as pool:
                for mutant, fate in pool.map(one, drawn):
                    counted[place, fate] += 1
                    if fate == "survived":
                        print(f"survived  {mutant.path}:{mutant.line}  {mutant.what}", flush=True)
    for place in places:
        fates = {fate: count for (where, fate), count in counted.items() if where == place}
        print(f"{place:10}", "  ".join(f"{fate} {count}" for fate, count in sorted(fates.items())))


if __name__ == "__main__":
    begin = time.monotonic()
    main()
    print(f"{time.monotonic() - begin:.0f} s")
