"""Tokens of tenants, and requests to the API over real HTTP or the test client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from invoices.api import tokens
from tests import factories

INVOICES, BATCH, EXPORTS = "/api/v1/invoices", "/api/v1/invoices/batch", "/api/v1/exports"


@pytest.fixture
def boss(db):
    return factories.UserFactory(role="Support")


@pytest.fixture
def make_token(boss):
    """Make a token in clear."""

    def make(tenant, name="Web shop", **fields):
        return tokens.make(tenant, by=boss, name=name, **fields)[1]

    return make


@dataclass
class Source:
    """A source system with its token."""

    client: Any
    token: str

    def post(self, path, content, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.client.post(
            path,
            body,
            content_type=headers.pop("content_type", "application/json"),
            headers={"authorization": f"Bearer {self.token}"} | headers,
        )

    def get(self, path, query=None, **headers):
        all_headers = {"authorization": f"Bearer {self.token}"} | headers
        return self.client.get(path, query or {}, headers=all_headers)


@pytest.fixture
def source(client, tenant, make_token):
    client.raise_request_exception = False
    return Source(client, make_token(tenant))
