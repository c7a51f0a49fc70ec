"""Addresses: the admin and its language switch, the page of a customer with an intake link, and the
HTTP API to sources.

`/healthz` and `/readyz` are answered before any address is looked up: `flashnode.health`.
"""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from integrations.activation.activation_views import activated
from integrations.connect.connect_login import logged_in
from integrations.connect.connect_views import connect
from invoices.shops.hooks import receive

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("connect/logged-in/", logged_in, name="logged_in"),
    path("connect/activated/<str:environment>/", activated, name="activated"),
    path("connect/<str:token>/", connect, name="connect"),
    path("shops/<str:hook_id>/", receive, name="shop_hook"),
    path("api/", include("invoices.api.urls")),
    path("admin/", admin.site.urls),
]
