"""JSON Schemas (2020-12) of the rule file and the bundle, as they ship with the package: `schemas/*.schema.json`.

They are made from the same types that read the files; `python -m mtls_tui.rulefile.schemas` writes them again. Editors
with a TOML language server use the first one for completion; a bundle can be checked by any validator.
"""

from __future__ import annotations

from importlib.resources import files
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from mtls_tui.engine.bundle import BundleDocument
from mtls_tui.rulefile.schema import FileEntry

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMES = {"rules": "rules.schema.json", "bundle": "bundle.schema.json"}


def generated(name: str) -> dict[str, Any]:
    """The schema as the types give it: `rules` or `bundle`."""
    types: dict[str, tuple[type[msgspec.Struct], str]] = {
        "rules": (FileEntry, "mtls-tui rule file (*.rules.toml)"),
        "bundle": (BundleDocument, "mtls-tui bundle (*.bundle.json)"),
    }
    struct, title = types[name]
    schema = _cleaned(msgspec.json.schema(struct))
    return {"$schema": _DIALECT, "title": title, **schema}


def _cleaned(value: Any) -> Any:
    """With descriptions as `inspect.cleandoc` has them: Python 3.13 cleans docstrings itself, older ones don't."""
    if isinstance(value, dict):
        return {
            key: cleandoc(item) if key == "description" and isinstance(item, str) else _cleaned(item)
            for key, item in value.items()
        }
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def shipped(name: str) -> bytes:
    """The schema file of the package: `rules` or `bundle`."""
    return files("mtls_tui.rulefile").joinpath("schemas", NAMES[name]).read_bytes()


def text(name: str) -> bytes:
    """The generated schema as it stands in its file."""
    return msgspec.json.format(msgspec.json.encode(generated(name)), indent=2) + b"\n"


if __name__ == "__main__":
    folder = Path(__file__).parent / "schemas"
    folder.mkdir(exist_ok=True)
    for each, file in NAMES.items():
        (folder / file).write_bytes(text(each))
