"""Tokenized corpora, kept in a cache folder between runs."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import sys
from pathlib import Path

from . import corpora, encoding, readers, tasks, tokenizer, vectors
from .corpora import sample
from .encoding import Row, encode
from .run import Run
from .sampling import Corpus, Sampler

LONG = 4096  # tokens kept of a training text before it is cut into windows


def rows(data: Path, cache: Path, vocab: Path, name: str, part: str, limit: int, most: int = 0, options: dict | None = None) -> list[Row]:
    """One corpus part as rows; read from `cache` unless the code, the tokenizer, the files or the limit changed. `most`: about that many, evenly drawn.

    `options`: what the run's file says of the corpus.
    """
    if name == "review":  # people work on that file, so nothing of it is kept
        found = corpora.review(data / options["path"], part, tokenizer.of(vocab), options.get("text", "/text"))
        return encode(tokenizer.of(vocab), thinned(found, most), limit)
    code = hashlib.sha256((fingerprint(data) + tokenizer.fingerprint(vocab)).encode())
    for module in (corpora.__name__, readers.module(name), encoding.__name__, tasks.__name__, tokenizer.__name__):
        code.update(Path(sys.modules[module].__file__).read_bytes())
    path = cache / "rows" / f"{name}-{part}-{limit}-{code.hexdigest()[:12]}.pickle"
    if path.exists():
        return thinned(pickle.loads(path.read_bytes()), most)
    found = encode(tokenizer.of(vocab), thinned(_examples(data, name, part), most), limit)
    if most:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(pickle.dumps(found))
    unfinished.replace(path)
    return found


@functools.cache
def fingerprint(data: Path) -> str:
    """Changes with every file below the folder, as far as its size or its time tell; read once in a process."""
    paths = [Path(folder, name) for folder, _, names in os.walk(data.resolve(), followlinks=True) for name in names]
    files = sorted((str(path), stat.st_size, stat.st_mtime_ns) for path in paths if path.is_file() for stat in [path.stat()])
    return hashlib.sha256(repr(files).encode()).hexdigest()


def review_checksum(data: Path, run: Run) -> str:
    """Of the file that people work on, which may lie anywhere; empty where the run has none."""
    options = run.corpora.get("review")
    return hashlib.sha256((data / options["path"]).read_bytes()).hexdigest() if options else ""


def thinned(items: list, most: int) -> list:
    """About `most` of the items, evenly drawn; all when 0."""
    return items[:: max(1, len(items) // most)] if most else items


def _examples(data: Path, name: str, part: str):
    if name == "clinc_outside":
        return corpora.clinc_outside(data, part)
    if name == "uner":
        return corpora.uner(data, part)
    return readers.CORPORA[name](data, part)


def sampler(run: Run, data: Path, cache: Path, vocab: Path) -> Sampler:
    members = []
    for name, options in run.corpora.items():
        # Questions are asked of windows already: cut again, they would lose their own.
        found = rows(data, cache, vocab, name, "train", run.crop if name in readers.ASKED else LONG, run.corpus_rows, options)
        if run.said and name not in readers.UNTAUGHT:
            _attach(found, Path(run.said) / f"{name}.pickle")
        if name == "texts":
            attach_vectors(found, data, "train", cache, run.corpus_rows)
        found = [row for row in found if len(row) > 2 and (set(row.labels) | set(row.soft) | ({"reply"} if row.reply else set())) & set(run.trained)]
        if found:
            found = sample(found, run.label_share * options.get("share", 1.0), run.seed)
        boost, size, rest = options.get("boost", 1.0), len(found), []
        if "entity_share" in options:  # what keeps its labels is drawn as often as if all had kept them
            found, rest = _fewer_entities(found, options["entity_share"], run)
        if found:
            members.append(Corpus(name, found, boost, run.crop, run.seed, size, apart=name == "replies"))
        if rest:
            members.append(Corpus(f"{name} without entities", rest, boost, run.crop, run.seed))
    return Sampler(members, run.alpha, run.padded_tokens, run.max_rows, run.seed)


def attach_vectors(found: list[Row], data: Path, part: str, cache: Path, most: int = 0) -> None:
    """Gives every text the vector that it is taught to have."""
    vectors_of = thinned(list(vectors.targets(data, part, cache)), most)
    if len(vectors_of) != len(found):
        raise ValueError(f"texts, {part}: vectors of {len(vectors_of)} texts, the corpus has {len(found)}")
    for row, vector in zip(found, vectors_of):
        row.soft["embedding"] = vector


def _attach(found: list[Row], path: Path) -> None:
    """Gives every row what a teacher said about it (`distill.py`)."""
    if not path.exists():
        raise ValueError(f"the teacher's labels are missing: {path}; `python3 -m mtltrain all` writes them")
    soft = pickle.loads(path.read_bytes())
    if len(soft) != len(found):
        raise ValueError(f"{path}: labels of {len(soft)} texts, the corpus has {len(found)}; remove the folder to label again")
    for row, probabilities in zip(found, soft):
        # What was said of tokens is left out where the text has other tokens since.
        row.soft |= {task: said for task, said in probabilities.items() if said.ndim == 1 or len(said) == len(row)}


def _fewer_entities(found: list[Row], share: float, run: Run) -> tuple[list[Row], list[Row]]:
    """(A share of the rows with entity labels, the other rows without theirs); rows that have no label left are dropped."""
    kept = sample([row for row in found if "entities" in row.labels], share, run.seed)
    known, rest = {id(row) for row in kept}, []
    for row in found:
        labels = {task: label for task, label in row.labels.items() if task != "entities"}
        if id(row) not in known and set(labels) & set(run.trained):
            rest.append(Row(row.ids, row.cases, row.firsts, labels, row.soft))
    return kept, rest
