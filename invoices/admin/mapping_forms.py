"""The form of a mapping table: its first day, and an entry for each word."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from integrations.mapping_models import MappingTable
from invoices.document import VatCategory
from invoices.mapping.tables import TARGETS, key_of

_EMPTY_ROWS = 3
_HIGHEST = 2_147_483_647


class SinceForm(forms.Form):
    since = forms.DateField(
        label=_("For invoices dated from"),
        widget=UnfoldAdminDateWidget(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Invoices with an earlier date keep the table they had."),
    )

    def clean_since(self) -> dt.date:
        since: dt.date = self.cleaned_data["since"]
        if not 2000 <= since.year <= 2100:
            raise forms.ValidationError(_("Give a day of this century."))
        return since


class EntryForm(forms.Form):
    """One word. A row without a word or a target is no entry."""

    word = forms.CharField(
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    target = forms.CharField(required=False, max_length=80)

    def __init__(self, *args: Any, table: str, targets: list[tuple[str, str]], **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.table = table
        if targets:
            widget: forms.Widget = UnfoldAdminSelectWidget(choices=[("", "–"), *targets])
        else:
            widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"})
        self.fields["target"].widget = widget
        self.fields["word"].widget.attrs["aria-label"] = _("In the source")
        widget.attrs["aria-label"] = _("In Procountor")

    def clean(self) -> None:
        word, target = self.cleaned_data.get("word", ""), self.cleaned_data.get("target", "")
        key = key_of(self.table, word)
        if self.table == MappingTable.VAT and word and key not in set(VatCategory):
            text = _("“%(word)s” is not a VAT category; they are %(all)s.")
            self.add_error("word", text % {"word": word, "all": ", ".join(VatCategory)})
        # An address without a country is a word too: the empty one.
        if word and not target:
            return
        if target and not word and self.table != MappingTable.COUNTRY:
            self.add_error("word", _("Give the word that the source uses."))
        elif target:
            self._clean_target(key, target)

    def _clean_target(self, key: str, target: str) -> None:
        allowed = TARGETS[self.table]
        if allowed is not None:
            if target not in allowed:
                self.add_error("target", _("Procountor does not know “%s”.") % target)
            self.cleaned_data["entry"] = (key, target)
        elif target.isascii() and target.isdecimal() and 0 < int(target) <= _HIGHEST:
            self.cleaned_data["entry"] = (key, int(target))
        else:
            self.add_error("target", _("Give Procountor's number."))


class _EntryFormSet(forms.BaseFormSet):
    def clean(self) -> None:
        words = [f.cleaned_data["entry"][0] for f in self.forms if "entry" in f.cleaned_data]
        for word in words:
            if words.count(word) > 1:
                text = _("“%s” is in the table twice: case and a full stop do not count.")
                raise forms.ValidationError(text % word)

    def entries(self) -> dict[str, Any]:
        """The table; call it when the forms are valid."""
        return dict(f.cleaned_data["entry"] for f in self.forms if "entry" in f.cleaned_data)


def entry_forms(
    table: str,
    entries: dict[str, Any],
    targets: list[tuple[str, str]],
    *,
    data: Any = None,
    word: str | None = None,
) -> Any:
    """The rows of a table; with `word` an entry for it is begun, and stands first."""
    make = forms.formset_factory(
        EntryForm, formset=_EntryFormSet, extra=_EMPTY_ROWS, max_num=1000, absolute_max=1000
    )
    initial = [{"word": key, "target": value} for key, value in sorted(entries.items())]
    if word is not None and key_of(table, word) not in entries:
        initial.insert(0, {"word": word})
    kwargs = {"table": table, "targets": targets}
    return make(data, initial=initial, form_kwargs=kwargs, prefix="entry")
