"""Forms of web shops: connecting one, its settings, its secrets, a range of days."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from integrations.enums import TenantState
from integrations.models import Tenant
from invoices.shop_models import PaymentPolicy, ShopConnection, ShopKind, ShopState
from invoices.shops.asking import base_of
from invoices.shops.connections import (
    DEFAULT_BUSINESS_ID_FIELDS,
    DEFAULT_STATUSES,
    DEFAULT_VAT_NUMBER_FIELDS,
)

#: The longest range of days that is taken in at once.
_LONGEST_DAYS = 731


def _secret(label: Any, help_text: Any = "", *, required: bool = True) -> forms.CharField:
    """Typed or pasted, and never rendered back."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=300,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "spellcheck": "false", "type": "password"}
        ),
    )


class _SecretsForm(forms.Form):
    """What is typed into these fields is forgotten before the form is shown again."""

    secrets: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.secrets:
            value = cleaned.get(name, "")
            if not (value.isascii() and (value.isprintable() and " " not in value)):
                self.add_error(name, _("Only letters, digits and marks, without spaces."))
        return cleaned

    def hide_secrets(self) -> None:
        self.data = {**self.data.dict(), **dict.fromkeys(self.secrets, "")}


def _date(label: Any, help_text: Any = "") -> forms.DateField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.DateField(label=label, help_text=help_text, widget=widget)


def _text(label: Any, help_text: Any = "", *, required: bool = True, longest: int = 300) -> Any:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=longest,
        widget=UnfoldAdminTextInputWidget,
    )


def _switch(name: str) -> forms.BooleanField:
    field = ShopConnection._meta.get_field(name)
    return forms.BooleanField(
        label=field.verbose_name,
        help_text=field.help_text,
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )


def _address_in(given: str) -> str:
    try:
        return base_of(given)
    except ValueError:
        raise ValidationError(
            _("This is no address of a shop: https:// and a name, such as https://shop.example")
        ) from None


class SettingsForm(forms.Form):
    """What may be changed as long as the connection is open."""

    name = _text(_("Name"), _("As staff call the shop."), longest=80)
    statuses = _text(
        _("Statuses that become invoices"),
        _("The shop's own words, with commas between them."),
    )
    payments = forms.ChoiceField(
        label=_("Payment"), choices=PaymentPolicy, widget=UnfoldAdminSelectWidget
    )
    since = _date(_("Orders from"), _("Earlier ones come only with a back-fill."))
    business_id_fields = _text(
        _("Fields of the business ID"),
        _("Names of the shop's additional fields, with commas between them."),
        required=False,
    )
    vat_number_fields = _text(_("Fields of the VAT number"), required=False)
    queue = _switch("queue")
    free_orders = _switch("free_orders")
    rounding_row = _switch("rounding_row")
    amount_only_row = _switch("amount_only_row")
    goods_only = _switch("goods_only")


class ConnectForm(_SecretsForm):
    """A new connection with the usual settings of its kind."""

    secrets = ("api_key", "api_secret", "webhook_secret")

    tenant = forms.ModelChoiceField(
        label=_("Tenant"),
        queryset=Tenant.objects.exclude(state=TenantState.CLOSED),
        widget=UnfoldAdminSelectWidget,
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=ShopKind, widget=UnfoldAdminSelectWidget)
    name = _text(_("Name"), _("As staff call the shop."), longest=80)
    address = _text(
        _("Address"),
        _("With https://. Shopify: the address that ends in myshopify.com."),
        longest=200,
    )
    prefix = _text(
        _("Prefix of invoice numbers"),
        _("Goes before the order's number and stays for good, such as W-."),
        required=False,
        longest=12,
    )
    since = _date(_("Orders from"), _("Earlier ones come only with a back-fill."))
    api_key = _secret(
        _("Consumer key or client ID"),
        _("WooCommerce: consumer key. Shopify: client ID; leave empty for an access token."),
        required=False,
    )
    api_secret = _secret(
        _("Consumer secret, client secret or access token"),
        _("With the right to read orders, and no other. It is sealed and never shown."),
    )
    webhook_secret = _secret(
        _("Webhook secret"),
        _("Shopify: the client secret. Without one, webhooks are refused."),
        required=False,
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"since": timezone.localdate()})

    def clean_address(self) -> str:
        return _address_in(self.cleaned_data["address"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("kind") == ShopKind.WOOCOMMERCE and not cleaned.get("api_key"):
            self.add_error("api_key", _("WooCommerce needs both, key and secret."))
        tenant, prefix = cleaned.get("tenant"), cleaned.get("prefix", "")
        taken = ShopConnection.objects.exclude(state=ShopState.ENDED)
        if tenant and taken.filter(tenant=tenant, prefix=prefix).exists():
            self.add_error(
                "prefix", _("Another shop of the tenant has this prefix: choose another.")
            )
        return cleaned

    def new(self) -> ShopConnection:
        """The connection as described, not saved."""
        given = self.cleaned_data
        kind = ShopKind(given["kind"])
        return ShopConnection(
            **{name: given[name] for name in ("tenant", "kind", "name", "address", "prefix")},
            since=given["since"],
            statuses=DEFAULT_STATUSES[kind],
            business_id_fields=DEFAULT_BUSINESS_ID_FIELDS,
            vat_number_fields=DEFAULT_VAT_NUMBER_FIELDS,
        )


class KeysForm(_SecretsForm):
    """A key, and the address that it is for."""

    secrets = ("api_key", "api_secret")

    address = _text(
        _("Address"),
        _("With https://. Shopify: the address that ends in myshopify.com."),
        longest=200,
    )
    api_key = _secret(
        _("Consumer key or client ID"),
        _("WooCommerce: consumer key. Shopify: client ID; leave empty for an access token."),
        required=False,
    )
    api_secret = _secret(
        _("Consumer secret, client secret or access token"),
        _("With the right to read orders, and no other. It is sealed and never shown."),
    )

    def clean_address(self) -> str:
        return _address_in(self.cleaned_data["address"])


class WebhookForm(_SecretsForm):
    secrets = ("webhook_secret",)

    webhook_secret = _secret(
        _("New webhook secret"),
        _("The one before counts too, until you end it."),
    )


class DaysForm(forms.Form):
    """A range of days, by the orders' own date."""

    first_day = _date(_("First day"))
    last_day = _date(_("Last day"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", _("The last day is before the first."))
        if first and last and last - first > dt.timedelta(days=_LONGEST_DAYS):
            self.add_error("last_day", _("At most two years at a time."))
        return cleaned
