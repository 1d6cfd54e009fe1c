"""The certificate authority: open or make one, issue, revoke, restore, write the CRL, import, trust on hosts, try out.

Pure, like all actions: `pki.Authority` works in a worker thread, and its result comes back as an action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtls_tui.tui.authority.effects import LoadStore, RunJob, TryPassphrase, WithKey
from mtls_tui.tui.authority.state import AuthorityState, Store, authority_of
from mtls_tui.tui.registry import boards
from mtls_tui.tui.registry.effects import EvaluateAgain
from mtls_tui.tui.registry.lists import list_actions
from mtls_tui.tui.registry.register import Done, Refusal, Result, action, go_on
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField
from mtls_tui.tui.state.textbuffer import Buffer

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId

PAGE = 10
KEY_KINDS = ("ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096")


def store_of(document: Document) -> Store | None:
    """The store, if there is a usable one."""
    store = authority_of(document).store
    return store if store is not None and not store.problem else None


def folder_of(document: Document) -> Path:
    """The folder of the open store."""
    folder = authority_of(document).folder
    assert folder is not None
    return folder


def open_board(document: Document) -> str:
    """The reason why the board's keys don't work now; "" if they do."""
    return "" if document.board == "authority" else "open the certificate authority first (C)"


def ready(document: Document) -> str:
    """The reason why the store can't be used now; "" if it can."""
    if document.board != "authority":
        return open_board(document)
    state = authority_of(document)
    if state.store is None:
        return "the store is being read"
    return state.store.problem or (f"wait: {state.doing}" if state.doing else "")


def on_row(document: Document) -> str:
    """The reason why there is no certificate to act on; "" if there is one."""
    return ready(document) or ("" if authority_of(document).row is not None else "there is no certificate here")


def _with(document: Document, **changes: Any) -> Document:
    return document.with_board(replace(authority_of(document), **changes))


# --- opening --------------------------------------------------------------------------------------------------------


@action("authority.open", "Certificate authority", keys="C ctrl+g", over_boards=True)
def _open(document: Document) -> Result:
    """The client certificates of your authority: issue, revoke, trust it on hosts. Press again to reload."""
    state = authority_of(document)
    shown = document.with_board(state, board="authority", overlay=None, notice=None)
    return Done(shown, (LoadStore(state.folder),))


@action("authority.loaded", "The store is read", hidden=True)
def _loaded(document: Document, store: Store) -> Result:
    state = replace(authority_of(document), folder=store.folder, store=store)
    if (
        state.index == 0
        and len(store.rows) > 1
        and store.rows[1].kind == "issued"
        and authority_of(document) == AuthorityState()
    ):
        state = replace(state, index=1)
    return document.with_board(state)


@action("authority.done", "A job is done", hidden=True)
def _done(document: Document, store: Store, text: str) -> Result:
    """Close the form that asked, and show the new list."""
    state = authority_of(document)
    before = {row.fingerprint for row in state.store.rows} if state.store is not None else set()
    state = replace(state, folder=store.folder, store=store, doing="")
    new = next((place for place, row in enumerate(state.shown) if before and row.fingerprint not in before), None)
    state = state if new is None else replace(state, index=new)
    form = document.overlay
    overlay = None if isinstance(form, Form) and form.then.startswith("authority.") else form
    return Done(document.with_board(state, overlay=overlay).with_notice(text, "good"), (EvaluateAgain(),))


@action("authority.failed", "A job failed", hidden=True)
def _failed(document: Document, text: str) -> Result:
    """Show the error in the form that asked, which keeps what was typed."""
    document = _with(document, doing="")
    form = document.overlay
    if isinstance(form, Form) and form.then.startswith("authority."):
        return replace(document, overlay=replace(form, error=text))
    return document.with_notice(text, "bad")


