"""The rule file and the bundle made from it. Knows no screens and no sockets."""

from mtls_tui.rulefile.errors import ChangedOnDiskError, Problem, RuleFileError
from mtls_tui.rulefile.exporting import Exported, bundle, deployable, export
from mtls_tui.rulefile.history import Kept, exports
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.reading import from_bytes, load, loads
from mtls_tui.rulefile.saving import ANYTHING, save
from mtls_tui.rulefile.schema import (
    ExpectEntry,
    HostEntry,
    ListEntry,
    PropertyEntry,
    ResponseEntry,
    RuleEntry,
    TestEntry,
)

__all__ = [
    "ANYTHING",
    "ChangedOnDiskError",
    "ExpectEntry",
    "Exported",
    "HostEntry",
    "Kept",
    "ListEntry",
    "Problem",
    "PropertyEntry",
    "ResponseEntry",
    "RuleEntry",
    "RuleFile",
    "RuleFileError",
    "TestEntry",
    "bundle",
    "deployable",
    "export",
    "exports",
    "from_bytes",
    "load",
    "loads",
    "save",
]
