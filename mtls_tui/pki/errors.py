"""What can be wrong: settings that can't be used (exceptions) and certificates that don't verify (plain data).

Numbers and names of verification errors are those of OpenSSL 3 (`x509_vfy.h`), so that what this program says can be
looked up and compared with what a proxy logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class LoadError(ValueError):
    """Bytes that hold no usable certificates or CRLs; the message says what they are and what to do."""


class StoreError(ValueError):
    """Trust settings that can't be used or that contradict each other; the message names the item, why, the cure."""


class Code(IntEnum):
    """The verification results of OpenSSL 3 that this program gives."""

    UNSPECIFIED = 1
    UNABLE_TO_GET_CRL = 3
    CERT_SIGNATURE_FAILURE = 7
    CRL_SIGNATURE_FAILURE = 8
    CERT_NOT_YET_VALID = 9
    CERT_HAS_EXPIRED = 10
    CRL_NOT_YET_VALID = 11
    CRL_HAS_EXPIRED = 12
    DEPTH_ZERO_SELF_SIGNED_CERT = 18
    SELF_SIGNED_CERT_IN_CHAIN = 19
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY = 20
    CERT_CHAIN_TOO_LONG = 22
    CERT_REVOKED = 23
    PATH_LENGTH_EXCEEDED = 25
    INVALID_PURPOSE = 26
    KEYUSAGE_NO_CERTSIGN = 32
    UNHANDLED_CRITICAL_EXTENSION = 34
    KEYUSAGE_NO_CRL_SIGN = 35
    INVALID_EXTENSION = 41
    INVALID_POLICY_EXTENSION = 42
    NO_EXPLICIT_POLICY = 43
    DIFFERENT_CRL_SCOPE = 44
    PERMITTED_VIOLATION = 47
    EXCLUDED_VIOLATION = 48
    SUBTREE_MINMAX = 49
    UNSUPPORTED_CONSTRAINT_TYPE = 51
    UNSUPPORTED_CONSTRAINT_SYNTAX = 52
    UNSUPPORTED_NAME_SYNTAX = 53
    EE_KEY_TOO_SMALL = 66
    CA_KEY_TOO_SMALL = 67
    CA_MD_TOO_WEAK = 68
    UNSUPPORTED_SIGNATURE_ALGORITHM = 76
    SIGNATURE_ALGORITHM_INCONSISTENCY = 78
    INVALID_CA = 79
    KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA = 82
    ISSUER_NAME_EMPTY = 83
    SUBJECT_NAME_EMPTY = 84
    EMPTY_SUBJECT_ALT_NAME = 87
    EMPTY_SUBJECT_SAN_NOT_CRITICAL = 88
    AUTHORITY_KEY_IDENTIFIER_CRITICAL = 90
    SUBJECT_KEY_IDENTIFIER_CRITICAL = 91
    EXTENSIONS_REQUIRE_VERSION_3 = 93


@dataclass(frozen=True, slots=True)
class VerifyError:
    """Why a chain does not verify (or, with number 23, that it is revoked).

    `number` and `name` are OpenSSL's; `message` is one sentence for a person, lower case, without a final period;
    `depth` counts from the leaf (0) to the anchor.
    """

    number: int
    name: str
    message: str
    depth: int = 0

    def __str__(self) -> str:
        return f"{self.message} (error {self.number}, {self.name})"


class Refused(Exception):  # noqa: N818 - a verdict that travels inside this package, never an error of the program
    """A certificate or path fails a check. Internal: `verify` turns it into a `VerifyError`."""

    def __init__(self, code: Code, message: str, depth: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.depth = depth

    def at_depth(self, depth: int) -> Refused:
        """The same verdict, about the certificate at this depth of a path."""
        return Refused(self.code, self.message, depth)

    def as_error(self) -> VerifyError:
        """The verdict as callers see it."""
        return VerifyError(int(self.code), f"X509_V_ERR_{self.code.name}", self.message, self.depth)
