"""Revocation lists that are newer than the bundle: which files to look at, and the bundle with what they hold.

A bundle is complete in itself: the lists it embeds are what is enforced wherever it is taken. Beside them it names the
files that they came from. A list is signed by its authority, so a newer one can be taken from there without a new
bundle. Only what is shown to be signed by the same key replaces a list, and only by one of the same scope that is later
by number and time (RFC 5280 5.2.3: numbers grow), so neither a deleted, a restored nor a forged file takes a revocation
back. A list whose authority the bundle does not hold can't be checked here: it is kept beside the others, and the
verification of a chain chooses by the key that the client's authority has. Knows no files: their bytes are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import msgspec

from mtls_tui.engine.bundle import Bundle, BundleError, BundleHost
from mtls_tui.pki.certificate import ParsedCertificate, view
from mtls_tui.pki.crl import RevocationList, read_crl
from mtls_tui.pki.errors import LoadError, StoreError
from mtls_tui.pki.keys import may_use, verify_signature
from mtls_tui.pki.load import crl_ders, crl_pem, load_certificates
from mtls_tui.pki.names import CanonicalName
from mtls_tui.pki.store import may_sign_crls

MOST_UNCHECKED = 16
"""Lists that can't be checked, kept per file. Any number of them can be forged, and none may displace another."""

_Authorities: TypeAlias = Mapping[CanonicalName, tuple[ParsedCertificate, ...]]


class Merged(NamedTuple):
    """What is in force of a file."""

    lists: bytes
    """PEM; empty when no list of the file can be used."""
    notes: tuple[str, ...] = ()
    """What an operator should know."""
    refused: tuple[str, ...] = ()
    """Lists that stand in the file and are not in force, and why."""


def crl_files(bundle: Bundle) -> tuple[str, ...]:
    """Every file that revocation lists of the bundle came from, each once."""
    named = [*bundle.crl_files, *(path for host in bundle.hosts if host.mtls for path in host.crl_files)]
    return tuple(dict.fromkeys(named))


def with_files(bundle: Bundle, contents: Mapping[str, bytes]) -> tuple[Bundle, tuple[str, ...]]:
    """The bundle with the lists of some files where they are newer, and a line for every list that is not taken.

    `contents` maps a path as the bundle names it to what `merged` made of the file; files left out keep what is
    embedded. Raises `BundleError` for a file that holds no revocation list.
    """
    work = _Work(bundle)
    read = {path: work.read(path, contents[path])[0] for path in crl_files(bundle) if contents.get(path)}
    if not read:
        return bundle, ()
    notes: dict[str, None] = {}
    top = work.newer(bundle.crls, bundle.crl_files, read, work.stores, notes)
    made: dict[tuple[object, ...], tuple[str, ...]] = {}
    hosts: list[BundleHost] = []
    for host in bundle.hosts:
        key = (host.crls, host.crl_files, host.anchors, host.intermediates)
        if host.mtls and key not in made:
            made[key] = work.newer(host.crls, host.crl_files, read, [work.store_of(host)], notes)
        hosts.append(msgspec.structs.replace(host, crls=made[key]) if host.mtls else host)
    return msgspec.structs.replace(bundle, crls=top, hosts=tuple(hosts)), tuple(notes)


def merged(bundle: Bundle, path: str, old: bytes | None, new: bytes) -> Merged:
    """What is in force of a file after its bytes became `new`; `old` is what was in force of it before.

    Raises `BundleError` for bytes that hold no revocation list; single lists that can't be used are `refused`.
    """
    work = _Work(bundle)
    stores = work.stores_of(path)
    known = work.read(path, old)[0] if old else []
    present, refused = work.read(path, new)
    usable = [one for one in known if any(_fits(work, one, store) for store in stores)] if stores else known
    embedded = work.embedded(path)
    kept = _Kept(work)
    for one in usable:
        # Whoever made the bundle vouches for what it embeds, also where nobody here can check it.
        if work.signer(one.crl) is not None or not any(_supersedes(other.crl, one.crl) for other in embedded):
            kept.put(one)
    for one in present:
        if stores and not any(_fits(work, one, store) for store in stores):
            refused.append(f"{path}: {_unfit(one)}")
        else:
            kept.take(one)
    return Merged("".join(one.pem for one in kept.all).encode("ascii"), tuple(kept.notes), (*refused, *kept.refused))


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    path: str
    pem: str
    crl: RevocationList


