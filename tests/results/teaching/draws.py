"""Teaches tasks of public data sets from draws of their texts, and prints mean and deviation of the accuracy on their test sets.

    python3 tests/results/teaching/draws.py ../shared/data ./mtlstream banking77:10 banking77:5 trec:16 --draws 10 [--unlabelled]

A set without a number is taught from all its texts. Draw i takes texts of each label in an order that `random.Random(i)` gives.
Every draw is one run of `mtlstream teach`; a line is printed for each. Subjectivity has no test set: 1,000 texts, drawn alike.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import subprocess
import tempfile
import zipfile
from pathlib import Path

Rows = list[tuple[str, str]]


def banking77(data: Path, draw: int) -> tuple[Rows, Rows]:
    def read(name: str) -> Rows:
        with open(data / "banking77" / name, encoding="utf-8", newline="") as file:
            return [(row["text"], row["category"]) for row in csv.DictReader(file)]
    return read("train.csv"), read("test.csv")


def trec(data: Path, draw: int) -> tuple[Rows, Rows]:
    def read(name: str) -> Rows:
        text = zipfile.ZipFile(data / "nltk" / "qc.zip").read(f"qc/{name}").decode("latin-1")
        return [(line.split(" ", 1)[1].strip(), line.split(":", 1)[0]) for line in text.split("\n") if line.strip()]
    return read("train.txt"), read("test.txt")


def subjectivity(data: Path, draw: int) -> tuple[Rows, Rows]:
    archive = zipfile.ZipFile(data / "nltk" / "subjectivity.zip")
    rows = [(line.strip(), label) for label, name in (("objective", "plot"), ("subjective", "quote"))
            for line in archive.read(f"subjectivity/{name}.tok.gt9.5000").decode("latin-1").split("\n") if line.strip()]
    random.Random(1000 + draw).shuffle(rows)
    return rows[1000:], rows[:1000]


SETS = {"banking77": banking77, "trec": trec, "subjectivity": subjectivity}


def drawn(rows: Rows, count: int | None, draw: int) -> tuple[Rows, Rows]:
    """Some texts of each label, and the rest."""
    if count is None:
        return rows, []
    rows = list(rows)
    random.Random(draw).shuffle(rows)
    taken: Rows = []
    left: Rows = []
    seen: dict[str, int] = {}
    for text, label in rows:
        seen[label] = seen.get(label, 0) + 1
        (taken if seen[label] <= count else left).append((text, label))
    return taken, left


def write(path: Path, rows: Rows) -> str:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return str(path)


def teach(program: str, train: Rows, test: Rows, unlabelled: Rows, keep: str | None) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        command = [program, "teach", "--task", "drawn", "--data", write(at / "train.csv", train), "--test", write(at / "test.csv", test),
                   "--out", keep or str(at / "package"), "--no-examples", "--json"]
        if unlabelled:
            command += ["--unlabelled", write(at / "more.csv", unlabelled)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        report = json.loads(done.stdout.strip().split("\n")[-1])
        report["tried"] = [line.strip() for line in done.stdout.split("\n") if line.startswith("  tried: ")]
        return report


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("program")
    parser.add_argument("sets", nargs="+", help="such as banking77:10 or trec")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--unlabelled", action="store_true", help="give the texts that were not drawn, without their labels")
    parser.add_argument("--keep", help="folder of the package; with one draw of one set")
    parser.add_argument("--log", type=Path, help="keep what every run reported")
    arguments = parser.parse_args()
    for wanted in arguments.sets:
        name, _, count = wanted.partition(":")
        scores, seconds = [], []
        for draw in range(arguments.draws):
            rows, test = SETS[name](arguments.data, draw)
            train, left = drawn(rows, int(count) if count else None, draw)
            report = teach(arguments.program, train, test, left if arguments.unlabelled else [], arguments.keep)
            scores.append(100 * report["test"]["accuracy"])
            seconds.append(report["seconds"])
            print(f"{wanted} draw {draw}: {scores[-1]:.1f} %, cross-validation {100 * report['crossValidation']['accuracy']:.1f} %, {report['seconds']} s", flush=True)
            if arguments.log:
                with open(arguments.log, "a", encoding="utf-8") as log:
                    log.write(json.dumps({"set": wanted, "draw": draw, **report}) + "\n")
        deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
        print(f"| {wanted} | {len(scores)} | {statistics.mean(scores):.1f} ± {deviation:.1f} | {statistics.mean(seconds):.0f} s |", flush=True)


if __name__ == "__main__":
    main()
