"""NIST PKITS, the public test suite of path validation: every certificate for an end entity, with all of its CRLs.

The initial settings are ours: any policy accepted, an explicit one not demanded. Names say what NIST expects (`Valid…`,
`Invalid…`); tests named otherwise are in a table. What is not supported by design is listed with its reason.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtls_tui import pki

vectors = pytest.importorskip("cryptography_vectors")
FOLDER = Path(vectors.__file__).parent / "x509" / "PKITS_data"
AT = datetime(2012, 1, 1, tzinfo=UTC)

PARTITIONED = "its CRLs are split over distribution points or reasons: refused at loading, the complete list is needed"
INDIRECT = "its CRL is indirect: refused at loading"
DSA = "DSA with SHA-1 is refused"
CA_LEAF = "its end entity is an authority, which is never a client's certificate here"
DELTA = "delta CRLs are refused at loading, so a test that depends on one sees the base list alone"

EXPECTED = {
    "AllCertificatesNoPoliciesTest2EE": True,
    "AllCertificatesSamePoliciesTest10EE": True,
    "AllCertificatesSamePoliciesTest13EE": True,
    "AllCertificatesanyPolicyTest11EE": True,
    "AnyPolicyTest14EE": True,
    "CPSPointerQualifierTest20EE": True,
    "DifferentPoliciesTest3EE": True,  # an explicit policy is not demanded
    "DifferentPoliciesTest4EE": False,
    "DifferentPoliciesTest5EE": False,
    "DifferentPoliciesTest7EE": False,
    "DifferentPoliciesTest8EE": False,
    "DifferentPoliciesTest9EE": False,
    "DifferentPoliciesTest12EE": False,
    "OverlappingPoliciesTest6EE": True,
    "UserNoticeQualifierTest15EE": True,
    "UserNoticeQualifierTest16EE": True,
    "UserNoticeQualifierTest17EE": True,
    "UserNoticeQualifierTest18EE": True,
    "UserNoticeQualifierTest19EE": True,
    "inhibitAnyPolicyTest3EE": True,
}

DIFFERENT = {
    "InvaliddeltaCRLTest4EE": DELTA,
    "ValiddeltaCRLTest5EE": DELTA,
    "ValidDSASignaturesTest4EE": DSA,
    "ValidDSAParameterInheritanceTest5EE": DSA,
    "ValidIDPwithindirectCRLTest22EE": INDIRECT,
    "ValidIDPwithindirectCRLTest24EE": INDIRECT,
    "ValidIDPwithindirectCRLTest25EE": INDIRECT,
    "ValidcRLIssuerTest28EE": INDIRECT,
    "ValidcRLIssuerTest29EE": INDIRECT,
    "ValidcRLIssuerTest30EE": INDIRECT,
    "ValidcRLIssuerTest33EE": INDIRECT,
    "ValiddistributionPointTest1EE": PARTITIONED,
    "ValiddistributionPointTest4EE": PARTITIONED,
    "ValiddistributionPointTest5EE": PARTITIONED,
    "ValiddistributionPointTest7EE": PARTITIONED,
    "ValidonlySomeReasonsTest18EE": PARTITIONED,
    "ValidonlySomeReasonsTest19EE": PARTITIONED,
    "ValidonlyContainsCACertsTest13EE": CA_LEAF,
    "ValidpathLenConstraintTest8EE": CA_LEAF,
    "ValidpathLenConstraintTest14EE": CA_LEAF,
    "OverlappingPoliciesTest6EE": CA_LEAF,
}

REFUSED_CRLS = {
    "BadCRLSignatureCACRL": "signature",
    "BasicSelfIssuedCRLSigningKeyCRLCertCRL": "distribution points",
    "BasicSelfIssuedOldKeySelfIssuedCertCRL": "distribution points",
    "DSACACRL": "SHA-1",
    "DSAParametersInheritedCACRL": "SHA-1",
    "UnknownCRLEntryExtensionCACRL": "critical extension",
    "UnknownCRLExtensionCACRL": "critical extension",
    "deltaCRLCA1deltaCRL": "delta",
    "deltaCRLCA2deltaCRL": "delta",
    "deltaCRLCA3deltaCRL": "delta",
    "deltaCRLIndicatorNoBaseCACRL": "delta",
    "distributionPoint1CACRL": "distribution points",
    "distributionPoint2CACRL": "distribution points",
    "indirectCRLCA1CRL": "indirect",
    "indirectCRLCA3CRL": "distribution points",
    "indirectCRLCA3cRLIssuerCRL": "indirect",
    "indirectCRLCA4cRLIssuerCRL": "indirect",
    "indirectCRLCA5CRL": "indirect",
    "keyUsageCriticalcRLSignFalseCACRL": "cRLSign",
    "keyUsageNotCriticalcRLSignFalseCACRL": "cRLSign",
    "onlyContainsAttributeCertsCACRL": "attribute certificates",
    "onlySomeReasonsCA1compromiseCRL": "reasons",
    "onlySomeReasonsCA1otherreasonsCRL": "reasons",
    "onlySomeReasonsCA2CRL1": "reasons",
    "onlySomeReasonsCA2CRL2": "reasons",
    "onlySomeReasonsCA3compromiseCRL": "reasons",
    "onlySomeReasonsCA3otherreasonsCRL": "reasons",
    "onlySomeReasonsCA4compromiseCRL": "reasons",
    "onlySomeReasonsCA4otherreasonsCRL": "reasons",
}


@pytest.fixture(scope="module")
def material():
    """(anchor, authorities, end entities by name, CRLs by name) as bytes."""
    certificates = {path.stem: path.read_bytes() for path in sorted((FOLDER / "certs").glob("*.crt"))}
    lists = {path.stem: path.read_bytes() for path in sorted((FOLDER / "crls").glob("*.crl"))}
    anchor = certificates.pop("TrustAnchorRootCertificate")
    ends = {name: der for name, der in certificates.items() if name.endswith("EE")}
    others = [certificates[name] for name in certificates.keys() - ends.keys()]
    authorities = []
    for der in others:
        try:
            pki.load_certificates(der)
        except pki.LoadError:
            continue  # one has DSA parameters inherited from its issuer, which the parser does not take
        authorities.append(der)
    assert len(others) - len(authorities) == 1
    return anchor, authorities, ends, lists


@pytest.fixture(scope="module")
def store(material):
    anchor, authorities, _, lists = material
    usable = [pki.Source(der, name) for name, der in lists.items() if name not in REFUSED_CRLS]
    return pki.TrustStore([anchor], authorities, usable)


def test_unusable_crls_are_refused_at_loading_by_name_and_reason(material):
    anchor, authorities, _, lists = material
    by_name = {name: lists[name] for name in REFUSED_CRLS}
    signers = pki.TrustStore([anchor], authorities)
    for name, der in by_name.items():
        with pytest.raises(pki.StoreError, match=rf"^{name}: .*{REFUSED_CRLS[name]}"):
            pki.TrustStore([anchor], [item.certificate for item in signers.intermediates], [pki.Source(der, name)])


def test_every_end_entity_gets_the_verdict_of_nist_or_is_listed_with_its_reason(material, store):
    ends = material[2]
    assert len(ends) > 200
    wrong, unneeded = [], set(DIFFERENT)
    for name, der in ends.items():
        expected = EXPECTED[name] if name in EXPECTED else {"V": True, "I": False}[name[0]]
        found = pki.verify([der], store, AT)
        if (found.verified and not found.revoked) != expected:
            unneeded.discard(name)
            if name not in DIFFERENT:
                wrong.append(f"{name}: expected {expected}: {found.error}")
    assert not wrong
    assert not unneeded


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("InvalidRevokedCATest2EE", 23),
        ("InvalidRevokedEETest3EE", 23),
        ("InvalidCASignatureTest2EE", 7),
        ("InvalidEESignatureTest3EE", 7),
        ("InvalidEEnotBeforeDateTest2EE", 9),
        ("InvalidEEnotAfterDateTest6EE", 10),
        ("InvalidMissingCRLTest1EE", 3),
        ("InvalidBadCRLSignatureTest4EE", 3),
        ("InvalidOldCRLnextUpdateTest11EE", 12),
        ("InvalidpathLenConstraintTest5EE", 25),
        ("InvalidDNnameConstraintsTest2EE", 47),
        ("InvalidDNnameConstraintsTest7EE", 48),
        ("InvalidUnknownCriticalCertificateExtensionTest2EE", 34),
        ("InvalidrequireExplicitPolicyTest3EE", 43),
        ("InvalidcAFalseTest2EE", 79),
    ],
)
def test_invalid_ones_fail_for_the_reason_they_were_made_for(material, store, name, number):
    found = pki.verify([material[2][name]], store, AT)
    assert found.error is not None
    assert found.error.number == number, str(found.error)
    assert found.revoked == (number == 23)
    assert found.verified == (number == 23)
