"""Scores of the tasks that are not labels: answers, vectors, replies, summaries. Each with what it is made of; the first one counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import dataset, encoding, questions, shortening, tokenizer, vectors
from .corpora import Example
from .encoding import Row
from .evaluate import predict, softmax
from .model import MultitaskModel
from .readers import CORPORA
from .shortening import KEEP, rouge1

LONG_SENTENCE = 40    # characters
LONGEST_ANSWER = 30   # tokens
OVERLAP = 32          # tokens that neighbouring windows of a long text share, as in the package


def own(model: MultitaskModel, task: str, data: Path, cache: Path, vocab: Path, part: str, limit: int, most: int = 0) -> dict[str, float]:
    return rounded(_MEASURES[task](model, data, cache, vocab, part, limit, most))


def rounded(values: dict) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in values.items()}


# --- answers ----------------------------------------------------------------------------------------------------------

def answers(model, data: Path, cache: Path, vocab: Path, part: str, limit: int, most: int = 0) -> dict[str, float]:
    """F1 over the answered questions of each corpus, as SQuAD counts it, and how often it is told whether there is an answer, in equal shares."""
    scores, told = {}, []
    for name in ("answers", "qamr"):
        examples = dataset.thinned(CORPORA[name](data, part), most)
        given = said(model, examples, tokenizer.of(vocab), limit)
        asked = [example for example in examples if example.answers]
        right = [questions.f1(found, [e.text[a:b] for a, b in e.answers]) for e, found in zip(examples, given) if e.answers]
        answered = np.mean([bool(found) for e, found in zip(examples, given) if e.answers])
        silent = [not found for e, found in zip(examples, given) if not e.answers]
        scores[name] = float(np.mean(right)) if asked else 0.0
        told.append((answered + np.mean(silent)) / 2 if silent else answered)
    return {"f1": float(np.mean(list(scores.values()))), **scores, "told": float(np.mean(told))}


@dataclass(frozen=True)
class Answer:
    """The best span of a text, and how much likelier it is than none: the logarithm of the odds."""

    text: str
    margin: float


def best_spans(model: MultitaskModel, examples: list[Example], pieces: tokenizer.Tokenizer, limit: int) -> list[Answer]:
    """Of each example's question, over all windows of its text."""
    texts, asked = pieces.texts(e.text for e in examples), pieces.texts(e.question for e in examples)
    found = [encoding.windows(question, text, limit) for question, text in zip(asked, texts)]
    logits = iter(predict(model, [window.row for part in found for window in part], ["answer"])["answer"])
    result = []
    for example, tokens, part in zip(examples, texts, found):
        margin, first, last, window = max(((*_span(next(logits), window), window) for window in part), key=lambda span: span[0])
        if first < 0:
            result.append(Answer("", margin))
            continue
        begin, end = (tokens.words[_word_at(tokens, window.offset + place)] for place in (first, last))
        result.append(Answer(example.text[begin[0]:end[1]], margin))
    return result


def _word_at(tokens: tokenizer.Tokens, token: int) -> int:
    return int(np.flatnonzero((tokens.firsts >= 0) & (tokens.firsts <= token))[-1])


def said(model: MultitaskModel, examples: list[Example], pieces: tokenizer.Tokenizer, limit: int, margin: float = 0.0) -> list[str]:
    """The answer of each example's question; "" where no span is better than none by `margin`."""
    return [found.text if found.margin > margin else "" for found in best_spans(model, examples, pieces, limit)]


def best_margin(model: MultitaskModel, data: Path, vocab: Path, limit: int, most: int = 0) -> float:
    """The margin at which dev tells best whether there is an answer, answered questions and others in equal shares."""
    examples = [e for name in ("answers", "qamr") for e in dataset.thinned(CORPORA[name](data, "dev"), most)]
    margins = np.array([found.margin for found in best_spans(model, examples, tokenizer.of(vocab), limit)])
    answered = np.array([bool(e.answers) for e in examples])
    told = lambda margin: (margins[answered] > margin).mean() + (margins[~answered] <= margin).mean()
    return round(float(max(np.arange(-6, 6.01, 0.25), key=told)), 2)


def _span(logits: np.ndarray, window: encoding.Window) -> tuple[float, int, int]:
    """How much likelier the best span is than none, and its first and last token of the window's part of the text."""
    start, end = (values - np.logaddexp.reduce(values) for values in logits.T)
    inside = slice(window.first, window.first + window.count)
    pairs = start[inside][:, None] + end[inside][None]
    places = np.arange(window.count)
    long = places[None] - places[:, None]
    pairs = np.where((long >= 0) & (long < LONGEST_ANSWER), pairs, -np.inf)
    if not pairs.size:
        return -np.inf, -1, -1
    at = int(pairs.argmax())
    return float(pairs.flat[at] - start[0] - end[0]), at // window.count, at % window.count


# --- vectors ----------------------------------------------------------------------------------------------------------

def embedding(model, data: Path, cache: Path, vocab: Path, part: str, limit: int, most: int = 0) -> dict[str, float]:
    """Against the teacher's: rank correlation of the likeness of pairs, mean cosine, and how often its nearest text is among the five nearest."""
    rows = dataset.rows(data, cache, vocab, "texts", "dev", limit)
    target = dataset.thinned(list(vectors.targets(data, "dev", cache)), most)
    rows, target = dataset.thinned(rows, most), np.array(target, np.float32)
    return agreement(np.stack(predict(model, rows, ["embedding"])["embedding"]), target)


