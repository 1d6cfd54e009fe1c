"""Makes `engine_verdicts.jsonl.gz` of this folder: `python tests/data/make.py FULL`, where FULL is the whole data.

The whole data (26,576 lines, 1.2 MB) are generated expressions with generated fields, and what the original engine
(wirefilter) answered. Tests read them from `../shared/conformance/engine_verdicts.jsonl.gz` beside the checkout where
that file exists; the sample is for every other checkout. It holds nothing that others wrote.

A record is `{"expression", "fields", "verdict", "uses", "lists"?, "functions_by"?}`. For a text that the engine refuses
it is `{"expression", "error": {"line", "column", "message", "byte_column"?}, "uses"}`. `uses` names the parts of the
language in the expression. Records are drawn in an order that is random but always the same, and kept while one of
their marks has too few examples. The marks are each use with each answer (true, false, refused), each operator as it is
spelled, and each message.
"""

import gzip
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).with_name("engine_verdicts.jsonl.gz")
EXAMPLES = 90
"""Examples of a mark, where the whole data has so many."""
TEXT = re.compile(r'r(#*)".*?"\1|"(?:\\.|[^"\\])*"', re.DOTALL)
OPERATOR = re.compile(
    r"&&|\|\||\^\^|[=!<>]=|[<>~&!]"
    r"|(?<![\w.])(?:strict wildcard|eq|ne|lt|le|gt|ge|contains|wildcard|matches|bitwise_and|in|not|and|or|xor)(?![\w.])"
)


def marks(record: dict) -> Iterator[tuple]:
    """What the record is an example of."""
    answer = record.get("verdict", "refused")
    for use in record["uses"]:
        yield use, answer
    if answer == "refused":
        yield "message", re.sub(r"\d+|\"[^\"]*\"", "…", record["error"]["message"].split("\n")[-1])[:60]
    else:
        for operator in set(OPERATOR.findall(TEXT.sub("", record["expression"]))):
            yield "spelled", operator


def sample(lines: list[str]) -> list[str]:
    """Lines of the whole data that hold every mark, in the order of the whole data."""
    order = list(range(len(lines)))
    random.Random(20).shuffle(order)
    found: Counter[tuple] = Counter()
    kept = []
    for index in order:
        of = set(marks(json.loads(lines[index])))
        if any(found[mark] < EXAMPLES for mark in of):
            found.update(of)
            kept.append(index)
    return [lines[index] for index in sorted(kept)]


def read(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return list(lines)


if __name__ == "__main__":
    with HERE.open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as out:
        out.write("".join(sample(read(Path(sys.argv[1])))).encode())
