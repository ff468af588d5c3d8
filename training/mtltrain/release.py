"""From a trained `model.pt` to a package: calibration on dev, scores on test, graphs, golden outputs, reference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from . import calibrate, card, dataset, encoding, evaluate, fairness, lexical, package, pretrained, tokenizer
from .corpora import ewt_raw
from .evaluate import METRICS, Adjustment, adjusted, labelled, predict, sigmoid, softmax
from .model import VECTOR_KINDS, Matrix, MultitaskModel, TokenHead
from .quantize import fix_spans, smooth
from .run import Run
from .sources import TESTED_ON
from .tasks import UPOS
from .train import build
from .tokenizer import UNK

# Upper bounds of the reference's text lengths.
_LENGTHS = [8, 16, 32, 64, 128, 256, 512]


def release(run: Run, data: Path, cache: Path, trained: Path, folder: Path, results: Path, most: int = 0, dev_most: int = 0, unscored: bool = False) -> dict:
    """Writes the package into `folder`, and the scores into `results`/scores-NAME-VERSION.json.

    `most`: score at most about this many rows of each test set, and only in int8 (0: all, in fp32 too). `dev_most`: the same for all that is fitted, for slices alone.
    `unscored`: leave the test sets to `mtlstream model eval` and `stamp.py`.
    """
    vocab = pretrained.vocab(cache)
    model = build(run, cache)
    model.load_state_dict(torch.load(trained, map_location="cpu"))
    model.eval()
    fit_int8(model, run, data, cache, vocab, 40 if dev_most else 400)
    model.set_quantized(True)
    for task, pieces in run.lexical.items():
        taught = [row for name, options in run.corpora.items() for row in dataset.rows(data, cache, vocab, name, "train", dataset.LONG, dev_most and 400, options)
                  if len(row) > 2 and task in row.labels]
        dev = labelled(data, cache, vocab, task, "dev", run.limit, dev_most)
        gain = lexical.add(model, task, taught, dev, predict(model, dev, [task])[task], pieces)
        print(f"{task}: a table of {pieces} pieces beside the head, gain {gain}", flush=True)
    adjustments = calibrate.fit(model, data, cache, vocab, run.limit, dev_most)
    scores: dict[str, dict] = {}
    for precision in () if unscored else ("int8",) if most else ("fp32", "int8"):
        model.set_quantized(precision == "int8")
        scores[precision] = test_scores(model, data, cache, vocab, run, adjustments, most)
        print(precision, json.dumps(scores[precision]), flush=True)
    model.set_quantized(True)
    biases = fairness.measure(model, vocab, run.limit, adjustments) if set(fairness.TASKS) <= set(run.tasks) else None
    reference = dev_reference(model, data, cache, vocab, run, adjustments, dev_most or 300)
    part = f", about {most} rows at most" if most else ""
    shown = {task: {metric: {"value": value, "set": ("UD English-EWT test, raw text" if metric in ("wordsF1", "uposF1") else TESTED_ON[task]) + part}
                    for metric, value in values.items()} for task, values in scores.get("int8", {}).items()}
    results.mkdir(parents=True, exist_ok=True)
    (results / f"scores-{run.name}-{run.version}.json").write_text(json.dumps(
        {"run": vars(run), "rowsAtMost": most, "test": scores, "fairness": biases, "adjustments": {t: _plain(a) for t, a in adjustments.items()}}, indent=1) + "\n")
    package.write(model, folder, run, vocab, adjustments, shown, reference)
    if not unscored:
        card.write(folder, results)
    return scores


def fit_int8(model: MultitaskModel, run: Run, data: Path, cache: Path, vocab: Path, per_corpus: int) -> None:
    """Brings the largest channels down and sets the bounds of what enters every matrix, by about so many training texts of every corpus."""
    layers = model.encoder.layers
    widest = [m for layer in layers for m in (layer.ff1, layer.ff2)] + [h.dense for h in model.heads.values() if isinstance(h, TokenHead)]
    rows = _mixed(run, data, cache, vocab, "train", run.limit, per_corpus)
    smooth(widest, lambda: predict(model, rows, list(model.tasks)))
    fix_spans([m for m in model.modules() if isinstance(m, Matrix)], lambda: predict(model, rows, list(model.tasks)))


def _mixed(run: Run, data: Path, cache: Path, vocab: Path, part: str, limit: int, per_corpus: int) -> list:
    """Rows of the run's corpora in equal parts, as far as its tasks are scored on them; where they are not, of those that its tasks are scored on."""
    scored = dict.fromkeys(corpus for task in run.tasks for corpus in evaluate.SETS[task])
    names = [name for name in run.corpora if part == "train" and name == "review" or name in scored] or list(scored)
    found = []
    for name in names:
        rows = dataset.rows(data, cache, vocab, name, part, limit, per_corpus, run.corpora.get(name, {}))
        even = np.unique(np.linspace(0, len(rows) - 1, min(per_corpus, len(rows))).astype(int))
        found += [rows[i] for i in even if len(rows[i]) > 2]
    return found


