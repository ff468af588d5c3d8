"""python3 -m mtltrain COMMAND; see training/README.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from . import distill, initial, pretrained, release, run as runs, train
from .model import MultitaskModel
from .run import Run


def main() -> None:
    parser = argparse.ArgumentParser(prog="mtltrain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("train", "train, or go on from the last checkpoint"), ("release", "calibrate, score, export a package"),
                       ("all", "train and release")):
        command = commands.add_parser(name, help=what)
        command.add_argument("run", type=Path, help="a file of runs/")
        command.add_argument("--data", type=Path, required=True, help="folder with the corpora (training/data.md)")
        command.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain", help="encoder weights and tokenized corpora")
        command.add_argument("--out", type=Path, help="checkpoints and logs of the run; default: CACHE/runs/NAME")
        command.add_argument("--package", type=Path, help="where `release` writes; default: OUT/package")
        command.add_argument("--results", type=Path, help="where scores go; default: OUT/results")
        command.add_argument("--processes", type=int, default=os.cpu_count())
        command.add_argument("--most", type=int, default=0, metavar="ROWS", help="score about this many rows of each test set (0: all)")
        command.add_argument("--unscored", action="store_true", help="leave the test sets to `mtlstream model eval` and mtltrain.stamp")
        command.add_argument("--slice", type=int, metavar="STEPS", help="a smoke test: this many steps on small slices of everything")
    options = parser.parse_args()
    run = _read(options.run, options)
    out = options.out or options.cache / "runs" / run.name
    torch.set_num_threads(options.processes)
    if options.command in ("train", "all"):
        train.train(_taught(run, options), options.data, options.cache, out, options.processes)
    if options.command in ("release", "all"):
        scores = release.release(run, options.data, options.cache, out / "model.pt", options.package or out / "package",
                                 options.results or out / "results", 40 if options.slice else options.most, 40 if options.slice else 0, options.unscored)
        print(json.dumps(scores.get("int8", {}), indent=1))


def _read(path: Path, options) -> Run:
    run = runs.read(path)
    return runs.sliced(run, options.slice) if options.slice else run


def _taught(run: Run, options) -> Run:
    """The run with its teachers' labels, which are made first unless they are there."""
    if not run.teachers:
        return run
    models = [_teacher(file, options) for file in run.teachers]
    if run.initial:
        models.append(_model(run, Path(run.initial), options))
    torch.set_num_threads(options.processes)
    labels = options.cache / "runs" / f"said-{run.name}"
    if options.slice:
        shutil.rmtree(labels, ignore_errors=True)
    distill.write(models, run, options.data, options.cache, pretrained.vocab(options.cache), labels)
    return replace(run, said=str(labels))


def _teacher(file: str, options) -> MultitaskModel:
    """Trained unless its weights are there."""
    teacher = _read(options.run.parent / file, options)
    out = options.cache / "runs" / teacher.name
    if options.slice:
        shutil.rmtree(out, ignore_errors=True)
    if not (out / "model.pt").exists():
        train.train(_taught(teacher, options), options.data, options.cache, out, options.processes)
    return _model(teacher, out / "model.pt", options)


def _model(run: Run, path: Path, options) -> MultitaskModel:
    model = train.build(run, options.cache)
    initial.load(model, path, pretrained.vocab(options.cache))
    return model


if __name__ == "__main__":
    main()
