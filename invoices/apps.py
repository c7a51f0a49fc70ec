"""Invoices, exports, attempts and the audit trail."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicesConfig(AppConfig):
    name = "invoices"
    verbose_name = _("Invoices and exports")

    def ready(self) -> None:
        from invoices import audit, engine, key_uses, needs, staff, wording  # noqa: PLC0415 - models exist only now
        from invoices.reports import moments  # noqa: PLC0415 - as above
        from invoices.shops import connections  # noqa: PLC0415 - as above
        from invoices.watch import heartbeats, tenants  # noqa: PLC0415 - as above

        audit.listen()
        connections.listen()
        engine.listen()
        heartbeats.listen()
        key_uses.listen()
        moments.listen()
        needs.listen()
        staff.listen()
        tenants.listen()
        wording.listen()
