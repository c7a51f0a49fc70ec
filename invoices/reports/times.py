"""Histograms of durations by fixed logarithmic buckets: they add up over days and tenants, which
medians do not. Pure.

Bucket n holds what took more than 1.1^(n-1) and at most 1.1^n seconds, bucket 0 all up to one
second. A percentile is its bucket's middle: at most 5 % off.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Mapping

RATIO = 1.1
#: A duration of about 200 years: what is longer is not a duration.
LAST = 237


def bucket_of(duration: dt.timedelta) -> int:
    seconds = duration.total_seconds()
    if seconds <= 1:
        return 0
    return min(LAST, math.ceil(math.log(seconds) / math.log(RATIO)))


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
    return 1.0 if bucket == 0 else RATIO ** (bucket - 0.5)
