"""Takes the pictures of docs/playground.md from a running endpoint that serves an index ``docs``.

    python docs/make_playground.py [--address http://127.0.0.1:8000]

docs/playground.md says how the endpoint of its pictures is started. Needs playwright and Debian's Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import expect, sync_playwright

HERE = Path(__file__).parent
QUERY = "when is a finally clause executed"
MEASURING_MS = 300_000
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]


def shoot(browser: Any, address: str, name: str, size: tuple[int, int], hash_: str, **options: Any) -> None:
    """Open the page, let it settle, measure its sizes, and keep what the window shows."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page = context.new_page()
    page.goto(f"{address}/#{hash_}")
    page.locator(".hit:visible").first.wait_for()
    if not options.get("is_mobile"):
        measure = page.locator("#quality .strong")
        measure.click()
        expect(measure).to_have_text("Measure again", timeout=MEASURING_MS)
    for query in ("how do I sort a list", QUERY):  # once more, with nothing measured beside it
        page.fill("#q", query)
        page.press("#q", "Enter")
        page.wait_for_timeout(1000)
    page.mouse.move(0, 0)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'}); document.activeElement.blur()")
    page.wait_for_timeout(2500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        HERE / f"playground-{name}.png", optimize=True
    )
    context.close()


def main() -> None:
    """Three pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    address = parser.parse_args().address
    program = shutil.which("chromium") or shutil.which("google-chrome")
    one = urlencode({"q": QUERY, "a": "docs:6x384"})
    two = urlencode({"q": QUERY, "a": "docs:6x384", "b": "docs:6x96"})
    phone = {"is_mobile": True, "has_touch": True, "device_scale_factor": 1.5, "color_scheme": "light"}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=OPTIONS)
        shoot(browser, address, "desktop", (1440, 1330), one, color_scheme="light")
        shoot(browser, address, "compare", (1440, 1130), two, color_scheme="dark")
        shoot(browser, address, "phone", (390, 844), one, **phone)
        browser.close()


if __name__ == "__main__":
    main()
