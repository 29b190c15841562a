"""Makes the pictures of the README and the documentation from the running app: `make screenshots`.

The forming of the pattern is drawn from what is stored, as an animated WebP.
"""

import shutil
import socket
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from app import service
from app.__main__ import start
from app.service import catalogue
from core import datasets, rendering
from core.threat import apply

IMAGES = Path(__file__).parent / "images"
PAGES = {
    "compare": "",
    "tradeoff": "?tab=tradeoff",
    "blind-test": "?tab=blind",
}
"""The tabs that are shown, with their addresses."""
STEPS = {"talk": 2}
"""The steps of the talk that are shown."""
SIZE = {"width": 1280, "height": 720}
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
FRAME = 90
"""Milliseconds of a frame of the animation."""
MOST = 2 * 1024 * 1024


def main() -> None:
    """Write every picture, and say which."""
    port = _free_port()
    page = start("127.0.0.1", port)
    try:
        _shoot(f"http://127.0.0.1:{port}/")
    finally:
        page.close()
    _forming(IMAGES / "forming.webp")


def _shoot(address: str) -> None:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=path, args=QUIET)
        shown = browser.new_page(viewport=SIZE, color_scheme="light")
        for name, query in PAGES.items():
            shown.goto(address + query)
            shown.wait_for_function("document.querySelector('.status p')", timeout=120_000)
            shown.wait_for_timeout(6000)  # figures are drawn after the pictures
            _save(shown.screenshot(), name)
        for name, step in STEPS.items():
            shown.goto(f"{address}?talk={step}")
            shown.wait_for_timeout(1000)
            _save(shown.screenshot(), name)
        browser.close()


def _save(picture: bytes, name: str) -> None:
    """Write a screenshot as a PNG that is as small as it gets without loss."""
    path = IMAGES / f"{name}.png"
    Image.open(BytesIO(picture)).convert("RGB").save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")


def _forming(path: Path) -> None:
    """The large image of the first screen while both patterns form, side by side."""
    session = service.first(service.CompareSession)
    large = service.large(session, dict.fromkeys("ab"))
    image, _ = datasets.get(catalogue.dataset(session)).split("test").batch(slice(large.number - 1, large.number))
    sides = [catalogue.replay(catalogue.checkpoint(session, side)) for side in "ab"]
    if None in sides:
        raise SystemExit("No forming is stored for the models of the first screen; run: plainsight replay FOLDER")
    frames = []
    for first, second in zip(*(side.deltas for side in sides if side), strict=True):
        both = [rendering.picture(apply(image, delta[None])[0]) for delta in (first, second)]
        width, height = both[0].size
        frame = Image.new("RGB", (4 * width + 8, 2 * height), "white")
        for number, one in enumerate(both):
            frame.paste(one.resize((2 * width, 2 * height), Image.Resampling.BICUBIC), (number * (2 * width + 8), 0))
        frames.append(frame)
    durations = [FRAME] * (len(frames) - 1) + [1500]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=80, method=6)
    size = path.stat().st_size
    if size > MOST:
        raise SystemExit(f"{path.name} has {size // 1024} KiB, and at most {MOST // 1024} are wanted.")
    print(f"{path.name}: {size // 1024} KiB")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