def _plain(a: Adjustment) -> dict:
    return {"bias": None if a.bias is None else np.round(a.bias, 4).tolist(), "temperature": round(a.temperature, 4),
            "thresholds": np.round(a.thresholds, 4).tolist(), "threshold": a.threshold}


def test_scores(model: MultitaskModel, data: Path, cache: Path, vocab: Path, run: Run, adjustments: dict[str, Adjustment],
                most: int = 0) -> dict:
    """Every task's metric on its test set, and what else is asked of it; fractions."""
    plain = evaluate.scores(model, data, cache, vocab, "test", run.tasks, run.limit, most, adjustments)
    result = {task: {METRICS[task]: round(value, 5)} for task, value in plain.items()}
    if "pos" in run.tasks:
        words, upos = raw_text(model, data, vocab, run.limit, most)
        result["pos"] |= {"wordsF1": round(words, 5), "uposF1": round(upos, 5)}
    if "intent" in run.tasks:
        inside, outside = calibrate.scope_probabilities(model, data, cache, vocab, run.limit, "test", adjustments["intent"], most)
        threshold = adjustments["intent"].threshold
        truth = np.array([row.labels["intent"] for row in labelled(data, cache, vocab, "intent", "test", run.limit, most)])
        result["intent"] |= {
            "outOfScopeRecall": round(float((outside.max(-1) < threshold).mean()), 5),
            "accuracyAboveThreshold": round(float(((inside.argmax(-1) == truth) & (inside.max(-1) >= threshold)).mean()), 5)}
    return result


def raw_text(model: MultitaskModel, data: Path, vocab: Path, limit: int, most: int = 0) -> tuple[float, float]:
    """(Words F1, UPOS F1) on raw EWT test, sentence by sentence: a word counts when both its ends are right.

    A treebank word that is no substring of its token keeps the token's range, so it can never be matched twice.
    """
    right = tagged = gold_count = found_count = 0
    sentences = dataset.thinned(ewt_raw(data, "test"), most)
    tokenized = tokenizer.of(vocab).texts(text for text, _ in sentences)
    rows = [encoding.row(tokens, limit) for tokens in tokenized]
    logits = predict(model, rows, ["pos"])["pos"]
    for (_, truth), tokens, row, values in zip(sentences, tokenized, rows, logits):
        tags = {(a, b): UPOS[int(values[place].argmax())] if place >= 0 else "X" for (a, b), place in zip(tokens.words, row.firsts)}
        right += len({(a, b) for a, b, _ in truth} & set(tags))
        tagged += len(set(truth) & {(a, b, tag) for (a, b), tag in tags.items()})
        gold_count += len(truth)
        found_count += len(tokens.words)
    total = gold_count + found_count
    return 2 * right / total, 2 * tagged / total


def dev_reference(model: MultitaskModel, data: Path, cache: Path, vocab: Path, run: Run, adjustments: dict[str, Adjustment],
                  per_corpus: int = 300) -> dict:
    """What the model says about a mixture of all dev sets, in equal parts, as the worker counts it for drift.

    Shares of the labels and of the confidences in ten equal bins, of a long text those of its first window; of the lengths of the whole texts, and of tokens
    that the vocabulary lacks.
    """
    rows = _mixed(run, data, cache, vocab, "dev", run.limit, per_corpus)
    whole = _mixed(run, data, cache, vocab, "dev", dataset.LONG, per_corpus)
    logits = predict(model, rows, run.tasks)
    lengths = np.array([len(row) - 2 for row in whole])
    ids = np.concatenate([row.ids[1:-1] for row in whole])
    tasks = {}
    for name, task in model.tasks.items():
        if task.kind in VECTOR_KINDS or task.kind == "answer_span":
            continue  # not watched for drift
        a = adjustments[name]
        if task.per_token:
            found = [softmax(adjusted(v[row.firsts[(row.firsts > 0) & (row.firsts < len(row) - 1)]], a)) for v, row in zip(logits[name], rows)]
            best = np.concatenate([p.argmax(-1) for p in found])
            confidence = np.array([p.max(-1).mean() for p in found if len(p)])
        else:
            values = adjusted(np.stack(logits[name]), a)
            p = sigmoid(values) if task.kind == "multi_label" else softmax(values)
            confidence = p.max(-1)
            best = np.nonzero(p >= np.array(a.thresholds))[1] if task.kind == "multi_label" else p.argmax(-1)[confidence >= (a.threshold or 0)]
        counts = np.bincount(best, minlength=len(task.labels)) / max(1, len(best))
        bins = np.histogram(confidence, bins=10, range=(0, 1))[0] / len(confidence)
        tasks[name] = {"labels": {label: round(float(c), 5) for label, c in zip(task.labels, counts)}, "confidence": np.round(bins, 5).tolist()}
    tokens = np.bincount(np.searchsorted(_LENGTHS, lengths), minlength=len(_LENGTHS) + 1) / len(rows)
    return {"events": len(rows), "text": {"tokens": np.round(tokens, 5).tolist(), "unknownShare": round(float((ids == UNK).mean()), 6)}, "tasks": tasks}
