"""The groups staff belong to, and what each may do."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission

from invoices import staff

_VIEW_ALL = [
    "integrations.view_tenant",
    "integrations.view_credential",
    "integrations.view_bankaccount",
    "integrations.view_connectioncheck",
    "integrations.view_rehearsal",
    "integrations.view_mappingversion",
    "invoices.view_invoice",
    "invoices.view_invoiceexport",
    "invoices.view_submissionattempt",
    "invoices.view_exportstep",
    "invoices.view_stepattempt",
    "invoices.view_invoiceattachment",
    "invoices.view_receivedfile",
    "invoices.view_receiveditem",
    "invoices.view_auditevent",
    "invoices.view_bulkplan",
    "invoices.view_exportcause",
    "invoices.view_fix",
    "invoices.view_periodmove",
    "invoices.view_wordingversion",
    "invoices.view_rollup",
    "invoices.view_shopconnection",
    "invoices.view_apitoken",
    "invoices.view_webhookendpoint",
    "invoices.view_webhookdelivery",
]
#: What differs names buyers: only for whoever may see them.
_CHANGES = ["invoices.view_heldchange"]
_LEDGER = ["invoices.view_ledgerday", "invoices.view_ledgerdifference"]
_SUPPORT = [
    "integrations.add_tenant",
    "integrations.change_tenant",
    "integrations.check_connection",
    "integrations.pause_tenant",
    "integrations.close_tenant",
    "integrations.file_credential",
    "integrations.rehearse",
    "integrations.go_live",
    "integrations.view_activationrequest",
    "integrations.decide_activationrequest",
    "integrations.add_bankaccount",
    "integrations.change_bankaccount",
    "integrations.delete_bankaccount",
    "invoices.manage_shopconnection",
    "invoices.manage_apitoken",
    "invoices.manage_webhookendpoint",
]
_ACCOUNTANT = [
    "integrations.check_connection",
    "integrations.rehearse",
    "invoices.upload_file",
    "invoices.requeue_invoiceexport",
    "invoices.work_on_case",
    "invoices.skip_invoiceexport",
    "invoices.recheck_exportcause",
    "invoices.propose_periodmove",
    "invoices.approve_periodmove",
    "invoices.correct_invoiceexport",
    "invoices.add_invoiceattachment",
    "invoices.confirm_exportstep",
    "invoices.skip_exportstep",
    "invoices.view_unknowncode",
    "invoices.edit_wording",
    "invoices.reconcile_ledgerday",
    "invoices.backfill_shopconnection",
]
#: Support looks after keys and connections: who bought what is none of its work.
_PEOPLE = ["invoices.view_personal_data"]
_ALERTS = ["invoices.view_alert"]
_CHAINS = ["invoices.view_evidencechain"]
_RETENTION = [
    "invoices.view_expiry",
    "invoices.propose_expiry",
    "invoices.approve_expiry",
    "invoices.view_legalhold",
    "invoices.place_legalhold",
]
_HISTORY = ["invoices.export_history", "invoices.make_envelope"]
_STAFF = [f"auth.{verb}_user" for verb in ("add", "change", "view")] + ["auth.view_group"]

ROLES = {
    "Support": _VIEW_ALL + _SUPPORT + _ALERTS,
    "Accountant": _VIEW_ALL + _PEOPLE + _ACCOUNTANT + _LEDGER + _CHANGES,
    "Management": _VIEW_ALL
    + _PEOPLE
    + _ALERTS
    + _LEDGER
    + _CHANGES
    + _CHAINS
    + _RETENTION
    + _HISTORY,
    "Administrator": _VIEW_ALL
    + _PEOPLE
    + _SUPPORT
    + _ACCOUNTANT
    + _ALERTS
    + _LEDGER
    + _CHANGES
    + _CHAINS
    + _RETENTION
    + _HISTORY
    + ["invoices.read_history_files", "invoices.erase_person"]
    + _STAFF,
}


def create_groups() -> None:
    """Create the groups with their permissions; groups that exist get what they lack."""
    with staff.unrecorded():
        for name, codes in ROLES.items():
            group, _created = Group.objects.get_or_create(name=name)
            for code in codes:
                app, codename = code.split(".")
                group.permissions.add(
                    Permission.objects.get(content_type__app_label=app, codename=codename)
                )
