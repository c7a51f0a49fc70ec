"""A worker of its own process, to be killed: goes on with one run of a shop."""

from __future__ import annotations

import os
import sys

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "flashnode.settings"
    django.setup()
    from invoices.shops import pulling, talking

    talking.PAGE = int(sys.argv[2])
    pulling.advance(int(sys.argv[1]), seconds=120)
