"""Thousands of exports while everything around them fails, on both databases.

What is asserted is in `verdict`: booked once each with its sum, nothing stuck, every attempt
closed and posted at most once, an unbroken audit trail, no secret anywhere. The seed is printed
on failure; FAULT_SEED=… repeats its choices.
"""

from __future__ import annotations

import os
import secrets

import pytest

from tests.faults.harness import Plan, drive

SEED = os.environ.get("FAULT_SEED") or secrets.token_hex(4)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("database", "clusters"), [("sqlite", 1), ("postgres", 3)])
def test_every_invoice_is_booked_once_whatever_is_killed(database, clusters, servers, tmp_path):
    servers(database)
    plan = Plan(database, clusters, SEED, exports=2_000, kills=20, freezes=2)

    report = drive(plan, tmp_path / "run")

    print(report)
    assert report.findings == [], str(report)
    assert report.facts["exports"] >= 2_000
