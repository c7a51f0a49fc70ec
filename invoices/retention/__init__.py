"""How long evidence is kept (`years`), what stops its end (`holds`), and what is known for ever of
numbers that have expired (`numbers`). Deletes nothing: that is `invoices.expiry`."""
