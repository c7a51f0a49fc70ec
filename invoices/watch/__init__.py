"""Watches the engine from outside the task cluster's queue, which cannot report its own death.

`heartbeats` keeps signs of life, `findings` judges them and the rows, `alerts` remembers what is
wrong since when, `notices` mails it, `tenants` raises the alerts of single tenants, `radar_mails`
mails one kind of them together. Restarts nothing and changes no export.
"""

from invoices.watch.alerts import raise_alert, recover
from invoices.watch.heartbeats import beat

__all__ = ["beat", "raise_alert", "recover"]
