"""Test data, all of it made up; defaults that surprise nobody."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from integrations.models import Tenant


class TenantFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Tenant

    name = "Acme Oy"
    business_id = "2077474-0"
    environment = "test"
    went_live_at = factory.LazyFunction(timezone.now)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"staff{n}")
    is_staff = True

    @factory.post_generation
    def role(self, create: bool, extracted: str | None, **kwargs: Any) -> None:
        if extracted:
            self.groups.add(Group.objects.get(name=extracted))


def api_key(**claims: Any) -> str:
    """An API key in the form of the real ones; its signature is random."""
    body = {
        "iss": "https://pts-api.procountor.com",
        "aud": "flashnodeClient",
        "sub": "123",
        "cid": 456,
        "iat": 1_760_000_000,
        "jti": secrets.token_hex(16),
    } | claims
    parts = [json.dumps({"typ": "JWT", "alg": "HS256"}), json.dumps(body)]
    encoded = [base64.urlsafe_b64encode(p.encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*encoded, secrets.token_urlsafe(32)])


def invoice(number: str = "2026-1001", **fields: Any) -> dict[str, Any]:
    """One invoice of 100.00 + 25.5 % VAT in our own JSON form."""
    return {
        "number": number,
        "date": "2026-09-01",
        "due_date": "2026-09-15",
        "buyer": {
            "address": {
                "name": "Ostaja Oy",
                "street": "Testitie 2",
                "zip": "02100",
                "city": "Espoo",
                "country": "FI",
            },
            "business_id": "0112038-9",
        },
        "rows": [
            {
                "name": "Konsultointi",
                "quantity": "1",
                "unit": "h",
                "unit_price": "100.00",
                "vat_percent": "25.5",
                "vat_category": "S",
            }
        ],
        "gross_total": "125.50",
    } | fields