@action("authority.choose", "Open another authority", where="authority", keys="o", footer="folder", enabled=open_board)
def _choose(document: Document) -> Result:
    """The folder of another store."""
    folder = authority_of(document).folder
    field = FormField(
        "folder", "Folder", Buffer.of(str(folder) if folder else "", select=True),
        help="Where ca.pem, ca.key and inventory.db are; `mtls-tui certs --store` takes the same.",
    )  # fmt: skip
    return replace(document, overlay=Form("Open an authority", (field,), "authority.open_at", submit="Open"))


@action("authority.open_at", "Open the authority of a folder", hidden=True)
def _open_at(document: Document, folder: str) -> Result:
    if not folder.strip():
        return Refusal("give a folder")
    path = document.content.file.resolve(folder.strip())
    state = AuthorityState(path)
    return Done(
        document.with_board(state, overlay=None, board="authority"),
        (LoadStore(path),),
    )


@action("authority.init", "Make an authority", where="authority", keys="i", enabled=open_board)
def _init(document: Document) -> Result:
    """A new authority in a new or empty folder; nothing is overwritten."""
    state = authority_of(document)
    folder = state.folder
    if folder is None or store_of(document) is not None:
        folder = document.content.file.folder / "ca"
    fields = (
        FormField("folder", "Folder", Buffer.of(str(folder)), help="New or empty. The key in it is for you alone."),
        FormField("cn", "Name", Buffer.of("mtls-tui client authority"), help="What clients' issuer will be."),
        FormField("organization", "Organization", help="May stay empty."),
        FormField("days", "Days", Buffer.of("3650"), help="How long the authority is valid."),
        FormField("key", "Key", Buffer.of("ecdsa-p256"), choices=KEY_KINDS, help="← → choose."),
        FormField("passphrase", "Passphrase", secret=True, help="Of the key; empty leaves the key unencrypted."),
        FormField("again", "Repeat", secret=True, help="The same passphrase again."),
    )
    return replace(document, overlay=Form("New authority", fields, "authority.make", submit="Make"))


@action("authority.make", "Make the authority", hidden=True)
def _make(
    document: Document, folder: str, cn: str, organization: str, days: str, key: str, passphrase: str, again: str
) -> Result:
    length = days_of(days)
    if isinstance(length, Refusal):
        return length
    if not folder.strip():
        return Refusal("give a folder")
    if passphrase != again:
        return Refusal("the two passphrases differ")
    arguments = {"cn": cn.strip(), "organization": organization.strip(), "days": length, "key": key}
    path = document.content.file.resolve(folder.strip())
    return job(document, "making the authority", path, "init", arguments, passphrase)


def job(
    document: Document, doing: str, folder: Path | None, name: str, arguments: Mapping[str, Any], passphrase: str = ""
) -> Result:
    """Start a job of `jobs.JOBS`, one at a time; `folder` None is the open store."""
    if under_way := authority_of(document).doing:
        return Refusal(f"wait: {under_way}")
    effect = RunJob(folder or folder_of(document), name, arguments, passphrase)
    return Done(_with(document, doing=doing), (effect,))


def days_of(text: str) -> int | Refusal:
    """The number of days that was typed, or why it is refused."""
    if not (text.strip().isascii() and text.strip().isdigit() and 1 <= int(text) <= 36500):
        return Refusal("the days are a whole number from 1 to 36500")
    return int(text)


# --- moving ---------------------------------------------------------------------------------------------------------


def _moved(document: Document, step: int) -> Result:
    return document.with_board(authority_of(document).moved(step), notice=None)


list_actions("authority", _moved, page=PAGE)


@action("authority.click", "Choose with the mouse", hidden=True)
def _click(document: Document, index: int) -> Result:
    state = authority_of(document)
    if index == state.index:
        return document if on_row(document) else go_on(document, "authority.show")
    return _moved(document, index - state.index)


@action("authority.search", "Search", where="authority", keys="/", footer="search", enabled=ready)
def _search(document: Document) -> Result:
    """Show only certificates that contain all words in name, serial, status or file."""
    field = FormField("query", "Words", Buffer.of(authority_of(document).query, select=True),
                      help="“soon” finds what ends within 30 days, “revoked” what is revoked.")  # fmt: skip
    return replace(document, overlay=Form("Search", (field,), "authority.filter", submit="Search"))


