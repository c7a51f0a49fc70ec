"""Seal every API key under the newest of FERNET_KEYS."""

from __future__ import annotations

from typing import Any

from django.db import transaction

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
        for pk in Credential.objects.filter(api_key__isnull=False).values_list("pk", flat=True):
            with transaction.atomic():
                credential = Credential.objects.select_for_update().get(pk=pk)
                try:
                    credential.api_key = credential.api_key.resealed()
                except SecretUnreadable:
                    unreadable.append(f"{credential.tenant.slug} {credential}")
                    continue
                credential.save(update_fields=["api_key"])
                resealed += 1
        return int(bool(unreadable)), {"resealed": resealed, "unreadable": unreadable}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        lines = [f"{facts['resealed']} API keys sealed under the newest key."]
        return lines + [f"cannot be opened: {name}" for name in facts["unreadable"]]
