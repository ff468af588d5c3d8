#!/usr/bin/env python3
"""Writes docs/demo.svg: what `mtlstream demo` shows in a terminal of 110 x 33 after a while. Needs tmux.

python3 eng/demo-svg.py
"""

import html
import os
import re
import subprocess
import time
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, ROWS, SECONDS = 110, 33, 20
CELL, LINE, MARGIN, FONT = 8.43, 18, 16, 14
PAPER, INK, DIM = "#282c34", "#d4d8df", "#8a919d"
COLORS = ["#282c34", "#e06c75", "#98c379", "#d19a66", "#61afef", "#c678dd", "#56b6c2", "#abb2bf",
          "#5c6370", "#e88388", "#a8d48a", "#e5c07b", "#74bdf5", "#d291e4", "#66c9d6", "#dcdfe4"]
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def screen() -> list[str]:
    """The lines of the terminal, with their escape sequences."""
    tmux = ["tmux", "-L", f"demo-svg-{os.getpid()}", "-f", "/dev/null"]
    subprocess.run([ROOT / "mtlstream", "version"], check=True, stdout=subprocess.DEVNULL)  # built by then
    subprocess.run([*tmux, "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), f"{ROOT}/mtlstream demo"], check=True)
    try:
        deadline = time.monotonic() + 60
        while "latest events" not in (shown := capture(tmux)):
            if time.monotonic() > deadline:
                raise SystemExit(f"the demo shows nothing:\n{shown}")
            time.sleep(1)
        time.sleep(SECONDS)
        return capture(tmux).rstrip("\n").split("\n")
    finally:
        subprocess.run([*tmux, "send-keys", "C-c"], check=False)
        time.sleep(3)
        subprocess.run([*tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)


def capture(tmux: list[str]) -> str:
    return subprocess.run([*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True).stdout


def width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Pen:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.ink, self.paper, self.bold, self.dim, self.italic = INK, None, False, False, False

    def take(self, codes: str) -> None:
        numbers = iter(map(int, (codes or "0").split(";")))
        for code in numbers:
            if code in (38, 48):  # 38;5;N: the first sixteen are those of the other codes
                kind, color = next(numbers), next(numbers)
                if kind != 5 or color > 15:
                    raise SystemExit(f"no colour for {codes}")
                self.ink, self.paper = (COLORS[color], self.paper) if code == 38 else (self.ink, COLORS[color])
            elif code == 0:
                self.reset()
            elif code in (1, 2, 3):
                self.bold, self.dim, self.italic = self.bold or code == 1, self.dim or code == 2, self.italic or code == 3
            elif code == 39:
                self.ink = INK
            elif code == 49:
                self.paper = None
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.ink = COLORS[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.paper = COLORS[code - 40 if code < 100 else code - 92]


def svg(lines: list[str]) -> str:
    wide, high = round(2 * MARGIN + COLUMNS * CELL), 2 * MARGIN + len(lines) * LINE
    boxes, texts, pen = [], [], Pen()
    for row, line in enumerate(lines):
        column = 0
        parts = SGR.split(line)
        for i, part in enumerate(parts):
            if i % 2:
                pen.take(part)
                continue
            if not part:
                continue
            x, cells = MARGIN + column * CELL, width(part)
            if pen.paper:
                boxes.append(f'<rect x="{x:.1f}" y="{MARGIN + row * LINE}" width="{cells * CELL:.1f}" height="{LINE}" fill="{pen.paper}"/>')
            if text := part.strip():
                x += width(part[:len(part) - len(part.lstrip())]) * CELL
                style = (' font-weight="bold"' if pen.bold else "") + (' font-style="italic"' if pen.italic else "")
                ink = DIM if pen.dim and pen.ink == INK else pen.ink
                texts.append(f'<text x="{x:.1f}" y="{MARGIN + row * LINE + 13}" textLength="{width(text) * CELL:.1f}" fill="{ink}"{style}>{html.escape(text)}</text>')
            column += cells
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
            f'font-family="ui-monospace,Menlo,Consolas,monospace" font-size="{FONT}" xml:space="preserve" role="img" aria-label="The demo in a terminal">')
    return "\n".join([head, f'<rect width="{wide}" height="{high}" rx="8" fill="{PAPER}"/>', *boxes, *texts, "</svg>", ""])


if __name__ == "__main__":
    (ROOT / "docs" / "demo.svg").write_text(svg(screen()), encoding="utf-8")
