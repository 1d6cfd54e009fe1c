"""Writes the reference pages from the program itself: `python docs/reference.py`.

`language.md` comes from the catalogue, `lint.md` from the checks, `grammar.md` and its diagrams from the grammar,
`lua.md` from what compiles to Lua; a test fails when a page is not current.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

from mtls_tui.analysis import CHECKS
from mtls_tui.lang.catalogue import BUILDER, FIELDS, FUNCTIONS, OPERATORS, FieldInfo, FunctionInfo
from mtls_tui.lang.types import Type

HERE = Path(__file__).parent
NOTE = "<!-- made by docs/reference.py: change the tables, not this page -->\n"
TYPES = {"Bool": "Boolean", "Int": "Integer", "Bytes": "String", "Ip": "IP"}

LANGUAGE = """\
# The language: reference

An expression says which requests a rule matches: comparisons of fields, joined by `and`, `or`, `xor` and `not`.
The language is that of Cloudflare's rules; what differs is listed in [compatibility.md](compatibility.md).

```
http.host in {"api.example.com" "pay.example.com"}
and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)
and not starts_with(http.request.uri.path, "/hook/")
```

## Literals

| | written | notes |
|---|---|---|
| String | `"a\\\\b \\"c\\""` | bytes, not characters. Escapes: `\\"` `\\\\` `\\x2e` and three-digit octal |
| raw string | `r"\\d+"`, `r#"say "x""#` | no escapes at all; best for regular expressions |
| byte string | `2e:77:77` | at least two pairs of hexadecimal digits, joined by `:` `-` or `.` |
| Integer | `443`, `-2`, `0x1f`, `017` | signed, 64 bits; a leading `0` means octal |
| IP | `192.0.2.1`, `2001:db8::1` | without quotes; a network only in a set |
| set | `{80 443 8000..8009}` | spaces between items, no commas; networks and ranges for addresses |
| list | `$office` | a named list of the rule file, after `in` |

## What catches people

- **Missing values.** A header, argument or cookie that is not there makes every comparison false, `ne` too: to block
  all but one value write `not http.request.headers["x"][0] eq "secret"`. Certificate fields are never missing.
- **`not` takes the whole comparison**: `not ip.src in {…}` is `not (ip.src in {…})`. `and` binds tighter than `xor`,
  `xor` tighter than `or`.
- **Case counts** everywhere but in `wildcard`. Host names and header names come in lower case.
- **`[*]`** looks at every element and stands inside `any(…)` or `all(…)`; a function over `[*]` needs its own:
  `any(lower(http.request.headers.names[*])[*] eq "x-debug")`. `all` over nothing is true.
- **`cert_verified` stays true for a revoked certificate**; ask for `cert_revoked` beside it.
"""


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The pages by file name."""
    grammar = runpy.run_path(str(HERE / "grammar_page.py"))
    lua = runpy.run_path(str(HERE / "lua_page.py"))
    return {"language.md": language(), "lint.md": lint(), "lua.md": lua["lua_page"](), **grammar["pages"]()}


def language() -> str:
    """The page about the language."""
    parts = [NOTE, LANGUAGE, "## Operators\n", _operators(), "### In the builder\n", _builder()]
    parts += ["## Fields\n", _field_intro()]
    for group in dict.fromkeys(info.group for info in FIELDS.values()):
        parts += [f"### {group}\n", _fields([info for info in FIELDS.values() if info.group == group])]
    parts.append("## Functions\n")
    parts += [_function(info) for info in FUNCTIONS.values()]
    return "\n".join(parts)


def lint() -> str:
    """The page about the findings of `mtls-tui check`."""
    rows = [[f"[`{check.code}`](#{check.code})", check.severity, check.title] for check in CHECKS]
    parts = [
        NOTE,
        "# What `mtls-tui check` finds\n",
        "An *error* can't work as written, a *warning* is most likely not what was meant, *info* is worth knowing and "
        "often fine (it doesn't count as a finding unless `--strict` is given). "
        "`mtls-tui check --fix` puts the cure into the file where it is clear.\n",
        _table(["code", "severity", "finding"], rows),
    ]
    for check in CHECKS:
        parts.append(
            f"## {check.code}\n\n{check.title} ({check.severity}).\n\n{check.why}\n\n"
            f"Avoid:\n\n```\n{check.avoid}\n```\n\nPrefer:\n\n```\n{check.prefer}\n```\n"
        )
    return "\n".join(parts)


def _operators() -> str:
    rows = []
    for info in OPERATORS.values():
        types = ", ".join(TYPES.get(item.name, item.name) for item in info.types)
        examples = "<br>".join(_code(example) for example in info.examples[:2])
        name = _code(info.name) + (f" {_code(info.symbol)}" if info.symbol else "")
        rows.append([name, types, _plan(info.notes, info.plan), examples])
    return _table(["operator", "left side", "meaning", "example"], rows)


def _builder() -> str:
    rows = []
    for info in BUILDER.values():
        types = ", ".join(TYPES[item.name] for item in info.types)
        rows.append([info.label, _code(info.emits), types])
    return _table(["label", "writes", "for"], rows)


def _field_intro() -> str:
    return (
        "A field that a request doesn't have is worth its default; where none is given it is missing. *edge*: only "
        "Cloudflare's network knows it; in simulations it can be set. *response*: known once there is an answer.\n"
    )


def _fields(infos: list[FieldInfo]) -> str:
    return _table(
        ["field", "type", "meaning"], [[_code(info.name), _type(info.type), _meaning(info)] for info in infos]
    )


def _meaning(info: FieldInfo) -> str:
    parts = [f"**{info.label}.** {info.summary}."]
    if info.scope != "request":
        parts.append(f"*{info.scope}.*")
    if info.deprecated_by:
        parts.append(f"Write {_code(info.deprecated_by)}.")
    if info.enum:
        parts.append("One of " + " ".join(_code(value) for value in info.enum) + ".")
    if info.range:
        parts.append(f"From {info.range[0]} to {info.range[1]}.")
    if info.default is not None:
        shown = '""' if info.default == b"" else str(info.default).lower()
        parts.append(f"Default {_code(shown)}.")
    if info.example:
        example = info.example if len(info.example) < 90 else info.example[:87] + "…"
        parts.append(f"Example {_code(example)}.")
    if info.notes:
        parts.append(info.notes)
    return _plan(" ".join(parts), info.plan)


def _function(info: FunctionInfo) -> str:
    returns = info.returns_text.replace("T", "the type of the first argument") if info.returns_text == "T" else ""
    parts = [f"### {info.name}\n", f"`{info.signature}` gives {returns or info.returns_text}.\n", f"{info.summary}\n"]
    if info.semantics:
        parts.append(f"{info.semantics}\n")
    if info.scope == "edge":
        parts.append("Needs Cloudflare's network.\n")
    if info.available_in:
        parts.append(f"At Cloudflare in: {', '.join(info.available_in)}.\n")
    shown = [f"{example.expression}{_result(example.given, example.result)}" for example in info.examples]
    if shown:
        parts.append("```\n" + "\n".join(shown) + "\n```\n")
    return "\n".join(parts)


def _result(given: Any, result: Any) -> str:
    if result is None:
        return ""
    where = f"   with {json.dumps(dict(given), ensure_ascii=False)}" if given else ""
    return f"   is {json.dumps(result, ensure_ascii=False)}{where}"


def _plan(text: str, plan: str) -> str:
    return f"{text} (Cloudflare plan: {plan}.)" if plan else text


def _type(kind: Type) -> str:
    return TYPES[kind.name] if kind.item is None else f"{kind.name}&lt;{_type(kind.item)}&gt;"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
