"""Tenants that are in use went live when they were created: nobody has to let them again.

Until now the first check that passed made a tenant active, so a pending one with such a check
was live too and only waits for the next one.
"""

from django.db import migrations
from django.db.models import Exists, F, OuterRef, Q


def forwards(apps, schema_editor):
    tenants = apps.get_model("integrations", "Tenant").objects
    checks = apps.get_model("integrations", "ConnectionCheck").objects
    passed = checks.filter(tenant=OuterRef("pk"), outcome="passed", of_candidate=False)
    in_use = Q(state__in=["active", "paused"]) | Q(Exists(passed), state="pending")
    tenants.filter(in_use).update(went_live_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("integrations", "0005_rehearsals_and_going_live")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
