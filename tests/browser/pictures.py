"""Pictures and widths of pages, for people to look at and for tests to compare."""

import os
from pathlib import Path


def shot(page, name):
    """With SCREENSHOTS, a folder, the whole page as NAME.png."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def width_of(page):
    """CSS pixels the page needs, once it is loaded: a page just begun has no element yet."""
    page.wait_for_load_state()
    return page.evaluate("document.documentElement.scrollWidth")
