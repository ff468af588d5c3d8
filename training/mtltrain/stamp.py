"""Writes the scores that `mtlstream model eval --json` printed into a package's manifest and card.

python3 -m mtltrain.stamp EVAL.json [--fp32 EVAL.json] [--flips EVAL.json] --package ../models/mtlstream-en [--results results]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import card
from .package import dump
from .sources import TESTED_ON

_RAW = {"wordsF1": "UD English-EWT test, raw text", "uposF1": "UD English-EWT test, raw text", "rawSpanF1": "UNER English-EWT test, raw text",
        "outOfScopeRecall": "CLINC150 test, out of scope"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="mtltrain.stamp", description=__doc__)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("--fp32", type=Path, help="scores of the same weights in a graph that computes in fp32, for the card")
    parser.add_argument("--flips", type=Path, help="output of `model eval --flips --rows-per-call 32 --json`")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    measured = json.loads(options.evaluation.read_text().strip().splitlines()[-1])
    path = options.package / "model.json"
    manifest = json.loads(path.read_text())
    if (measured["name"], measured["version"]) != (manifest["name"], manifest["version"]):
        raise SystemExit(f"{options.evaluation}: scores of {measured['name']} {measured['version']}, the package is {manifest['name']} {manifest['version']}")
    record_path = options.results / f"scores-{manifest['name']}-{manifest['version']}.json"
    record = json.loads(record_path.read_text())
    for task in manifest["tasks"]:
        if values := measured["tasks"].get(task["name"]):
            task["scores"] = {metric: {"value": value, "set": _RAW.get(metric, TESTED_ON[task["name"]])} for metric, value in values.items()}
            record.setdefault("served", {})[task["name"]] = values
    if options.fp32:
        record["test"]["fp32"] = json.loads(options.fp32.read_text().strip().splitlines()[-1])["tasks"]
    if options.flips:
        record["flips"] = json.loads(options.flips.read_text().strip().splitlines()[-1])["flips"]
    dump(path, manifest)
    record_path.write_text(json.dumps(record, indent=1) + "\n")
    card.write(options.package, options.results)


if __name__ == "__main__":
    main()
