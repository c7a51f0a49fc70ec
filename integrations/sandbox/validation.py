"""Checks a JSON value against a model of `contract.json`: types, required fields, enums,
lengths, ranges, scales, dates. Knows no rule that spans fields: those are in `rules`."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

_CONTRACT = Path(__file__).resolve().parent.parent / "procountor" / "contract.json"
_MAX_INT32 = 2**31 - 1


@cache
def contract() -> dict[str, Any]:
    """The whole contract."""
    loaded: dict[str, Any] = json.loads(_CONTRACT.read_text(encoding="utf-8"))
    return loaded


def error(field: str, message: str, status: int = 400) -> dict[str, Any]:
    """One entry of Procountor's error list."""
    found: dict[str, Any] = {"status": status, "message": message}
    return found | ({"field": field} if field else {})


def validate(model: str, value: Any, path: str = "") -> list[dict[str, Any]]:
    """Every way in which `value` is not a `model`, as Procountor's error entries; [] if none."""
    if not isinstance(value, dict):
        return [_invalid(path or model)]
    fields = contract()["models"][model]["fields"]
    errors = [
        error(_join(path, name), f"Value of the '{name}' cannot be blank.")
        for name, spec in fields.items()
        if spec.get("required") and value.get(name) is None
    ]
    for name, item in value.items():
        spec = fields.get(name)
        # Unknown fields are passed over: whether Procountor refuses them is not known.
        if spec is not None and item is not None:
            errors += _check(spec, item, _join(path, name))
    return errors


def _check(spec: dict[str, Any], value: Any, path: str) -> list[dict[str, Any]]:
    if "model" in spec:
        # `{}` stands for "explicitly none" in an optional object.
        return (
            [] if value == {} and not spec.get("required") else validate(spec["model"], value, path)
        )
    checker = _CHECKERS.get(spec.get("type", ""))
    return checker(spec, value, path) if checker else []


def _array(spec: dict[str, Any], value: Any, path: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return [_invalid(path)]
    return [
        found
        for index, item in enumerate(value)
        for found in _check(spec["items"], item, f"{path}[{index}]")
    ]


def _string(spec: dict[str, Any], value: Any, path: str) -> list[dict[str, Any]]:
    if not isinstance(value, str):
        return [_invalid(path)]
    allowed = spec.get("enum") or contract()["enums"].get(spec.get("enumRef", ""))
    wrong = (
        (allowed is not None and value not in allowed)
        or len(value) > spec.get("maxLength", len(value))
        or len(value) < spec.get("minLength", 0)
        or not _is_of_format(value, spec.get("format"))
    )
    return [_invalid(path)] if wrong else []


def _is_of_format(value: str, name: str | None) -> bool:
    try:
        if name == "date":
            return len(value) == 10 and bool(dt.date.fromisoformat(value))
        if name == "date-time":
            return bool(dt.datetime.fromisoformat(value))
    except ValueError:
        return False
    return True


def _number(spec: dict[str, Any], value: Any, path: str) -> list[dict[str, Any]]:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return [_invalid(path)]
    exact = Decimal(str(value))
    scale = -int(exact.normalize().as_tuple().exponent)
    wrong = (
        exact > spec.get("max", exact)
        or exact < spec.get("min", exact)
        or scale > spec.get("scale", scale)
    )
    return [_invalid(path)] if wrong else []


def _integer(spec: dict[str, Any], value: Any, path: str) -> list[dict[str, Any]]:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_INT32:
        return [_invalid(path)]
    return _number(spec, value, path)


def _boolean(spec: dict[str, Any], value: Any, path: str) -> list[dict[str, Any]]:
    return [] if isinstance(value, bool) else [_invalid(path)]


_CHECKERS = {
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
}


def _invalid(path: str) -> dict[str, Any]:
    return error(path, f"Value of the '{path.rsplit('.', 1)[-1]}' field is invalid: ")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
