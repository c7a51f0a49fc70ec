"""The bank accounts on a tenant's page: one for invoices, each in either form of its number."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from integrations import accounts
from integrations.admin.meanwhile import CaughtUpFormSet
from integrations.models import BankAccount


class BankAccountForm(forms.ModelForm):
    """Normalises the number, so that both forms of one account are seen as the same."""

    class Meta:
        model = BankAccount
        fields = ["iban", "is_default"]

    def clean_iban(self) -> str:
        try:
            return accounts.parse(self.cleaned_data["iban"]).iban
        except accounts.AccountInvalid as error:
            raise ValidationError(str(error)) from None

    def _get_validation_exclusions(self) -> set[str]:
        # The database still holds the old choice: the formset compares what was posted.
        return {*super()._get_validation_exclusions(), "is_default"}

    def save(self, commit: bool = True) -> BankAccount:
        if "iban" in self.changed_data:
            self.instance.in_procountor = BankAccount.InProcountor.UNCHECKED
        return super().save(commit)


class BankAccountFormSet(CaughtUpFormSet):
    def clean(self) -> None:
        super().clean()
        for form in self._chosen()[1:]:
            form.add_error("is_default", _("Only one account can be the one for invoices."))

    def _as_row(self, each: Any) -> dict[str, str]:
        row = {"id": str(each.pk), "tenant": str(each.tenant_id), "iban": each.iban}
        return row | ({"is_default": "on"} if each.is_default else {})

    def _chosen(self) -> list[Any]:
        kept = [form for form in self.forms if form not in self.deleted_forms]
        return [form for form in kept if getattr(form, "cleaned_data", {}).get("is_default")]

    def save(self, commit: bool = True) -> Any:
        """The account chosen so far steps back first: the database allows one at a time."""
        if commit and (chosen := self._chosen()):
            keep = chosen[0].instance.pk
            self.instance.bank_accounts.exclude(pk=keep).update(is_default=False)
        return super().save(commit)


class BankAccountInline(TabularInline):
    model = BankAccount
    form = BankAccountForm
    formset = BankAccountFormSet
    extra = 0
    fields = ["iban", "bic", "bank_name", "is_default", "in_procountor"]
    readonly_fields = ["bic", "bank_name", "in_procountor"]
