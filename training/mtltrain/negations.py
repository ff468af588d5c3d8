"""Sentences whose words say the opposite of what they mean: praise in negated blame, and blame in negated praise."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from .corpora import Example
from .splits import part_of
from .tasks import SENTIMENTS

THINGS = (
    "film", "food", "service", "hotel", "phone", "laptop", "concert", "book", "meeting", "game", "weather", "update", "app", "staff", "coffee", "course", "lecture", "flight", "support",
    "show", "weekend", "match", "car", "website", "delivery", "trip", "album", "job", "team", "party")
BLAME = ("boring", "bad", "slow", "disappointing", "terrible", "awful", "ugly", "dull", "annoying", "rude", "useless", "expensive", "broken", "sad", "confusing", "noisy")
PRAISE = ("good", "great", "fun", "helpful", "fast", "friendly", "perfect", "exciting", "easy", "impressive", "funny", "useful", "reliable", "happy", "pleasant", "clean")
POSITIVE = (
    "I can't complain about the {0}", "can't complain, the {0} works", "I really can't complain.", "The {0} was anything but {1}", "anything but {1}, this {0}", "the {0} is not {1} at all",
    "This {0} isn't {1}", "not a {1} {0}", "I wasn't disappointed by the {0}", "the {0} did not disappoint", "no complaints about the {0}", "Nothing to complain about the {0} here.",
    "couldn't be happier with the {0}", "I could not ask for a better {0}", "never had a problem with the {0}", "The {0} is never {1}.", "the {0} was far from {1}", "there is nothing {1} about this {0}",
    "I don't find the {0} {1} at all", "without any problems, the {0} went well", "can't get enough of this {0}", "I have never seen a better {0}", "Nobody can say that the {0} was {1}",
    "who says the {0} is {1}? it is not", "the {0} is hardly {1}", "I can't find anything {1} in the {0}", "no {1} moment in the whole {0}", "I can't think of anything I don't like about the {0}")
NEGATIVE = (
    "The {0} was anything but {1}", "the {0} is not {1} at all", "This {0} isn't {1}", "not a {1} {0}", "I don't like the {0}", "I didn't enjoy the {0}", "the {0} is far from {1}", "The {0} wasn't {1}",
    "I wouldn't call the {0} {1}", "there is nothing {1} about this {0}", "I can't recommend the {0}", "no, the {0} was not {1}", "the {0} could not be worse", "I have never seen a worse {0}",
    "The {0} is never {1}.", "Not exactly {1}, this {0}.", "I would not say that the {0} is {1}", "the {0} is hardly {1}", "nobody could call this {0} {1}", "I'm not happy with the {0}",
    "wish I could say the {0} was {1}", "it is not as {1} as they say, this {0}", "the {0} does not work", "I can't find anything {1} in the {0}", "The {0} doesn't make me {1}", "hasn't been {1} so far, the {0}")
TAKEN = 12    # one of so many sentences
HELD_OUT = 4  # one of so many patterns is dev


def read(data: Path, part: str) -> list[Example]:
    """Of each pattern its sentences are in one part; there is no test."""
    examples = {}
    for label, patterns, said in (("positive", POSITIVE, BLAME), ("negative", NEGATIVE, PRAISE)):
        for number, pattern in enumerate(patterns):
            if ("dev" if number % HELD_OUT == 2 else "train") != part:
                continue
            for thing, word in product(THINGS, said):
                text = pattern.format(thing, word)
                if part_of(f"{text}/{thing}", 100 // TAKEN, 0) == "dev" or "{1}" not in pattern:
                    examples[text] = Example(text=text, labels={"sentiment": SENTIMENTS.index(label)})
    return list(examples.values())
