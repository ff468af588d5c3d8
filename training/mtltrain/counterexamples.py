"""Sentences that say who somebody is, which offend nobody, and insults of the same groups, which do: being named is no offence."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from .corpora import Example
from .splits import part_of

PEOPLE = (
    "gay", "lesbian", "bisexual", "transgender", "trans", "queer", "straight", "Black", "white", "African", "African American", "Asian", "Latino", "Hispanic", "Arab",
    "Native American", "Jewish", "Muslim", "Christian", "Catholic", "Hindu", "Buddhist", "atheist", "Mormon", "deaf", "blind", "disabled", "autistic", "bipolar",
    "Mexican", "Chinese", "Indian", "Pakistani", "Nigerian", "Somali", "Polish", "Russian", "German", "French", "Italian", "Irish", "Turkish", "Kurdish", "Israeli",
    "Palestinian", "Syrian", "Iranian", "Afghan", "Roma", "old", "young", "elderly", "fat", "poor", "homeless", "unemployed", "foreign", "immigrant")
ROLES = ("person", "man", "woman", "friend", "student", "doctor", "neighbour", "teacher", "family", "couple", "colleague")
SAYINGS = (
    "I am a {} {}.", "My {1} is {0}.", "She is a {} {}.", "He's a {} {}", "We met a {} {} yesterday.", "A {} {} moved in next door.", "I'm proud to be {0}.", "Being {0} is part of who I am.",
    "Are you {0}?", "There is a {} {} on the show tonight.", "The {} {} won the election.", "As a {} {} I never felt at home there.", "They are {0} and they live in our street.",
    "This is a film about a {} {}.", "the {} {} from work said hi", "I grew up in a {0} family", "My partner is {0}", "Happy holidays to all my {0} friends!", "Some of the guests were {0}.",
    "{0} people deserve the same rights.", "I work with {0} people.", "A book by a {0} author", "Our new {1} is {0}, and everyone likes them.", "I have been {0} all my life", "Is the {1} {0}?")
INSULTS = (
    "{0} people are disgusting", "I hate {0} people", "shut up you {0} idiot", "all {0} people are stupid and should leave", "that {0} {1} is a piece of shit", "nobody wants you here, {0} trash",
    "{0} people are vermin", "what a dumb {0} loser")
TAKEN = 8  # one of so many sentences


def read(data: Path, part: str) -> list[Example]:
    """Ten of a hundred groups are dev, so that a group is in one part alone; there is no test."""
    examples = []
    for label, sayings in ((0, SAYINGS), (1, INSULTS)):
        for people, role, (number, saying) in product(PEOPLE, ROLES, enumerate(sayings)):
            names_role = "{1}" in saying or saying.count("{}") == 2
            if part_of(people, 10, 0) == part and (names_role or role == ROLES[0]) and (part == "dev" or part_of(f"{people}/{role}/{number}", 100 // TAKEN, 0) == "dev"):
                text = saying.format(people, role)
                examples.append(Example(text=_article(text), labels={"offensive": label}))
    return examples


def _article(text: str) -> str:
    """a African -> an African"""
    words = text.split(" ")
    for i, word in enumerate(words[:-1]):
        if word in ("a", "A") and words[i + 1][0] in "aeiouAEIO":
            words[i] = word + "n"
    return " ".join(words)
