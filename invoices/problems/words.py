"""The two sentences a code has."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise


class Words(NamedTuple):
    """`cause` says what is wrong, `remedy` the next step; both may use {value} and {expected}."""

    cause: str | Promise
    remedy: str | Promise
