"""The two libraries that verification is compared with, set up for the same question: is this a valid client?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError
from OpenSSL import crypto

_FLAGS = crypto.X509StoreFlags


UNREADABLE = -1
"""OpenSSL's word on bytes that it can't parse."""


def openssl(
    chain: Sequence[x509.Certificate | bytes],
    anchors: Sequence[x509.Certificate | bytes],
    crls: Sequence[x509.CertificateRevocationList],
    at: datetime,
) -> int:
    """0, or the number of the error that OpenSSL gives for a TLS client's chain; UNREADABLE for one it can't parse."""
    store = crypto.X509Store()
    try:
        trusted, presented = [_read(anchor) for anchor in anchors], [_read(certificate) for certificate in chain]
    except crypto.Error:
        return UNREADABLE
    for anchor in trusted:
        store.add_cert(anchor)
    for crl in crls:
        store.add_crl(crl)
    store.set_flags(_FLAGS.PARTIAL_CHAIN | (_FLAGS.CRL_CHECK | _FLAGS.CRL_CHECK_ALL if crls else 0))
    store.set_time(at)
    crypto._lib.X509_STORE_set_purpose(store._store, crypto._lib.X509_PURPOSE_SSL_CLIENT)
    try:
        crypto.X509StoreContext(store, presented[0], presented[1:]).verify_certificate()
    except crypto.X509StoreContextError as error:
        return int(error.errors[0])
    return 0


def can_read(der: bytes) -> bool:
    """Whether OpenSSL can parse a certificate."""
    try:
        _read(der)
    except crypto.Error:
        return False
    return True


def _read(item: x509.Certificate | bytes) -> crypto.X509:
    der = item if isinstance(item, bytes) else item.public_bytes(Encoding.DER)
    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)


def _purpose(_policy: object, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(
        usage
    ):
        raise ValueError("not for clients")


def cryptography(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], at: datetime) -> bool:
    """Whether cryptography's verifier takes the chain, with policies fit for private authorities. It knows no CRLs."""
    agnostic = Criticality.AGNOSTIC
    authority = (
        ExtensionPolicy.webpki_defaults_ca()
        .may_be_present(x509.AuthorityKeyIdentifier, agnostic, None)
        .may_be_present(x509.SubjectKeyIdentifier, agnostic, None)
        .may_be_present(x509.NameConstraints, agnostic, None)
        .may_be_present(x509.KeyUsage, agnostic, _authority_usage)
        .require_present(x509.BasicConstraints, agnostic, _authority)
        .may_be_present(x509.ExtendedKeyUsage, agnostic, _purpose)
    )
    leaf = (
        ExtensionPolicy.permit_all()
        .may_be_present(x509.BasicConstraints, agnostic, _no_authority)
        .may_be_present(x509.ExtendedKeyUsage, agnostic, _purpose)
    )
    builder = PolicyBuilder().store(Store(list(anchors))).time(at).max_chain_depth(16)
    verifier = builder.extension_policies(ca_policy=authority, ee_policy=leaf).build_client_verifier()
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except (VerificationError, ValueError, x509.UnsupportedGeneralNameType):
        return False
    return True


def _authority(_policy: object, _certificate: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("no authority")


def _authority_usage(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("no keyCertSign")


def _no_authority(_policy: object, _certificate: x509.Certificate, constraints: x509.BasicConstraints | None) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("an authority")
