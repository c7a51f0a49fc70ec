"""The form that decides an activation request, and what is proposed for each of its companies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from integrations.activation import activations
from integrations.activation.activation_decisions import Decision, new_tenant
from integrations.activation.models import ActivationCompany
from integrations.enums import Environment, TenantState
from integrations.models import Tenant

Choice = ActivationCompany.Decision
LONGEST_REASON = 255


class NumberForm(forms.Form):
    """The number of a request that did not come by the callback."""

    environment = forms.ChoiceField(
        label=_("Environment"), choices=Environment.choices, widget=UnfoldAdminSelectWidget
    )
    number = forms.CharField(
        label=_("Number of the request"),
        help_text=_("Digits only; Procountor's callback or the customer tells it."),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "inputmode": "numeric"}),
    )

    def clean_number(self) -> int:
        number = activations.number_in(self.cleaned_data["number"])
        if number is None:
            raise ValidationError(_t("Enter the number of the request, digits only."))
        return number


@dataclass(frozen=True)
class Proposal:
    """What an approval would do with a company's key; `obstacle` says why it cannot be."""

    text: str = ""
    obstacle: str = ""
    warning: str = ""
    tenant: Tenant | None = None


def proposal_for(company: ActivationCompany) -> Proposal:
    """The tenant of that business ID and environment, or a new one."""
    tenant = activations.tenant_of(company)
    if tenant is not None:
        return _proposal_of_tenant(tenant)
    if not company.business_id:
        text = _t("Procountor tells no business ID: the key itself will say whose it is.")
        return Proposal(text)
    try:
        made = new_tenant(company)
    except ValidationError as error:
        causes = " ".join(error.messages)
        return Proposal(obstacle=_t("No tenant can be made of it: %(causes)s") % {"causes": causes})
    return Proposal(_t("Make the tenant %(name)s") % {"name": made.name}, warning=_elsewhere(made))


def _proposal_of_tenant(tenant: Tenant) -> Proposal:
    if tenant.state == TenantState.CLOSED:
        obstacle = _t("%(tenant)s is closed: no key is filed for it.") % {"tenant": tenant}
        return Proposal(obstacle=obstacle, tenant=tenant)
    has_key = tenant.state == TenantState.ACTIVE and tenant.active_credential is not None
    warning = _t("It has a key that works; the new one takes over when every check has passed.")
    return Proposal(
        _t("File the key for %(tenant)s") % {"tenant": tenant},
        warning=warning if has_key else "",
        tenant=tenant,
    )


def _elsewhere(made: Tenant) -> str:
    other = Tenant.objects.filter(business_id=made.business_id).first()
    if other is None:
        return ""
    return _t("%(tenant)s is filed in the environment %(environment)s.") % {
        "tenant": other,
        "environment": other.get_environment_display(),
    }


class DecisionForm(forms.Form):
    """Approve or reject each company; a rejection needs a reason, which the customer reads."""

    def __init__(self, companies: list[ActivationCompany], data: Any = None) -> None:
        super().__init__(data)
        self.companies = companies
        self.proposals = {company.pk: proposal_for(company) for company in companies}
        for company in companies:
            obstacle = self.proposals[company.pk].obstacle
            earlier = company.decision or (Choice.REJECT if obstacle else Choice.APPROVE)
            self.fields[f"choice_{company.pk}"] = forms.ChoiceField(
                choices=Choice.choices, initial=earlier, widget=forms.RadioSelect
            )
            self.fields[f"reason_{company.pk}"] = forms.CharField(
                label=_("Reason for the customer"),
                initial=company.reason,
                max_length=LONGEST_REASON,
                required=False,
                widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "maxlength": LONGEST_REASON}),
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for company in self.companies:
            choice = cleaned.get(f"choice_{company.pk}")
            if choice == Choice.REJECT:
                self._check_reason(f"reason_{company.pk}", cleaned)
            elif choice and self.proposals[company.pk].obstacle:
                obstacle = self.proposals[company.pk].obstacle
                self.add_error(f"choice_{company.pk}", obstacle)
        return cleaned

    def _check_reason(self, name: str, cleaned: dict[str, Any]) -> None:
        reason = cleaned.get(name)
        if reason is None:
            return  # too long, which its field says
        if not reason:
            self.add_error(name, _t("Write the reason: Procountor shows it to the customer."))
        # Procountor takes the characters of Windows-1252 only (REFERENCE section 7).
        unfit = sorted({sign for sign in reason if not _is_writable(sign)})
        if unfit:
            text = _t("Procountor does not take these characters: %(signs)s")
            self.add_error(name, text % {"signs": " ".join(unfit)})

    def decisions(self) -> dict[int, Decision]:
        """The decision for each company, by its primary key."""
        return {
            company.pk: Decision(
                approve=self.cleaned_data[f"choice_{company.pk}"] == Choice.APPROVE,
                reason=self.cleaned_data[f"reason_{company.pk}"],
            )
            for company in self.companies
        }

    def rows(self) -> list[dict[str, Any]]:
        """The companies for the template, each with its proposal and its two fields."""
        return [
            {
                "company": company,
                "proposal": self.proposals[company.pk],
                "choice": self[f"choice_{company.pk}"],
                "reason": self[f"reason_{company.pk}"],
            }
            for company in self.companies
        ]


def _is_writable(sign: str) -> bool:
    try:
        sign.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
