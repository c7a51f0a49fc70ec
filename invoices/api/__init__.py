"""The HTTP API to the source: one tenant's invoices in, what became of them out.

Owns tokens, addresses, problem details, first answers and paging. Reading and filing an invoice
belong to `intake` and `filing`, statuses to `exports`. Addresses are in `urls`; the reference is
served at /api/v1/docs, its machine-readable form at /api/v1/openapi.json.
"""
