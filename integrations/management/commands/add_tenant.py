"""Add a tenant, file its API key and check the connection."""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import translation

from integrations import advice, custody, diagnosis, going_live
from integrations.enums import Environment, ReceivedBy, TenantState
from integrations.keydesk import KeyRefused
from integrations.management.base import JsonCommand, refuse
from integrations.models import BankAccount, Credential, Tenant


class Command(JsonCommand):
    help = (
        "Adds a tenant and files its API key, read from standard input, then runs the connection "
        "check. The tenant then waits for a person to let it go live, unless --go-live says why "
        "it does at once. Exit code 0: all checks green; 1: filed, but a check is red, and the "
        "tenant is not live; 2: nothing was saved."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", required=True, help="the company's name")
        parser.add_argument("--business-id", required=True, help="business ID, 1234567-1")
        parser.add_argument("--environment", required=True, choices=Environment.values)
        parser.add_argument("--iban", required=True, help="IBAN or domestic account number")
        parser.add_argument(
            "--api-key-stdin",
            action="store_true",
            required=True,
            help="read the API key from standard input, so that no process list shows it",
        )
        parser.add_argument(
            "--vat-status",
            action="append",
            default=[],
            metavar="CATEGORY=NUMBER",
            help="Procountor's VAT status for a VAT category, such as K=5; may be repeated",
        )
        parser.add_argument(
            "--drop-invalid-reference",
            action="store_true",
            help="let Procountor make a new reference number where the source's is invalid",
        )
        parser.add_argument("--no-check", action="store_true", help="do not call Procountor")
        parser.add_argument(
            "--go-live",
            default="",
            metavar="REASON",
            help="once all checks are green go live without a rehearsal; the trail keeps why",
        )

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        if options["go_live"] and options["no_check"]:
            raise refuse("--go-live needs the connection check: leave --no-check out.")
        try:
            with transaction.atomic():
                tenant, credential = self._save(options)
        except ValidationError as error:
            raise refuse("; ".join(_messages(error))) from None
        except KeyRefused as error:
            raise refuse(f"API key: {error}") from None
        facts: dict[str, Any] = {
            "tenant": tenant.slug,
            "api_key_last_four": credential.last_four,
            "state": tenant.state,
            "check": None,
        }
        if options["no_check"]:
            return 0, facts
        check = diagnosis.run_check(tenant)
        if check.outcome == "passed" and options["go_live"].strip():
            going_live.go_live(tenant, by=None, reason=options["go_live"])
            tenant.refresh_from_db()
        facts |= {
            "state": tenant.state,
            "check": {"outcome": check.outcome, "steps": [_explained(s) for s in check.steps]},
        }
        return (0 if check.outcome == "passed" else 1), facts

    def _save(self, options: dict[str, Any]) -> tuple[Tenant, Credential]:
        tenant = Tenant(
            name=options["name"],
            business_id=options["business_id"],
            environment=options["environment"],
            vat_status_by_category=dict(_vat_status(text) for text in options["vat_status"]),
            drop_invalid_reference=options["drop_invalid_reference"],
        )
        tenant.full_clean()
        account = BankAccount(tenant=tenant)
        account.set_number(options["iban"])
        tenant.save()
        account.tenant = tenant
        account.save()
        credential = custody.file_api_key(tenant, sys.stdin.read(), via=ReceivedBy.COMMAND)
        return tenant, credential

    def lines(self, facts: dict[str, Any]) -> list[str]:
        lines = [f"Tenant {facts['tenant']}, API key …{facts['api_key_last_four']} filed."]
        for step in (facts["check"] or {"steps": []})["steps"]:
            mark = {True: "ok ", False: "RED", None: "-  "}[step["ok"]]
            lines.append(f"  {mark} {step['name']}: {step['cause'] or step['facts'] or '–'}")
            lines += [f"      {language}: {text}" for language, text in step["customer"].items()]
        if (facts["check"] or {}).get("outcome") == "passed":
            live = "Live." if facts["state"] == TenantState.ACTIVE else "Ready to go live."
            lines.append(live)
        return lines


def _vat_status(text: str) -> tuple[str, int]:
    category, separator, number = text.partition("=")
    if not separator or not number.isdecimal():
        raise refuse(f"--vat-status takes CATEGORY=NUMBER, such as K=5, not “{text}”.")
    return category.strip().upper(), int(number)


def _messages(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [
        f"{field}: {' '.join(messages)}" if field != "__all__" else " ".join(messages)
        for field, messages in error.message_dict.items()
    ]


def _explained(step: dict[str, Any]) -> dict[str, Any]:
    with translation.override("en"):
        name = str(advice.STEP_NAMES[step["step"]])
        cause = advice.cause_of(step) if step["code"] else ""
    known = advice.ADVICE.get(step["code"])
    return step | {
        "name": name,
        "cause": cause,
        "mover": str(known.mover) if known else "",
        "customer": {lang: advice.customer_sentence(step, lang) for lang in ("fi", "en")}
        if known
        else {},
    }
