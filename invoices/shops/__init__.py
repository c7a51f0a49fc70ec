"""Web shops: WooCommerce and Shopify orders and refunds become invoices and credit notes.

`reading` turns their JSON into documents (pure) · `signing` verifies webhooks · `inbox` keeps what
they bring · `taking` decides about an order and files it · `asking` makes requests · `pulling` asks
for what changed, and for a range of days · `connections` is the only writer of `ShopConnection`.
"""
