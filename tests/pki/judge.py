"""Short ways to ask for a verdict."""

from cryptography import x509

from mtls_tui import pki
from tests.pki import mint
from tests.pki.mint import AT


def check(chain, store, at=AT):
    """The verification of made certificates, certificate objects or bytes."""
    items = chain if isinstance(chain, list | tuple) else [chain]
    return pki.verify([item.certificate if isinstance(item, mint.Made) else item for item in items], store, at)


def number(found):
    """The error's number, None without an error."""
    return None if found.error is None else found.error.number


def constrained(permitted=None, excluded=None):
    """A root with name constraints, and a store of it."""
    made = mint.root("Constrained", constraints=x509.NameConstraints(permitted, excluded))
    return made, pki.TrustStore([made.certificate])
