"""What the files of a run hold, as JSON Schemas: what is damaged is found where it is read, not where it is used."""

from __future__ import annotations

import sys
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from helpers import records
from helpers.tools.commandline import read_json
from helpers.tools.workbook.notebooks import readable

_TEXT, _NUMBER, _TEXTS = {"type": "string"}, {"type": "number"}, {"type": "array", "items": {"type": "string"}}


def _object(optional: dict | None = None, **required: dict) -> dict:
    """An object with these entries at least."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def _named(entry: dict) -> dict:
    """An object of entries by name."""
    return {"type": "object", "additionalProperties": entry}


def _list(entry: dict) -> dict:
    return {"type": "array", "items": entry}


_COUNTED = {"if": {"properties": {"kind": {"const": "count"}}}, "then": _object(n={"type": "number", "minimum": 1})}
_VALUE = _object(value=_NUMBER, unit=_TEXT, kind={"enum": ["value", "count", "statistic"]}) | _COUNTED
_MEASURED = _object(**_VALUE["properties"], tolerance=_NUMBER, changes=_list(_NUMBER)) | _COUNTED
_BOUNDS = [_object(target=_NUMBER, tolerance=_NUMBER), _object(at_most=_NUMBER), _object(at_least=_NUMBER)]
_CHECK = _object(check=_TEXT, value={"type": "any number"}, expected=_TEXT, source=_TEXT, holds={"type": "boolean"})
_CLAIM = _object(sentence=_TEXT, verdict={"enum": list(records.VERDICTS)}, rule=_TEXT)
_ENTRY = _object(
    name=_TEXT, verdict=_TEXT, fault=_TEXT, reason=_TEXT, section=_TEXT, source=_TEXT, traceback=_TEXT, command=_TEXT,
    seconds={"type": ["number", "null"]}, cell={"type": ["integer", "null"]}, overrides=_named({}),
    parameters=_named({}), networks=_list(_named({})), figures=_TEXTS, checks=_list(_named({})),
    claims=_list(_named({})), numbers=_list(_named({})),
)  # fmt: skip
_FORMATS = {
    "record": _object(
        {"claims": _list(_object(claim=_TEXT, found=_TEXT, source=_TEXT, n=_NUMBER, **_CLAIM["properties"]))},
        parameters=_named({}),
        values=_named(_VALUE),
        checks={"type": "array", "minItems": 1, "items": _CHECK | {"anyOf": _BOUNDS}},
        figures=_TEXTS,
        stamp=_object(networks=_list(_named({"type": ["string", "null"]}))),
    ),
    "baseline": _object(
        notebooks=_named(_object({"claims": _named(_CLAIM)}, parameters=_named({}), numbers=_named(_MEASURED)))
    ),
    "summary": _object(
        preset=_TEXT, settings=_named(_TEXT), verdict=_TEXT, provenance=_named({}), seconds=_NUMBER,
        notebooks={"type": "array", "minItems": 1, "items": _ENTRY},
    ),
}  # fmt: skip


def _finite(_: object, value: object) -> bool:
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    return whole and abs(value) <= sys.float_info.max  # NaN is not


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many(
    {"number": _finite, "any number": lambda checker, value: isinstance(value, float) or _finite(checker, value)}
)
_Validator = extend(Draft202012Validator, type_checker=_TYPES)


def read(path: Path, kind: str) -> dict:
    """The content of one of the files of a run: a ``record``, a ``baseline`` or a ``summary``.

    Raises:
        Refused: It is damaged, or another kind of file, or a check in it is not what its own numbers say.
    """
    with readable(path):
        content = read_json(path)
        if wrong := best_match(_Validator(_FORMATS[kind]).iter_errors(content)):
            raise ValueError(f"{wrong.json_path}: {wrong.message}")
        for check in content.get("checks", []):
            if check["holds"] != records.holds(check):
                raise ValueError(f"the check {check['check']!r} says holds: {check['holds']}, its numbers do not")
        for claim in content.get("claims", []):
            _, *ends = (content["values"][claim["claim"] + end]["value"] for end in ("", "/low", "/high"))
            bounds = {word: claim[word] for word in ("above", "below") if word in claim}
            if claim["verdict"] != records.verdict(*ends, **bounds, n=claim["n"]):
                raise ValueError(f"the claim {claim['claim']!r} says {claim['verdict']!r}, its numbers do not")
    return content
