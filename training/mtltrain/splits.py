"""Which part an example of a corpus without parts of its own belongs to."""

from __future__ import annotations

import hashlib


def part_of(key: str, dev: int, test: int) -> str:
    """train, dev or test, by a hash of `key`: that many of a hundred are dev and test. Examples that share a text share its key."""
    place = int(hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % 100
    return "test" if place < test else "dev" if place < test + dev else "train"