def agreement(found: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Of vectors with their teacher's, both [texts, size] and of length 1."""
    mine, theirs = found @ found.T, target @ target.T
    above = np.triu_indices(len(found), 1)
    np.fill_diagonal(mine, -1)
    np.fill_diagonal(theirs, -1)
    nearest = theirs.argmax(1)
    among = (np.argsort(-mine, axis=1)[:, :5] == nearest[:, None]).any(1)
    return {"likeness": spearman(mine[above], theirs[above]), "cosine": float((found * target).sum(1).mean()), "nearest": float(among.mean())}


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of the ranks; ties have the ranks that their order gives."""
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


# --- replies ----------------------------------------------------------------------------------------------------------

def reply(model, data: Path, cache: Path, vocab: Path, part: str, limit: int, most: int = 0) -> dict[str, float]:
    """How often what was said next is the best of ten, and of a hundred, others drawn from the same part."""
    rows = dataset.thinned(dataset.rows(data, cache, vocab, "replies", part, limit), most)
    first = np.stack([v[0] for v in predict(model, rows, ["reply"])["reply"]])
    second = np.stack([v[1] for v in predict(model, [row.reply for row in rows], ["reply"])["reply"]])
    draw, texts = np.random.default_rng(7), [row.reply.ids.tobytes() for row in rows]
    result = {}
    for among in (10, 100):
        right = 0
        for i in range(len(rows)):
            others = draw.choice(len(rows), min(2 * among, len(rows)), replace=False)
            others = [j for j in others if texts[j] != texts[i]][:among - 1]
            right += bool((first[i] @ second[i] > first[i] @ second[others].T).all())
        result[f"of{among}"] = right / len(rows)
    return result


# --- summaries --------------------------------------------------------------------------------------------------------

def summary(model, data: Path, cache: Path, vocab: Path, part: str, limit: int, most: int = 0) -> dict[str, float]:
    """ROUGE-1 of the best sentence of SciTLDR's abstracts, by its words' mean score, beside that of the first sentence."""
    lines = (data / f"scitldr/SciTLDR-Data/SciTLDR-A/{part}.jsonl").read_text(encoding="utf-8").splitlines()
    abstracts = dataset.thinned([json.loads(line) for line in lines], most)
    examples = [shortening.sentences_of(abstract["source"], abstract["source_labels"]) for abstract in abstracts]
    tokens = tokenizer.of(vocab).texts(e.text for e in examples)
    scores = kept_shares(model, [encoding.row(t, dataset.LONG) for t in tokens], "summary", limit)
    best, lead = [], []
    for abstract, example, t, kept in zip(abstracts, examples, tokens, scores):
        firsts = np.array([a for a, _ in t.words])
        means = [kept[t.firsts[(firsts >= a) & (firsts < b)] + 1].mean() if ((firsts >= a) & (firsts < b)).any() else 0.0 for a, b, _ in example.labels["summary"]]
        references = abstract["target"]
        best.append(max(rouge1(abstract["source"][int(np.argmax(means))], r) for r in references))
        lead.append(max(rouge1(abstract["source"][0], r) for r in references))
    return {"rouge1": float(np.mean(best)), "lead": float(np.mean(lead))}


def kept_shares(model: MultitaskModel, rows: list[Row], task: str, limit: int) -> list[np.ndarray]:
    """P(keep) of every token of rows of any length, by windows as the package has them; where two see a token, their mean."""
    flat, starts = [], []
    for row in rows:
        at = [1]
        while at[-1] + limit - 2 < len(row) - 1:
            at.append(at[-1] + limit - 2 - OVERLAP)
        starts.append(at)
        flat += [_part(row, start, limit) for start in at]
    logits, result = iter(predict(model, flat, [task])[task]), []
    for row, at in zip(rows, starts):
        total, seen = np.zeros(len(row)), np.zeros(len(row))
        for start in at:
            kept = softmax(next(logits))[1:-1, KEEP]
            total[start:start + len(kept)] += kept
            seen[start:start + len(kept)] += 1
        result.append(total / np.maximum(seen, 1))
    return result


def _part(row: Row, start: int, limit: int) -> Row:
    stop = min(start + limit - 2, len(row) - 1)
    join = lambda a: np.concatenate([a[:1], a[start:stop], a[-1:]])
    return Row(join(row.ids), join(row.cases), row.firsts)


# --- languages --------------------------------------------------------------------------------------------------------

def language(model, data: Path, cache: Path, vocab: Path, part: str, limit: int, most: int = 0) -> dict[str, float]:
    """Share of the sentences whose language is told; apart, those of at least 40 characters and shorter ones."""
    examples = dataset.thinned(CORPORA["languages"](data, part), most)
    rows = encoding.encode(tokenizer.of(vocab), examples, limit)
    found = np.stack(predict(model, rows, ["language"])["language"]).argmax(-1)
    right = found == np.array([e.labels["language"] for e in examples])
    long = np.array([len(e.text) >= LONG_SENTENCE for e in examples])
    return {"accuracy": right.mean(), "long": right[long].mean() if long.any() else 0.0, "short": right[~long].mean() if (~long).any() else 0.0}


def identity(model, data: Path, vocab: Path, limit: int) -> dict[str, float]:
    """Of the made sentences about groups that training has not seen: how often one of identity is called offensive, how often an insult is."""
    examples = CORPORA["identity"](data, "dev")
    rows = encoding.encode(tokenizer.of(vocab), examples, limit)
    found = np.stack(predict(model, rows, ["offensive"])["offensive"]).argmax(-1)
    insult = np.array([e.labels["offensive"] == 1 for e in examples])
    return {"identity": found[~insult].mean(), "insults": found[insult].mean()}


_MEASURES = {"language": language, "answer": answers, "embedding": embedding, "reply": reply, "summary": summary}
OWN = tuple(_MEASURES)
