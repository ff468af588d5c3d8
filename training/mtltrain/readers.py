"""The corpora by the names that a run's file gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from . import corpora, counterexamples, dialogue, languages, questions, shortening, texts
from .corpora import Example

CORPORA: dict[str, Callable[[Path, str], list[Example]]] = {
    "ewt": corpora.ewt, "btc": corpora.btc, "wikigold": corpora.wikigold, "semeval": corpora.semeval, "polarity": corpora.polarity,
    "goemotions": corpora.goemotions, "newsgroups": corpora.newsgroups, "clinc": corpora.clinc, "offensive": corpora.offensive,
    "extraction": corpora.extraction, "emoji": corpora.emoji, "review": corpora.review,
    "languages": languages.read, "texts": texts.read, "answers": questions.answers, "qamr": questions.sentences, "compression": shortening.compression,
    "abstracts": shortening.abstracts, "posts": shortening.posts, "replies": dialogue.replies, "identity": counterexamples.read}
# Read by a run without a list of corpora; the others only where its file names them.
USUAL = ("ewt", "btc", "wikigold", "semeval", "polarity", "goemotions", "newsgroups", "clinc", "offensive")
# What teachers of the seven tasks say of these is not asked: they are in other languages, of another form, or much like others.
UNTAUGHT = ("languages", "answers", "qamr", "compression", "abstracts", "posts", "replies", "identity")
# Questions on texts, of which each window is a row.
ASKED = ("answers", "qamr")


def module(name: str) -> str:
    """That reads a corpus; the parts of `corpora` that are scored alone have no entry here."""
    return CORPORA.get(name, corpora.ewt).__module__
