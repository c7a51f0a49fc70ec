"""Seal every stored secret under the newest of FERNET_KEYS."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models, transaction

from integrations.management.base import JsonCommand
from integrations.secrets import SealedField, SecretUnreadable


class Command(JsonCommand):
    help = (
        "Seals every stored secret (API keys, intake links) under the first of FERNET_KEYS, so "
        "that older ones can be removed. Exit code 1: some could not be opened; they are named "
        "and left as they are."
    )

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        resealed, unreadable = 0, []
        for model, name in _sealed_fields():
            sealed = model._default_manager.filter(**{f"{name}__isnull": False})
            for pk in sealed.values_list("pk", flat=True):
                try:
                    resealed += _reseal(model, name, pk)
                except SecretUnreadable:
                    row = model._default_manager.get(pk=pk)
                    unreadable.append(f"{model._meta.verbose_name} {pk}: {row}")
        return int(bool(unreadable)), {"resealed": resealed, "unreadable": unreadable}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        lines = [f"{facts['resealed']} secrets sealed under the newest key."]
        return lines + [f"cannot be opened: {name}" for name in facts["unreadable"]]


def _sealed_fields() -> list[tuple[type[models.Model], str]]:
    return [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SealedField)
    ]


def _reseal(model: type[models.Model], name: str, pk: Any) -> bool:
    """Raises SecretUnreadable; False when the secret was destroyed meanwhile."""
    with transaction.atomic():
        row = model._default_manager.select_for_update().get(pk=pk)
        sealed = getattr(row, name)
        if sealed is None:
            return False
        setattr(row, name, sealed.resealed())
        row.save(update_fields=[name])
    return True
