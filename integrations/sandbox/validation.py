"""Check a value against a model of contract.json: types, required, lengths, ranges, enums.

Knows the contract and nothing else: rules between fields and a company's own data are in
`rules`. The sentence about blank values is one seen from Procountor; the others follow its
pattern and are ours (REFERENCE section 8). That unknown fields are refused is our assumption.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from .wire import FieldError, Json, error

CONTRACT_PATH = Path(__file__).resolve().parent.parent / "procountor" / "contract.json"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?", re.ASCII)
_INTEGER_BITS = {"int32": 31, "int64": 63}


@functools.cache
def contract() -> Json:
    """contract.json, read once; treat it as read-only."""
    data: Json = json.loads(CONTRACT_PATH.read_text(encoding="utf-8"), parse_float=Decimal)
    return data


def validate(model_name: str, value: Any) -> list[FieldError]:
    """All contradictions between `value` and the contract's model, empty when there are none.

    `value` is parsed JSON; numbers may be int, Decimal or float. An entry is
    `{"status": 400, "field": "invoiceRows[0].unit", "message": "..."}`; a value that is no object
    at all has no field. null counts as left out. Raises KeyError for an unknown model name.
    """
    contract()["models"][model_name]  # an unknown name is the caller's mistake
    return list(_model(model_name, value, ""))


def blank(field: str) -> FieldError:
    return error(f"Value of the '{field}' cannot be blank.", field)


def invalid(field: str, why: str) -> FieldError:
    return error(f"Value of the '{field}' field is invalid: {why}", field)


def _model(name: str, value: Any, path: str) -> Iterator[FieldError]:
    model = contract()["models"][name]
    if model.get("kind") == "any":
        return
    if not isinstance(value, dict):
        yield invalid(path, "not an object") if path else error("The body is not an object.")
        return
    prefix = f"{path}." if path else ""
    for field, spec in model["fields"].items():
        found = value.get(field)
        if found is not None:
            yield from _value(spec, found, prefix + field)
        elif spec.get("required"):
            yield blank(prefix + field)
    for field in value:
        if field not in model["fields"]:
            yield invalid(prefix + field, "unknown field")


def _value(spec: Json, value: Any, path: str) -> Iterator[FieldError]:
    if "model" in spec:
        yield from _model(spec["model"], value, path)
    elif spec.get("type") == "array":
        yield from _array(spec, value, path)
    else:
        why = _fault_of(spec, value)
        if why == "blank":
            yield blank(path)
        elif why:
            yield invalid(path, why)


def _array(spec: Json, value: Any, path: str) -> Iterator[FieldError]:
    if not isinstance(value, list):
        yield invalid(path, "not a list")
        return
    if len(value) < spec.get("minItems", 0):
        yield blank(path)
    for index, item in enumerate(value):
        here = f"{path}[{index}]"
        if item is None:
            yield blank(here)
        else:
            yield from _value(spec.get("items", {}), item, here)


def _fault_of(spec: Json, value: Any) -> str:
    kind = spec.get("type")
    if kind == "string":
        return _string_fault(spec, value)
    if kind == "boolean":
        return "" if isinstance(value, bool) else "not true or false"
    if kind == "integer":
        return _integer_fault(spec, value)
    if kind == "number":
        return _number_fault(spec, value)
    if kind == "object":
        return "" if isinstance(value, dict) else "not an object"
    return ""


def _string_fault(spec: Json, value: Any) -> str:
    if not isinstance(value, str):
        return "not a text"
    allowed = spec.get("enum") or contract()["enums"].get(spec.get("enumRef"))
    if allowed is not None:
        return "" if value in allowed else "not one of the allowed values"
    # A required text of blanks is as good as none: seen for names, assumed for the rest.
    if (spec.get("required") or spec.get("minLength")) and not value.strip():
        return "blank"
    if len(value) < spec.get("minLength", 0):
        return f"shorter than {spec['minLength']} characters"
    if "maxLength" in spec and len(value) > spec["maxLength"]:
        return f"longer than {spec['maxLength']} characters"
    if spec.get("format") == "date":
        return "" if parse_date(value) else "not a date"
    if spec.get("format") == "date-time":
        return "" if parse_date_time(value) else "not a date and time"
    return ""


def _integer_fault(spec: Json, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return "not an integer"
    if value.bit_length() > _INTEGER_BITS.get(spec.get("format", ""), 63):
        return "out of range"
    return _range_fault(spec, Decimal(value))


def _number_fault(spec: Json, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        return "not a number"
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        return "not a number"
    return _range_fault(spec, number) or _scale_fault(spec, number)


def _range_fault(spec: Json, number: Decimal) -> str:
    if "min" in spec and number < spec["min"]:
        return f"less than {spec['min']}"
    if "max" in spec and number > spec["max"]:
        return f"more than {spec['max']}"
    return ""


def _scale_fault(spec: Json, number: Decimal) -> str:
    if "scale" not in spec or not number:
        return ""
    digits = number.as_tuple()
    decimals = -int(digits.exponent)
    # Trailing zeros add no precision: 25.50000 has one decimal. Not normalize(), which rounds.
    for digit in reversed(digits.digits):
        if digit or decimals <= spec["scale"]:
            break
        decimals -= 1
    return f"more than {spec['scale']} decimals" if decimals > spec["scale"] else ""


def parse_date(value: Any) -> dt.date | None:
    """The date of a YYYY-MM-DD text; None for anything else."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        return None


def parse_date_time(value: Any) -> dt.datetime | None:
    """The moment of a YYYY-MM-DDTHH:MM:SS text, without zone; None for anything else."""
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        return None
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        return None
