"""Filters the theme has not."""

from __future__ import annotations

import datetime as dt

from django.db.models import DateTimeField, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateFilter


class DaysFilter(RangeDateFilter):
    """Days in our time zone, the last one included.

    The theme's own filter compares a moment with midnight UTC, so the last day is left out, and
    reads English dates only, so a Finnish one filters nothing. What is no date is left aside.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": self._start(first)})
        if last:
            after = self._start(last + dt.timedelta(days=1))
            queryset = queryset.filter(**{f"{self.field_path}__lt": after})
        return queryset

    def _day(self, end: str) -> dt.date | None:
        # The form writes dates by the reader's language, our own links by ISO 8601.
        typed = str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "")
        for form in ("%d.%m.%Y", "%Y-%m-%d"):
            try:
                return dt.datetime.strptime(typed, form).date()
            except ValueError:
                continue
        return None

    def _start(self, day: dt.date) -> dt.date:
        if not isinstance(self.field, DateTimeField):
            return day
        return timezone.make_aware(dt.datetime.combine(day, dt.time.min))
