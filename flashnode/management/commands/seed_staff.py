"""Make one member of staff for each role, for the demo and for trying things out."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from flashnode.roles import ROLES
from integrations.management.base import JsonCommand


class Command(JsonCommand):
    help = "Makes a staff user for each role with a new random password, and prints the log-ins."

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        logins = []
        with transaction.atomic():
            for role in ROLES:
                password = secrets.token_urlsafe(9)
                user, _created = get_user_model().objects.get_or_create(
                    username=role.lower(), defaults={"is_staff": True, "first_name": role}
                )
                user.set_password(password)
                user.save(update_fields=["password"])
                user.groups.add(Group.objects.get(name=role))
                logins.append({"role": role, "username": user.username, "password": password})
        return 0, {"logins": logins}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        return [
            f"{row['role']:14} {row['username']:14} {row['password']}" for row in facts["logins"]
        ]
