"""Rows for emoji behind a package's vocabulary. Nothing else of the package is trained, so texts without emoji get what they got.

An emoji that the package does not know is an unknown word to it. Its row begins there, and is led away from it by what the words of its Unicode name
say, in one way for all emoji, and by itself. It learns from labels, and from what the package says about the same text without its emoji, to which is
added what is likely of that emoji: what the package says of the texts that have it, and for `sentiment`, of which no labelled text has an emoji, how
pleasant it was rated by hand.
"""

from __future__ import annotations

import random
import re
import time
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import initial, pieces, pretrained, texts
from .encoding import Row
from .evaluate import predict, sigmoid, softmax
from .metrics import macro_recall
from .model import MultitaskModel, Shape
from .readers import CORPORA
from .sampling import collate, cut
from .tasks import TASKS

TAKEN = 512
FLAGS = {"US": "united states america", "GB": "britain england", "CA": "canada", "FR": "france", "DE": "germany", "ES": "spain", "IT": "italy", "BR": "brazil", "MX": "mexico",
         "IN": "india", "JP": "japan", "AU": "australia", "IE": "ireland", "UA": "ukraine", "PL": "poland", "NL": "netherlands", "TR": "turkey", "NG": "nigeria", "EU": "europe"}
NAMES_LEFT_OUT = {"face", "with", "sign", "symbol", "of", "and", "the", "for", "black", "white", "heavy", "emoji", "person", "medium"}
LABELLED = {"offensive": "offensive", "goemotions": "emotion"}  # of the texts of SemEval's train none has an emoji
SEVEN = ("pos", "entities", "sentiment", "emotion", "topic", "intent", "offensive")
TOLD = ("sentiment", "emotion", "offensive")     # that an emoji says something about
KEPT = {"pos": 0.05, "entities": 0.05, "topic": 0.1, "intent": 0.1}  # that it says nothing about, and their weight
SOFT, UNLABELLED = 0.3, 4000
PRIOR = 20.0        # texts that speak against an emoji's saying anything
EPOCHS, RATE_SHARED, RATE_OWN, DECAY, PADDED = 5, 5e-4, 4e-3, 0.02, 2048
# How pleasant, from -1 to 1.
RATED = {
    1.0: "❤😍😘🎉😊☺💕💖💗💓💙💚💛💜💞💘💝😻🥰😇🙌👏🎊🏆😁😀😃😄😆🤗👍💐🎂🥳🤩😋💪🌹🖤🧡😺",
    0.5: "😉😜😝😛👌🙏🔥✌🎶🌟⭐☀🌞🍀👑💃🎁✨💯😎😌🌈🎈👊🤘😚😙🙋🌸🌺💋🕺🍻🥂",
    0.15: "😂🤣🙂😏👀",
    -0.25: "🤔🤷😳🙈😱😈🔫😅💀👻",
    -0.6: "😒🙄😕😐😑😬😓😪😷🙁😣😥🤦😴😭🤕🤒😶😯😮",
    -1.0: "😡😠😤😢😞😔😩😫👎💔🤬🤢🤮😖😰😨🖕💩😿😟☹😦😧",
}
RATING = 0.9        # what a whole point adds to the logarithm of `positive` and takes from that of `negative`
VARIANT = re.compile("[\U0001F3FB-\U0001F3FF\ufe0f\u20e3]|\u200d.")  # skin tones, presentation, what is joined


def tokens() -> list[str]:
    """The emoji that get rows, the most frequent first."""
    regional = lambda token: any(0x1F1E6 <= ord(c) <= 0x1F1FF for c in token)
    single = [token for token in pretrained._emoji() if not token.startswith("##") and not regional(token)]
    return single[:TAKEN - len(FLAGS)] + ["".join(chr(0x1F1E6 + ord(c) - ord("A")) for c in code) for code in FLAGS]


def plain(text: str) -> str:
    """As the program reads it: each emoji without its skin tone, and without what is joined to it."""
    return VARIANT.sub("", text)


def extend(vocab: Path, out: Path) -> None:
    out.write_text(vocab.read_text(encoding="utf-8").rstrip("\n") + "\n" + "".join(token + "\n" for token in tokens()), encoding="utf-8")


@dataclass
class Target:
    """Of a row: probabilities for tasks of texts, each with its weight."""

    row: Row
    soft: dict[str, tuple[np.ndarray, float]] = field(default_factory=dict)


class Rows(nn.Module):
    """[emoji, hidden]"""

    def __init__(self, unknown: Tensor, names: Tensor):
        super().__init__()
        self.register_buffer("unknown", unknown)
        self.register_buffer("names", names)
        self.shared = nn.Linear(names.shape[1], names.shape[1], bias=False)
        self.own = nn.Parameter(torch.zeros_like(names))
        with torch.no_grad():
            self.shared.weight.copy_(0.2 * torch.eye(names.shape[1]))

    def forward(self) -> Tensor:
        return self.unknown + self.shared(self.names) + self.own