class _Work:
    """One run over a bundle: what was read and checked is remembered, since a thousand hosts may share it."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._views: dict[str, tuple[ParsedCertificate, ...]] = {}
        self._signers: dict[bytes, ParsedCertificate | None] = {}
        self._lists: dict[str, _Listed | None] = {}
        self._stores: dict[tuple[object, ...], _Authorities] = {}
        for host in bundle.hosts:
            if host.mtls:
                self.store_of(host)
        self._everybody = _by_subject(one for store in self.stores for named in store.values() for one in named)

    @property
    def stores(self) -> list[_Authorities]:
        """The authorities of each different trust store."""
        return list(self._stores.values())

    def store_of(self, host: BundleHost) -> _Authorities:
        """The authorities that a host trusts or knows."""
        key = (host.anchors, host.intermediates)
        if key not in self._stores:
            bundle = self.bundle
            pems = (*bundle.anchors, *bundle.intermediates, *host.anchors, *host.intermediates)
            self._stores[key] = _by_subject(one for pem in pems for one in self._authority(pem))
        return self._stores[key]

    def stores_of(self, path: str) -> list[_Authorities]:
        """The authorities of the hosts that take lists from a file."""
        everywhere = path in self.bundle.crl_files
        hosts = [host for host in self.bundle.hosts if host.mtls and (everywhere or path in host.crl_files)]
        return [self.store_of(host) for host in hosts]

    def embedded(self, path: str) -> list[_Listed]:
        """The embedded lists beside which those of a file are put."""
        places = [(self.bundle.crl_files, self.bundle.crls)]
        places += [(host.crl_files, host.crls) for host in self.bundle.hosts if host.mtls]
        pems = dict.fromkeys(pem for files, lists in places if path in files for pem in lists)
        return [one for pem in pems if (one := self._embedded(pem)) is not None]

    def _authority(self, pem: str) -> tuple[ParsedCertificate, ...]:
        if pem not in self._views:
            try:
                self._views[pem] = tuple(view(one) for one in load_certificates(pem.encode()))
            except LoadError:
                self._views[pem] = ()  # the trust store refuses it, and says where it stands
        return self._views[pem]

    def _embedded(self, pem: str) -> _Listed | None:
        """An embedded list; None for one that can't be used, which the trust store will refuse by itself."""
        if pem not in self._lists:
            try:
                (der,) = crl_ders(pem.encode())
                self._lists[pem] = _Listed("", pem, read_crl(der, "embedded"))
            except (LoadError, StoreError, ValueError):
                self._lists[pem] = None
        return self._lists[pem]

    def read(self, path: str, data: bytes) -> tuple[list[_Listed], list[str]]:
        """The lists of a file that can be used, and why others can't."""
        try:
            ders = crl_ders(data)
        except LoadError as error:
            raise BundleError(f"{path}: {error}", "write the list again, or export without it") from None
        found: list[_Listed] = []
        refused: list[str] = []
        for der in ders:
            try:
                found.append(_Listed(path, crl_pem(der), read_crl(der, path)))
            except StoreError as error:
                refused.append(str(error))
        return found, refused

    def signer(self, crl: RevocationList) -> ParsedCertificate | None:
        """The authority of the bundle whose key signed a list and may do so."""
        if crl.digest not in self._signers:
            named = self._everybody.get(crl.issuer, ())
            self._signers[crl.digest] = next((one for one in named if _signed(crl, one)), None)
        return self._signers[crl.digest]

    def newer(
        self, embedded: tuple[str, ...], paths: Iterable[str], read: Mapping[str, list[_Listed]],
        stores: Sequence[_Authorities], notes: dict[str, None],
    ) -> tuple[str, ...]:  # fmt: skip
        """Embedded lists with those of files where they are newer."""
        found = [one for path in paths for one in read.get(path, ())]
        if not found:
            return embedded
        kept = _Kept(self)
        unread: list[str] = []
        for pem in embedded:
            one = self._embedded(pem)
            if one is None:
                unread.append(pem)
            else:
                kept.put(one)
        for one in found:
            # A store refuses as a whole what bears the name of one of its authorities without its signature.
            if all(_fits(self, one, store) for store in stores):
                kept.take(one)
            else:
                notes[f"{one.path}: {_unfit(one)}"] = None
        notes |= dict.fromkeys((*kept.notes, *kept.refused))
        return (*unread, *(one.pem for one in kept.all))


