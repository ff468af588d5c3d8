"""python3 -m mtltrain COMMAND; see training/README.md."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from . import amend, branch, dataset, distill, embed, evaluate, grow, initial, pretrained, release, run as runs, sources, train, writing, written
from .model import MultitaskModel
from .run import Run
from .tasks import TASKS


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
        command.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="what trains; a release computes on the CPU, as int8 is served there")
        command.add_argument("--most", type=int, default=0, metavar="ROWS", help="score about this many rows of each test set (0: all)")
        command.add_argument("--unscored", action="store_true", help="leave the test sets to `mtlstream model eval` and mtltrain.stamp")
        command.add_argument("--slice", type=int, metavar="STEPS", help="a smoke test: this many steps on small slices of everything")
    command = commands.add_parser("average", help="write the average of weights of one shape, which is often better than any of them")
    command.add_argument("run", type=Path, help="a file of runs/")
    command.add_argument("parts", nargs="+", metavar="WEIGHTS=SHARE", help="a run's model.pt or the folder of a package, and its share; shares add up to 1")
    command.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain", help="encoder weights")
    command.add_argument("--out", type=Path, required=True, help="folder for model.pt, from which `release` goes on")
    command = commands.add_parser("embed", help="copy a package and add a task that gives vectors, over its encoder as it is")
    command.add_argument("package", type=Path, help="folder of a package")
    command.add_argument("--data", type=Path, required=True, help="folder with the corpora (training/data.md)")
    command.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain", help="encoder weights and what they say")
    command.add_argument("--version", required=True, help="of the new package")
    command.add_argument("--out", type=Path, required=True, help="folder to make")
    command = commands.add_parser("branch", help="train tasks on layers of their own, over the first layers of a package as they are")
    command.add_argument("package", type=Path, help="folder of a package")
    command.add_argument("--data", type=Path, required=True, help="folder with the corpora (training/data.md)")
    command.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain", help="encoder weights, tokenized corpora and vectors")
    command.add_argument("--out", type=Path, required=True, help="checkpoints, from which it goes on, and model.pt")
    command.add_argument("--seconds", type=float, required=True, help="to train for, in all calls together")
    command = commands.add_parser("grow", help="copy a package and add the tasks of a branch, and the one that tells the language where it lacks it")
    command.add_argument("package", type=Path, help="folder of a package without the tasks of the branch")
    command.add_argument("--branch", type=Path, metavar="MODEL", help="model.pt of `branch`; without it the language alone")
    command.add_argument("--data", type=Path, required=True, help="folder with the corpora (training/data.md)")
    command.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain", help="encoder weights and tokenized corpora")
    command.add_argument("--version", required=True, help="of the new package")
    command.add_argument("--out", type=Path, required=True, help="folder to make")
    command = commands.add_parser("amend", help="copy a package with rows for emoji and a head of `offensive` for which being named is no offence")
    command.add_argument("package", type=Path, help="folder of a package")
    command.add_argument("--data", type=Path, required=True, help="folder with the corpora (training/data.md)")
    command.add_argument("--out", type=Path, required=True, help="folder to make, from which `grow` goes on")
    command = commands.add_parser("decoder", help="train a decoder that translates and titles, over the encoder of a package as it is")
    command.add_argument("package", type=Path, help="folder of a package")
    command.add_argument("--data", type=Path, required=True, help="folder with the corpora (training/data.md)")
    command.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain", help="vocabulary")
    command.add_argument("--out", type=Path, required=True, help="states of the encoder, checkpoints, from which it goes on, and model.pt")
    command.add_argument("--seconds", type=float, required=True, help="to train for, in all calls together")
    command = commands.add_parser("attach", help="copy a package and add a decoder; the program then notes what it writes: `mtlstream model import COPY`")
    command.add_argument("package", type=Path, help="folder of a package")
    command.add_argument("--decoder", type=Path, required=True, metavar="OUT", help="the --out of `decoder`")
    command.add_argument("--data", type=Path, required=True, help="folder with the corpora (training/data.md)")
    command.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain", help="vocabulary")
    command.add_argument("--version", required=True, help="of the decoder")
    command.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args()
    if options.command == "decoder":
        writing.train(options.package, options.data, options.cache, options.out, writing.Settings(seconds=options.seconds, threads=os.cpu_count() or 1))
        return
    if options.command == "attach":
        written.add(options.package, options.decoder, options.data, options.cache, options.out, options.version)
        return
    if options.command == "branch":
        torch.set_num_threads(os.cpu_count() or 1)
        branch.train(options.package, options.data, options.cache, options.out, branch.Settings(seconds=options.seconds))
        return
    if options.command == "grow":
        grow.run(options.package, options.branch, options.data, options.cache, options.out, options.version)
        return
    if options.command == "amend":
        amend.run(options.package, options.data, options.out)
        return
    if options.command == "embed":
        embed.add(options.package, options.data, options.cache, options.out, options.version)
        return
    if options.command == "average":
        average(runs.read(options.run), options.parts, options.cache, options.out)
        return
    run = _read(options.run, options)
    missing_descriptions(run)
    if options.command != "release":
        missing_weights(options.run)
    out = options.out or options.cache / "runs" / run.name
    if not options.data.is_dir():
        raise SystemExit(f"--data {options.data} does not exist; expected the folder with the corpora, which training/data.md names")
    if options.command == "release" and not (out / "model.pt").exists():
        raise SystemExit(f"{out / 'model.pt'} does not exist; `python3 -m mtltrain train {options.run} --data {options.data}` makes it")
    if options.slice and not options.out and options.command != "release":
        shutil.rmtree(out, ignore_errors=True)
    torch.set_num_threads(options.processes)
    options.device = ("cuda" if torch.cuda.is_available() else "cpu") if options.device == "auto" else options.device
    try:
        _carry_out(run, options, out)
    except FileNotFoundError as missing:
        if not missing.filename or options.data.resolve() not in Path(missing.filename).resolve().parents:
            raise
        raise SystemExit(f"{missing.filename} does not exist; expected a file of a corpus that training/data.md names") from None


def _carry_out(run: Run, options, out: Path) -> None:
    if options.command in ("train", "all"):
        train.train(_taught(run, options), options.data, options.cache, out, options.processes, device=options.device)
    if options.command in ("release", "all"):
        scores = release.release(run, options.data, options.cache, out / "model.pt", options.package or out / "package",
                                 options.results or out / "results", 40 if options.slice else options.most, 40 if options.slice else 0, options.unscored)
        print(json.dumps(scores.get("int8", {}), indent=1))


def average(run: Run, parts: list[str], cache: Path, out: Path) -> None:
    """Wortsman et al. 2022, "Model soups" (arXiv 2203.05482)."""
    total: dict[str, torch.Tensor] = {}
    shares = 0.0
    for part in parts:
        path, _, share = part.rpartition("=")
        if not path:
            raise SystemExit(f"found {part}, expected WEIGHTS=SHARE")
        model = train.build(run, cache)
        if untrained := initial.load(model, Path(path), pretrained.vocab(cache)):
            raise SystemExit(f"{path} has no head for {', '.join(untrained)}, which {run.name} has")
        shares += float(share)
        for name, tensor in model.state_dict().items():
            total[name] = total.get(name, 0) + float(share) * tensor
    if abs(shares - 1) > 1e-6:
        raise SystemExit(f"the shares add up to {shares:g}, expected 1")
    out.mkdir(parents=True, exist_ok=True)
    torch.save(total, out / "model.pt")


def missing_descriptions(run: Run) -> None:
    """Ends now, and not after hours of training, when the release would lack something about a task or a corpus."""
    lacking = [f"task {task}: {table}" for task in run.tasks
               for table, known in (("evaluate.SETS", evaluate.SETS), ("evaluate.METRICS", evaluate.METRICS), ("evaluate.FLOORS", evaluate.FLOORS),
                                    ("sources.TRAINED_ON", sources.TRAINED_ON), ("sources.TESTED_ON", sources.TESTED_ON)) if task not in known]
    lacking += [f"task {task.name}: evaluate.METRICS: found {evaluate.METRICS[task.name]}, a metric of {task.kind} is " + " or ".join(evaluate.METRICS_OF_KIND[task.kind])
                for task in TASKS if task.name in run.tasks and evaluate.METRICS.get(task.name) not in (None, *evaluate.METRICS_OF_KIND[task.kind])]
    lacking += [f"corpus {corpus}: sources.SOURCES" for corpus in run.corpora if corpus not in sources.SOURCES]
    if lacking:
        raise SystemExit(f"run {run.name} needs an entry for " + "; ".join(lacking))


def missing_weights(file: Path) -> None:
    """Ends now when the weights are not there that the run, or a teacher of it, goes on from."""
    run = runs.read(file)
    if run.initial and not Path(run.initial).exists():
        raise SystemExit(f"{file}: initial: {run.initial} does not exist; expected the model.pt of a run or the folder of a package")
    for teacher in run.teachers:
        missing_weights(file.parent / teacher)


def _read(path: Path, options) -> Run:
    run = runs.read(path)
    return runs.sliced(run, options.slice) if options.slice else run


def _taught(run: Run, options) -> Run:
    """The run with its teachers' labels, which are made first unless they are there."""
    if not run.teachers and not run.teach_itself:
        return run
    models = [_teacher(file, options) for file in run.teachers]
    if run.initial:
        models.append(_model(run, Path(run.initial), options))
    torch.set_num_threads(options.processes)
    asked = json.dumps([[vars(_read(options.run.parent / file, options)) for file in run.teachers], run.initial and train.checksum(Path(run.initial)),
                        dataset.fingerprint(options.data), run.corpora, run.corpus_rows, run.crop,
                        dataset.review_checksum(options.data, run)])
    labels = options.cache / "runs" / f"said-{run.name}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"
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
        train.train(_taught(teacher, options), options.data, options.cache, out, options.processes, device=options.device)
    return _model(teacher, out / "model.pt", options)


def _model(run: Run, path: Path, options) -> MultitaskModel:
    model = train.build(run, options.cache)
    for task in initial.load(model, path, pretrained.vocab(options.cache), unknown=True):
        del model.tasks[task]  # whose head knows nothing yet
    return model.to(options.device)


if __name__ == "__main__":
    main()
