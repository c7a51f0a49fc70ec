"""Who we act for, with which keys, into which accounts. Knows nothing of exports."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from stdnum.exceptions import ValidationError as NumberInvalid
from stdnum.fi import ytunnus

from integrations import (  # noqa: F401 - Django looks for models here
    accounts,
    key_use_models,
    mapping_models,
    rehearsal_models,
)
from integrations.activation import models as activation_models  # noqa: F401 - as above
from integrations.connect import models as connect_models  # noqa: F401 - as above
from integrations.enums import (
    AfterSubmit,
    CheckOutcome,
    CircuitState,
    CredentialState,
    Environment,
    InvoiceChannel,
    InvoiceLanguage,
    PauseReason,
    ReceivedBy,
    RetentionYears,
    StaffLanguage,
    TenantState,
)
from integrations.secrets import SealedField


def validate_business_id(value: str) -> None:
    """Refuse a Finnish business ID whose form or check digit is wrong (python-stdnum)."""
    try:
        ytunnus.validate(value)
    except NumberInvalid:
        raise ValidationError(
            _("“%(value)s” is not a business ID: its check digit or form is wrong."),
            code="business_id",
            params={"value": value},
        ) from None


def business_id_in(text: str) -> str:
    """A Finnish business ID in our own form, as others write it; anything else as it is."""
    try:
        return str(ytunnus.format(ytunnus.validate(text.removeprefix("FI"))))
    except NumberInvalid:
        return text[:40]


class TenantQuerySet(models.QuerySet["Tenant"]):
    def with_last_check(self) -> TenantQuerySet:
        """Adds `check_outcome` and `check_at` of each tenant's newest check, None without one."""
        newest = ConnectionCheck.objects.filter(tenant=OuterRef("pk"), of_candidate=False)
        newest = newest.order_by("-started_at")
        return self.annotate(
            check_outcome=Subquery(newest.values("outcome")[:1]),
            check_at=Subquery(newest.values("started_at")[:1]),
        )


class Tenant(models.Model):
    """A customer company we act for, and how its invoices are exported."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("short name"), max_length=60, unique=True, blank=True)
    business_id = models.CharField(
        _("business ID"), max_length=9, validators=[validate_business_id], help_text="1234567-1"
    )
    environment = models.CharField(
        _("environment"), max_length=10, choices=Environment, default=Environment.TEST
    )
    state = models.CharField(
        _("state"), max_length=10, choices=TenantState, default=TenantState.PENDING
    )
    pause_reason = models.CharField(
        _("pause reason"), max_length=12, choices=PauseReason, blank=True
    )
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=StaffLanguage, default=StaffLanguage.FINNISH
    )
    contact_name = models.CharField(_("contact person"), max_length=80, blank=True)
    contact_email = models.EmailField(_("contact e-mail"), blank=True)
    contact_phone = models.CharField(_("contact phone"), max_length=40, blank=True)

    invoice_channel = models.CharField(
        _("invoice channel"),
        max_length=20,
        choices=InvoiceChannel,
        default=InvoiceChannel.NO_SENDING,
        help_text=_("How Procountor delivers the invoice to the buyer."),
    )
    after_submit = models.CharField(
        _("after submitting"),
        max_length=20,
        choices=AfterSubmit,
        default=AfterSubmit.LEAVE_UNFINISHED,
        help_text=_(
            "Leave unfinished: a person checks and approves each invoice in Procountor. Approve: "
            "the invoice goes into the books and the VAT return, and nobody gets it. Approve and "
            "send: Procountor also delivers it to the buyer at once, which cannot be undone."
        ),
    )
    default_vat_status = models.PositiveSmallIntegerField(
        _("default VAT status"),
        default=1,
        help_text=_("Procountor's number for standard domestic sales; 1 is Domestic."),
    )
    vat_status_by_category = models.JSONField(
        _("VAT status by category"),
        default=dict,
        blank=True,
        help_text=_('Other VAT categories, for example {"K": 5, "G": 3}. Unlisted ones are held.'),
    )
    invoice_language = models.CharField(
        _("invoice language"),
        max_length=10,
        choices=InvoiceLanguage,
        default=InvoiceLanguage.FINNISH,
    )
    penalty_percent = models.DecimalField(
        _("penalty interest, %"),
        max_digits=4,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(50)],
    )
    days_to_pay = models.PositiveSmallIntegerField(
        _("days to pay"), default=14, validators=[MaxValueValidator(999)]
    )
    drop_invalid_reference = models.BooleanField(
        _("drop invalid reference numbers"),
        default=False,
        help_text=_("Procountor makes a new one; the old value is kept in the invoice's notes."),
    )
    retention_years = models.PositiveSmallIntegerField(
        _("years kept"),
        choices=RetentionYears,
        default=RetentionYears.VOUCHERS,
        help_text=_(
            "Counted from the end of the calendar year in which the financial year ended. The "
            "Accounting Act (2:10) wants 6 for vouchers and 10 for books."
        ),
    )
    #: When a person let its invoices be submitted (`integrations.going_live`).
    went_live_at = models.DateTimeField(_("went live"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    #: Written by `integrations.offboarding` only.
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)
    #: A check that began before this says nothing any more: the tenant was paused or ended since.
    checks_after = models.DateTimeField(null=True, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("closed by"),
    )
    close_reason = models.CharField(_("closed because"), max_length=500, blank=True, editable=False)
    destroy_secrets_on = models.DateField(_("secrets destroyed on"), null=True, editable=False)

    objects = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["business_id", "environment"],
                name="one_tenant_per_business_id_and_environment",
            ),
            models.CheckConstraint(
                condition=models.Q(retention_years__in=RetentionYears.values),
                name="never_kept_shorter_than_the_law_says",
            ),
        ]
        permissions = [
            ("check_connection", "Can run the connection check of a tenant"),
            ("pause_tenant", "Can pause and resume a tenant"),
            ("close_tenant", "Can end and reopen the connection of a tenant"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.slug:
            self.slug = self._free_slug()
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "slug"}
        super().save(*args, **kwargs)

    def clean(self) -> None:
        try:
            self.business_id = ytunnus.format(self.business_id)
        except (NumberInvalid, ValueError):
            return  # the field's own validator says so
        self._clean_after_submit()
        self._clean_vat_statuses()

    def _clean_after_submit(self) -> None:
        sends = self.after_submit == AfterSubmit.APPROVE_AND_SEND
        if sends and self.invoice_channel == InvoiceChannel.NO_SENDING:
            text = _(
                "An invoice whose channel is “No sending” cannot be sent: choose another channel, "
                "or only approve."
            )
            raise ValidationError({"after_submit": text})

    def _clean_vat_statuses(self) -> None:
        statuses = self.vat_status_by_category
        if not isinstance(statuses, dict) or not all(
            isinstance(key, str) and isinstance(value, int) and not isinstance(value, bool)
            for key, value in statuses.items()
        ):
            raise ValidationError(
                {"vat_status_by_category": _("Write categories and numbers, such as {“K”: 5}.")}
            )

    def _free_slug(self) -> str:
        base = slug = slugify(self.name)[:50] or "tenant"
        number = 2
        while Tenant.objects.filter(slug=slug).exists():
            slug = f"{base}-{number}"
            number += 1
        return slug

    @property
    def active_credential(self) -> Credential | None:
        return self.credentials.filter(state=CredentialState.ACTIVE).first()

    @property
    def invoice_account(self) -> BankAccount | None:
        """The account invoices are to be paid into."""
        return self.bank_accounts.order_by("-is_default", "pk").first()

    @property
    def candidate(self) -> Credential | None:
        """The key that is to take the active one's place."""
        return self.credentials.filter(state=CredentialState.CANDIDATE).first()

    @property
    def last_check(self) -> ConnectionCheck | None:
        return self.checks.filter(of_candidate=False).order_by("-started_at").first()


