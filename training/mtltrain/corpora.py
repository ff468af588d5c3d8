"""One reader per corpus. Where anyone gets each: `data.md`."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from .model import Task
from .tasks import EMOTIONS, ENTITIES, INTENTS, SENTIMENTS, TASKS, TOPICS, UPOS
from .tokenizer import Tokenizer

IGNORED = -100  # in place of the label of a word that has none


class Ranges(list):
    """Labels of parts of a text, (start, end, index): of every word that begins in one of them."""


@dataclass
class Example:
    """A text, or its words, with the labels it has; tasks it has no label for are absent.

    Labels: an index (single label), a tuple of indices (multi label), a list with one index per word, IGNORED for none, or `Ranges`.
    `question` is asked of the text; `answers` are the ranges that people gave, none where it has no answer. `reply` was said after the text.
    """

    text: str = ""
    words: list[str] | None = None
    labels: dict[str, object] = field(default_factory=dict)
    question: str = ""
    answers: list[tuple[int, int]] = field(default_factory=list)
    reply: str = ""


def _lines(path: Path) -> list[str]:
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as file:
        return file.read().split("\n")


def _columns(path: Path, separator: str | None = "\t") -> Iterator[list[list[str]]]:
    """Sentences of a file with one word a line; of files with tabs, comments kept out."""
    sentence: list[list[str]] = []
    for line in _lines(path):
        if line.strip() and not (separator == "\t" and line.startswith("# ")):
            sentence.append(line.split(separator))
        elif not line.strip() and sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


# --- treebank -------------------------------------------------------------------------------------------------------

def ewt(data: Path, part: str) -> list[Example]:
    """UD English-EWT words and tags, with the entities that UNER gives the same sentences."""
    tagged = data / f"ud_english-ewt/en_ewt-ud-{part}.conllu.gz"
    names = data / f"uner_english-ewt/en_ewt-ud-{'train.2022-12-02' if part == 'train' else part}.iob2.gz"
    spans: dict[tuple[str, ...], list[str]] = {}
    for sentence in _columns(names):
        spans[tuple(row[1] for row in sentence)] = [row[2] for row in sentence]
    examples = []
    for sentence in _columns(tagged):
        rows = [row for row in sentence if row[0].isdigit()]
        words = [row[1] for row in rows]
        labels: dict[str, object] = {"pos": [UPOS.index(row[3]) for row in rows]}
        if tuple(words) in spans:
            labels["entities"] = [_entity(tag) for tag in spans[tuple(words)]]
        examples.append(Example(words=words, labels=labels))
    return examples


def uner(data: Path, part: str) -> list[Example]:
    """UNER English-EWT as published, for scoring."""
    names = data / f"uner_english-ewt/en_ewt-ud-{'train.2022-12-02' if part == 'train' else part}.iob2.gz"
    return [Example(words=[row[1] for row in s], labels={"entities": [_entity(row[2]) for row in s]}) for s in _columns(names)]


def ewt_raw(data: Path, part: str) -> list[tuple[str, list[list[tuple[int, int, str]]]]]:
    """Raw text of each sentence with its words as (start, end, tag); multiword tokens as their syntactic words.

    A syntactic word that is not a substring of its token (rare) covers the whole token.
    """
    result = []
    sentence_text, rows = "", []
    for line in _lines(data / f"ud_english-ewt/en_ewt-ud-{part}.conllu.gz") + [""]:
        if line.startswith("# text = "):
            sentence_text = line[9:]
        elif line and not line.startswith("#"):
            rows.append(line.split("\t"))
        elif not line and rows:
            result.append((sentence_text, _place(sentence_text, rows)))
            rows = []
    return result


def _place(text: str, rows: list[list[str]]) -> list[tuple[int, int, str]]:
    words, at, until = [], 0, (0, 0, 0)
    for row in rows:
        if "-" in row[0]:
            start = text.index(row[1], at)
            first, last = map(int, row[0].split("-"))
            until, at = (last, start, start + len(row[1])), start
        elif row[0].isdigit():
            if int(row[0]) <= until[0]:
                found = text.find(row[1], at, until[2])
                start, end = (found, found + len(row[1])) if found >= 0 else (until[1], until[2])
                at = end if int(row[0]) < until[0] else until[2]
            else:
                start = text.index(row[1], at)
                end = at = start + len(row[1])
            words.append((start, end, row[3]))
    return words


def _entity(tag: str) -> int:
    """BIO tag -> index; kinds other than PER, LOC, ORG are outside."""
    return ENTITIES.index(tag) if tag in ENTITIES else 0


def _iob2(tags: list[str]) -> list[int]:
    """IOB1 or IOB2 -> IOB2 indices."""
    result, before = [], "O"
    for tag in tags:
        if tag.startswith("I-") and before[2:] != tag[2:]:
            result.append(_entity("B-" + tag[2:]))
        else:
            result.append(_entity(tag))
        before = tag
    return result


# --- names --------------------------------------------------------------------------------------------------------

def btc(data: Path, part: str) -> list[Example]:
    """Broad Twitter Corpus, sections a b e f g; a mention is one word, as in the splitter."""
    if part != "train":
        return []
    examples = []
    for section in "abefg":
        for sentence in _columns(data / f"ner_small/BTC/CONLL-format/data/{section}.conll", "\t"):
            words, tags = [row[0].strip() for row in sentence], [row[-1].strip() for row in sentence]
            examples.append(_joined(words, tags))
    return examples


def _joined(words: list[str], tags: list[str]) -> Example:
    """Joins `@` and `#` with the word after it; mentions of users are no entities in the treebank."""
    out_words, out_tags, i = [], [], 0
    while i < len(words):
        if words[i] in ("@", "#") and i + 1 < len(words) and re.match(r"\w", words[i + 1]):
            out_words.append(words[i] + words[i + 1])
            out_tags.append("O" if words[i] == "@" else tags[i + 1])
            i += 2
        else:
            if words[i]:
                out_words.append(words[i])
                out_tags.append(tags[i])
            i += 1
    return Example(words=out_words, labels={"entities": _iob2(out_tags)})


def wikigold(data: Path, part: str) -> list[Example]:
    if part != "train":
        return []
    sentences = _columns(data / "ner_small/wikigold/wikigold.conll.txt.gz", None)
    return [Example(words=[r[0] for r in s], labels={"entities": _iob2([r[-1] for r in s])})
            for s in sentences if s[0][0] != "-DOCSTART-"]


# --- sentiment ------------------------------------------------------------------------------------------------------

def semeval(data: Path, part: str) -> list[Example]:
    """SemEval-2017 task 4A. Train: all earlier years; dev: TweetEval's 2,000; test: the 2017 gold file."""
    folder = data / "semeval2017_task4a/dataset/Subtask_A"
    if part == "test":
        return _semeval_rows([folder / "gold/SemEval2017-task4-test.subtask-A.english.txt"])
    held = _tweeteval(data, "sentiment", "val", lambda label: label)
    if part == "dev":
        return [Example(text=text, labels={"sentiment": label}) for text, label in held]
    # TweetEval's dev set was drawn from the same tweets with names and links masked.
    keys = {_masked(text) for text, _ in held}
    keys |= {_masked(example.text) for example in semeval(data, "test")}
    rows = _semeval_rows(sorted((folder / "downloaded").glob("*.tsv")))
    return [example for example in rows if _masked(example.text) not in keys]


