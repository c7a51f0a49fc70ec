"""Seal every API key under the newest of FERNET_KEYS."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from integrations.activation_models import ActivationCompany
from integrations.management.base import JsonCommand
from integrations.models import Credential
from integrations.secrets import SecretUnreadable


class Command(JsonCommand):
    help = (
        "Seals every stored API key under the first of FERNET_KEYS, so that older ones can be "
        "removed. Exit code 1: some could not be opened; they are named and left as they are."
    )

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        resealed, unreadable = 0, []
        for model, pk in _sealed():
            with transaction.atomic():
                row = model.objects.select_for_update().get(pk=pk)
                try:
                    row.api_key = row.api_key.resealed()
                except SecretUnreadable:
                    unreadable.append(_name(row))
                    continue
                row.save(update_fields=["api_key"])
                resealed += 1
        return int(bool(unreadable)), {"resealed": resealed, "unreadable": unreadable}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        lines = [f"{facts['resealed']} API keys sealed under the newest key."]
        return lines + [f"cannot be opened: {name}" for name in facts["unreadable"]]


def _sealed() -> list[tuple[Any, int]]:
    """Every row that holds a key: filed ones, and those of activations that wait to be filed."""
    return [
        (model, pk)
        for model in (Credential, ActivationCompany)
        for pk in model.objects.filter(api_key__isnull=False).values_list("pk", flat=True)
    ]


def _name(row: Credential | ActivationCompany) -> str:
    if isinstance(row, Credential):
        return f"{row.tenant.slug} {row}"
    return f"activation {row.request.number} {row}"
