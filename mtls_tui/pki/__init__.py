"""Certificates: facts of one, path verification, revocation, the local authority. Knows no rules and no HTTP."""

from mtls_tui.pki.authority import Authority, AuthorityError
from mtls_tui.pki.cache import Verifier, verify
from mtls_tui.pki.errors import LoadError, StoreError, VerifyError
from mtls_tui.pki.fields import Fact, facts, facts_absent
from mtls_tui.pki.load import load_certificates, load_crls, presented_certificates
from mtls_tui.pki.memory import Memory
from mtls_tui.pki.store import Source, TrustStore
from mtls_tui.pki.verification import Verification

__all__ = [
    "Authority",
    "AuthorityError",
    "Fact",
    "LoadError",
    "Memory",
    "Source",
    "StoreError",
    "TrustStore",
    "Verification",
    "Verifier",
    "VerifyError",
    "facts",
    "facts_absent",
    "load_certificates",
    "load_crls",
    "presented_certificates",
    "verify",
]
