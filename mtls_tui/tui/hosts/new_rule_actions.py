"""The form of a new mTLS rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mtls_tui.rulefile.seeds import add_mtls_rule
from mtls_tui.tui.hosts.list_actions import and_select, changed, chosen
from mtls_tui.tui.registry.register import Refusal, Result, action, go_on
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField
from mtls_tui.tui.state.textbuffer import Buffer

REVOKED_CHOICES = ("blocked", "let in")
"""What the form of a new rule does about revoked certificates; the first is the default."""


@action("rule.new_mtls", "New mTLS rule", where="hosts", keys="n", footer="new mTLS rule")
def _new_mtls(document: Document) -> Result:
    """A rule that blocks clients without a valid certificate on some hosts; refine it in the builder."""
    entry = chosen(document)
    host = entry.host if entry is not None else ""
    form = Form(
        "New mTLS rule",
        (
            FormField("name", "Name", help="What the rule is for. It becomes the rule's name and description."),
            FormField(
                "hostnames",
                "Host names",
                Buffer.of(host, select=True),
                help="One or more, separated by blanks; *.example.com also works.",
            ),
            FormField(
                "anchors",
                "Authority",
                help="PEM file of the authority that your clients' certificates come from; may stay empty.",
            ),
            FormField(
                "revoked",
                "Revoked",
                Buffer.of(REVOKED_CHOICES[0]),
                choices=REVOKED_CHOICES,
                help="A revoked one still counts as verified. Let in (→): the rule as Cloudflare's form makes it.",
            ),
        ),
        "rule.create_mtls",
        intro="Blocks every request to these hosts that shows no valid client certificate.",
    )
    return replace(document, overlay=form)


@action("rule.new", "New mTLS rule", where="builder", keys="n", hidden=True)
def _new_from_builder(document: Document) -> Result:
    """The form of a new mTLS rule."""
    return go_on(document, "rule.new_mtls")


@action("rule.create_mtls", "Create the mTLS rule", hidden=True)
def _create_mtls(
    document: Document, name: str, hostnames: str, anchors: str = "", revoked: str = REVOKED_CHOICES[0]
) -> Result:
    if not name.strip():
        return Refusal("a rule needs a name")
    names = hostnames.replace(",", " ").split()
    settings: dict[str, Any] = {"anchors": tuple(anchors.split())} if anchors.strip() else {}
    settings["block_revoked"] = revoked == REVOKED_CHOICES[0]
    before = {rule.ref for rule in document.content.file.rules}
    result = changed(
        document, f"new rule {name.strip()}", lambda file: add_mtls_rule(file, name.strip(), names, **settings)
    )
    if not isinstance(result, Document):
        return result
    new = next((rule.ref for rule in result.content.file.rules if rule.ref not in before), "")
    probe = result.content.probe
    if not probe.url and names:
        result = replace(
            result,
            content=replace(result.content, probe=replace(probe, url=f"https://{names[0].replace('*', 'www')}/")),
        )
    return and_select(result, new, focus="builder", host=names[0] if names else "")
