"""Draws docs/review-*.jpg: the review page, as a reviewer sees it.

The people do not exist: `fexdata synth` makes them, with a seed. Some of the photographs are then
spoilt (blurred, darkened, overexposed, covered), so that there is something to reject; the folder is
built for real, and the page is driven by a real browser. Run as
`python docs/make_review_pictures.py [FOLDER]`; a folder from an earlier `fexdata synth folder
--people 30 --images 60 --size 512` saves the minutes of making one. Needs Playwright and Chromium.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

import fexdata
from fexdata.synthetic.corpus import synthesise

HERE = Path(__file__).parent
SIZES = {"1366": (1366, 768), "1920": (1920, 1080)}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def spoil(folder: Path, seed: int) -> None:
    """Makes about two photographs in three worse, each in one of four ways."""
    rng = np.random.default_rng(seed)
    for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
        pixels = cv2.imread(str(path))
        height, width = pixels.shape[:2]
        way = number % 6
        if way == 0:
            pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(3, 8))
        elif way == 1:
            pixels = (pixels * rng.uniform(0.06, 0.2)).astype(np.uint8)
        elif way == 2:
            pixels = np.clip(pixels * rng.uniform(1.8, 2.8), 0, 255).astype(np.uint8)
        elif way == 3:
            corner = (int(width * rng.uniform(0.1, 0.3)), int(height * rng.uniform(0.55, 0.62)))
            cv2.rectangle(pixels, corner, (int(width * 0.85), height), (96, 74, 58), -1)
        cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])


@contextmanager
def served(dataset: Path, source: Path) -> Iterator[str]:
    """`fexdata review` as a process; yields its address."""
    command = [sys.executable, "-m", "fexdata.cli.main", "review", str(dataset), "--source", str(source),
               "--no-browser", "--checks", "0", "--reviewer", "anna"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield re.sub(r"^anna: ", "", process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate()


def shoot(page: Page, name: str) -> None:
    page.wait_for_timeout(1200)  # pictures come one by one
    path = HERE / f"review-{name}.jpg"
    page.screenshot(path=path, type="jpeg", quality=86)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(150)


def choose(page: Page, queue: str) -> None:
    press(page, "Q")
    page.click(f'[data-queue="{queue}"]')
    page.wait_for_timeout(500)


def draw(browser: Any, address: str) -> None:
    """One doubtful face, then many rejected ones, at both sizes; then the queues, with some faces judged."""
    for label, (width, height) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(address)
        page.wait_for_selector('body[data-view="face"]')
        choose(page, "doubtful")
        press(page, "n", "w", "l")
        shoot(page, f"face-{label}")
        choose(page, "rejected")
        press(page, "w", "l", "g", "ArrowRight", "x", "ArrowRight", "ArrowRight", "x")
        shoot(page, f"grid-{label}")
        page.close()
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(address)
    page.wait_for_selector('body[data-view="face"]')
    for key in ("6", "7", "a", "7", "u"):
        page.wait_for_timeout(2000)  # about as long as a person looks
        page.keyboard.press(key)
    page.wait_for_selector('body[data-waiting="0"]', state="attached")
    press(page, "Q")
    shoot(page, "queues")
    page.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, dataset = Path(folder, "people"), Path(folder, "people-d")
        if len(sys.argv) > 1:
            shutil.copytree(sys.argv[1], source)
        else:
            synthesise("folder", str(source), people=30, images=60, size=512, seed=0)
        (source / "truth.parquet").unlink(missing_ok=True)
        spoil(source, seed=0)
        fexdata.build("photos", str(source), out=str(dataset), workers=1)
        with served(dataset, source) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            draw(browser, address)
            browser.close()


if __name__ == "__main__":
    main()
