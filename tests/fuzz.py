"""Damage cards, networks and latents: each must give a bundle or one sentence, nothing else.

    python -m tests.fuzz --seed 1 --seconds 600

This runs in a process of its own, as onnxruntime might crash in a way that ``except`` cannot catch.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from explorer.bundle.card import BundleError
from explorer.bundle.store import load_bundle

SHIPPED = Path(__file__).parents[1] / "pretrained" / "mnist-2d"
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 10**400, 1e308, -1e308, "", "\0", "../../etc/passwd",
    "0" * 64, "x" * 100_000, [], {}, [[[]]], {"a": {"b": 1}},
)  # fmt: skip
ARRAYS: tuple[np.ndarray, ...] = (
    np.array(np.nan), np.zeros(0), np.full((10_000, 2), np.inf), np.zeros((10_000, 3), np.int64),
    np.array(["text"]), np.zeros((1, 10_000_000), np.int8), np.full(10_000, 65_535, np.uint16),
)  # fmt: skip


def main() -> int:
    """Run the command line; the exit status is 1 if anything else than a sentence came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    chance, end = random.Random(options.seed), time.monotonic() + options.seconds
    tried = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copytree(SHIPPED, Path(folder) / SHIPPED.name))
        while time.monotonic() < end:
            name = chance.choice(["card.json", "encoder.onnx", "decoder.onnx", "latents.npz"])
            content = damage(name, (SHIPPED / name).read_bytes(), chance)
            (path / name).write_bytes(content)
            if name != "card.json":
                seal(path, name, content)
            try:
                load_bundle(path)
            except BundleError as error:
                assert "\n" not in str(error), error
            except Exception:
                kept = Path(tempfile.gettempdir(), f"found-{options.seed}-{tried}-{name}")
                kept.write_bytes(content)
                print(f"seed {options.seed}, file {tried}: {kept}", file=sys.stderr)
                raise
            tried += 1
            for changed in (name, "card.json"):
                shutil.copy(SHIPPED / changed, path / changed)
    print(f"{tried} files")
    return 0


def damage(name: str, content: bytes, chance: random.Random) -> bytes:
    """Return the file with a value, an array or some bytes replaced, or cut short."""
    if name == "card.json" and chance.random() < 0.8:
        card = json.loads(content)
        replace_value(card, chance)
        return json.dumps(card).encode()
    if name == "latents.npz" and chance.random() < 0.6:
        with np.load(io.BytesIO(content)) as arrays:
            changed = dict(arrays)
        changed[chance.choice(sorted(changed))] = chance.choice(ARRAYS)
        file = io.BytesIO()
        np.savez(file, **changed)
        return file.getvalue()
    if chance.random() < 0.2:
        return content[: chance.randrange(len(content))]
    damaged = bytearray(content)
    # the structure of a network is at both ends of its file, around the weights
    reach = chance.choice([200, 2_000, len(content)])
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(min(reach, len(content)))
        damaged[place if chance.random() < 0.5 else -1 - place] = chance.randrange(256)
    return bytes(damaged)


def replace_value(card: Any, chance: random.Random) -> None:
    """Replace a value at any depth."""
    keys = list(card) if isinstance(card, dict) else range(len(card))
    key = chance.choice(list(keys))
    if isinstance(card[key], dict | list) and card[key] and chance.random() < 0.8:
        replace_value(card[key], chance)
    else:
        card[key] = chance.choice(VALUES)


def seal(path: Path, name: str, content: bytes) -> None:
    """Write size and hash of a changed file into the card."""
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(content).hexdigest()
    card["files"][name] = {"bytes": len(content), "sha256": digest}
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
