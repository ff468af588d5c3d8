"""Turns of conversations and what was said next."""

from __future__ import annotations

from pathlib import Path

from .corpora import Example
from .splits import part_of
from .texts import json_lines

BEFORE = 3  # turns that a reply may be to, the last one last


def replies(data: Path, part: str) -> list[Example]:
    """Every fourth turn of a conversation with the turns before it, alternately one and up to three. Two of a hundred conversations are dev, five are test."""
    examples = []
    for row in json_lines(data / "text_to_text/self_dialogue.jsonl.gz"):
        turns = [turn.strip() for turn in row["turns"] if turn.strip()]
        if len(turns) < 5 or part_of("\n".join(turns), 2, 5) != part:
            continue
        for number, at in enumerate(range(3, len(turns), 4)):
            before = turns[at - 1:at] if number % 2 else turns[max(0, at - BEFORE):at]
            examples.append(Example(text=" ".join(before), reply=turns[at]))
    return examples
