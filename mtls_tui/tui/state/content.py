"""What undo covers and the draft keeps: the rule file, rules under edit, the request of the simulator, saved ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mtls_tui.rulefile import RuleFile
from mtls_tui.rulefile.edit import update_rule
from mtls_tui.tui.state.edited_rule import EditedRule, parsed
from mtls_tui.tui.state.recent import recent

_NO_EDITS: Mapping[str, EditedRule] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Probe:
    """A request with its certificate, as the simulator has it: text throughout, so that a half-typed value is kept.

    `certificate` is a path (relative to the rule file), a role ("none", "good", …), or "" for none; `pem` holds pasted
    certificates (never a key). `at` is "" for now.
    """

    name: str = ""
    method: str = "GET"
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    ip: str = ""
    at: str = ""
    certificate: str = "none"
    pem: str = ""
    overrides: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What undo covers and the draft holds."""

    file: RuleFile
    edits: Mapping[str, EditedRule] = field(default_factory=lambda: _NO_EDITS)
    probe: Probe = Probe()
    probes: tuple[Probe, ...] = ()


def edited_rule_of(content: Content, ref: str) -> EditedRule:
    """A rule's expression under edit; made from the file when it isn't being edited yet."""
    known = content.edits.get(ref)
    if known is not None:
        return known
    index = content.file.index_of(ref)
    return _from_file(content.file, index)


def same_text(one: Content, other: Content) -> bool:
    """True if two contents have identical text."""
    if one is other:
        return True
    if (one.file is not other.file and one.file.text != other.file.text) or one.probe != other.probe:
        return False
    if one.probes != other.probes:
        return False
    known = {rule.ref for rule in one.file.rules}
    for ref in one.edits.keys() | other.edits.keys():
        if one.edits.get(ref) is other.edits.get(ref):
            continue
        if ref not in known:
            return False
        mine, theirs = edited_rule_of(one, ref), edited_rule_of(other, ref)
        if mine.broken != theirs.broken or mine.muted != theirs.muted:
            return False
        if (mine.full.text if mine.full else "") != (theirs.full.text if theirs.full else ""):
            return False
    return True


def is_saved(content: Content, saved: Content) -> bool:
    """True if nothing is unsaved; cheaper than `with_edits_written`, which writes text."""
    if content.file is not saved.file and content.file.text != saved.file.text:
        return False
    known = {rule.ref: rule.expression for rule in content.file.rules}
    return all(edited.text == known[ref] for ref, edited in content.edits.items() if ref in known)


def says_other(one: Content, other: Content) -> bool:
    """True if the files of two contents would differ: in a rule, a host, a list or a test."""
    if one.file is not other.file and one.file.text != other.file.text:
        return True
    refs = one.edits.keys() | other.edits.keys()
    known = {rule.ref for rule in one.file.rules} if refs else set()
    return any(
        edited_rule_of(one, ref).text != edited_rule_of(other, ref).text
        for ref in refs & known
        if one.edits.get(ref) is not other.edits.get(ref)
    )


@recent(64)
def _from_file(file: RuleFile, index: int) -> EditedRule:
    expression = file.expressions[index]
    if expression is not None:
        return EditedRule(expression)
    # Wrong, or too long: as rows where it can be read for them, else as text. A long one is read once it is shown.
    return parsed(file.rules[index].expression, at_once=False)


def with_edited_rule(content: Content, ref: str, edited: EditedRule) -> Content:
    """The content with a rule's expression under edit replaced."""
    return replace(content, edits=MappingProxyType({**content.edits, ref: edited}))


@recent(4)
def with_edits_written(content: Content) -> Content:
    """The content with all edits written into the rule file's text; muted clauses stay in `edits`."""
    file = content.file
    kept: dict[str, EditedRule] = {}
    for ref, edited in content.edits.items():
        try:
            index = file.index_of(ref)
        except KeyError:
            continue
        if edited.text != file.rules[index].expression:
            file = update_rule(file, index, expression=edited.text)
        if edited.muted:
            kept[ref] = edited
    return replace(content, file=file, edits=MappingProxyType(kept))


def with_file(content: Content, file: RuleFile) -> Content:
    """The content with another rule file; rules that are gone are no longer under edit."""
    refs = {rule.ref for rule in file.rules}
    kept = {ref: edited for ref, edited in content.edits.items() if ref in refs}
    return replace(content, file=file, edits=MappingProxyType(kept))
