"""What tests of corrections share: a refused export and the form's own POST."""

from __future__ import annotations

import re

from django.utils import timezone

from invoices import corrections, engine
from invoices.mapping import basis_of, map_invoice, to_bytes
from invoices.models import InvoiceExport
from invoices.preflight import latest_reference_data, reference_of, settings_of
from tests import factories
from tests.staff import text, url

POSTS = {"method": "POST", "path": "/invoices"}


def correct(export, by=None, reason="A typo", **values):
    """Correct as the page does; `values` are places with __ for each dot."""
    document = corrections.corrected(
        corrections.document_of(export),
        {place.replace("__", "."): value for place, value in values.items()},
    )
    settings = settings_of(export.tenant)
    reference = reference_of(latest_reference_data(export.tenant))
    mapped = map_invoice(document, settings, reference)
    assert not mapped.problems
    return corrections.correct(
        export,
        document,
        version=export.corrections,
        by=by or factories.UserFactory(role="Accountant"),
        reason=reason,
        prepared=(basis_of(settings, reference), to_bytes(mapped.payload)),
    )


def run_due(tenant):
    InvoiceExport.objects.exclude(not_before=None).update(not_before=timezone.now())
    engine.run_lane(tenant.pk)


def form_of(client, export):
    """The form's fields as a browser would send them back."""
    response = client.get(url("invoices_export_correct", export.pk))
    assert response.status_code == 200
    form = response.context["form"]
    fields = {name: form[name].value() or "" for name in form.fields}
    return fields | {"version": str(response.context["version"])}


def post(client, export, fields, button="check"):
    return client.post(url("invoices_export_correct", export.pk), fields | {button: "1"})


def checked_and_saved(client, export, fields):
    """Check, then save what was shown."""
    page = text(post(client, export, fields))
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert seen, re.findall(r'role="alert">(.*?)<', page)
    return post(client, export, fields | {"seen": seen[1]}, "save")
