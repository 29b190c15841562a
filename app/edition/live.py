"""The live attack in the visitor's browser as files: onnxruntime-web, graphs, weights, pictures and scripts.

Every part is a script that hands over compressed text, since a page opened from a disk can read nothing else. The
scripts in `static/live` ask for the parts when a person starts a run.
"""

import base64
import gzip
import io
import json
import zlib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.components import bundled
from app.service.browser import BrowserGroup, BrowserModel, BrowserPictures, browser_attack, browser_group
from app.theme import static

ROOT = Path(__file__).parents[2]
FOLDER = "live/"
RUNTIME = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""What onnxruntime-web needs: its interface, and WebAssembly with the JavaScript around it."""
WORKER = ("random", "spgd", "rates", "worker")
"""The modules of `static/live` for the worker, each after those that it imports."""
ISOLATION = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""The headers of a page to which browsers give more threads than one."""
SHEET = 16_000
"""WebP pictures have at most 16,383 pixels a side."""


def browser_runtime(root: Path = ROOT) -> dict[str, Path]:
    """The files of onnxruntime-web by name. Raises FileNotFoundError that says what installs them."""
    found = {name: root / "node_modules" / "onnxruntime-web" / "dist" / name for name in RUNTIME}
    if not all(path.is_file() for path in found.values()):
        raise FileNotFoundError(f"Attacks in the browser need onnxruntime-web, which `npm ci` in {root} installs.")
    return found


def write(
    folder: Path,
    groups: Sequence[str],
    models: Sequence[str] = (),
    *,
    crafting: int | None = None,
    held_out: int | None = None,
) -> dict[str, Any]:
    """Write all parts into `folder / "live"`; returns the manifest that the page hands to the scripts.

    `groups` are data sets, or groups of models as the app names them; `models` limits each to these names. `crafting`
    and `held_out` are numbers of images: 512 and 1,000, of images above 64 pixels half as many, of scenes 64 and 50.
    The manifest also has `left_out`, a sentence for each model that the browser cannot run, and bytes: of the runtime,
    of a group's pictures, and of what each model adds to what earlier ones have written.

    Raises FileNotFoundError without onnxruntime-web or the images, ValueError without onnx or such a group.
    """
    paths = browser_runtime()
    whole = [browser_group(group, models, crafting=crafting, held_out=held_out) for group in groups]
    parts = _Parts(folder / FOLDER)
    interface, glue, wasm = (paths[name].read_bytes() for name in RUNTIME)
    own = bundled(*(f"live/{name}.js" for name in WORKER))
    code = b"\n".join([interface, f"(() => {{\n{own}\n}})();".encode()])
    runtime = {
        "code": parts.put("worker", code),
        "glue": parts.put("runtime", glue),
        "wasm": parts.put("wasm", wasm),
    }
    (folder / FOLDER / "LICENSE-onnxruntime.txt").write_text(static("live/LICENSE-onnxruntime.txt"), "utf-8")
    started = parts.bytes
    described = {}
    for group in whole:
        described[group.name] = _group(group, parts)
    return {
        "folder": FOLDER,
        "runtime": runtime | {"bytes": started},
        "attack": browser_attack(),
        "groups": described,
        "left_out": {f"{group.name}/{name}": why for group in whole for name, why in group.left_out.items()},
    }


def script() -> str:
    """The page's script: `plainsightLive.open(manifest)`, which `static/live/client.js` documents."""
    return f"window.plainsightLive = (() => {{\n{bundled('live/client.js')}\nreturn {{ open: openLive }};\n}})();"


def standalone(folder: Path, manifest: dict[str, Any]) -> Path:
    """Write `live.html` beside the parts, an empty page whose scripts find `manifest` and, opened, `live`."""
    start = f"const manifest = {json.dumps(manifest)};\n{script()}\nconst live = plainsightLive.open(manifest);"
    start = start.replace("</", "<\\/")
    page = folder / "live.html"
    page.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>PlainSight</title>'
        f'<link rel="icon" href="data:,"></head><body><script>{start}</script></body></html>',
        "utf-8",
    )
    return page


class _Parts:
    """Files of compressed text, each written once, named after its content."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.known, self.bytes = folder, set[str](), 0
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, stem: str, content: bytes) -> str:
        """Write a part; returns its name, which is that of the file without `.js`."""
        name = f"{stem}-{sha256(content).hexdigest()[:10]}"
        if name not in self.known:
            self.known.add(name)
            text = base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
            self.bytes += (self.folder / f"{name}.js").write_text(f'plainsightPack("{name}","{text}")\n', "ascii")
        return name


def _group(group: BrowserGroup, parts: _Parts) -> dict[str, Any]:
    """What the scripts need to know of a group."""
    before = parts.bytes
    crafting = _pictures("crafting", group.crafting, parts)
    held_out = _pictures("held-out", group.held_out, parts)
    return {
        "title": group.title,
        "source": group.source,
        "classes": list(group.classes),
        "palette": [list(colour) for colour in group.palette],
        "batch_size": group.batch_size,
        "size": list(group.size),
        "crafting": crafting,
        "held_out": held_out,
        "bytes": parts.bytes - before,
        "models": {model.name: _model(model, parts) for model in group.models},
    }


def _model(model: BrowserModel, parts: _Parts) -> dict[str, Any]:
    before = parts.bytes
    found = {kind: parts.put(kind, getattr(model, kind)) for kind in ("weights", "predict", "step")}
    about = {"title": model.title, "heap": model.heap, "sha256": model.sha256, "bytes": parts.bytes - before}
    return {**about, **found}


def _pictures(stem: str, given: BrowserPictures, parts: _Parts) -> dict[str, Any]:
    """Images as one lossless sheet, and the labels of pixels as another.

    The checksums are those of all values, (N,3,H,W) and (N,H,W): some browsers change pictures.
    """
    count, height, width, _ = given.images.shape
    columns = min(int(np.ceil(np.sqrt(count * height / width))), SHEET // width)
    found = {"n": count, "columns": columns} | _sheet(stem, given.images, columns, parts)
    if given.labels.ndim == 1:
        return found | {"labels": given.labels.tolist()}
    grey = np.repeat(given.labels[..., None].astype(np.uint8), 3, 3)
    return found | {"maps": _sheet(f"{stem}-labels", grey, columns, parts, planes=1)}


def _sheet(stem: str, images: np.ndarray, columns: int, parts: _Parts, planes: int = 3) -> dict[str, Any]:
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, 3), np.uint8)
    cells[:count] = images
    sheet = cells.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
    written = io.BytesIO()
    Image.fromarray(sheet).save(written, "webp", lossless=True, quality=100, method=4)
    values = np.ascontiguousarray(images[..., :planes].transpose(0, 3, 1, 2))
    return {"pack": parts.put(stem, written.getvalue()), "adler32": zlib.adler32(values.tobytes())}
