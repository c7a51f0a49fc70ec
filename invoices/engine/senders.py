"""The threads that make the requests: each takes a job, makes its requests, hands it back."""

from __future__ import annotations

import logging
import queue
import threading
import time

from django.db import connections

from integrations import limits
from integrations.procountor import OutcomeUnknown
from invoices.engine.jobs import Job
from invoices.engine.outbox import Outbox

logger = logging.getLogger(__name__)


class Senders:
    """At most `most` threads, started as they are needed; ended jobs come to `done`."""

    def __init__(self, outbox: Outbox, most: int) -> None:
        self.done: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._outbox = outbox
        self._most = most
        self._threads: list[threading.Thread] = []

    def grow(self, wanted: int) -> None:
        """See to it that `wanted` requests can be under way, within the limit."""
        while len(self._threads) < min(wanted, self._most):
            thread = threading.Thread(target=self._send, daemon=True, name="sender")
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Hand out nothing more, and wait for what is under way."""
        self._outbox.close()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while (job := self._outbox.take()) is not None:
            wait_seconds = job.turn - time.monotonic()
            if wait_seconds > 0:
                time.sleep(wait_seconds)
            try:
                with limits.granted(job.turn):
                    job.run()
            except Exception as error:
                # A fault of ours must not be taken for an answer, nor end the thread.
                logger.exception("a request of lane %s failed", job.lane)
                job.answer = OutcomeUnknown(f"fault_{type(error).__name__}"[:40])
            finally:
                # Only buying a token or a late turn asks the database from here; a connection
                # kept for it by every thread would be too many.
                for connection in connections.all(initialized_only=True):
                    connection.close()
            self._outbox.done(job)
            self.done.put(job)
