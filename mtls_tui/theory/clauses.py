"""Clauses as conditions on the parts of a request.

A value is in a set just when the text that it comes from is in another one.
Functions lead back by inverse image, so `lower(x) eq "a"` and `x eq "A"` are about one text. Fields that follow from
one text (path, extension, query and arguments of a URI, a header and its cookies) are conditions on that text. What
is described by none of this is an *opaque* atom: free, so that a proof holds whatever it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from mtls_tui.engine.compile import Matcher, evaluate
from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.fields_of import canonical_field, fields_of, walk
from mtls_tui.engine.functions import to_string
from mtls_tui.engine.sets import Lists
from mtls_tui.engine.types_of import type_of
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import CERTIFICATE, FIELDS
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import is_expression
from mtls_tui.lang.types import BOOL, BYTES, IP
from mtls_tui.theory import intervals
from mtls_tui.theory.arrays import ArrayPlace
from mtls_tui.theory.circuits import FALSE, TRUE, Circuit, Literal
from mtls_tui.theory.errors import OpaqueError
from mtls_tui.theory.intervals import Intervals
from mtls_tui.theory.languages import Algebra, Language, symbols_of
from mtls_tui.theory.missing import may_be_missing
from mtls_tui.theory.numbers import ADDRESSES, INTEGERS, V6, numbered
from mtls_tui.theory.places import Places, Seen
from mtls_tui.theory.targets import Numbers, Target, Texts, bounds, target_of, texts_of
from mtls_tui.theory.transducers import DECODED, LOWERED, RAISED, Cut, Followed, Joined, Mapped


class Clauses:
    """Turns expressions into literals of one circuit, over the places of one question."""

    def __init__(self, circuit: Circuit, algebra: Algebra, places: Places) -> None:
        self.circuit = circuit
        self.algebra = algebra
        self.places = places
        self.opaque: dict[int, tuple[ast.Expr, bool]] = {}
        """The clauses that are atoms of their own, or about a value of which only the type is known, and what each is
        where the atom is true."""
        self.reasons: dict[int, str] = {}
        self._known: dict[Any, Literal] = {}
        self._needs: dict[ast.Expr, tuple[bool, bool]] = {}
        """Whether a clause depends on lists, and on the certificate."""

    def literal(self, node: ast.Expr, lists: Lists, seen: Seen = None) -> Literal:
        """What an expression is, over lists, for rules that see these fields of a certificate."""
        match node:
            case ast.Always(value=value):
                return TRUE if value else FALSE
            case ast.Not(item=item):
                return -self.literal(item, lists, seen)
            case ast.Logical(operator=operator, items=items):
                parts = [self.literal(item, lists, seen) for item in items]
                if operator == "and":
                    return self.circuit.every(parts)
                if operator == "or":
                    return self.circuit.some(parts)
                result = parts[0]
                for part in parts[1:]:
                    result = self.circuit.differ(result, part)
                return result
        needs = self._needs.get(node)
        if needs is None:
            parts_of = list(walk(node))
            needs = self._needs[node] = (
                any(isinstance(part, ast.ListName) for part in parts_of),
                any(
                    isinstance(part, ast.Field) and canonical_field(part.name).startswith(CERTIFICATE)
                    for part in parts_of
                ),
            )
        key = (node, id(lists) if needs[0] else 0, id(seen) if needs[1] else 0)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _Clause(self, lists, seen).literal(node)
        return known


class _Clause:
    """One clause."""

    def __init__(self, clauses: Clauses, lists: Lists, seen: Seen) -> None:
        self.clauses = clauses
        self.circuit = clauses.circuit
        self.algebra = clauses.algebra
        self.places = clauses.places
        self.lists = lists
        self.seen = seen
        self.whole: dict[Literal, str] = {}
        """Atoms about a value that was taken as a whole, and why."""

    def literal(self, node: ast.Expr) -> Literal:
        """The clause's literal; an opaque atom where it is not described."""
        try:
            found = self._comparison(node) if isinstance(node, ast.Comparison) else self._test(node)
        except OpaqueError as error:
            return self._opaque(node, str(error))
        if self.whole and abs(found) not in (*self.whole, TRUE):
            return self._opaque(node, next(iter(self.whole.values())))
        for atom, reason in self.whole.items():
            self.clauses.opaque.setdefault(atom, (node, found > 0))
            self.clauses.reasons.setdefault(atom, reason)
        return found

    def _opaque(self, node: ast.Expr, reason: str) -> Literal:
        known = self.places.known(self.seen)
        hint = False
        try:
            matcher = Matcher(ast.Expression(node), self.lists)
        except ValueError:
            pass
        else:
            if known.keys() & matcher.fields:
                truth = matcher.unknown(matcher.fields - known.keys())(dict(known))
                if truth is not None:
                    return TRUE if truth else FALSE
            hint = matcher.function({**self.places.plain_fields, **known})
        atom = self.circuit.atom(hint)
        self.clauses.opaque[atom] = (node, True)
        self.clauses.reasons[atom] = reason
        return atom

    # --- clauses ---

    def _test(self, node: ast.Expr) -> Literal:
        value = node.value if isinstance(node, ast.Test) else None
        match value:
            case ast.Field(name=name):
                return self.places.truth(canonical_field(name), self.seen)
            case ast.Call(name="starts_with", arguments=(source, ast.String(value=text))):
                return self._holds(source, Texts(self.algebra.then(self.algebra.word(text), self.algebra.texts)))
            case ast.Call(name="ends_with", arguments=(source, ast.String(value=text))):
                return self._holds(source, Texts(self.algebra.ending(text)))
            case ast.Call(name="any", arguments=(argument,)) if is_expression(argument):
                array, items = self._mapped(argument)
                return array.some(items)
            case ast.Call(name="all", arguments=(argument,)) if is_expression(argument):
                array, items = self._mapped(argument)
                return -array.some(self.algebra.texts_other_than(items))
            case ast.Call(name="has_key", arguments=(base, ast.String() as key)):
                return self._array(ast.Index(base, key)).count(1, None)  # type: ignore[arg-type]
            case ast.Call(name="has_value", arguments=(base, ast.String(value=text))):
                return self._array(base).some(self.algebra.word(text))
        raise OpaqueError("a function")

    def _comparison(self, node: ast.Comparison) -> Literal:
        if isinstance(node.right, ast.Field | ast.Index | ast.Call):
            same = self.places.compared(node.left, node.right) if node.operator in ("eq", "ne") else None
            if same is None:
                raise OpaqueError("two values are compared with each other")
            return same if node.operator == "eq" else -same
        left: ast.Value = node.left
        if isinstance(left, ast.Call) and left.name == "to_string":
            return self._written(left.arguments[0], node)
        return self._holds(left, target_of(self.algebra, self.lists, left, node))

    def _written(self, value: ast.Argument, node: ast.Comparison) -> Literal:
        """`to_string(value)` compared with some texts as a whole."""
        kind = type_of(value)
        if kind == BOOL and isinstance(value, ast.Field):
            texts = texts_of(self.algebra, self.lists, node)
            truth = self.places.truth(canonical_field(value.name), self.seen)
            if FIELDS[canonical_field(value.name)].default is None and canonical_field(value.name) not in EXTRACTORS:
                raise OpaqueError("a value that may be missing")
            yes, no = (TRUE if self.algebra.has(texts, word) else FALSE for word in (b"true", b"false"))
            return self.circuit.some((self.circuit.every((truth, yes)), self.circuit.every((-truth, no))))
        if node.operator not in ("eq", "ne", "in") or not isinstance(node.right, ast.String | ast.Set):
            raise OpaqueError("`to_string`")
        items = node.right.items if isinstance(node.right, ast.Set) else (node.right,)
        numbers = []
        for item in items:
            assert isinstance(item, ast.String)
            number = _read(item.value, kind.name)
            if number is not None:
                numbers.append((number, number))
        members = intervals.united(numbers)
        whole = ADDRESSES if kind == IP else INTEGERS
        return self._holds(value, Numbers(intervals.without(whole, members) if node.operator == "ne" else members))

    # --- from results to arguments ---

    def _holds(self, value: ast.Argument, target: Target) -> Literal:
        """Whether a value is in a set."""
        try:
            return self._described(value, target)
        except OpaqueError as error:
            if not isinstance(value, ast.Call | ast.Index):
                raise
            return self._as_a_whole(value, target, str(error))

    def _as_a_whole(self, value: ast.Call | ast.Index, target: Target, reason: str) -> Literal:
        """A value of which nothing is known but its type: what is said of it holds together, and stands for itself."""
        known = self.places.known(self.seen)
        plain: Any = None
        with suppress(ValueError, TypeError):
            plain = evaluate(value, {**self.places.plain_fields, **known}, lists=self.lists)
            if fields_of(value) <= known.keys():
                return TRUE if self._value_in(plain, target) else FALSE
        name = f"value {format_node(value)}"
        if any(field.startswith(CERTIFICATE) for field in fields_of(value)):
            name += f" {id(self.seen)}"
        optional = may_be_missing(value)
        if isinstance(target, Texts):
            word = plain if isinstance(plain, bytes) else None
            literal = self.places.whole_text(name, value, word, optional, target.members, target.missing)
        else:
            number = None if plain is None else plain if isinstance(plain, int) else numbered(plain)
            whole = ADDRESSES if type_of(value) == IP else INTEGERS
            literal = self.places.whole_number(name, value, number, optional, whole, target.members, target.missing)
        if abs(literal) != TRUE:
            self.whole[abs(literal)] = reason
        return literal

    def _value_in(self, value: Any, target: Target) -> bool:
        if value is None:
            return target.missing
        if isinstance(target, Texts):
            return isinstance(value, bytes) and self.algebra.has(target.members, value)
        return intervals.has(target.members, value if isinstance(value, int) else numbered(value))

    def _described(self, value: ast.Argument, target: Target) -> Literal:
        """Whether a value is in a set, by the place that it follows from."""
        base, target = self._led_back(value, target)
        if isinstance(base, ast.Call):
            if base.name == "coalesce":
                return self._first_there(base.arguments, target)
            return self._of_array(base, target)
        match base:
            case ast.Field(name=name):
                if isinstance(target, Texts):
                    return self.places.text(canonical_field(name), target.members, target.missing, self.seen)
                return self.places.number(canonical_field(name), target.members, target.missing, self.seen)
            case ast.Index(base=inner, key=int() as place) if isinstance(target, Texts):
                return self._array(inner).element(place, target.members, target.missing)
        raise OpaqueError("a part of a value")

    def _first_there(self, arguments: Sequence[ast.Argument], target: Target) -> Literal:
        """`coalesce`: the first argument that is not missing is in the set."""
        if not arguments:
            return TRUE if target.missing else FALSE
        first, rest = arguments[0], arguments[1:]
        if isinstance(first, ast.String | ast.Integer | ast.Address):
            return TRUE if self._literal_in(first, target) else FALSE
        nothing: Target = Texts(self.algebra.nothing, True) if isinstance(target, Texts) else Numbers((), True)
        there = Texts(target.members) if isinstance(target, Texts) else Numbers(target.members)
        return self.circuit.some(
            (
                self._holds(first, there),
                self.circuit.every((self._holds(first, nothing), self._first_there(rest, target))),
            )
        )

    def _literal_in(self, literal: ast.String | ast.Integer | ast.Address, target: Target) -> bool:
        if isinstance(target, Texts):
            return isinstance(literal, ast.String) and self.algebra.has(target.members, literal.value)
        return not isinstance(literal, ast.String) and intervals.has(target.members, bounds(literal)[0])

    def _led_back(self, value: ast.Argument, target: Target) -> tuple[ast.Argument, Target]:
        """Through functions of one argument to the value that they are applied to."""
        while isinstance(value, ast.Call):
            arguments = value.arguments
            if isinstance(target, Texts):
                found = self._texts_led_back(value.name, arguments, target)
            else:
                found = self._numbers_led_back(value.name, arguments, target)
            if found is None:
                return value, target
            value, target = found
        return value, target

    def _texts_led_back(
        self, name: str, arguments: Sequence[ast.Argument], target: Texts
    ) -> tuple[ast.Argument, Target] | None:
        algebra, members = self.algebra, target.members
        match name, arguments:
            case "lower", (value,):
                return value, Texts(algebra.before_image(LOWERED, members), target.missing)
            case "upper", (value,):
                return value, Texts(algebra.before_image(RAISED, members), target.missing)
            case "url_decode", (value,) | (value, ast.String(value=b"")):
                return value, Texts(algebra.before_image(DECODED, members), target.missing)
            case "remove_bytes", (value, ast.String(value=removed)):
                return value, Texts(algebra.before_image(Mapped((), symbols_of(removed)), members), target.missing)
            case "substring", (value, ast.Integer(value=start)):
                return value, Texts(self._cut(members, start, None), target.missing)
            case "substring", (value, ast.Integer(value=start), ast.Integer(value=stop)):
                return value, Texts(self._cut(members, start, stop), target.missing)
            case "concat", _ if type_of(arguments[0]) == BYTES:
                return self._concatenated(arguments, members)
            case ("join", (_, ast.String())) | ("coalesce", _):
                return None
        raise OpaqueError(f"`{name}`")

    def _cut(self, members: Language, start: int, stop: int | None) -> Language:
        algebra = self.algebra
        if start >= 0 and (stop is None or stop >= 0):
            return algebra.before_image(Cut(start, stop), members)
        if start >= 0 and stop is not None:  # without the last bytes
            kept = algebra.both((algebra.before_image(Cut(start, None), members), algebra.texts))
            whole = algebra.then(kept, algebra.lengths(-stop, -stop))
            return algebra.either((whole, algebra.lengths(0, -stop - 1))) if members.nullable else whole
        if stop is None:  # the last bytes
            last = algebra.then(algebra.texts, algebra.both((members, algebra.lengths(-start, -start))))
            return algebra.either((last, algebra.both((members, algebra.lengths(0, -start - 1)))))
        raise OpaqueError("`substring` from the end to the end")

    def _concatenated(self, arguments: Sequence[ast.Argument], members: Language) -> tuple[ast.Argument, Target]:
        algebra = self.algebra
        values = [place for place, part in enumerate(arguments) if not isinstance(part, ast.String)]
        if len(values) != 1:
            raise OpaqueError("`concat` of several values")
        place = values[0]
        texts = [part.value for part in arguments if isinstance(part, ast.String)]
        before, behind = b"".join(texts[:place]), b"".join(texts[place:])
        missing = bool(texts) and algebra.has(members, before + behind)
        rest = members.after(before, algebra.nothing)
        return arguments[place], Texts(algebra.before_image(Followed(behind), rest) if behind else rest, missing)

    def _numbers_led_back(
        self, name: str, arguments: Sequence[ast.Argument], target: Numbers
    ) -> tuple[ast.Argument, Target] | None:
        match name, arguments:
            case "len", (value,) if type_of(value) == BYTES:
                return value, Texts(self.places.lengths(target.members), target.missing)
            case (("len" | "coalesce"), _):
                return None
            case "cidr", (value, ast.Integer(value=v4), ast.Integer(value=v6)) if 1 <= v4 <= 32 and 1 <= v6 <= 128:
                return value, Numbers(_widened(target.members, 32 - v4, 128 - v6), target.missing)
            case "cidr6", (value, ast.Integer(value=v6)) if 1 <= v6 <= 128:
                return value, Numbers(_widened(target.members, 0, 128 - v6), target.missing)
        raise OpaqueError(f"`{name}`")

    # --- arrays ---

    def _of_array(self, call: ast.Call, target: Target) -> Literal:
        """`len` of an array, or `join` of one."""
        array = self._array(call.arguments[0])
        if call.name == "join" and isinstance(target, Texts) and isinstance(call.arguments[1], ast.String):
            return array.joined(Joined(call.arguments[1].value), target.members, target.missing)
        if call.name == "len" and isinstance(target, Numbers):
            counts = [array.counted(max(first, 0), last) for first, last in target.members if last >= 0]
            return self.circuit.some((*counts, array.missing if target.missing else FALSE))
        raise OpaqueError(f"`{call.name}`")

    def _array(self, value: ast.Argument) -> ArrayPlace:
        """The array that a value is."""
        match value:
            case ast.Field(name=name):
                found = self.places.array(canonical_field(name), None, self.seen)
            case ast.Index(base=ast.Field(name=name), key=ast.String(value=key)):
                found = self.places.array(canonical_field(name), key, self.seen)
            case _:
                found = None
        if found is None:
            raise OpaqueError("an array")
        return found

    def _mapped(self, node: Any) -> tuple[ArrayPlace, Language]:
        """The array that a condition over `[*]` is about, and the elements that fulfil it."""
        algebra = self.algebra
        match node:
            case ast.Not(item=item):
                array, items = self._mapped(item)
                return array, algebra.texts_other_than(items)
            case ast.Logical(operator=operator, items=parts):
                found = [self._mapped(part) for part in parts]
                if any(array is not found[0][0] for array, _ in found):
                    raise OpaqueError("several arrays")
                sets = [items for _, items in found]
                if operator == "and":
                    return found[0][0], algebra.both(sets)
                if operator == "or":
                    return found[0][0], algebra.either(sets)
                odd = sets[0]
                for other in sets[1:]:
                    odd = algebra.either(
                        (
                            algebra.both((odd, algebra.texts_other_than(other))),
                            algebra.both((other, algebra.texts_other_than(odd))),
                        )
                    )
                return found[0][0], odd
            case ast.Comparison(left=left):
                if isinstance(node.right, ast.Field | ast.Index | ast.Call):
                    raise OpaqueError("two values are compared with each other")
                return self._each(left, target_of(self.algebra, self.lists, left, node))
            case ast.Test(value=ast.Call(name="starts_with", arguments=(source, ast.String(value=text)))):
                return self._each(source, Texts(algebra.then(algebra.word(text), algebra.texts)))
            case ast.Test(value=ast.Call(name="ends_with", arguments=(source, ast.String(value=text)))):
                return self._each(source, Texts(algebra.ending(text)))
        raise OpaqueError("a condition over the elements of an array")

    def _each(self, value: ast.Argument, target: Target) -> tuple[ArrayPlace, Language]:
        while True:
            if isinstance(value, ast.Index) and value.key is None:
                if not isinstance(value.base, ast.Call):
                    break
                value = value.base
            elif isinstance(value, ast.Call):
                if isinstance(target, Texts):
                    found = self._texts_led_back(value.name, value.arguments, target)
                else:
                    found = self._numbers_led_back(value.name, value.arguments, target)
                if found is None or found[1].missing is not target.missing:
                    raise OpaqueError("an array within an array")
                value, target = found
            else:
                raise OpaqueError("a condition over the elements of an array")
        if not isinstance(target, Texts):
            raise OpaqueError("an array of numbers")
        return self._array(value.base), self.algebra.both((target.members, self.algebra.texts))


def _widened(members: Intervals, v4: int, v6: int) -> Intervals:
    """The addresses whose network's address is in a set; the numbers are bits that are cut off."""
    found = []
    for (first, last), shift, low, high in (
        (pair, cut, base, top) for pair in members for cut, base, top in ((v4, 0, V6 - 1), (v6, V6, ADDRESSES[0][1]))
    ):
        start, end = max(first, low) - low, min(last, high) - low
        if start <= end:
            lowest, highest = -(-start >> shift), end >> shift
            if lowest <= highest:
                found.append(((lowest << shift) + low, (((highest + 1) << shift) - 1) + low))
    return intervals.united(found)


def _read(text: bytes, kind: str) -> int | None:
    """The number or address that `to_string` writes so; None: there is none."""
    try:
        value: Any = ip_address(text.decode()) if kind == "Ip" else int(text)
    except ValueError:
        return None
    if to_string(value) != text:
        return None
    return numbered(value) if kind == "Ip" else int(value) if -(1 << 63) <= value < 1 << 63 else None
