"""The last days of a tenant's connection: one cell a day, by that day's last finished check."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.enums import CheckOutcome
from integrations.models import Tenant

DAYS = 30
#: A sign beside the colour, and its words: colours alone tell some readers nothing.
_SIGNS = {
    "green": ("✓", _("green")),
    "amber": ("!", _("green, with warnings")),
    "red": ("✗", _("red")),
    "none": ("·", _("no check")),
}


@dataclass(frozen=True)
class Cell:
    """A day in Helsinki, and the check it stands for; `kind` is one of green, amber, red, none."""

    day: dt.date
    kind: str
    check_pk: int | None = None

    @property
    def sign(self) -> str:
        return _SIGNS[self.kind][0]

    @property
    def words(self) -> str:
        return str(_SIGNS[self.kind][1])


def cells(tenant: Tenant, today: dt.date) -> list[Cell]:
    """DAYS cells, today's last. One query; checks of keys not in use do not count."""
    first = today - dt.timedelta(days=DAYS - 1)
    start = timezone.make_aware(dt.datetime.combine(first, dt.time.min))
    finished = tenant.checks.filter(
        of_candidate=False, finished_at__isnull=False, started_at__gte=start
    )
    found: dict[dt.date, Cell] = {}
    for pk, at, outcome, warned in finished.order_by("started_at").values_list(
        "pk", "started_at", "outcome", "warnings"
    ):
        day = timezone.localdate(at)
        kind = "red" if outcome != CheckOutcome.PASSED else "amber" if warned else "green"
        found[day] = Cell(day, kind, pk)
    days = (first + dt.timedelta(days=number) for number in range(DAYS))
    return [found.get(day, Cell(day, "none")) for day in days]
