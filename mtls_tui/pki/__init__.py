"""Certificates: facts of one, path verification, revocation, the local authority. Knows no rules and no HTTP."""
