"""A tenant's form that was open while somebody else changed the tenant, its accounts or keys.

The page says what it showed (`seen_of`); when that is not so any more, saving is refused once
with what changed, and the form comes back as it was typed, beside what is on file now.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import QueryDict
from django.utils.translation import gettext as _
from unfold.forms import PaginationInlineFormSet

from integrations.enums import CredentialState
from integrations.models import Tenant

#: The hidden field in which the page says what it showed.
SEEN = "seen"
#: What a page writes back; the rest is shown only.
FIELDS = tuple(
    field.name for field in Tenant._meta.concrete_fields if field.editable and field.name != "id"
)
#: Rows of one inline; a browser sends no more.
_MOST_ROWS = 1000


def seen_of(tenant: Tenant) -> str:
    """JSON: {fields: {name: value}, accounts: {iban: for invoices}, keys: {…last four: state}}."""
    stored = Tenant.objects.get(pk=tenant.pk)
    return json.dumps(
        {
            "fields": {name: _shown(getattr(stored, name)) for name in FIELDS},
            "accounts": {str(each): each.is_default for each in tenant.bank_accounts.all()},
            "keys": {f"{key} {key.short_fingerprint}": key.state for key in _keys(tenant)},
        }
    )


def _keys(tenant: Tenant) -> Any:
    return tenant.credentials.order_by("received_at", "pk")


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


class TenantForm(forms.ModelForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        seen = self.data.get(SEEN)
        if seen and self.instance.pk:
            old, new = _parts(seen), _parts(seen_of(self.instance))
            changed = self._changed(old, new)
            if changed:
                self._take_over(old["fields"], new["fields"])
                said = _(
                    "Somebody else changed this meanwhile, and nothing has been saved yet: "
                    "%(changes)s. What you typed is still below: look at it, then save again."
                )
                self.add_error(None, ValidationError(said % {"changes": "; ".join(changed)}))
        return cleaned

    def _take_over(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Fields that nobody typed in here show what somebody else gave them."""
        stored, data = Tenant.objects.get(pk=self.instance.pk), self.data.copy()
        for name, field in self.fields.items():
            is_typed = _shown(self.cleaned_data.get(name)) != old.get(name)
            if is_typed or new.get(name) == old.get(name):
                continue
            value = field.prepare_value(getattr(stored, name))
            if isinstance(field, forms.BooleanField):
                data.pop(name, None)
                value = "on" if value else None
            if value is not None:
                data[name] = value
        self.data = data

    def _changed(self, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        """Fields that this form does not write back can be undone by nobody."""
        texts = []
        for name, field in self.fields.items():
            value = new["fields"].get(name)
            if value != old["fields"].get(name, value):
                shown = dict(getattr(field, "choices", ())).get(value, value)
                facts = {"field": field.label, "value": shown}
                texts.append(_("%(field)s is now “%(value)s”") % facts)
        return [*texts, *_accounts(old["accounts"], new["accounts"]), *_key_changes(old, new)]


def _accounts(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    added = [_("bank account %(account)s was added") % {"account": a} for a in new if a not in old]
    gone = [_("bank account %(account)s was removed") % {"account": a} for a in old if a not in new]
    chosen = [each for each in new if new[each]]
    if chosen and chosen != [each for each in old if old[each]]:
        gone.append(_("invoices are paid into %(account)s") % {"account": chosen[0]})
    return [*added, *gone]


def _key_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    texts = []
    for name, state in new["keys"].items():
        before, key = old["keys"].get(name), name.split()[0]
        if before is None:
            texts.append(_("API key %(key)s was filed") % {"key": key})
        elif before != state:
            label = CredentialState(state).label
            texts.append(_("API key %(key)s: %(state)s") % {"key": key, "state": label})
    return texts


def _parts(text: str) -> dict[str, Any]:
    """What `seen_of` wrote; empty parts for what it did not."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    parts = {name: found.get(name) for name in ("fields", "accounts", "keys")}
    return {name: part if isinstance(part, dict) else {} for name, part in parts.items()}


class CaughtUpFormSet(PaginationInlineFormSet):
    """Rows as they were typed, together with the rows that are on file now."""

    data: Any

    def __init__(self, *args: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, data=data, **kwargs)
        if self.is_bound and self.instance.pk:
            self.data = self._caught_up(self.data)

    def _caught_up(self, data: Any) -> Any:
        totals = [data.get(f"{self.prefix}-{kind}_FORMS", "") for kind in ("TOTAL", "INITIAL")]
        if not all(total.isascii() and total.isdecimal() for total in totals):
            return data
        rows = [self._row(data, i) for i in range(min(int(totals[0]), _MOST_ROWS))]
        present = {str(each.pk): each for each in self.get_queryset()}
        by_id = {row["id"]: row for row in rows if row.get("id")}
        if list(by_id) == list(present) and int(totals[1]) == len(present):
            return data
        kept = [by_id.get(pk) or self._as_row(each) for pk, each in present.items()]
        typed = [row for row in rows if not row.get("id")]
        caught = QueryDict(mutable=True)
        caught.update({name: data[name] for name in data if not self._is_row(name)})
        caught[f"{self.prefix}-TOTAL_FORMS"] = str(len(kept) + len(typed))
        caught[f"{self.prefix}-INITIAL_FORMS"] = str(len(kept))
        for i, row in enumerate([*kept, *typed]):
            caught.update({f"{self.prefix}-{i}-{name}": value for name, value in row.items()})
        return caught

    def _is_row(self, name: str) -> bool:
        return name.startswith(f"{self.prefix}-") and name[len(self.prefix) + 1].isdecimal()

    def _row(self, data: Any, i: int) -> dict[str, str]:
        start = f"{self.prefix}-{i}-"
        return {name[len(start) :]: data[name] for name in data if name.startswith(start)}

    def _as_row(self, each: Model) -> dict[str, str]:
        """What the page would have sent of a row it did not show."""
        return {"id": str(each.pk)}
