"""Pictures of pages, for people to look at."""

import os
from pathlib import Path


def shot(page, name):
    """With SCREENSHOTS, a folder, the whole page as NAME.png."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
