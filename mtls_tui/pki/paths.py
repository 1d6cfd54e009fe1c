"""Candidate paths from a leaf to an anchor: every way that names allow, found depth first within fixed bounds.

Names only: signatures and all other checks come after, from the anchor down, so that a stranger's pile of certificates
costs comparisons and not cryptography. The order tries what is likeliest first (anchors, then key identifiers that
match); an identifier that does not match only comes later, since RFC 5280 4.2.1.1 makes it a hint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.names import CanonicalName
from mtls_tui.pki.store import TrustStore

MAX_LENGTH = 32
"""Certificates in a path. OpenSSL stops at 100 by default, cryptography at 8 intermediates."""
MAX_POOL = 100
"""Presented certificates that are looked at beside the leaf."""
MAX_STEPS = 1000
"""Extensions of a path that are tried in one search."""


class PathSearch:
    """One search. After iterating, `deepest` is the longest path seen (also when none reached an anchor)."""

    def __init__(self, leaf: ParsedCertificate, pool: Sequence[ParsedCertificate], store: TrustStore) -> None:
        self._store = store
        self._leaf = leaf
        self._pool = pool
        self._pool_by_subject: dict[CanonicalName, list[ParsedCertificate]] | None = None
        self._issuers_of: dict[bytes, list[tuple[ParsedCertificate, bool]]] = {}
        self._steps = MAX_STEPS
        self.deepest: tuple[ParsedCertificate, ...] = (leaf,)
        self.too_long = False
        self.rejected: set[tuple[bytes, bytes]] = set()
        """(child's DER, issuer's key) pairs known not to fit; the caller adds them, the search avoids them."""

    @property
    def exhausted(self) -> bool:
        """Whether the search ended by its bound instead of by having seen everything."""
        return self._steps <= 0

    def __iter__(self) -> Iterator[tuple[ParsedCertificate, ...]]:
        if self._leaf.der in self._store.anchor_set:
            yield (self._leaf,)
        # An iterative depth-first search: a stack of iterators over issuers, one for each certificate of the path.
        path: list[ParsedCertificate] = [self._leaf]
        seen = {_identity(self._leaf)}
        stack: list[Iterator[tuple[ParsedCertificate, bool]]] = [self._issuers(self._leaf)]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                seen.discard(_identity(path.pop()))
                continue
            issuer, anchored = step
            if (path[-1].der, issuer.spki) in self.rejected:
                continue
            self._steps -= 1
            if self._steps <= 0:
                return
            if anchored:
                yield (*path, issuer)
                continue
            identity = _identity(issuer)
            if identity in seen:  # the same authority again: a path through it twice proves nothing more
                continue
            if len(path) + 1 >= MAX_LENGTH:
                self.too_long = True
                continue
            path.append(issuer)
            seen.add(identity)
            if len(path) > len(self.deepest):
                self.deepest = tuple(path)
            stack.append(self._issuers(issuer))

    def _issuers(self, child: ParsedCertificate) -> Iterator[tuple[ParsedCertificate, bool]]:
        known = self._issuers_of.get(child.der)
        if known is None:
            store, name = self._store, self._store.issuer_of(child)
            known = [(anchor, True) for anchor in _likeliest(child, store.anchors_by_subject.get(name, ()))]
            known += [(item, False) for item in _likeliest(child, store.intermediates_by_subject.get(name, ()))]
            if self._pool:
                known += [
                    (item, False)
                    for item in _likeliest(child, self._presented().get(name, ()))
                    if item.der not in store.anchor_set
                ]
            self._issuers_of[child.der] = known
        return iter(known)

    def _presented(self) -> dict[CanonicalName, list[ParsedCertificate]]:
        if self._pool_by_subject is None:
            found: dict[CanonicalName, list[ParsedCertificate]] = {}
            for item in self._pool:
                found.setdefault(item.subject, []).append(item)
            self._pool_by_subject = found
        return self._pool_by_subject


def _identity(authority: ParsedCertificate) -> tuple[bytes, bytes]:
    return authority.subject_raw, authority.spki


def _likeliest(child: ParsedCertificate, issuers: Sequence[ParsedCertificate]) -> Sequence[ParsedCertificate]:
    """Issuers whose key identifier matches first, unknown ones next, other ones last; the younger before the older."""
    if len(issuers) < 2:
        return issuers
    wanted = child.issuer_key_identifier

    def rank(issuer: ParsedCertificate) -> tuple[int, int]:
        known = issuer.key_identifier
        if wanted is None or known is None:
            return 1, -issuer.not_before
        return (0 if wanted == known else 2), -issuer.not_before

    return sorted(issuers, key=rank)
