"""Takes in received files: keeps them byte for byte and accounts for every invoice in them.

Each item ends as accepted (a new invoice and its export), duplicate (the same number with the
same content) or rejected (every problem at once), in one transaction with the others of its
batch. `file_invoices` is for what fits in memory and is over in a moment; a file of any size has a
run (`begin`, then `go_on` until it has ended). `preview` says beforehand what would happen.
"""

from invoices.filing.batches import TenantClosed
from invoices.filing.judging import Verdict
from invoices.filing.previewing import Previewed, preview
from invoices.filing.runs import begin, cancel, go_on, run_of, unfinished
from invoices.filing.whole import counts, file_invoices

__all__ = [
    "Previewed",
    "TenantClosed",
    "Verdict",
    "begin",
    "cancel",
    "counts",
    "file_invoices",
    "go_on",
    "preview",
    "run_of",
    "unfinished",
]
