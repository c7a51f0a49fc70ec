"""Tells sources what becomes of their invoices: signed webhooks (Standard Webhooks).

The engine writes nothing for it: `collecting` reads the audit events of tenants that have an
endpoint and makes deliveries of them, `delivering` posts them. Rows are the queue, a task only
says that something may be due, and each event reaches its endpoint at least once. Contents are
numbers and statuses, no buyer's data.
"""