@dataclass(slots=True)
class _Kept:
    """Lists in force. Of those by one known key and scope the newest; of those that can't be checked all.

    Where number and time of two lists contradict each other both are kept, as the verification of a chain takes them.
    """

    work: _Work
    checked: dict[tuple[CanonicalName, bytes, str], list[_Listed]] = field(default_factory=dict)
    unchecked: dict[bytes, _Listed] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    refused: dict[str, None] = field(default_factory=dict)

    @property
    def all(self) -> list[_Listed]:
        return [*(one for alike in self.checked.values() for one in alike), *self.unchecked.values()]

    def put(self, one: _Listed) -> None:
        """Add a list without a word."""
        signer = self.work.signer(one.crl)
        if signer is None:
            self.unchecked[one.crl.digest] = one
            return
        alike = self.checked.setdefault((one.crl.issuer, signer.spki, one.crl.scope), [])
        # The same list signed twice (an ECDSA signature is another each time) is one list.
        if not any(other.crl.tbs == one.crl.tbs or _later(other.crl, one.crl) for other in alike):
            alike[:] = [*(other for other in alike if not _later(one.crl, other.crl)), one]

    def take(self, one: _Listed) -> None:
        """Add a list of a file, and say what there is to say of it."""
        crl = one.crl
        signer = self.work.signer(crl)
        if signer is None:
            if crl.digest in self.unchecked:
                return
            if sum(other.path == one.path for other in self.unchecked.values()) >= MOST_UNCHECKED:
                self.refused[
                    f"{one.path}: list number {crl.number} of {crl.issuer_name} is not taken: {MOST_UNCHECKED} lists "
                    "of this file can't be checked already; name that authority under `intermediates`, export again"
                ] = None
                return
            self.notes[
                f"{one.path}: the bundle holds no authority {crl.issuer_name}, so its lists can't be checked and each "
                "is kept; name it under `intermediates`, export again"
            ] = None
        else:
            alike = self.checked.get((crl.issuer, signer.spki, crl.scope), ())
            known = next((other for other in alike if _later(other.crl, crl)), None)
            if known is not None:
                self.notes[
                    f"{one.path}: holds list number {crl.number} of {crl.issuer_name}, older than number "
                    f"{known.crl.number} that is in force: it is not taken"
                ] = None
        self.put(one)


def _later(new: RevocationList, old: RevocationList) -> bool:
    """Whether a list by the same key and of the same scope takes another's place: as `pki.revocation` judges it."""
    return (new.number, new.this_update) > (old.number, old.this_update) and new.this_update >= old.this_update


def _supersedes(new: RevocationList, old: RevocationList) -> bool:
    alike = new.issuer == old.issuer and new.scope == old.scope
    same = new.digest == old.digest or _later(new, old)
    return alike and new.authority_key_identifier == old.authority_key_identifier and same


def _fits(work: _Work, one: _Listed, store: _Authorities) -> bool:
    """Whether a trust store of these authorities takes a list: one in the name of none of them waits for its own."""
    named = store.get(one.crl.issuer)
    if named is None:
        return True
    signer = work.signer(one.crl)
    return signer is not None and any(signer.spki == other.spki and may_sign_crls(other) for other in named)


def _unfit(one: _Listed) -> str:
    return (
        f"list number {one.crl.number} in the name of {one.crl.issuer_name} is not signed by that authority's key, or "
        "the key may not sign lists (cRLSign); it is not taken"
    )


def _signed(crl: RevocationList, authority: ParsedCertificate) -> bool:
    """As a trust store judges it: a list that is taken here and refused there would stop all others."""
    if not (may_use(authority, crl.algorithm) and may_sign_crls(authority)):
        return False
    return verify_signature(crl.algorithm, crl.signature, crl.tbs, authority.public_key)


def _by_subject(views: Iterable[ParsedCertificate]) -> _Authorities:
    found: dict[CanonicalName, dict[bytes, ParsedCertificate]] = {}
    for one in views:
        found.setdefault(one.subject, {})[one.der] = one
    return {name: tuple(items.values()) for name, items in found.items()}
