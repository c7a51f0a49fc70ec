"""What happened here, for whoever keeps the record: integrations knows no audit trail.

`acted` carries: action (dotted code), tenant, by (user or None), data (JSON-ready, no secrets).
"""

from django.dispatch import Signal

acted = Signal()
#: A connection check has been stored; carries: tenant, check.
connection_checked = Signal()
#: A person opened a tenant's lane: what is queued may leave. Carries: tenant.
lane_opened = Signal()
#: Asks what a tenant's invoices need of its company; carries: tenant. Receivers return
#: `radar.Needs`.
needs_asked = Signal()
#: Asks what would be left undone if a tenant's connection ended; carries: tenant, lock. Receivers
#: return `offboarding.OpenWork`; with `lock`, no work begins before the transaction's end.
open_work_asked = Signal()
#: Asks what was done with a tenant's keys; carries: tenant, after (a moment or None). Receivers
#: return `proof.Evidence`.
evidence_asked = Signal()
