"""Accuracy of a taught BANKING77 task when its texts shift: typos, upper case, emoji, and the card intents of CLINC150.

    python3 tests/results/teaching/shift.py ../shared/data ./mtlstream models/bank

The package's task is named `drawn`, as by draws.py with --keep. Changes are drawn with `random.Random(1)`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from draws import banking77

# Intents of CLINC150 that BANKING77 has under another name.
SAME = {"card_declined": "declined_card_payment", "exchange_rate": "exchange_rate", "report_lost_card": "lost_or_stolen_card",
        "pin_change": "change_pin", "replacement_card_duration": "card_delivery_estimate"}
NEIGHBOURS = {"a": "s", "e": "r", "i": "o", "o": "p", "t": "y", "n": "m", "s": "d", "r": "t", "c": "v", "l": "k"}
EMOJI = ["\U0001F620", "\U0001F64F", "\U0001F602", "❤️"]


def typos(text: str, draw: random.Random) -> str:
    """One word in five of four letters or more: two letters change places, or one is left out, doubled or its neighbour."""
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) < 4 or draw.random() > 0.2:
            continue
        at = draw.randrange(1, len(word) - 1)
        words[i] = draw.choice([
            word[:at] + word[at + 1] + word[at] + word[at + 2:], word[:at] + word[at + 1:], word[:at] + word[at] + word[at:],
            word[:at] + NEIGHBOURS.get(word[at], word[at]) + word[at + 1:]])
    return " ".join(words)


SHIFTS: dict[str, Callable[[str, random.Random], str]] = {
    "as they are": lambda text, draw: text,
    "typos": typos,
    "upper case": lambda text, draw: text.upper(),
    "no capitals, no marks": lambda text, draw: "".join(c for c in text.lower() if c.isalnum() or c == " "),
    "emoji behind": lambda text, draw: f"{text} {draw.choice(EMOJI)}{draw.choice(EMOJI)}",
}


def accuracy(program: str, package: str, rows: list[tuple[str, str]]) -> float:
    lines = "\n".join(json.dumps({"text": text}) for text, _ in rows)
    done = subprocess.run([program, "annotate", "-", "--model", package, "--tasks", "drawn"], input=lines, capture_output=True, text=True, check=True)
    given = [json.loads(line)["analysis"]["tasks"]["drawn"]["label"] for line in done.stdout.splitlines()]
    return 100 * sum(label == wanted for label, (_, wanted) in zip(given, rows, strict=True)) / len(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("program")
    parser.add_argument("package")
    arguments = parser.parse_args()
    test = banking77(arguments.data, 0)[1]
    for name, change in SHIFTS.items():
        draw = random.Random(1)
        print(f"| {name} | {accuracy(arguments.program, arguments.package, [(change(text, draw), label) for text, label in test]):.1f} |", flush=True)
    clinc = next((arguments.data / "clinc150").rglob("data_full.json"))
    other = [(text, SAME[label]) for text, label in json.loads(clinc.read_text(encoding="utf-8"))["test"] if label in SAME]
    print(f"| CLINC150, {len(SAME)} intents, {len(other)} texts | {accuracy(arguments.program, arguments.package, other):.1f} |")


if __name__ == "__main__":
    main()
