"""From a rule file to a bundle, and to a bundle file: everything embedded, expressions canonical, nothing half done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mtls_tui import lang
from mtls_tui.engine import hostnames
from mtls_tui.engine.bundle import MAX_BYTES, Bundle, BundleError, BundleHost, BundleList, BundleProperty
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.engine.rule_keys import bundle_rule
from mtls_tui.rulefile import history, materials, saving
from mtls_tui.rulefile.errors import Problem, RuleFileError
from mtls_tui.rulefile.expressions import parse
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.schema import HostEntry, PropertyEntry
from mtls_tui.rulefile.trust import trust_problems


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and the copy that history keeps (None when history can't be written)."""

    path: Path
    bundle: Bundle
    digest: str
    signed: bool
    kept: Path | None


def bundle(rulefile: RuleFile, *, created: datetime | None = None) -> Bundle:
    """The bundle of a rule file; `RuleFileError` when it has problems.

    `created` defaults to now. That a host asks for certificates and trusts nobody is not an error here, since tests
    bring an authority along; `export` refuses it.
    """
    rulefile.raise_problems()
    moment = (created or datetime.now(UTC)).astimezone(UTC)
    return Bundle(
        created=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        anchors=_certificates(rulefile, rulefile.anchors),
        intermediates=_certificates(rulefile, rulefile.intermediates),
        crls=_crls(rulefile, rulefile.crls),
        crl_files=tuple(str(rulefile.resolve(path)) for path in rulefile.crls),
        hosts=tuple(_host(rulefile, host) for host in rulefile.hosts),
        lists={name: BundleList(kind=entry.kind, items=entry.items) for name, entry in rulefile.lists.items()},
        rules=tuple(
            bundle_rule(entry, lang.format(expression))
            for entry, expression in zip(rulefile.rules, rulefile.expressions, strict=True)
            if expression is not None
        ),
        properties=tuple(map(_property, rulefile.properties)),
    )


def deployable(rulefile: RuleFile) -> tuple[Problem, ...]:
    """What stops a rule file from being exported, besides its `problems`: what only makes sense to try out."""
    found = []
    for index, host in enumerate(rulefile.hosts):
        if host.mtls and not (host.anchors or rulefile.anchors):
            found.append(
                Problem(
                    "no-anchors",
                    f"`{host.name}` asks for certificates but trusts no authority: none can ever be verified",
                    rulefile.name,
                    rulefile.line_of("hosts", index, "name"),
                    key=f"hosts[{index}]",
                    cure='add anchors = ["ca.pem"], or write mtls = false',
                )
            )
    if not rulefile.hosts:
        found.append(
            Problem(
                "no-hosts", "there is no host: the gateway would serve nothing", rulefile.name, cure="add [[hosts]]"
            )
        )
    return tuple(found)


def export(
    rulefile: RuleFile,
    path: Path | str,
    sign_key: Ed25519PrivateKey | None = None,
    *,
    force: bool = False,
    created: datetime | None = None,
) -> Exported:
    """Write a rule file's bundle, atomically, and keep a copy in the history.

    Raises `RuleFileError` when the rule file has problems, when a trust store can't be built, when the target holds
    something that is not a bundle (unless `force`), or when it can't be written; what stood there is then untouched.
    """
    path = Path(path)
    made = bundle(rulefile, created=created)
    problems = deployable(rulefile) or trust_problems(rulefile)
    if problems:
        raise RuleFileError(problems)
    _refuse_foreign(path, force)
    try:
        Policy.from_bundle(made)  # what the engine would refuse must not be written
    except PolicyError as error:
        raise RuleFileError(Problem("policy", error.message, rulefile.name, cure=error.cure)) from None
    data = made.encode(sign_key)
    saving.write(path, data)
    return Exported(path, made, made.digest, sign_key is not None, history.keep(path, data, made))


def _refuse_foreign(path: Path, force: bool) -> None:
    """A typo in -o must not cost a user another file."""
    if force:
        return
    try:
        data = materials.read_bytes(path, MAX_BYTES, "bundle")
    except materials.MaterialError as error:
        if error.code == "missing":
            return
        raise RuleFileError(error.problem(str(path))) from None
    if not data.strip():
        return
    try:
        Bundle.decode(data)
    except BundleError:
        raise RuleFileError(
            Problem(
                "not-a-bundle",
                "there is a file already, and it is not a bundle",
                str(path),
                cure="choose another name, or overwrite it with --force",
            )
        ) from None


def _host(rulefile: RuleFile, host: HostEntry) -> BundleHost:
    upstream_ca = "".join(_certificates(rulefile, (host.upstream_ca,))) if host.upstream_ca else None
    return BundleHost(
        name=hostnames.configured(host.name),
        mtls=host.mtls,
        anchors=_certificates(rulefile, host.anchors),
        intermediates=_certificates(rulefile, host.intermediates),
        crls=_crls(rulefile, host.crls),
        crl_files=tuple(str(rulefile.resolve(path)) for path in host.crls),
        crl_policy=host.crl_policy,
        revocation=host.revocation,
        upstream=host.upstream,
        upstream_ca=upstream_ca,
        server_certificate=str(rulefile.resolve(host.server_certificate)) if host.server_certificate else None,
        server_key=str(rulefile.resolve(host.server_key)) if host.server_key else None,
    )


def _property(entry: PropertyEntry) -> BundleProperty:
    return BundleProperty(
        name=entry.name,
        expect=entry.expect,
        hosts=tuple(map(hostnames.configured, entry.hosts)),
        when=_canonical(entry.when),
        unless=_canonical(entry.unless) if entry.unless is not None else None,
        client=entry.client,
    )


def _canonical(text: str) -> str:
    expression, _ = parse(text)
    assert expression is not None  # the rule file has no problems
    return lang.format(expression)


def _certificates(rulefile: RuleFile, paths: Iterable[str]) -> tuple[str, ...]:
    return _material(rulefile, paths, materials.certificates)


def _crls(rulefile: RuleFile, paths: Iterable[str]) -> tuple[str, ...]:
    return _material(rulefile, paths, materials.crls)


def _material(rulefile: RuleFile, paths, read) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    found: list[str] = []
    for path in paths:
        try:
            found += read(rulefile.resolve(path))
        except materials.MaterialError as error:  # it was there a moment ago
            raise RuleFileError(error.problem(rulefile.name)) from None
    return tuple(dict.fromkeys(found))
