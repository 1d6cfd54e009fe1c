"""The rule file and the bundle made from it. Knows no screens and no sockets."""

from mtls_tui.rulefile.errors import ChangedOnDiskError, Problem, RuleFileError
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.reading import from_bytes, load, loads
from mtls_tui.rulefile.saving import ANYTHING, save, write_atomically
from mtls_tui.rulefile.schema import (
    ExpectEntry,
    HostEntry,
    ListEntry,
    ResponseEntry,
    RuleEntry,
    TestEntry,
)

__all__ = [
    "ANYTHING",
    "ChangedOnDiskError",
    "ExpectEntry",
    "HostEntry",
    "ListEntry",
    "Problem",
    "ResponseEntry",
    "RuleEntry",
    "RuleFile",
    "RuleFileError",
    "TestEntry",
    "from_bytes",
    "load",
    "loads",
    "save",
    "write_atomically",
]