def names(words: Tensor, known: list[str]) -> Tensor:
    """What the words of each emoji's name have in common with no other: their mean, less the mean of all emoji."""
    place = {token: i for i, token in enumerate(known)}
    found = []
    for token in tokens():
        code = "".join(chr(ord(c) - 0x1F1E6 + ord("A")) for c in token) if len(token) == 2 and ord(token[0]) >= 0x1F1E6 and ord(token[0]) <= 0x1F1FF else None
        name = FLAGS[code] if code else unicodedata.name(token[0], "").lower()
        said = [word for word in re.findall("[a-z]+", name) if word in place]
        said = [word for word in said if word not in NAMES_LEFT_OUT] or said
        found.append(words[[place[word] for word in said]].mean(0) if said else words.new_full((words.shape[1],), float("nan")))
    rows = torch.stack(found)
    mean = rows[~rows.isnan().any(1)].mean(0)
    return torch.where(rows.isnan(), mean, rows) - mean


def load(package: Path) -> MultitaskModel:
    model = MultitaskModel(Shape(layers=6, positions=128), [task for task in TASKS if task.name in SEVEN])
    model.encoder.words = nn.Embedding(len(_known(package / "vocab.txt")), model.shape.hidden)
    initial.load(model, package, package / "vocab.txt")
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


def _known(vocab: Path) -> list[str]:
    return vocab.read_text(encoding="utf-8").rstrip("\n").split("\n")


class Reader:
    """Finds emoji in texts, and numbers texts."""

    def __init__(self, vocab: Path, extended: Path):
        self.pattern = re.compile("|".join(sorted(map(re.escape, tokens()), key=len, reverse=True)))
        self.known, self.extended = len(_known(vocab)), extended

    def found(self, text: str) -> list[str]:
        return self.pattern.findall(text)

    def without(self, text: str) -> str:
        return self.pattern.sub(" ", text).strip() or "."

    def rows(self, given: list[str]) -> list[Row]:
        return pieces.numbered(given, self.extended)

    def hidden(self, rows: list[Row], unknown: int) -> list[Row]:
        """The same, with emoji as unknown words."""
        return [Row(np.where(row.ids < self.known, row.ids, unknown), row.cases, row.firsts) for row in rows]


def gather(data: Path, reader: Reader) -> tuple[list[tuple[str, str, object]], list[str]]:
    """(text, task, label) of labelled texts with an emoji, and texts without labels."""
    labelled = with_labels(data, reader, "train")
    stream = [plain(row["text"]) for row in texts.json_lines(data / "loadtest/short_text.jsonl.gz")]
    known = {text for text, _, _ in labelled}
    unlabelled = [text for text in dict.fromkeys(stream) if text not in known and reader.found(text)]
    random.Random(3).shuffle(unlabelled)
    return labelled, unlabelled[:UNLABELLED]


def with_labels(data: Path, reader: Reader, part: str) -> list[tuple[str, str, object]]:
    found = [(plain(e.text), task, e.labels[task]) for corpus, task in LABELLED.items() for e in CORPORA[corpus](data, part) if task in e.labels]
    return [item for item in found if reader.found(item[0])]


def evidence(said: dict[str, np.ndarray], found: list[list[str]]) -> dict[str, dict[str, np.ndarray]]:
    """Of each task and emoji: how the logarithm of each label's share among its texts differs from that among all."""
    result: dict[str, dict[str, np.ndarray]] = {}
    for task, logits in said.items():
        shares = sigmoid(logits) if task == "emotion" else softmax(logits)
        every = shares.mean(0)
        result[task] = {}
        for token in {token for tokens_ in found for token in tokens_}:
            its = shares[[i for i, tokens_ in enumerate(found) if token in tokens_]]
            mean = (its.sum(0) + PRIOR * every) / (len(its) + PRIOR)
            result[task][token] = _odds(mean) - _odds(every) if task == "emotion" else np.log(mean) - np.log(every)
            if task == "sentiment":
                result[task][token] = result[task][token] + RATING * rated(token) * np.array([-1, 0, 1])
    return result


def rated(token: str) -> float:
    return next((rating for rating, those in RATED.items() if token in those), 0.0)


def _odds(shares: np.ndarray) -> np.ndarray:
    return np.log(shares / (1 - shares))


def targets(model: MultitaskModel, data: Path, reader: Reader, unknown: int) -> tuple[list[Target], list[Target]]:
    """Of train, and of dev; dev has labels alone."""
    labelled, unlabelled = gather(data, reader)
    given = [text for text, _, _ in labelled] + unlabelled
    found = [sorted(set(reader.found(text))) for text in given]
    print("emoji:", len(labelled), "labelled", Counter(task for _, task, _ in labelled), len(unlabelled), "others", Counter(t for f in found for t in f).most_common(12), flush=True)
    bare = predict(model, reader.rows([reader.without(text) for text in given]), list(TOLD), amp=True)
    bare = {task: np.stack(values) for task, values in bare.items()}
    likely = evidence(bare, found)
    rows = reader.rows(given)
    before = predict(model, reader.hidden(rows, unknown), list(KEPT), amp=True)
    held_out = with_labels(data, reader, "dev")
    dev = [Target(row, {task: (_one(model, task, label), 1.0)}) for row, (_, task, label) in zip(reader.rows([text for text, _, _ in held_out]), held_out)]
    train = []
    for i, row in enumerate(rows):
        label = labelled[i][1:] if i < len(labelled) else None
        target = Target(row, {task: (softmax(before[task][i]), weight) for task, weight in KEPT.items()})
        for task in TOLD:
            moved = bare[task][i] + sum(likely[task][token] for token in found[i])
            target.soft[task] = (sigmoid(moved) if task == "emotion" else softmax(moved), SOFT)
        if label:
            target.soft[label[0]] = (_one(model, *label), 1.0)
        train.append(target)
    return train, dev


