"""Which values are always there, whatever the request."""

from __future__ import annotations

from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS, ParamInfo


def may_be_missing(value: ast.Value) -> bool:
    """Whether some request has no such value.

    Always there are single fields that follow from any HTTP request or have a default, and what a function that the
    catalogue calls total makes of arguments that are always there. An element of an array or map may be missing.
    """
    return not _always_there(value)


def _always_there(part: ast.Argument) -> bool:
    match part:
        case ast.String() | ast.Integer() | ast.Address():
            return True
        case ast.Field(name=name):
            info = FIELDS.get(canonical_field(name))
            return info is not None and (
                info.default is not None or (info.name in EXTRACTORS and info.type.item is None)
            )
        case ast.Call(name=name, arguments=arguments):
            function = FUNCTIONS.get(name)
            if function is None or not function.total:
                return False
            if function.accepts_missing:
                return any(map(_always_there, arguments))
            return all(
                _always_there(argument) and _keeps_range(argument, function.param(place))
                for place, argument in enumerate(arguments)
            )
        case _:
            return False


def _keeps_range(argument: ast.Argument, param: ParamInfo | None) -> bool:
    """Whether an argument is one that the function surely takes: `cidr` has no result for a prefix of 200 bits."""
    if param is None:
        return False
    if param.range is not None:
        low, high = param.range
        return isinstance(argument, ast.Integer) and low <= argument.value <= high
    return not param.non_empty or (isinstance(argument, ast.String) and bool(argument.value))
