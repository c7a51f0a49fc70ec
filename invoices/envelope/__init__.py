"""The auditor's envelope: everything known of one invoice, a month or a financial year, in one
ZIP that a stranger can check without this system.

`scope` says which exports, `records` puts each into words of JSON, `writing` packs and signs,
`verify_envelope` goes into every envelope and checks it: it imports nothing of ours.
"""

from invoices.envelope.scope import Scope, of_invoice, of_month, of_span
from invoices.envelope.writing import Made, note, write

__all__ = ["Made", "Scope", "note", "of_invoice", "of_month", "of_span", "write"]
