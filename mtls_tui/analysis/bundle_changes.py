"""What stands otherwise in two bundles, one change a line: hosts and their settings, rules, lists, properties.

Says what was written, not whom it lets in: that is `difference`. A rule that was only written in another way is told
from one that matches other requests, where that can be proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, Protocol, TypeAlias, TypeVar

from mtls_tui.analysis.context import Context
from mtls_tui.engine.bundle import Bundle, BundleHost, BundleList, BundleProperty, BundleRule
from mtls_tui.engine.fields_of import lists_of as lists_read
from mtls_tui.engine.from_bundle import lists_of, rules_of
from mtls_tui.engine.model import Rule
from mtls_tui.engine.sets import Lists

Sign: TypeAlias = Literal["+", "-", "~"]
Subject: TypeAlias = Literal["trust", "host", "list", "rule", "property"]


@dataclass(frozen=True, slots=True)
class BundleChange:
    """A thing that was added, removed or changed. `name` is "" for what concerns all; `words` say what is different.

    `rewrite`: it is about which requests match only, so it changes nothing where every decision is the same.
    """

    sign: Sign
    subject: Subject
    name: str = ""
    words: str = ""
    rewrite: bool = False

    def __str__(self) -> str:
        named = f"{self.subject} {self.name}" if self.name else ""
        return f"{self.sign} {': '.join(part for part in (named, self.words) if part)}"


def bundle_changes(old: Bundle, new: Bundle, *, match: bool = True) -> list[BundleChange]:
    """All changes, in the order in which one reads them: what is trusted, hosts, lists, rules, properties.

    Files are compared by name, not by folder. Without `match`, which takes time, nothing is said of which requests a
    changed rule matches. Raises ValueError for a bundle whose rules do not parse.
    """
    return [
        *_trust(old, new),
        *_named("host", old.hosts, new.hosts, _host),
        *_lists(old, new),
        *_rules(old, new, match=match),
        *_named("property", old.properties, new.properties, _property),
    ]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def _named(
    subject: Subject, old: Iterable[N], new: Iterable[N], words: Callable[[N | None, N], str]
) -> Iterator[BundleChange]:
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    for name, one in after.items():
        if name not in before:
            yield BundleChange("+", subject, name, words(None, one))
        elif before[name] != one and (said := words(before[name], one)):
            yield BundleChange("~", subject, name, said)
    yield from (BundleChange("-", subject, name) for name in before if name not in after)


def _trust(old: Bundle, new: Bundle) -> Iterator[BundleChange]:
    for what, before, after in (
        ("authorities for all hosts", old.anchors, new.anchors),
        ("intermediate certificates for all hosts", old.intermediates, new.intermediates),
        ("revocation lists for all hosts", (old.crls, _files(old.crl_files)), (new.crls, _files(new.crl_files))),
    ):
        if before != after:
            yield BundleChange("~", "trust", "", f"other {what}")


def _host(before: BundleHost | None, after: BundleHost) -> str:
    if before is None:
        return "asks for certificates" if after.mtls else "asks for no certificate"
    said = []
    if before.mtls != after.mtls:
        said.append("asks for certificates now" if after.mtls else "no longer asks for certificates: rules see none")
    if (before.anchors, before.intermediates) != (after.anchors, after.intermediates):
        said.append("trusts other authorities")
    if (before.crls, _files(before.crl_files)) != (after.crls, _files(after.crl_files)):
        said.append("other revocation lists")
    if (before.crl_policy, before.revocation) != (after.crl_policy, after.revocation):
        said.append("checks revocation otherwise")
    if (before.upstream, before.upstream_ca) != (after.upstream, after.upstream_ca):
        said.append(f"goes to {after.upstream}" if after.upstream else "another upstream")
    if _server(before) != _server(after):
        said.append("another server certificate")
    return ", ".join(said)


def _server(host: BundleHost) -> tuple[str, ...]:
    return _files(path for path in (host.server_certificate, host.server_key) if path)


def _files(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(PurePath(path).name for path in paths)


def _lists(old: Bundle, new: Bundle) -> Iterator[BundleChange]:
    for name, entry in new.lists.items():
        if name not in old.lists:
            yield BundleChange("+", "list", name, rewrite=True)
        elif old.lists[name] != entry:
            yield BundleChange("~", "list", name, _items(old.lists[name], entry), rewrite=True)
    yield from (BundleChange("-", "list", name, rewrite=True) for name in old.lists if name not in new.lists)


def _items(before: BundleList, after: BundleList) -> str:
    added = len(set(after.items) - set(before.items))
    removed = len(set(before.items) - set(after.items))
    parts = [f"{count} {verb}" for count, verb in ((added, "added"), (removed, "removed")) if count]
    return ", ".join(parts) or "the same items in another order"


def _rules(old: Bundle, new: Bundle, *, match: bool) -> Iterator[BundleChange]:
    before, after = {rule.ref: rule for rule in old.rules}, {rule.ref: rule for rule in new.rules}
    engine = None
    for ref, rule in after.items():
        if ref not in before:
            yield BundleChange("+", "rule", ref, rule.action + ("" if rule.enabled else ", disabled"), _decides(rule))
            continue
        said = list(_rule(before[ref], rule))
        if before[ref].expression != rule.expression:
            engine = engine or (_Expressions(old, new) if match else None)
            said.insert(0, engine.words(ref) if engine is not None else "another expression")
        if said:
            alike = (before[ref].action, before[ref].shadow, before[ref].response) == (
                rule.action, rule.shadow, rule.response)  # fmt: skip
            yield BundleChange("~", "rule", ref, ", ".join(said), alike and _decides(rule))
    yield from (BundleChange("-", "rule", ref, "", _decides(before[ref])) for ref in before if ref not in after)
    if [ref for ref in before if ref in after] != [ref for ref in after if ref in before]:
        yield BundleChange("~", "rule", "", "the rules are in another order", rewrite=True)


def _decides(rule: BundleRule) -> bool:
    """Whether the rule does nothing but decide: it reports nothing."""
    return rule.action != "log" and not rule.shadow


def _rule(before: BundleRule, after: BundleRule) -> Iterator[str]:
    if before.action != after.action:
        yield f"{before.action} → {after.action}"
    if before.enabled != after.enabled:
        yield "enabled now" if after.enabled else "disabled now"
    if before.shadow != after.shadow:
        yield "only reports now (shadow)" if after.shadow else "no longer in shadow"
    if before.response != after.response:
        yield "another response"
    if before.description != after.description:
        yield "another description"


class _Expressions:
    """The rules of two bundles as the engine has them, to tell other notations from other rules."""

    def __init__(self, old: Bundle, new: Bundle) -> None:
        self.before: Mapping[str, Rule] = {rule.ref: rule for rule in rules_of(old)}
        self.after: Mapping[str, Rule] = {rule.ref: rule for rule in rules_of(new)}
        self.lists: Lists = lists_of(new)
        self.changed = frozenset(name for name in old.lists if old.lists[name] != new.lists.get(name))

    def words(self, ref: str) -> str:
        before, after = self.before[ref], self.after[ref]
        if self.changed & (lists_read(before.expression.root) | lists_read(after.expression.root)):
            return "another expression"
        context = Context((before, after), lists=self.lists)
        old, new = before.expression.root, after.expression.root
        narrower = not context.possible((new, True), (old, False))
        wider = not context.possible((old, True), (new, False))
        if narrower and wider:
            return "written in another way: it matches the same requests"
        if narrower:
            return "another expression: it matches no request that it did not match before"
        return "another expression: it matches all that it matched before" if wider else "another expression"


def _property(before: BundleProperty | None, after: BundleProperty) -> str:
    if before is None:
        return ""
    keys = ("expect", "hosts", "when", "unless", "client")
    return "other " + ", ".join(key for key in keys if getattr(before, key) != getattr(after, key))
