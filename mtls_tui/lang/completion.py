"""Completion and a hint line at a cursor, in text that need not be complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS, OPERATORS, FieldInfo, FunctionInfo, ParamInfo, operators_for
from mtls_tui.lang.formatter import quote
from mtls_tui.lang.scan import CursorContext, place_at
from mtls_tui.lang.types import BOOL, BYTES, Type

CompletionKind: TypeAlias = Literal["field", "function", "operator", "join", "list", "value"]

MANAGED_LISTS = ("cf.open_proxies", "cf.anonymizer", "cf.vpn", "cf.malware", "cf.botnetcc")
"""Lists that Cloudflare keeps; the bundled engine has none of them."""
_JOINS = {"and": "both are true", "or": "at least one is true", "xor": "exactly one is true"}


@dataclass(frozen=True, slots=True)
class Completion:
    """One proposal: `text` replaces the word at the cursor, `label` is shown, `detail` says what it is."""

    text: str
    label: str
    kind: CompletionKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Completions:
    """Proposals, best first, and the range of the text (character offsets) that a chosen one replaces."""

    start: int
    end: int
    items: tuple[Completion, ...]
    hint: str = ""


def complete(
    text: str,
    offset: int,
    *,
    lists: Mapping[str, str] | None = None,
    hosts: Sequence[str] = (),
    values: Mapping[str, Sequence[str]] | None = None,
    limit: int = 40,
) -> Completions:
    """What may stand at a character offset.

    `lists` maps the names of known lists to their kind, `hosts` are the file's host names, `values` gives more values
    to offer by field name (of the loaded certificate, say), as plain text.
    """
    place = place_at(text, offset)
    known = {"http.host": list(hosts), **{name: list(some) for name, some in (values or {}).items()}}
    if values and "http.host" in values:
        known["http.host"] = list(dict.fromkeys([*hosts, *values["http.host"]]))
    if place.open_string is not None:
        found = _in_string(place, known)
    elif place.in_list:
        found = _lists(place, lists or {})
    else:
        found = _items(place, lists or {}, known)
    return Completions(place.start, place.end, tuple(found)[:limit], _hint(text, place))


def hint(text: str, offset: int) -> str:
    """One line about the word at the cursor, else about the call whose arguments the cursor is in; "" when neither."""
    return _hint(text, place_at(text, offset))


def _hint(text: str, place: CursorContext) -> str:
    word = text[place.start : place.end] if place.open_string is None else ""
    if word in FIELDS:
        return field_hint(FIELDS[word])
    if word in FUNCTIONS:
        return f"{FUNCTIONS[word].signature}: {FUNCTIONS[word].summary}"
    if word in OPERATORS and place.state in ("value", "clause", "operand"):
        return f"{word}: {OPERATORS[word].notes}"
    call = place.call
    info = FUNCTIONS.get(call.function) if call else None
    if call and info:
        return _active(info, call.argument)
    if place.state in ("right", "set") and place.subject in FIELDS:
        return field_hint(FIELDS[place.subject])
    return ""


def field_hint(info: FieldInfo) -> str:
    """Name, type, meaning and example of a field in one line."""
    parts = [f"{info.name}  {_type_word(info.type)}  {info.summary}"]
    if info.deprecated_by:
        parts.append(f"old name of {info.deprecated_by}")
    if info.example:
        example = info.example if len(info.example) <= 60 else info.example[:57] + "…"
        parts.append(f"for example {example}")
    if info.scope == "edge":
        parts.append("known to Cloudflare's edge only")
    return "  ·  ".join(parts)


_TYPE_WORDS = {"Bool": "Boolean", "Int": "Integer", "Bytes": "String", "Ip": "IP"}


def _type_word(type_: Type) -> str:
    if type_.item is not None:
        return f"{type_.name}<{_type_word(type_.item)}>"
    return _TYPE_WORDS.get(type_.name, type_.name)


def _active(info: FunctionInfo, index: int) -> str:
    """A signature with the parameter at the cursor between guillemets."""
    shown = []
    here = info.param(index)
    for param in info.params:
        text = f"{param.name} {param.type_text}"
        if param.optional:
            text += " [optional]"
        shown.append(f"»{text}«" if param is here else text)
    tail = ", …" if info.params and info.params[-1].repeat else ""
    return f"{info.name}({', '.join(shown)}{tail}): {info.summary}"


# --- proposals by place -------------------------------------------------------------------------------------------


def _items(place: CursorContext, lists: Mapping[str, str], known: Mapping[str, Sequence[str]]) -> list[Completion]:
    match place.state:
        case "operand":
            return _operands(place)
        case "value":
            return _operators(place)
        case "right":
            return _rights(place, lists, known)
        case "clause":
            return _joins(place.word)
        case "set":
            return _values(place, known)
        case "key":
            return _ranked(place.word, [(Completion("*", "*", "value", "every element"), "*")])


def _operands(place: CursorContext) -> list[Completion]:
    frame = place.frames[-1] if place.frames else None
    param: ParamInfo | None = None
    if frame and frame.function in FUNCTIONS and frame.function not in ("any", "all"):
        param = FUNCTIONS[frame.function].param(frame.argument)
    found: list[tuple[Completion, str]] = []
    for info in FIELDS.values():
        if param is None or _reaches(param, info):
            found.append((_field(info), f"{info.label} {info.summary}"))
    for function in FUNCTIONS.values():
        if param is None or (not param.allowed_fields and _fits(param, function)):
            found.append((_function(function), function.summary))
    if param is None:
        found.append((Completion("not ", "not", "operator", "the opposite of what follows"), ""))
        found.append((Completion("true", "true", "value", "every request"), ""))
    return _ranked(place.word, found)


def _fits(param: ParamInfo, function: FunctionInfo) -> bool:
    return function.returns is None or param.accepts(function.returns)


def _reaches(param: ParamInfo, info: FieldInfo) -> bool:
    """Whether a parameter can take the field, or an element of it."""
    if param.allowed_fields:
        return info.name in param.allowed_fields
    type_: Type | None = info.type
    while type_ is not None:
        if param.accepts(type_):
            return True
        type_ = type_.item
    return False


def _operators(place: CursorContext) -> list[Completion]:
    if place.operator == "strict":
        return [Completion("wildcard ", "wildcard", "operator", OPERATORS["strict wildcard"].notes)]
    if place.type == BOOL:
        return _joins(place.word)
    if place.type is not None and place.type.item is not None:
        return _indexes(place.type)
    infos = operators_for(place.type) if place.type else ()
    if place.type is None:
        infos = tuple(info for info in OPERATORS.values() if info.kind == "comparison")
    found = [
        (Completion(f"{info.name} ", f"{info.name} {info.symbol}".strip(), "operator", info.notes), "")
        for info in infos
        if info.documented
    ]
    return _ranked(place.word, found)


def _indexes(type_: Type) -> list[Completion]:
    if type_.name == "Map":
        return [Completion('["', '["…"]', "operator", "the value of one key")]
    return [
        Completion("[*]", "[*]", "operator", "every element, inside any(…) or all(…)"),
        Completion("[0]", "[0]", "operator", "the first element"),
    ]


def _rights(place: CursorContext, lists: Mapping[str, str], known: Mapping[str, Sequence[str]]) -> list[Completion]:
    if place.operator == "in":
        found = [Completion("{", "{ … }", "value", "a set of values, with spaces between them")]
        return (found if not place.word else []) + _lists(place, lists)
    found = _values(place, known)
    info = OPERATORS.get(place.operator)
    if info and info.dynamic_right:
        same = [
            (_field(other), f"{other.label} {other.summary}")
            for other in FIELDS.values()
            if place.type is None or other.type == place.type
        ]
        found += _ranked(place.word, same)
    if place.operator == "matches" and not place.word:
        found.insert(0, Completion('r"', 'r"…"', "value", "a regular expression as it is, without escapes"))
    return found


def _values(place: CursorContext, known: Mapping[str, Sequence[str]]) -> list[Completion]:
    info = FIELDS.get(place.subject)
    texts = _known_values(place.subject, known)
    literal = place.type == BYTES or (info is not None and info.type == BYTES)
    found = []
    for text in texts:
        shown = quote(text.encode()) if literal else text
        if not place.word or shown.strip('"').startswith(place.word):
            found.append(Completion(shown, shown, "value", "a usual value"))
    return found


def _in_string(place: CursorContext, known: Mapping[str, Sequence[str]]) -> list[Completion]:
    assert place.open_string is not None
    written = place.open_string.text
    raw = written.startswith("r")
    typed = written.split('"', 1)[1].replace('\\"', '"')
    found = []
    for text in _known_values(place.subject, known):
        if text.startswith(typed) or (len(typed) > 1 and typed in text):
            whole = f'r"{text}"' if raw and '"' not in text else quote(text.encode())
            found.append(Completion(whole, text, "value", "a usual value"))
    return found


def _known_values(subject: str, known: Mapping[str, Sequence[str]]) -> Iterable[str]:
    info = FIELDS.get(subject)
    texts = list(known.get(subject, ()))
    if info:
        texts += [*known.get(info.canonical, ()), *info.enum, *info.values]
    return dict.fromkeys(texts)


def _lists(place: CursorContext, lists: Mapping[str, str]) -> list[Completion]:
    names = {name: f"{kind} list" for name, kind in lists.items()}
    names |= {name: "kept by Cloudflare" for name in MANAGED_LISTS if name not in names}
    typed = place.word.removeprefix("$")
    return [
        Completion(f"${name}", f"${name}", "list", detail) for name, detail in names.items() if name.startswith(typed)
    ]


def _joins(word: str) -> list[Completion]:
    return _ranked(word, [(Completion(f"{name} ", name, "join", detail), "") for name, detail in _JOINS.items()])


def _field(info: FieldInfo) -> Completion:
    marks = [_type_word(info.type), info.label]
    if info.scope == "edge":
        marks.append("edge")
    if info.deprecated_by:
        marks.append("old name")
    return Completion(info.name, info.name, "field", "  ".join(marks))


def _function(info: FunctionInfo) -> Completion:
    return Completion(f"{info.name}(", info.signature, "function", info.summary)


def _ranked(word: str, found: Sequence[tuple[Completion, str]]) -> list[Completion]:
    """The proposals that a typed word may mean: by beginning, by the beginning of a part, by any place, by meaning."""
    if not word:
        order = sorted(range(len(found)), key=lambda place: _weight(found[place][0]))
        return [found[place][0] for place in order]
    wanted = word.lower()
    ranked = []
    for place, (item, meaning) in enumerate(found):
        name = item.text.rstrip(" (").lower()
        if name == wanted and item.kind != "function":
            continue
        if name.startswith(wanted):
            rank = 0
        elif any(part.startswith(wanted) for part in name.replace("_", ".").split(".")):
            rank = 1
        elif wanted in name:
            rank = 2
        elif len(wanted) > 2 and wanted in meaning.lower():
            rank = 3
        else:
            continue
        ranked.append((rank, _weight(item), place, item))
    return [item for _, _, _, item in sorted(ranked, key=lambda entry: entry[:3])]


def _weight(item: Completion) -> int:
    """Old names last, then what only the edge knows."""
    if item.kind != "field":
        return 0
    info = FIELDS[item.text]
    return 2 if info.deprecated_by else 1 if info.scope != "request" else 0
