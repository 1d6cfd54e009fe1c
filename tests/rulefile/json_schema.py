"""As much of JSON Schema 2020-12 as our schemas use; an unknown keyword is an error, so that nothing is passed over."""

import re

_TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip
_NOTES = {"$schema", "$defs", "title", "description", "default"}
_KNOWN = _NOTES | {
    "$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "minLength",
    "maxLength", "minimum", "maximum", "pattern", "const",
}  # fmt: skip


def errors(schema, value, root=None, path="$"):
    """Where `value` does not fit."""
    root = root or schema
    unknown = set(schema) - _KNOWN
    assert not unknown, f"keywords {unknown}"
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return errors(target, value, root, path)
    if "anyOf" in schema:
        return [] if any(not errors(item, value, root, path) for item in schema["anyOf"]) else [f"{path}: anyOf"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: enum")
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: const")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(kind, value) for kind in kinds):
        return [*found, f"{path}: type"]
    if isinstance(value, str):
        found += [f"{path}: length"] * (
            not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 40)
        )
        found += [f"{path}: pattern"] * ("pattern" in schema and not re.search(schema["pattern"], value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        found += [f"{path}: range"] * (not schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += errors(schema.get("items", {}), item, root, f"{path}[{index}]")
    if isinstance(value, dict):
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
        found += [f"{path}.{key}: required" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            if key in properties:
                found += errors(properties[key], item, root, f"{path}.{key}")
            elif rest is False:
                found.append(f"{path}.{key}: unknown")
            elif isinstance(rest, dict):
                found += errors(rest, item, root, f"{path}.{key}")
    return found


def _is(kind, value):
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])
