"""Sentences that say who somebody is, which offend nobody, and insults of the same groups, which do: being named is no offence."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from .corpora import Example
from .splits import part_of

PEOPLE = (
    "gay", "lesbian", "bisexual", "transgender", "trans", "queer", "asexual", "nonbinary", "intersex", "pansexual", "straight", "Black", "white", "African", "African American", "Asian", "Latino", "Hispanic", "Arab",
    "Native American", "Indigenous", "Aboriginal", "Jewish", "Muslim", "Christian", "Catholic", "Protestant", "Hindu", "Sikh", "Buddhist", "atheist", "Mormon", "deaf", "blind", "disabled", "autistic", "bipolar",
    "dyslexic", "Mexican", "Chinese", "Japanese", "Korean", "Vietnamese", "Filipino", "Indian", "Pakistani", "Nigerian", "Somali", "Polish", "Russian", "German", "French", "Italian", "Irish", "Turkish", "Kurdish", "Israeli",
    "Ukrainian", "Romanian", "Palestinian", "Syrian", "Iranian", "Afghan", "Egyptian", "Ethiopian", "Haitian", "Cuban", "Colombian", "Brazilian", "American", "British", "Roma", "old", "young", "elderly", "fat", "poor", "homeless", "unemployed", "foreign", "immigrant")
ROLES = ("person", "man", "woman", "friend", "student", "doctor", "neighbour", "teacher", "family", "couple", "colleague")
SAYINGS = (
    "I am a {} {}.", "My {1} is {0}.", "She is a {} {}.", "He's a {} {}", "We met a {} {} yesterday.", "A {} {} moved in next door.", "I'm proud to be {0}.", "Being {0} is part of who I am.",
    "Are you {0}?", "There is a {} {} on the show tonight.", "The {} {} won the election.", "As a {} {} I never felt at home there.", "They are {0} and they live in our street.",
    "This is a film about a {} {}.", "the {} {} from work said hi", "I grew up in a {0} family", "My partner is {0}", "Happy holidays to all my {0} friends!", "Some of the guests were {0}.",
    "{0} people deserve the same rights.", "I work with {0} people.", "A book by a {0} author", "Our new {1} is {0}, and everyone likes them.", "I have been {0} all my life", "Is the {1} {0}?",
    "The {1} who helped me is {0}.", "{0} and proud", "I told my parents that I am {0}", "she is {0}, by the way", "The first {0} {1} in space", "He wrote about growing up {0}.",
    "A {} {} asked me for directions", "Do you have {0} friends?", "There are many {0} people in this city.", "my grandma was {0}", "A festival of {0} films opens on Friday.",
    "half of the class is {0}", "Both of her sons are {0}.")
INSULTS = (
    "{0} people are disgusting", "I hate {0} people", "shut up you {0} idiot", "all {0} people are stupid and should leave", "that {0} {1} is a piece of shit", "nobody wants you here, {0} trash",
    "{0} people are vermin", "what a dumb {0} loser",
    "you fucking {0} bastard", "stupid {0} bitch", "I can't stand that disgusting {0} {1}", "{0} scum, go back to where you came from")
MANY = (
    "gays", "lesbians", "Muslims", "Jews", "Christians", "Hindus", "Mexicans", "Arabs", "Asians", "Africans", "immigrants", "refugees", "women", "men", "feminists", "trans women",
    "trans men", "Black women", "white men", "gay men", "old people", "disabled people", "autistic people", "fat people", "homeless people", "sex workers")
SAYINGS_OF_MANY = (
    "{} live in our town.", "Many {} voted today.", "{} were invited too", "The law protects {}.", "I read a book about {} in the 1950s.", "Most of my friends are {}.", "Do {} get the same wages?",
    "{} and their families celebrated yesterday.", "Doctors who treat {} need training.", "There were {} on the bus.")
INSULTS_OF_MANY = ("{} are disgusting", "{} should all be deported", "fuck {}", "{} are too stupid to vote", "I can't stand {}, they are scum")
TAKEN = 8     # one of so many sentences with a role
HELD_OUT = 4  # one of so many patterns is dev


def read(data: Path, part: str) -> list[Example]:
    """Every group is in both parts, each pattern in one; there is no test."""
    examples = []
    for label, sayings in ((0, SAYINGS), (1, INSULTS)):
        for people, role, (number, saying) in product(PEOPLE, ROLES, enumerate(sayings)):
            names_role = "{1}" in saying or saying.count("{}") == 2
            if _part(number) == part and (names_role or role == ROLES[0]) and (not names_role or part_of(f"{people}/{role}/{number}", 100 // TAKEN, 0) == "dev"):
                examples.append(Example(text=_article(saying.format(people, role)), labels={"offensive": label}))
    for label, sayings in ((0, SAYINGS_OF_MANY), (1, INSULTS_OF_MANY)):
        examples += [Example(text=_capital(saying.format(people)), labels={"offensive": label})
                     for people, (number, saying) in product(MANY, enumerate(sayings)) if _part(number) == part]
    return examples


def _part(number: int) -> str:
    return "dev" if number % HELD_OUT == 1 else "train"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _article(text: str) -> str:
    """a African -> an African"""
    words = text.split(" ")
    for i, word in enumerate(words[:-1]):
        if word in ("a", "A") and words[i + 1][0] in "aeiouAEIO":
            words[i] = word + "n"
    return " ".join(words)
