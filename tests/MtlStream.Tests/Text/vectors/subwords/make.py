#!/usr/bin/env python3
"""Makes what is in this folder. README.md says what each file is and what is needed.

Usage: make.py REFERENCE SAMPLE BINDING
    REFERENCE   vectors.jsonl.gz of all texts, one JSON object a line with `kind` and `text`
    SAMPLE      the part of it that is in the repository: ../wordpiece.jsonl.gz
    BINDING     tokenizers.PLATFORM.node of Hugging Face's tokenizers
"""
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys

import sentencepiece

HERE = pathlib.Path(__file__).parent
VOCABULARY = 1000


def texts_of(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            # An unpaired surrogate counts as U+FFFD.
            yield entry["kind"], entry["text"].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def units(text):
    """Where each code point begins, in UTF-16 units, and the end."""
    at = [0]
    for character in text:
        at.append(at[-1] + (2 if character > "\uffff" else 1))
    return at


def trimmed(text, start, end):
    """Without the white space in front, which is part of the token in both kinds and of no word."""
    while start < end and text[start].isspace() and text[start] not in "\x1c\x1d\x1e\x1f":
        start += 1
    return start, end


def unigram(texts):
    model = sentencepiece.SentencePieceProcessor(model_file=str(HERE / "unigram.model"))
    for text in texts:
        at = units(text)
        tokens = []
        for piece in model.encode(text, out_type="immutable_proto").pieces:
            start, end = trimmed(text, piece.begin, piece.end)
            tokens.append((piece.id, at[start], at[end]))
        yield tokens


def bpe(binding, texts):
    run = subprocess.run(["node", HERE / "bpe.cjs", binding, "encode"], input=json.dumps(texts), capture_output=True, text=True, check=True)
    for text, (ids, offsets) in zip(texts, json.loads(run.stdout)):
        at = units(text)
        ranges = [trimmed(text, start, end) for start, end in offsets]
        yield [(token, at[start], at[end]) for token, (start, end) in zip(ids, ranges)]


def digest(tokens):
    return hashlib.sha256(" ".join(f"{token}:{start}:{end}" for token, start, end in tokens).encode()).hexdigest()[:8]


def main(reference, sample, binding):
    everything = list(texts_of(reference))
    corpus = HERE / "corpus.txt"
    corpus.write_text("".join(text.replace("\n", " ") + "\n" for kind, text in everything if kind == "corpus"), encoding="utf-8")
    try:
        subprocess.run(["spm_train", f"--input={corpus}", f"--model_prefix={HERE / 'unigram'}", "--model_type=unigram", f"--vocab_size={VOCABULARY}",
                        "--character_coverage=0.98", "--num_threads=1", "--minloglevel=2"], check=True)
        (HERE / "unigram.vocab").unlink()
        subprocess.run(["node", HERE / "bpe.cjs", binding, "train", corpus, str(VOCABULARY)], check=True)
    finally:
        corpus.unlink()

    texts = [text for _, text in everything]
    digests = [digest(a) + digest(b) for a, b in zip(unigram(texts), bpe(binding, texts))]
    with gzip.GzipFile(HERE / "digests.txt.gz", "wb", mtime=0) as file:
        file.write("\n".join(digests).encode())
    kinds, texts = zip(*texts_of(sample))
    with gzip.GzipFile(HERE / "sample.jsonl.gz", "wb", mtime=0) as file:
        for kind, text, a, b in zip(kinds, texts, unigram(texts), bpe(binding, texts)):
            file.write((json.dumps({"kind": kind, "text": text, "unigram": a, "bpe": b}) + "\n").encode())


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
