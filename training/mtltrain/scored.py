"""Scores what a package writes as it is served: BLEU of translations, ROUGE-1 of titles, beside what costs nothing."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from . import bleu, parallel, shortening, tokenizer
from .package import dump
from .parallel import LANGUAGES, Pair

FIRST_WORDS = 10
NAMES = {"multi30k": "Multi30k test 2016", "tatoeba": "Tatoeba, a hundredth of the sentences", "flores": "FLORES-101 dev", "arxiv": "arXiv, three of a hundred abstracts"}


def sets(data: Path) -> dict[str, list[Pair]]:
    """Test sets by name; each sentence of Tatoeba once, with its first translation."""
    test = parallel.pairs(data, "test")
    found: dict[str, list[Pair]] = {}
    for pair in [*test, *parallel.flores(data)]:
        found.setdefault(f"{pair.corpus} {pair.task}", []).append(pair)
    return {name: list({pair.source: pair for pair in reversed(pairs)}.values())[::-1] for name, pairs in found.items()}


def score(package: Path, data: Path, most: int = 0) -> dict[str, list[dict]]:
    """Scores of each text that the package writes, into whose manifests they go. `most`: of each set, evenly drawn."""
    result: dict[str, list[dict]] = {task: [] for task in parallel.TASKS}
    for pairs in sets(data).values():
        chosen = pairs[::max(1, len(pairs) // most)][:most] if most else pairs
        task, corpus = chosen[0].task, chosen[0].corpus
        sources, wanted = [pair.source for pair in chosen], [pair.target for pair in chosen]
        written = write(package, task, sources)
        measure = bleu.bleu if task in LANGUAGES else _mean
        free = sources if task in LANGUAGES else [" ".join(source.split()[:FIRST_WORDS]) for source in sources]
        result[task].append({"metric": "BLEU" if task in LANGUAGES else "ROUGE-1", "value": round(measure(written, wanted), 2), "free": round(measure(free, wanted), 2),
                             "corpus": corpus, "set": f"{NAMES[corpus]}, {len(chosen)} texts"})
    for task, scores in result.items():
        path = package / f"generator.{task}.json"
        dump(path, json.loads(path.read_text(encoding="utf-8")) | {"scores": scores})
    return result


def write(package: Path, task: str, texts: list[str]) -> list[str]:
    """What the program writes about texts; "" where it wrote nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.jsonl")
        file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        line = [*tokenizer.program(), "annotate", str(file), "--model", str(package), "--generate", task, "--tasks", "sentiment"]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    if len(results) != len(texts):
        raise ValueError(f"{task}: found {len(results)} results, expected {len(texts)}: {done.stderr[-300:]}")
    return [(result["analysis"]["tasks"].get(task) or {}).get("text", "") for result in results]


def _mean(written: list[str], wanted: list[str]) -> float:
    return 100 * sum(shortening.rouge1(mine, theirs) for mine, theirs in zip(written, wanted)) / len(wanted)
