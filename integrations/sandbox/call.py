"""One authorized API call: who asks, for which company, with which request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .books import Books
from .company import SandboxCompany
from .state import Sandbox
from .wire import BadJson, Request, refused


@dataclass(frozen=True)
class Call:
    sandbox: Sandbox
    company: SandboxCompany
    request: Request

    @property
    def books(self) -> Books:
        return self.sandbox.books[self.company.id]

    def needs_right(self, path: str, *, reading: bool = False, status: int = 403) -> None:
        """Raise Refused unless the user has the right; viewing is enough for `reading`."""
        group, name = path.split(".")
        level = self.company.rights[group][name]
        if level != "ALL_RIGHTS" and not (reading and level == "VIEWING_RIGHTS"):
            raise refused(status, "Forbidden" if status == 403 else "Not found")


def needs_json(call: Call) -> Any:
    """The request's JSON body. Raises Refused: 415 or 400, statuses assumed."""
    content_type = call.request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise refused(415, "Content type must be application/json.")
    try:
        return call.request.json()
    except BadJson:
        raise refused(400, "The body is not valid JSON.") from None
