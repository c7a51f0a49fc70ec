"""Makes the evidence checkable by a stranger: rows are linked into chains of hashes behind their
writers (`sealing`), recomputed (`verifying`), and the chains' heads are published outside
(`heads`). `kinds` says what is covered, `canonical` what a hash is of, `segments` gives a chain
to whoever packs it. Changes no row of evidence and slows no writer.
"""

from invoices.evidence.sealing import seal, seal_late

__all__ = ["seal", "seal_late"]
