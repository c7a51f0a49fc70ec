"""Addresses: the admin is the whole site; the language switch belongs to it.

`/healthz` and `/readyz` are answered before any address is looked up: `flashnode.health`.
"""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from integrations.activation_views import activated

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("connect/activated/<str:environment>/", activated, name="activated"),
    path("admin/", admin.site.urls),
]
