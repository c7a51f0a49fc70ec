"""The addresses to which shops bring their webhooks: `/shops/<id>/`. No log-in; a signature."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from invoices.shop_models import ShopConnection
from invoices.shops import inbox

_TASK = "invoices.tasks.take_up_shop_deliveries"


@csrf_exempt
@require_POST
def receive(request: HttpRequest, hook_id: str) -> HttpResponse:
    """Verify, keep, answer; what it says is read in the background."""
    shop = ShopConnection.objects.select_related("tenant").filter(hook_id=hook_id).first()
    if shop is None:
        return HttpResponse(status=404)
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal():
        return HttpResponse(status=411)
    if len(length) > 9 or int(length) > inbox.LONGEST_BODY_BYTES:
        return HttpResponse(status=413)
    with transaction.atomic():
        try:
            status = inbox.receive(shop, request.body, request.headers)
        except UnreadablePostError:
            # Whoever sent it has hung up.
            return HttpResponse(status=400)
        if status == 200:
            transaction.on_commit(partial(async_task, _TASK))
    return HttpResponse(status=status, content_type="text/plain")
