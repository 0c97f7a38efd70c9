"""Debian's Chromium, driven by playwright; tests without one are skipped, and in CI they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
# Right edges beyond the window, of what does not stand in a box that scrolls by itself.
OUTSIDE = """() => [...document.querySelectorAll("body *")].filter((one) =>
    !one.closest(".scroll > *, pre > *, .chips > *, .unseen, details:not([open]) > :not(summary)")
    && one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
  ).map((one) => `${one.tagName} ${one.getAttribute("class")} ${one.textContent.trim().slice(0, 40)}`)"""
# Controls that a thumb does not find.
LOW = """() => [...document.querySelectorAll("button, select, input[type=range]")]
  .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 39)
  .map((one) => `${one.id} ${one.className} ${one.textContent}`)"""
NAMELESS = """() => [...document.querySelectorAll("button, select, input, textarea, canvas")]
  .filter((one) => one.offsetParent)
  .filter((one) => !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim()))
  .map((one) => one.outerHTML)"""
MOVING = """() => [...document.querySelectorAll("*")].map((one) => [one.tagName, getComputedStyle(one)])
  .filter(([, look]) => look.transitionDuration.split(",").some((time) => parseFloat(time) > 0))
  .filter(([, look]) => look.transitionProperty !== "none").map(([name]) => name)"""
GROUND = "() => getComputedStyle(document.body).backgroundColor"


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        _without(f"none of {', '.join(BROWSERS)} is installed")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright is not installed")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=OPTIONS.split())
        yield opened
        opened.close()


def _without(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{why}, and CI opens every page in a browser", pytrace=False)
    pytest.skip(why)