@action("authority.filter", "Filter the list", hidden=True)
def _filter(document: Document, query: str) -> Result:
    return replace(_with(document, query=query.strip(), index=0), overlay=None)


@action("authority.all", "Show all again", where="authority", keys="x", enabled=ready)
def _all(document: Document) -> Result:
    return _with(document, query="", index=0)


# --- the authority --------------------------------------------------------------------------------------------------


@action("authority.crl", "Write the CRL", where="authority", keys="c", footer="CRL", enabled=ready)
def _crl(document: Document) -> Result:
    """Write a fresh revocation list, valid for 30 days."""
    return unlocked(document, "authority.crl_form")


@action("authority.crl_form", "Write the CRL: the form", hidden=True)
def _crl_form(document: Document) -> Result:
    field = FormField("path", "File", help="Empty: ca.crl in the store, which the hosts name.")
    return replace(document, overlay=Form("Write the CRL", (field,), "authority.crl_now", submit="Write"))


@action("authority.crl_now", "Write the CRL now", hidden=True)
def _crl_now(document: Document, path: str) -> Result:
    given = str(document.content.file.resolve(path.strip())) if path.strip() else ""
    return job(document, "writing the CRL", None, "crl", {"path": given})


@action("authority.import", "Import an authority", where="authority", keys="m", footer="import", enabled=ready)
def _import(document: Document) -> Result:
    """Keep another authority's certificate, so that hosts may trust it."""
    fields = (
        FormField("path", "File", help="Its certificate, PEM or DER; relative to the rule file."),
        FormField("name", "Name", help="Under which it is kept; empty: the file's."),
    )
    return replace(document, overlay=Form("Import another authority", fields, "authority.import_now", submit="Import"))


@action("authority.import_now", "Import now", hidden=True)
def _import_now(document: Document, path: str, name: str) -> Result:
    if not path.strip():
        return Refusal("give a file")
    arguments = {"path": str(document.content.file.resolve(path.strip())), "name": name.strip()}
    return job(document, "importing", None, "import", arguments)


def unlocked(document: Document, then: ActionId, **arguments: Any) -> Result:
    """Run an action as soon as the authority's key is unlocked."""
    return Done(document, (WithKey(folder_of(document), then, arguments),))


# --- passphrase -----------------------------------------------------------------------------------------------------


@action("authority.ask", "Ask for the passphrase", hidden=True)
def _ask(document: Document, then: ActionId, then_arguments: Mapping[str, Any]) -> Result:
    field = FormField(
        "passphrase", "Passphrase", secret=True, help="Of ca.key. Kept in memory until you leave the authority."
    )
    arguments = {"then": then, "then_arguments": then_arguments}
    return replace(
        document, overlay=Form("The authority's passphrase", (field,), "authority.unlock", arguments, submit="Unlock")
    )


@action("authority.unlock", "Unlock the key", hidden=True)
def _unlock(document: Document, then: ActionId, then_arguments: Mapping[str, Any], passphrase: str) -> Result:
    if not passphrase:
        return Refusal("type the passphrase")
    return Done(document, (TryPassphrase(folder_of(document), passphrase, then, then_arguments),))


@action("authority.unlocked", "The key is unlocked", hidden=True)
def _unlocked_now(document: Document, then: ActionId, then_arguments: Mapping[str, Any]) -> Result:
    return go_on(replace(document, overlay=None), then, **then_arguments)


@action("authority.go_on", "Go on with what was asked", hidden=True)
def _continue(document: Document, then: ActionId, then_arguments: Mapping[str, Any]) -> Result:
    """Does nothing if the board was closed in the meantime."""
    if document.board != "authority":
        return document
    return go_on(document, then, **then_arguments)


@action("authority.close", "Close", where="authority", keys="escape q", footer="close", enabled=open_board)
def _close(document: Document) -> Result:
    """Back to the rules."""
    if authority_of(document).query:
        return _with(document, query="", index=0)
    return boards.close_board(document)
