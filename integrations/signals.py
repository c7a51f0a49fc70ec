"""What happened here, for whoever keeps the record: integrations knows no audit trail.

`acted` carries: action (dotted code), tenant, by (user or None), data (JSON-ready, no secrets).
"""

from django.dispatch import Signal

acted = Signal()
#: A connection check has been stored; carries: tenant, check.
connection_checked = Signal()
#: A person opened a tenant's lane: what is queued may leave. Carries: tenant.
lane_opened = Signal()
