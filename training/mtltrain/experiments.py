"""The comparisons of REPORT.md, on slices: python3 -m mtltrain.experiments NAME --data DATA

Every result is one line of `results/experiments/NAME.jsonl`; a line that is there already is not computed again, so an interrupted
comparison goes on. `report.py` turns the lines into tables.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from . import dataset, distill, evaluate, graphs, initial, pretrained, release, run as runs
from .readers import CORPORA
from .losses import unit_losses
from .run import Run
from .sampling import collate
from .sources import TRAINED_ON
from .tasks import USUAL
from .train import build, train

NAMES = list(USUAL)
NEEDS_WEIGHTS = ("distillation", "affinity", "serving")  # measured on, or taught by, a trained model
CORPUS_OF = {task: ["ewt" if c == "uner" else c for c in corpora] for task, corpora in TRAINED_ON.items()}


class Ledger:
    """The lines of one experiment."""

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def has(self, **key) -> bool:
        return any(all(line.get(k) == v for k, v in key.items()) for line in self.lines)

    def add(self, **line) -> None:
        self.lines.append(line)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def measured(run: Run, options) -> tuple[dict[str, float], dict]:
    """Trains in a scratch folder and scores `--rows` rows of every dev set; (scores, summary)."""
    out = options.cache / "experiments" / run.name
    shutil.rmtree(out, ignore_errors=True)
    began = time.time()
    model, summary = train(replace(run, evaluate_every=10**9, checkpoint_every=10**9, final_rows=1), options.data, options.cache, out, options.processes)
    model.eval()
    scores = evaluate.scores(model, options.data, options.cache, pretrained.vocab(options.cache), "dev", run.tasks, run.limit, options.rows, amp=True)
    shutil.rmtree(out, ignore_errors=True)
    return {t: round(v, 5) for t, v in scores.items()}, {"seconds": round(time.time() - began), "tokens": summary["tokens"], "steps": run.steps}


def base(options, seed: int, name: str) -> Run:
    run = runs.read(options.run)
    return replace(run, name=name, seed=seed, steps=options.steps, label_share=options.share, quantized_share=0.0, teachers=[], initial="", lexical={})


def alone(run: Run, task: str, share: float) -> Run:
    """The same run with one task and the corpora that carry it: as many steps, each with the tokens of that task in the mixed run's step."""
    return replace(run, name=f"{run.name}-{task}", tasks=[task], micro_batches=2, padded_tokens=round(run.padded_tokens * run.micro_batches / 2 * share),
                   corpora={c: run.corpora.get(c, {}) for c in CORPUS_OF[task]})


def token_shares(run: Run, options) -> dict[str, float]:
    """Share of a mixed run's tokens that each task's corpora get, so that single-task runs get the same budget."""
    sampler = dataset.sampler(run, options.data, options.cache, pretrained.vocab(options.cache))
    mean = {c.name: w * np.mean([min(len(r), run.crop) for r in c.rows]) for c, w in zip(sampler.corpora, sampler.weights)}
    return {task: sum(mean[c] for c in CORPUS_OF[task]) / sum(mean.values()) for task in run.tasks}


def single(options, ledger: Ledger) -> None:
    """The multitask model against one model per task: same encoder, labels, steps and number of tokens per task."""
    for seed in range(1, options.seeds + 1):
        run = base(options, seed, f"single-{seed}")
        shares = token_shares(run, options)
        if not ledger.has(setting="multitask", seed=seed):
            scores, cost = measured(run, options)
            ledger.add(setting="multitask", seed=seed, scores=scores, **cost)
        for task in run.tasks:
            if not ledger.has(setting="single", seed=seed, task=task):
                scores, cost = measured(alone(run, task, shares[task]), options)
                ledger.add(setting="single", seed=seed, task=task, scores=scores, **cost)


def weighting(options, ledger: Ledger) -> None:
    for seed in range(1, options.seeds + 1):
        for method in ("equal", "uncertainty", "dwa", "pcgrad"):
            if not ledger.has(setting=method, seed=seed):
                scores, cost = measured(replace(base(options, seed, f"{method}-{seed}"), weighting=method, factors={}), options)
                ledger.add(setting=method, seed=seed, scores=scores, **cost)


def distillation(options, ledger: Ledger) -> None:
    """A slice without a teacher, with one for the labels that it has, and with one for every text. The teacher (`--initial`) knew all labels."""
    labels = options.cache / "experiments/labels"
    for seed in range(1, options.seeds + 1):
        run = replace(base(options, seed, f"distillation-{seed}"), label_share=1.0, corpus_rows=options.corpus_rows)
        if seed == 1:
            shutil.rmtree(labels, ignore_errors=True)
            teacher = build(run, options.cache)
            initial.load(teacher, Path(options.initial), pretrained.vocab(options.cache))
            distill.write([teacher], run, options.data, options.cache, pretrained.vocab(options.cache), labels)
        for setting, changes in (("labels only", {}), ("teacher for labelled tasks", {"said": str(labels), "teacher_others": 0.0}),
                                 ("teacher for every task", {"said": str(labels)})):
            if not ledger.has(setting=setting, seed=seed):
                scores, cost = measured(replace(run, **changes), options)
                ledger.add(setting=setting, seed=seed, scores=scores, **cost)