class Credential(models.Model):
    """One API key of a tenant. Written by `integrations.custody` only; shown as its last four."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="credentials", verbose_name=_("tenant")
    )
    state = models.CharField(
        _("state"), max_length=10, choices=CredentialState, default=CredentialState.ACTIVE
    )
    api_key = SealedField(_("API key"), null=True, editable=False)
    last_four = models.CharField(_("last four"), max_length=4, editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, editable=False)
    claims = models.JSONField(_("what the key says"), default=dict, editable=False)
    received_at = models.DateTimeField(_("received"))
    received_via = models.CharField(_("received via"), max_length=10, choices=ReceivedBy)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("received by"),
    )
    superseded_at = models.DateTimeField(_("superseded"), null=True, blank=True)
    destroyed_at = models.DateTimeField(_("secret destroyed"), null=True, editable=False)

    class Meta:
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(state=CredentialState.ACTIVE),
                name="one_active_credential_per_tenant",
            ),
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(state=CredentialState.CANDIDATE),
                name="one_candidate_credential_per_tenant",
            ),
            models.UniqueConstraint(fields=["fingerprint"], name="an_api_key_is_filed_once"),
        ]
        permissions = [("file_credential", "Can file an API key")]

    def __str__(self) -> str:
        return f"…{self.last_four}"

    @property
    def newest_check(self) -> ConnectionCheck | None:
        return self.connectioncheck_set.order_by("-started_at").first()

    @property
    def short_fingerprint(self) -> str:
        return self.fingerprint[:12]


class ReceivedMail(models.Model):
    """A mail with API keys in it that nobody has filed yet: what was found in it, and not its
    text. It goes when a key of it is filed, or after RECEIVED_KEY_HOURS.

    `facts`: ibans, business_ids, company_names, unread (lists), sender, sender_name, broken_keys.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    received_via = models.CharField(_("received via"), max_length=10, choices=ReceivedBy)
    received_at = models.DateTimeField(_("received"))
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    facts = models.JSONField(default=dict)
    #: The tenant whose page the key was entered on: it is filed for that one or not at all.
    meant_for = models.ForeignKey(Tenant, models.CASCADE, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.received_at:%Y-%m-%d %H:%M}"