def _one(model: MultitaskModel, task: str, label) -> np.ndarray:
    shares = np.zeros(len(model.tasks[task].labels), np.float32)
    shares[list(label) if isinstance(label, tuple) else label] = 1
    return shares


def fit(package: Path, extended: Path, data: Path) -> Tensor:
    """[emoji, hidden], after the last epoch: dev has too few emoji to choose by."""
    model, reader = load(package), Reader(package / "vocab.txt", extended)
    known = _known(package / "vocab.txt")
    unknown = known.index("[UNK]")
    words = model.encoder.words.weight
    train, dev = targets(model, data, reader, unknown)
    rows = Rows(words[unknown].clone(), names(words, known))
    optimizer = torch.optim.AdamW([{"params": [rows.own], "lr": RATE_OWN, "weight_decay": DECAY}, {"params": rows.shared.parameters(), "lr": RATE_SHARED, "weight_decay": DECAY}])
    print("emoji: before", scores(model, words[unknown].expand(len(tokens()), -1), dev, reader.known), flush=True)
    print("emoji: by name", scores(model, rows(), dev, reader.known), flush=True)
    draw, began, step = random.Random(1), time.time(), 0
    steps = EPOCHS * len(_batches(train, draw))
    rates = [group["lr"] for group in optimizer.param_groups]
    for epoch in range(EPOCHS):
        for batch in _batches(train, draw):
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * (1 - step / steps)
            step += 1
            optimizer.zero_grad()
            _loss(model, rows(), batch, reader.known).backward()
            optimizer.step()
        found = scores(model, rows(), dev, reader.known)
        print(f"emoji: epoch {epoch + 1} of {EPOCHS}, {time.time() - began:.0f} s, {found}", flush=True)
    return rows().detach()


def _batches(given: list[Target], draw: random.Random) -> list[list[Target]]:
    order = sorted(given, key=lambda target: len(target.row) + draw.random())
    place = {id(target.row): target for target in order}
    found = [[place[id(row)] for row in part] for part in cut([target.row for target in order], PADDED, 64)]
    draw.shuffle(found)
    return found


def hidden(model: MultitaskModel, table: Tensor, batch, known: int) -> Tensor:
    """Of ids that go on behind the model's own words with the rows of `table`."""
    ids = batch.ids
    vectors = torch.where((ids < known)[..., None], model.encoder.words(ids.clamp_max(known - 1)), table[(ids - known).clamp_min(0)])
    return model.encode(vectors, batch.cases, batch.mask)


def _loss(model: MultitaskModel, table: Tensor, part: list[Target], known: int) -> Tensor:
    batch = collate([target.row for target in part])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = hidden(model, table, batch, known)
        logits = {task: model.head(task, states, batch.mask).float() for task in SEVEN}
    total = states.new_zeros((), dtype=torch.float32)
    for i, target in enumerate(part):
        for task, (shares, weight) in target.soft.items():
            wanted, found = torch.from_numpy(shares).float(), logits[task][i]
            if task == "emotion":
                total = total + weight * F.binary_cross_entropy_with_logits(found, wanted, reduction="sum") / 2
            else:
                total = total - weight * (wanted * F.log_softmax(found[:len(wanted)] if wanted.dim() == 2 else found, -1)).sum()
    return total / len(part)


def scores(model: MultitaskModel, table: Tensor, dev: list[Target], known: int) -> dict[str, float]:
    """Mean loss of the labels, and macro recall of `offensive`."""
    loss, said = [], {task: ([], []) for task in TOLD}
    with torch.no_grad():
        for part in _batches(dev, random.Random(0)):
            batch = collate([target.row for target in part])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states = hidden(model, table.detach(), batch, known)
                logits = {task: model.head(task, states, batch.mask).float().numpy() for task in TOLD}
            for i, target in enumerate(part):
                (task, (shares, _)), = target.soft.items()
                found = logits[task][i]
                if task == "emotion":
                    loss.append(float(F.binary_cross_entropy_with_logits(torch.from_numpy(found), torch.from_numpy(shares), reduction="sum")) / 2)
                    continue
                loss.append(-float(np.log(softmax(found))[shares.argmax()]))
                said[task][0].append(int(shares.argmax()))
                said[task][1].append(int(found.argmax()))
    result = {"loss": round(float(np.mean(loss)), 4)}
    truth, best = map(np.array, said["offensive"])
    return result | {"offensive": round(float(macro_recall(truth, best, 2)), 4)}
