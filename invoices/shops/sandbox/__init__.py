"""A shop stand-in served over real HTTP, for tests and the demo: the few addresses of WooCommerce
and Shopify that we ask, with faults to order. It says that it is simulated, and keeps nothing.
"""

from invoices.shops.sandbox.server import ShopServer
from invoices.shops.sandbox.shop import Fault, SandboxShop

__all__ = ["Fault", "SandboxShop", "ShopServer"]
