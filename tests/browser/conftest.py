"""A real chromium (Debian's) against the live admin."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests import factories

PASSWORD = "browser-test-password"

# Playwright runs an event loop in this thread, and Django then refuses the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("chromium is required here and is not installed")
        pytest.skip("no chromium: install Debian's package of that name")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def log_in(chromium, live_server):
    """Open the admin as a member of a role; returns the page, in English unless told."""
    contexts = []

    def open_as(role, *, language="en", width=1280, height=800, dark=False, scripts=True):
        user = factories.UserFactory(role=role)
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        context = chromium.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            extra_http_headers={"Accept-Language": language},
        )
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{live_server.url}/admin/")
        page.fill("input[name=username]", user.username)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(f"{live_server.url}/admin/")
        return page

    yield open_as
    for context in contexts:
        context.close()