def _semeval_rows(paths: list[Path]) -> list[Example]:
    seen, examples = set(), []
    for path in paths:
        for line in _lines(path):
            parts = line.split("\t")
            if len(parts) < 3 or parts[0] in seen or parts[1] not in SENTIMENTS or parts[2] == "Not Available":
                continue
            seen.add(parts[0])
            examples.append(Example(text=_unescape("\t".join(parts[2:])).strip(), labels={"sentiment": SENTIMENTS.index(parts[1])}))
    return examples


def _unescape(text: str) -> str:
    """Tweets carry HTML entities and escaped code points."""
    import html

    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text).replace('""', '"').replace("\\'", "'")
    return html.unescape(html.unescape(text)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _masked(text: str) -> str:
    text = re.sub(r"@\w+|https?\S*", "", _unescape(text).lower())
    return re.sub(r"[^a-z]", "", text.replace("http", ""))


def polarity(data: Path, part: str) -> list[Example]:
    """Sentences of film reviews; every 20th is dev."""
    examples = []
    with zipfile.ZipFile(data / "nltk/sentence_polarity.zip") as file:
        for name, label in (("neg", "negative"), ("pos", "positive")):
            lines = file.read(f"sentence_polarity/rt-polarity.{name}").decode("latin-1").split("\n")
            examples += [Example(text=line.strip(), labels={"sentiment": SENTIMENTS.index(label)}) for line in lines if line.strip()]
    return [e for i, e in enumerate(examples) if part != "test" and (i % 20 == 0) == (part == "dev")]


def extraction(data: Path, part: str) -> list[Example]:
    """Tweet Sentiment Extraction (Figure Eight's "Emotion in Text"), without texts that SemEval scores; every 40th is held out."""
    scored = _scored_tweets(data)
    with (data / "tweet_sentiment_extraction/tweets.csv").open(encoding="utf-8", newline="") as file:
        rows = [(_unescape(row["text"].replace("`", "'").strip()), row["sentiment"]) for row in csv.DictReader(file)]
    examples = [Example(text=text, labels={"sentiment": SENTIMENTS.index(label)}) for text, label in rows if text and _masked(text) not in scored]
    return [e for i, e in enumerate(examples) if part != "test" and (i % 40 == 0) == (part == "dev")]


def emoji(data: Path, part: str) -> list[Example]:
    """TweetEval emoji, which an author put into a tweet and the corpus took out. Only trained on, its test set too, without texts that SemEval scores."""
    parts = {"train": ("train", "test"), "dev": ("val",)}.get(part, ())
    scored = _scored_tweets(data)
    pairs = [pair for p in parts for pair in _tweeteval(data, "emoji", p, lambda label: label)]
    return [Example(text=text.replace("\ufe0f", "").strip(), labels={"emoji": label}) for text, label in pairs if _masked(text) not in scored]


def _scored_tweets(data: Path) -> set[str]:
    return {_masked(example.text) for part in ("dev", "test") for example in semeval(data, part)}


# --- other texts ------------------------------------------------------------------------------------------------------

def goemotions(data: Path, part: str) -> list[Example]:
    examples = []
    for line in _lines(data / f"goemotions/data/original/{part}.tsv"):
        if line.strip():
            text, labels, *_ = line.split("\t")
            examples.append(Example(text=text, labels={"emotion": tuple(int(i) for i in labels.split(","))}))
    assert all(max(e.labels["emotion"]) < len(EMOTIONS) for e in examples)
    return examples


def newsgroups(data: Path, part: str) -> list[Example]:
    """20 Newsgroups by date without headers, quotes and signatures; every 20th training post is dev."""
    examples = []
    folder = "test" if part == "test" else "train"
    with tarfile.open(data / "20newsgroups/20news-bydate.tar.gz") as archive:
        members = sorted((m for m in archive if m.isfile() and f"20news-bydate-{folder}/" in m.name), key=lambda m: m.name)
        for member in members:
            post = archive.extractfile(member).read().decode("latin-1")
            examples.append(Example(text=clean_post(post), labels={"topic": TOPICS.index(member.name.split("/")[-2])}))
    if part == "test":
        return examples
    return [e for i, e in enumerate(examples) if (i % 20 == 0) == (part == "dev") and (part == "dev" or e.text)]


_QUOTE = re.compile(r"(writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>)")


def clean_post(post: str) -> str:
    """Removes header, quoted lines and signature, in the way of scikit-learn's `strip_newsgroup_*`."""
    _, _, body = post.partition("\n\n")
    body = "\n".join(line for line in body.split("\n") if not _QUOTE.search(line))
    lines = body.strip().split("\n")
    for i in range(len(lines) - 1, -1, -1):
        if not lines[i].strip().strip("-"):
            break
    else:
        i = 0
    return re.sub(r"\s+", " ", "\n".join(lines[:i] if i > 0 else lines)).strip()


def clinc(data: Path, part: str) -> list[Example]:
    rows = json.loads((data / "clinc150/data/data_full.json").read_text())[{"dev": "val"}.get(part, part)]
    return [Example(text=text, labels={"intent": INTENTS.index(label)}) for text, label in rows]


def clinc_outside(data: Path, part: str) -> list[Example]:
    """Out-of-scope queries: no label; dev (100 and the 100 of train) sets the threshold, test is scored."""
    full = json.loads((data / "clinc150/data/data_full.json").read_text())
    rows = full["oos_test"] if part == "test" else full["oos_val"] + full["oos_train"] if part == "dev" else []
    return [Example(text=text) for text, _ in rows]


def offensive(data: Path, part: str) -> list[Example]:
    return [Example(text=text, labels={"offensive": label})
            for text, label in _tweeteval(data, "offensive", {"dev": "val"}.get(part, part), lambda label: label)]


def _tweeteval(data: Path, task: str, part: str, label: Callable[[int], int]) -> list[tuple[str, int]]:
    folder = data / "tweeteval/datasets" / task
    texts, labels = _lines(folder / f"{part}_text.txt"), _lines(folder / f"{part}_labels.txt")
    pairs = [(text, int(value)) for text, value in zip(texts, labels) if value.strip()]
    return [(_unescape(text).strip(), label(value)) for text, value in pairs]


# --- a stream's own events ------------------------------------------------------------------------------------------

def review(file: Path, part: str, tokenizer: Tokenizer, pointer: str = "/text") -> list[Example]:
    """Copies of the review topic, one JSON object a line, with `"reviewed": ["task", ...]` beside `analysis`.

    The tasks named there are labels that a person has checked and corrected in place; what the model said of the others is left out,
    and so is a line without `reviewed`, which nobody has looked at yet.
    """
    examples = []
    for number, line in enumerate(_lines(file), 1):
        if part == "train" and line.strip():
            try:
                examples += _reviewed(json.loads(line), pointer, tokenizer)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise ValueError(f"{file}, line {number}: {f'{error} is missing' if isinstance(error, KeyError) else error}") from error
    if part == "train" and not examples:
        raise ValueError(f"{file}: found no label that a person has checked, expected `\"reviewed\": [\"task\", ...]` beside `analysis` in some line")
    return examples


def _reviewed(event: dict, pointer: str, tokenizer: Tokenizer) -> list[Example]:
    event = event if "analysis" in event else event.get("data") or {}  # a structured CloudEvent
    text, tasks, labels = event, event["analysis"]["tasks"], {}
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        text = text[int(step) if isinstance(text, list) else step]
    if not isinstance(text, str):
        raise ValueError(f"{pointer}: found {type(text).__name__}, expected the text")
    ranges = tokenizer.texts([text])[0].words
    known = {task.name: task for task in TASKS}
    for name in event.get("reviewed", []):
        if name not in known:
            raise ValueError(f"reviewed: found {name!r}, expected some of {', '.join(known)}")
        task, given = known[name], tasks[name]
        if task.kind == "single_label" and given["label"] is not None:  # null: none of the labels, which no class stands for
            labels[name] = _index(task, given["label"])
        elif task.kind == "multi_label":
            labels[name] = tuple(_index(task, entry["label"]) for entry in given["labels"])
        elif task.kind == "token_tags":
            labels[name] = _of_words(task, given["tags"], text, ranges, IGNORED)
        elif task.kind == "token_spans":
            labels[name] = _of_words(task, given["spans"], text, ranges, 0)
    return [Example(text=text, words=[text[start:end] for start, end in ranges], labels=labels)] if labels and ranges else []


def _of_words(task: Task, entries: list[dict], text: str, ranges: list[tuple[int, int]], other: int) -> list[int]:
    """One index per word, `other` where no entry is. Offsets are UTF-16 units; a span covers every word that it touches."""
    units = [0]
    for character in text:
        units.append(units[-1] + (2 if ord(character) > 0xFFFF else 1))
    found = [other] * len(ranges)
    spans = task.kind == "token_spans"
    for entry in entries:
        start, end = entry["start"], entry["end"]
        what = f"{task.name}: {entry['label']} at [{start}, {end})"
        touched = [i for i, (a, b) in enumerate(ranges) if units[a] < end and units[b] > start]
        if not touched or end > units[-1] or any(found[i] != other for i in touched):
            raise ValueError(f"{what} covers no word of the text, or one that another entry covers; offsets are UTF-16 units of the text")
        place = text.encode("utf-16-le", "surrogatepass")[2 * start:2 * end].decode("utf-16-le", "surrogatepass")
        if entry.get("text", place) != place:
            raise ValueError(f"{what}: found {place!r} in the text, expected {entry['text']!r}")
        if not spans and (len(touched) > 1 or [units[at] for at in ranges[touched[0]]] != [start, end]):
            raise ValueError(f"{what}: found {place!r}, expected a word such as {text[slice(*ranges[touched[0]])]!r}")
        for i in touched:
            found[i] = _index(task, entry["label"], ("B-" if i == touched[0] else "I-") if spans else "")
    return found


def _index(task: Task, label: str, prefix: str = "") -> int:
    if prefix + label not in task.labels:
        known = sorted({name.removeprefix("B-").removeprefix("I-") for name in task.labels} - {"O"})
        raise ValueError(f"{task.name}: found the label {label!r}, expected one of {', '.join(known)}")
    return task.labels.index(prefix + label)


def sample(examples: list[Example], share: float, seed: int) -> list[Example]:
    """A fixed random share of the examples, for slices and low-resource runs."""
    if share >= 1:
        return examples
    return random.Random(seed).sample(examples, max(1, round(len(examples) * share)))