class ReceivedKey(models.Model):
    """An API key of a mail, and whose it is by Procountor's own words.

    `finding`: {code, value} of `integrations.advice`, or empty; `company`: name, business_id,
    user, accounts ({iban: status}).
    """

    mail = models.ForeignKey(ReceivedMail, models.CASCADE, related_name="keys")
    environment = models.CharField(_("environment"), max_length=10, choices=Environment)
    api_key = SealedField(editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    fingerprint = models.CharField(max_length=64, editable=False)
    claims = models.JSONField(default=dict, editable=False)
    answered_at = models.DateTimeField(null=True)
    finding = models.JSONField(default=dict)
    company = models.JSONField(default=dict)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"…{self.last_four}"


class BankAccount(models.Model):
    """An account invoices are paid into, and what Procountor says of it."""

    class InProcountor(models.TextChoices):
        UNCHECKED = "unchecked", _("Not checked yet")
        ACTIVE = "active", _("Active")
        INACTIVE = "inactive", _("Inactive")
        MISSING = "missing", _("Not in Procountor")

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="bank_accounts", verbose_name=_("tenant")
    )
    iban = models.CharField("IBAN", max_length=34)
    bic = models.CharField("BIC", max_length=11, blank=True, editable=False)
    bank_name = models.CharField(_("bank"), max_length=120, blank=True, editable=False)
    is_default = models.BooleanField(_("for invoices"), default=True)
    in_procountor = models.CharField(
        _("in Procountor"),
        max_length=10,
        choices=InProcountor,
        default=InProcountor.UNCHECKED,
        editable=False,
    )

    class Meta:
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "iban"], name="an_account_once_per_tenant"),
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(is_default=True),
                name="one_invoice_account_per_tenant",
            ),
        ]

    def __str__(self) -> str:
        return accounts.formatted(self.iban)

    def clean(self) -> None:
        self.set_number(self.iban)

    def set_number(self, text: str) -> None:
        """Take a number in either form; raises ValidationError naming the field."""
        try:
            account = accounts.parse(text)
        except accounts.AccountInvalid as error:
            raise ValidationError({"iban": str(error)}) from None
        self.iban, self.bic, self.bank_name = account.iban, account.bic, account.bank_name[:120]


class ConnectionCheck(models.Model):
    """One run of the ordered checks. `steps`: [{step, ok, code, mover, value}], as they ran;
    `reference_data`: what mapping needs to know about the tenant's company, and the rest of the
    radar's snapshot; `warnings`: [{code, value}] of `integrations.radar`, what is not red yet. A
    check `of_candidate` is of a key that is not in use: it says nothing about the connection
    that is."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="checks", verbose_name=_("tenant")
    )
    credential = models.ForeignKey(
        Credential, models.PROTECT, null=True, blank=True, verbose_name=_("credential")
    )
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=CheckOutcome, default=CheckOutcome.RUNNING
    )
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("requested by"),
    )
    of_candidate = models.BooleanField(_("of a key that is not in use"), default=False)
    steps = models.JSONField(_("steps"), default=list)
    reference_data = models.JSONField(_("reference data"), default=dict)
    warnings = models.JSONField(_("warnings"), default=list)

    class Meta:
        verbose_name = _("connection check")
        verbose_name_plural = _("connection checks")
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["tenant", "-started_at"], name="checks_newest_first")]

    def __str__(self) -> str:
        return f"{self.tenant} {self.started_at:%Y-%m-%d %H:%M}"


class SpeedLimit(models.Model):
    """The next free moment for a request to one environment, shared by all processes and
    machines; nobody sends before `held_until`. Unix seconds, by the database server's clock."""

    name = models.CharField(max_length=20, primary_key=True)
    next_at = models.FloatField(default=0)
    held_until = models.FloatField(default=0)

    def __str__(self) -> str:
        return self.name


class Circuit(models.Model):
    """Whether one environment of Procountor answers. Written by `integrations.outages` only.

    CLOSED: all is well. OPEN: an outage, nothing is sent but a probe at `probe_at`. RAMPING: a
    probe was answered, and each worker keeps at most `allowed` requests in flight.
    """

    environment = models.CharField(max_length=10, primary_key=True, choices=Environment)
    state = models.CharField(max_length=10, choices=CircuitState, default=CircuitState.CLOSED)
    since = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    allowed = models.PositiveSmallIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    cause = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return f"{self.environment}: {self.state}"


class RequestTally(models.Model):
    """How many requests to one environment were answered and how many failed in one minute."""

    environment = models.CharField(max_length=10, choices=Environment)
    minute = models.DateTimeField()
    answered = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "minute"], name="one_tally_per_environment_and_minute"
            )
        ]

    def __str__(self) -> str:
        return f"{self.environment} {self.minute:%H:%M}: {self.answered}/{self.failed}"
