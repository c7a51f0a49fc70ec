"""What people do is in the audit trail: log-ins and log-outs, rights, and what they open."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.urls import reverse

from flashnode import roles
from invoices import audit, engine, erasure, evidence, team
from invoices.models import AuditEvent, ReceivedFile
from tests import factories
from tests.flashnode.test_admin_users import user_form
from tests.invoices.evidence.conftest import found as found_damage
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db


def acts(*actions):
    """[(action, by, data)] of these, or of all that are about people."""
    events = AuditEvent.objects.order_by("pk").select_related("by")
    events = events.filter(action__in=actions) if actions else events
    return [(event.action, event.by and event.by.username, event.data) for event in events]


class TestLogIn:
    @pytest.fixture
    def person(self):
        return User.objects.create_user("aino", password="Right-pass-1", is_staff=True)

    def attempt(self, client, name, password):
        return client.post(url("login"), {"username": name, "password": password})

    def test_log_in_and_log_out_are_recorded(self, client, person):
        self.attempt(client, "aino", "Right-pass-1")
        client.post(url("logout"))

        assert acts("user.logged_in", "user.logged_out") == [
            ("user.logged_in", "aino", {}),
            ("user.logged_out", "aino", {}),
        ]

    def test_failed_log_in_names_a_user_there_is_and_no_typed_password(self, client, person):
        self.attempt(client, "aino", "Wrong-pass-1")
        self.attempt(client, "Right-pass-1", "aino")
        self.attempt(client, "ai\x00no", "x")

        data = [event[2] for event in acts("user.login_failed")]
        assert data[0] == {"user": audit.person(person)}
        assert all(found == {} for found in data[1:])
        assert "Right-pass-1" not in str(acts())

    def test_logging_in_changes_no_user(self, client, person):
        self.attempt(client, "aino", "Right-pass-1")

        assert acts("user.changed") == []


class TestUsers:
    def test_new_user_is_recorded_with_its_maker(self, client):
        me = log_in(client, "Administrator")

        client.post(
            url("auth_user_add"),
            {
                "username": "veera",
                "usable_password": "true",
                "password1": "Fresh-pass-12",
                "password2": "Fresh-pass-12",
            },
        )

        assert acts("user.added")[-1] == (
            "user.added",
            me.username,
            {"user": audit.person(User.objects.get(username="veera")), "is_active": True},
        )
        assert "Fresh-pass-12" not in str(acts())

    def test_edit_tells_old_and_new_groups_and_who_did_it(self, client):
        me = log_in(client, "Administrator")
        other = factories.UserFactory(role="Support", first_name="Eero")
        accountant = Group.objects.get(name="Accountant")

        client.post(
            url("auth_user_change", other.pk),
            user_form(other, first_name="Aaro", is_active="", groups=[accountant.pk]),
        )

        assert acts("user.changed", "user.groups_changed")[-3:] == [
            (
                "user.changed",
                me.username,
                {
                    "user": audit.person(other),
                    "first_name": "changed",
                    "is_active": "True → False",
                },
            ),
            (
                "user.groups_changed",
                me.username,
                {"user": audit.person(other), "removed": ["Support"]},
            ),
            (
                "user.groups_changed",
                me.username,
                {"user": audit.person(other), "added": ["Accountant"]},
            ),
        ]

    def test_changed_password_is_told_without_it(self, client):
        me = log_in(client, "Administrator")
        other = factories.UserFactory()
        new = "Another-pass-77"

        client.post(
            url("auth_user_password_change", other.pk),
            {"usable_password": "true", "password1": new, "password2": new},
        )

        assert acts("user.changed") == [
            ("user.changed", me.username, {"user": audit.person(other), "password": "changed"})
        ]
        assert new not in str(acts())

    def test_own_password_is_changed_by_oneself(self, client):
        me = User.objects.create_user("aino", password="Right-pass-1", is_staff=True)
        client.force_login(me)

        client.post(
            url("password_change"),
            {
                "old_password": "Right-pass-1",
                "new_password1": "Another-pass-77",
                "new_password2": "Another-pass-77",
            },
        )

        assert acts("user.changed") == [
            ("user.changed", "aino", {"user": audit.person(me), "password": "changed"})
        ]

    def test_command_is_recorded_as_nobodys_act(self):
        call_command("createsuperuser", username="root", email="", interactive=False)

        root = User.objects.get()
        assert acts("user.added") == [
            (
                "user.added",
                None,
                {
                    "user": audit.person(root),
                    "is_active": True,
                    "is_staff": True,
                    "is_superuser": True,
                },
            )
        ]

    def test_removed_user_is_recorded(self):
        mistake = factories.UserFactory()
        name = audit.person(mistake)
        mistake.delete()

        assert acts("user.removed") == [("user.removed", None, {"user": name})]

    def test_single_right_is_recorded(self):
        person = factories.UserFactory()
        right = Permission.objects.get(codename="upload_file")

        person.user_permissions.add(right)
        person.user_permissions.clear()

        assert [event[2] for event in acts("user.permissions_changed")] == [
            {"user": audit.person(person), "added": ["invoices.upload_file"]},
            {"user": audit.person(person), "removed": ["invoices.upload_file"]},
        ]


class TestGroups:
    def test_superuser_who_widens_a_group_is_recorded(self, client):
        boss = factories.UserFactory(is_superuser=True)
        client.force_login(boss)
        group = Group.objects.get(name="Support")
        right = Permission.objects.get(codename="upload_file")
        before = [permission.pk for permission in group.permissions.all()]

        client.post(
            url("auth_group_change", group.pk),
            {"name": "Helpdesk", "permissions": [*before, right.pk]},
        )

        assert acts("group.changed", "group.permissions_changed") == [
            ("group.changed", boss.username, {"group": "Support", "name": "Helpdesk"}),
            (
                "group.permissions_changed",
                boss.username,
                {"group": "Helpdesk", "added": ["invoices.upload_file"]},
            ),
        ]

    def test_member_added_from_the_groups_side_is_told_of_the_user(self):
        group, person = Group.objects.create(name="Auditors"), factories.UserFactory()

        group.user_set.add(person)
        group.delete()

        assert [event[::2] for event in acts("group.added", "user.groups_changed")] == [
            ("group.added", {"group": "Auditors"}),
            ("user.groups_changed", {"user": audit.person(person), "added": ["Auditors"]}),
        ]
        assert acts("group.removed") == [("group.removed", None, {"group": "Auditors"})]

    def test_groups_the_program_ships_are_no_acts(self):
        Group.objects.get(name="Support").permissions.clear()
        before = len(acts())

        roles.create_groups()

        assert len(acts()) == before


class TestPayloads:
    @pytest.fixture
    def export(self, tenant, queued):
        (export,) = queued("A-1")
        engine.run_lanes()
        return export

    @pytest.mark.parametrize("rung", EVERYBODY)
    def test_request_and_answer_are_opened_by_whoever_may_and_recorded(self, client, export, rung):
        person = log_in(client, rung)

        response = client.get(url("invoices_attempt_payload", export.pk, 1))

        expected = {ANONYMOUS: "log in", NO_RIGHTS: "refused"}.get(rung, "shown")
        assert refusal(response) == expected
        assert ("originalInvoiceNumber" in text(response)) == (expected == "shown")
        viewed = AuditEvent.objects.filter(action="payload.viewed")
        assert [(e.by, e.export, e.data) for e in viewed] == (
            [(person, export, {"attempt": 1})] if expected == "shown" else []
        )

    def test_page_of_the_export_shows_no_body_and_leads_to_it(self, client, export):
        log_in(client, "Accountant")

        page = text(client.get(url("invoices_invoiceexport_change", export.pk)))

        assert "originalInvoiceNumber" not in page
        assert reverse("admin:invoices_attempt_payload", args=[export.pk, 1]) in page
        assert not AuditEvent.objects.filter(action="payload.viewed").exists()

    def test_attempt_that_is_not_there_is_not_found(self, client, export):
        log_in(client, "Accountant")

        assert client.get(url("invoices_attempt_payload", export.pk, 2)).status_code == 404
        assert client.get(url("invoices_attempt_payload", export.pk + 1, 1)).status_code == 404

    def test_download_of_a_received_file_is_recorded(self, client, export):
        me, received = log_in(client, "Accountant"), ReceivedFile.objects.get()

        page = url("invoices_receivedfile_change", received.pk).removesuffix("change/")
        response = client.get(f"{page}original/")

        assert response.status_code == 200
        event = AuditEvent.objects.get(action="file.downloaded")
        assert (event.by, event.tenant, event.data["file"]) == (me, received.tenant, received.pk)


class TestErasing:
    @pytest.fixture
    def person(self):
        return factories.UserFactory(
            username="aino.aalto",
            first_name="Aino",
            last_name="Aalto",
            email="aino.aalto@example.com",
            role="Accountant",
        )

    @pytest.mark.parametrize("rung", EVERYBODY)
    def test_ladder(self, client, person, rung):
        log_in(client, rung)

        shown = client.get(url("auth_user_erase_person", person.pk))
        done = client.post(
            url("auth_user_erase_person", person.pk), {"confirmed": "1", "reason": "Left us"}
        )

        refused = "log in" if rung == ANONYMOUS else "refused"
        allowed = rung == "Administrator"
        assert refusal(shown) == ("shown" if allowed else refused)
        assert refusal(done) == ("moved" if allowed else refused)
        person.refresh_from_db()
        assert (person.username != "aino.aalto") == allowed

    def test_names_go_from_the_trail_and_the_chains_stay(self, client, person, tenant, queued):
        (export,) = queued("A-1")
        other = factories.UserFactory(role="Administrator")
        team.assign([export], person, by=person)
        team.comment(export, "Asked the customer", by=person)
        evidence.seal()
        client.force_login(person)
        page = url("invoices_invoiceexport_change", export.pk)
        assert "aino.aalto" in text(client.get(page))

        erasure.erase(person, by=other, reason="Left us")
        evidence.seal()

        assert refusal(client.get(page)) == "log in"
        client.force_login(other)
        for shown in (page, url("invoices_auditevent_changelist"), url("auth_user_changelist")):
            found = text(client.get(shown))
            assert f"erased-{person.pk}" in found
            assert not [n for n in ("aino", "Aino", "Aalto") if n in found]
        assert "aino" not in str(acts()).lower()
        assert found_damage() == []
        event = AuditEvent.objects.get(action="user.erased")
        assert (event.by, event.data) == (
            other,
            {"user": audit.person(person), "reason": "Left us"},
        )

    def test_log_in_rights_and_open_work_end(self, client, person, tenant, queued):
        (export,) = queued("A-1")
        team.assign([export], person, by=person)
        person.set_password("Right-pass-1")
        person.save()

        erasure.erase(person, by=factories.UserFactory(), reason="Left us")

        person.refresh_from_db()
        assert (person.is_active, person.is_staff, person.email) == (False, False, "")
        assert not person.has_usable_password() and not person.groups.exists()
        export.case.refresh_from_db()
        assert export.case.assignee is None
        with pytest.raises(erasure.NotErasable, match="erased"):
            erasure.erase(person, by=factories.UserFactory(), reason="Again")

    def test_nobody_erases_themselves_nor_an_administrator_a_superuser(self, client):
        me, boss = log_in(client, "Administrator"), factories.UserFactory(is_superuser=True)
        form = {"confirmed": "1", "reason": "Left us"}

        own = client.post(url("auth_user_erase_person", me.pk), form)
        theirs = client.post(url("auth_user_erase_person", boss.pk), form)

        assert said(own) == ["Nobody erases themselves: another administrator has to do it."]
        assert refusal(theirs) == "refused"
        assert User.objects.filter(pk__in=(me.pk, boss.pk), is_active=True).count() == 2