def lowresource(options, ledger: Ledger) -> None:
    """Entities with few labels, alone and beside the other tasks; the sentences of the treebank keep their tags."""
    for seed in range(1, options.seeds + 1):
        for share in (0.02, 0.05, 0.1, 1.0):
            run = base(options, seed, f"low-{share}-{seed}")
            corpora = {c: {**o, "entity_share": share} if c in CORPUS_OF["entities"] or c == "ewt" else o for c, o in run.corpora.items()}
            run = replace(run, corpora=corpora)
            budget = token_shares(base(options, seed, "low"), options)["entities"]
            for setting, one in (("alone", alone(run, "entities", budget)), ("with others", run)):
                if not ledger.has(setting=setting, share=share, seed=seed):
                    scores, cost = measured(one, options)
                    ledger.add(setting=setting, share=share, seed=seed, scores={"entities": scores["entities"]}, **cost)


def affinity(options, ledger: Ledger) -> None:
    """Look-ahead affinity (Fifty et al. 2021, arXiv 2109.04617): 1 - L_j(after a step along task i) / L_j(before).

    From a model trained for a while (`--initial`), over `--batches` pairs of batches: the step along texts it learns from, the loss on others; positive: i helps j.
    """
    run = base(options, 1, "affinity")
    vocab = pretrained.vocab(options.cache)
    model = build(run, options.cache)
    initial.load(model, Path(options.initial), vocab)
    model.eval()
    parameters = [p for n, p in model.named_parameters() if n.startswith("encoder.layers")]
    short = lambda found, t: [r for r in found if t in r.labels and 4 < len(r) <= run.crop]
    learnt = {t: short((r for c in CORPUS_OF[t] for r in dataset.rows(options.data, options.cache, vocab, c, "train", dataset.LONG)), t) for t in NAMES}
    others = {t: short(evaluate.labelled(options.data, options.cache, vocab, t, "dev", run.limit), t) for t in NAMES}
    generator = np.random.default_rng(1)
    draw = lambda rows, count: collate([rows[i] for i in generator.choice(len(rows), count, replace=False)])

    def loss(task: str, batch) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = model.encode(model.encoder.words(batch.ids), batch.cases, batch.mask)
            at = batch.rows[task]
            return unit_losses(model.tasks[task].kind, model.head(task, hidden[at], batch.mask[at]), batch.labels[task]).mean()

    for number in range(options.batches):
        step, seen = {t: draw(learnt[t], 32) for t in NAMES}, {t: draw(others[t], 64) for t in NAMES}
        if ledger.has(batch=number):
            continue
        with torch.no_grad():
            before = {t: float(loss(t, seen[t])) for t in NAMES}
        matrix = {}
        for source in NAMES:
            gradients = torch.autograd.grad(loss(source, step[source]), parameters)
            norm = float(torch.sqrt(sum(g.pow(2).sum() for g in gradients)))
            with torch.no_grad():
                for p, g in zip(parameters, gradients):
                    p.sub_(g, alpha=options.length / norm)
                matrix[source] = {t: round(1 - float(loss(t, seen[t])) / before[t], 6) for t in NAMES}
                for p, g in zip(parameters, gradients):
                    p.add_(g, alpha=options.length / norm)
        ledger.add(batch=number, weights="/".join(options.initial.parts[-2:]), affinity=matrix)


def serving(options, ledger: Ledger) -> None:
    """Processor time of the exported CPU graph: all heads in one pass, and one graph per task, on the same sentences."""
    model = build(base(options, 1, "serving"), options.cache)
    vocab = pretrained.vocab(options.cache)
    initial.load(model, Path(options.initial), vocab)
    model.eval()
    release.fit_int8(model, base(options, 1, "serving"), options.data, options.cache, vocab, 40)
    rows = dataset.rows(options.data, options.cache, vocab, "ewt", "dev", 256)
    text = "".join(json.dumps({"ids": r.ids.tolist(), "cases": r.cases.tolist()}) + "\n" for r in rows)
    every = model.tasks
    for repeat in range(options.seeds):
        for setting in ["all tasks", *every]:
            if ledger.has(setting=setting, repeat=repeat):
                continue
            model.tasks = every if setting == "all tasks" else {setting: every[setting]}
            with tempfile.TemporaryDirectory() as folder:
                graphs.write(model, Path(folder), {})
                done = subprocess.run(["node", str(Path(__file__).parents[1] / "run-onnx.mjs"), f"{folder}/model.cpu.onnx"], input=text,
                                      capture_output=True, text=True, check=True)
            ledger.add(setting=setting, repeat=repeat, **json.loads(done.stderr.strip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="mtltrain.experiments", description=__doc__)
    parser.add_argument("name", choices=["single", "weighting", "distillation", "lowresource", "affinity", "serving"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/mtltrain")
    parser.add_argument("--results", type=Path, default=Path("results/experiments"))
    parser.add_argument("--run", type=Path, default=Path("runs/slices.toml"))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--share", type=float, default=0.2, help="of the labels of every training corpus")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=500, help="of each dev set that are scored")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--initial", type=Path, help="affinity, serving, distillation: weights to measure on, or to learn from: a run's model.pt or the folder of a package")
    parser.add_argument("--corpus-rows", type=int, default=1500, help="distillation: about so many of every training corpus")
    parser.add_argument("--batches", type=int, default=64, help="affinity: pairs of them")
    parser.add_argument("--length", type=float, default=0.02, help="affinity: length of the step")
    options = parser.parse_args()
    if options.name in NEEDS_WEIGHTS and not options.initial:
        parser.error(f"{options.name} needs --initial MODEL: a run's model.pt or the folder of a package, such as ../models/mtlstream-en")
    assert set(CORPUS_OF) == set(NAMES) and all(c in CORPORA for cs in CORPUS_OF.values() for c in cs)
    torch.set_num_threads(options.processes)
    globals()[options.name](options, Ledger(options.results / f"{options.name}.jsonl"))


if __name__ == "__main__":
    main()
