"""Holds JSON against the types of an SDK, with unknown fields refused.

The SDKs themselves are lax: a `TypedDict` is checked by nobody at run time, and most response models
take any field. This walks the declared types instead: `TypedDict`, pydantic models, unions, literals,
lists, mappings.
"""

import collections.abc
import datetime
import enum
import sys
import types
import typing

import pydantic
import typing_extensions

LISTS = (list, tuple, collections.abc.Iterable, collections.abc.Sequence)
MAPS = (dict, collections.abc.Mapping)
TEXTS = (str, bytes, datetime.datetime, datetime.date)


def faults(value, kind, at="$", also=None):
    """What is wrong with `value` as a `kind`; `also` maps a type's name to fields that the server
    takes and its SDK does not know."""
    return Walk(also or {}).faults(value, kind, at)


class Walk:
    def __init__(self, also):
        self.also = also

    def faults(self, value, kind, at):
        kind = bare(kind)
        origin = typing.get_origin(kind)
        if kind is typing.Any or kind is object or isinstance(kind, typing.TypeVar):
            return []
        if origin in (typing.Union, types.UnionType):
            return self.union(value, kind, at)
        if origin is typing.Literal:
            known = typing.get_args(kind)
            is_known = any(value == one and type(value) is type(one) for one in known)
            return [] if is_known else [f"{at}: {value!r} is none of {known}"]
        if is_list(origin or kind):
            return self.items(value, kind, at)
        if (origin or kind) in MAPS:
            return self.values(value, kind, at)
        if typing_extensions.is_typeddict(kind) or is_model(kind):
            return self.fields(value, kind, at)
        return [] if is_plain(value, kind) else [f"{at}: {value!r} is no {kind}"]

    def union(self, value, kind, at):
        kinds = typing.get_args(kind)
        # Open enumerations are `Literal[...] | Any`: what is not listed there is a slip of ours.
        if any(typing.get_origin(bare(one)) is typing.Literal for one in kinds):
            kinds = [one for one in kinds if bare(one) is not typing.Any]
        tried = [self.faults(value, one, at) for one in kinds]
        # Of the ways to be wrong, the one that came closest tells most.
        return min(tried, key=lambda found: (len(found), sum(map(depth, found)) * -1))

    def items(self, value, kind, at):
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no list"]
        of = (typing.get_args(kind) or (typing.Any,))[0]
        return [fault for nth, one in enumerate(value) for fault in self.faults(one, of, f"{at}[{nth}]")]

    def values(self, value, kind, at):
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is no object"]
        of = (typing.get_args(kind) or (str, typing.Any))[1]
        return [fault for key, one in value.items() for fault in self.faults(one, of, f"{at}.{key}")]

    def fields(self, value, kind, at):
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is no object ({kind.__name__})"]
        known, required = shape(kind)
        known = known | {name: typing.Any for name in self.also.get(kind.__name__, ())}
        found = [f"{at}: `{key}` is missing in {kind.__name__}" for key in sorted(required - value.keys())]
        for key, one in value.items():
            if key in known:
                found += self.faults(one, known[key], f"{at}.{key}")
            else:
                found.append(f"{at}: `{key}` is unknown to {kind.__name__}")
        return found


def depth(fault):
    return fault.split(": ")[0].count(".") + fault.split(": ")[0].count("[")


def bare(kind):
    """A type without what only decorates it."""
    while True:
        origin = typing.get_origin(kind)
        if origin in (typing.Annotated, typing_extensions.Required, typing_extensions.NotRequired, typing.ClassVar):
            kind = typing.get_args(kind)[0]
        elif hasattr(kind, "__supertype__"):
            kind = kind.__supertype__
        elif isinstance(kind, typing_extensions.TypeAliasType):
            kind = kind.__value__
        elif isinstance(origin, typing_extensions.TypeAliasType):
            kind = origin.__value__[typing.get_args(kind)]
        else:
            return kind


def is_list(origin):
    return origin in LISTS or getattr(origin, "__name__", "") == "SequenceNotStr"


def is_model(kind):
    return isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def is_plain(value, kind):
    match value:
        case None:
            return kind in (None, type(None))
        case bool():
            return kind is bool
        case int():
            return kind in (int, float)
        case float():
            return kind is float
        case str() if isinstance(kind, type) and issubclass(kind, enum.Enum):
            is_lax = any(base.__name__.startswith("CaseInSensitive") for base in kind.__mro__)
            return any(value == one.value or is_lax and value.upper() == one.value.upper() for one in kind)
        case str():
            return kind in TEXTS or getattr(kind, "__name__", "") == "UnrecognizedStr"
    return False


def shape(kind):
    """The fields of a type by their names on the wire, and those that must be there."""
    if is_model(kind):
        if not kind.__pydantic_complete__:
            kind.model_rebuild()
        known = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        must = {field.alias or name for name, field in kind.model_fields.items() if field.is_required()}
        return known, must
    hints = typing_extensions.get_type_hints(kind, vars(sys.modules[kind.__module__]), include_extras=True)
    return {alias(hint) or name: hint for name, hint in hints.items()}, set(kind.__required_keys__)


def alias(hint):
    """The name on the wire where it is no name in Python (`Annotated[..., PropertyInfo(alias=...)]`)."""
    if typing.get_origin(hint) in (typing_extensions.Required, typing_extensions.NotRequired):
        hint = typing.get_args(hint)[0]
    marks = getattr(hint, "__metadata__", ())
    return next((mark.alias for mark in marks if getattr(mark, "alias", None)), None)
