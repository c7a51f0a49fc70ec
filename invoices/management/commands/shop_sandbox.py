"""Serve a simulated web shop on this machine, to connect in the admin."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from invoices.shop_models import ShopKind
from invoices.shops.sandbox import SandboxShop, ShopServer
from invoices.shops.sandbox.orders import sample_orders


class Command(BaseCommand):
    help = (
        "Serves a simulated web shop with a dozen made-up orders on 127.0.0.1, until it is "
        "interrupted. Connect it in the admin with SHOPS_ALLOW_LOCAL=true."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--kind", choices=ShopKind.values, default=ShopKind.WOOCOMMERCE)
        parser.add_argument("--port", type=int, default=0, help="default: a free one")

    def handle(self, *args: Any, **options: Any) -> None:
        shop = SandboxShop(options["kind"])
        shop.orders = sample_orders(options["kind"])
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_args: stop.set())
        with ShopServer(shop, options["port"]) as server:
            self.stdout.write(f"A simulated {options['kind']} shop: {server.address}")
            self.stdout.write(f"key {shop.key}, secret {shop.secret} (of the simulation)")
            self.stdout.flush()
            stop.wait()
