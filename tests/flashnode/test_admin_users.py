"""Users and groups: nobody makes themselves more than they are."""

import pytest
from django.contrib.auth.models import User

from tests import factories
from tests.staff import log_in, refusal, url

pytestmark = pytest.mark.django_db


def user_form(user, **fields):
    return {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-09-01",
        "date_joined_1": "10:00:00",
    } | fields


def test_administrator_cannot_make_a_superuser(client):
    me = log_in(client, "Administrator")

    response = client.post(
        url("auth_user_change", me.pk),
        user_form(me, is_superuser="on", user_permissions=["1"], first_name="Aino"),
    )

    me = User.objects.get(pk=me.pk)
    assert refusal(response) == "moved"
    assert (me.first_name, me.is_superuser, me.user_permissions.count()) == ("Aino", False, 0)


@pytest.mark.parametrize("page", ["auth_user_change", "auth_user_password_change"])
def test_administrator_cannot_touch_a_superuser(client, page):
    boss = factories.UserFactory(is_superuser=True)
    log_in(client, "Administrator")

    response = client.post(
        url(page, boss.pk),
        user_form(boss, is_active="", password1="new-Pass-123", password2="new-Pass-123"),
    )

    assert refusal(response) == "refused"
    assert User.objects.get(pk=boss.pk).is_active


def test_administrator_cannot_widen_a_group(client):
    me = log_in(client, "Administrator")
    group = me.groups.get()
    before = group.permissions.count()

    response = client.post(
        url("auth_group_change", group.pk), {"name": group.name, "permissions": ["1"]}
    )

    assert refusal(response) == "refused"
    assert group.permissions.count() == before


@pytest.mark.parametrize("role", ["Support", "Accountant", "Management"])
def test_users_are_hidden_from_the_other_roles(client, role):
    log_in(client, role)

    assert refusal(client.get(url("auth_user_changelist"))) == "refused"


@pytest.mark.parametrize("model", ["schedule", "failure"])
def test_background_tasks_are_read_only_even_for_a_superuser(client, model):
    client.force_login(factories.UserFactory(is_superuser=True))

    assert refusal(client.get(url(f"django_q_{model}_changelist"))) == "shown"
    assert refusal(client.get(url(f"django_q_{model}_add"))) == "refused"
