"""The form of a code's words in one language; a text that would not be filled in is refused."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from invoices import problems, wording

_LABELS = {
    "cause": _("Cause"),
    "remedy": _("What to do"),
    "customer": _("Sentence for the customer"),
}


class WordsForm(forms.Form):
    """`present` is {part: text as it is now}, `after` the newest version's number."""

    after = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(
        self, data: Any, *, code: str, language: str, present: dict[str, str], after: int
    ) -> None:
        super().__init__(
            data, prefix=language, initial={"after": after} | present, auto_id=f"{language}-%s"
        )
        self.code, self.language, self.present = code, language, present
        for part in wording.parts_of(code, language):
            names = sorted(problems.allowed_in(code, part))
            self.fields[part] = forms.CharField(
                label=_LABELS[part],
                max_length=500,
                widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "lang": language}),
                help_text=_t("May use: %(names)s")
                % {"names": ", ".join("{" + name + "}" for name in names)},
            )

    @property
    def texts(self) -> dict[str, str]:
        return {part: self.cleaned_data[part] for part in self._parts()}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for part in self._parts():
            unfit = problems.unfit_in(cleaned.get(part) or "", self.code, part)
            if unfit:
                text = _t("Nothing would be filled in for %(names)s. Use only what is named below.")
                self.add_error(part, text % {"names": ", ".join(unfit)})
        if not self.errors and self.texts == self.present:
            self.add_error(None, _t("Nothing differs from the words as they are."))
        return cleaned

    def _parts(self) -> tuple[str, ...]:
        return wording.parts_of(self.code, self.language)
