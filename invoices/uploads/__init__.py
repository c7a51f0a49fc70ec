"""The upload desk: files are staged, looked at, and taken in or discarded by a person.

`staging` keeps the bytes, `layouts` what a tenant's columns mean, `previewing` looks at a file,
`taking_in` has it filed, `returning` hands rejected invoices back, `following` sees to what died or
is too old. How a file is read and filed is `intake`'s and `filing`'s to say.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from integrations.enums import TenantState
from integrations.models import Tenant
from invoices.filing import TenantClosed


def refuse_closed(tenant: Tenant | None) -> None:
    """Raises TenantClosed for a tenant whose connection has ended."""
    if tenant is None or tenant.state == TenantState.CLOSED:
        raise TenantClosed(
            _(
                "%(tenant)s is closed: nothing is taken in for it. Reopen the connection "
                "first, if it was ended by mistake."
            )
            % {"tenant": tenant or "–"}
        )
