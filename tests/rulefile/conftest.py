"""Certificates for the tests of this folder, made once."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.pki.roles import RoleSet


@pytest.fixture(scope="session")
def roles():
    """All roles around now."""
    return RoleSet(datetime.now(UTC))


@pytest.fixture(scope="session")
def certificate(roles):
    """The authority's certificate as PEM."""
    return roles.authority.certificate.public_bytes(Encoding.PEM)


@pytest.fixture(scope="session")
def crl(roles):
    """The authority's CRL as PEM."""
    return roles.crl.public_bytes(Encoding.PEM)
