"""The project's settings for a cluster that runs one task an invoice: it fetches ahead, which suits
short tasks and does not suit lanes."""

from flashnode.settings import *  # noqa: F403
from flashnode.settings import Q_CLUSTER as _OURS

Q_CLUSTER = _OURS | {"queue_limit": 50}
