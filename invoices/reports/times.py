"""Histograms of durations by fixed logarithmic buckets: they add up over days and tenants, which
medians do not.

Bucket n holds what took more than 1.1^(n-1) and at most 1.1^n seconds, bucket 0 all up to one
second. A percentile is its bucket's middle: at most 5 % off.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import F, FloatField, Func, PositiveSmallIntegerField, Value
from django.db.models.functions import Cast, Ceil, Greatest, Least, Ln

_RATIO = 1.1
#: A duration of about 200 years: what is longer is not a duration.
_LAST = 237


class _Seconds(Func):
    """Between an earlier and a later moment; to the microsecond."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(django_timestamp_diff(%(expressions)s) / 1000000.0)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) AS double precision)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" - ", **context)


def bucket_between(earlier: str, later: str) -> Cast:
    """The bucket of the time between two columns."""
    seconds = Greatest(_Seconds(F(later), F(earlier)), Value(1.0))
    power = Ceil(Ln(seconds) / Value(math.log(_RATIO)))
    return Cast(Least(power, Value(float(_LAST))), PositiveSmallIntegerField())


def merged(histograms: Iterable[Mapping[str, int]]) -> Counter[int]:
    """One histogram of many, as they are stored."""
    found: Counter[int] = Counter()
    for histogram in histograms:
        for bucket, count in histogram.items():
            found[int(bucket)] += count
    return found


def percentile(histogram: Mapping[int, int], percent: int) -> float | None:
    """Seconds within which so many percent ended (nearest rank); None when there are none."""
    total = sum(histogram.values())
    if not total:
        return None
    rank = max(1, math.ceil(total * percent / 100))
    passed = 0
    for bucket in sorted(histogram):
        passed += histogram[bucket]
        if passed >= rank:
            return middle(bucket)
    raise AssertionError("a rank is at most the total")


def middle(bucket: int) -> float:
    """The bucket's middle on the scale of ratios, in seconds."""
    return 1.0 if bucket == 0 else _RATIO ** (bucket - 0.5)
