"""The site itself as an app: its templates, translations, start page and demo command."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "flashnode"
    label = "flashnode"
    verbose_name = "Flashnode"
