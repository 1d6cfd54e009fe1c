"""mtls-tui: author, simulate, prove, deploy and enforce mutual-TLS access rules."""

__version__ = "0.1.0"
