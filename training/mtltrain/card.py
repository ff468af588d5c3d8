"""Writes the model card from the manifest and the scores of a release: python3 -m mtltrain.card PACKAGE [RESULTS]"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .sources import TESTED_ON

PUBLISHED = {
    "pos": "UDPipe 2 (BERT-size) 97.6; spaCy en_core_web_sm 3.8 on raw text 87.9 UPOS F1; Stanza raw 96.2",
    "entities": "XLM-R-large 86.0; spaCy en_core_web_sm 3.8 56.6",
    "sentiment": "RoBERTa-base 71.3, BERTweet 73.4", "emotion": "BERT-base 46 (paper), 48.8",
    "topic": "tf-idf and linear SVM on the same text {baseline}", "intent": "BERT-base 96.2",
    "offensive": "RoBERTa-base 79.5, BERTweet 79.5",
}
TARGETS = {"pos": 97.5, "entities": 82.0, "sentiment": 72.5, "emotion": 52.0, "intent": 96.8, "offensive": 81.5}
_BASELINE = "baseline-topic.json"  # measured rarely, by baseline.py
_KEPT = Path(__file__).parents[1] / "results"  # what the repository keeps
_SHIPPED = "mtlstream-en"
_NOTICES = {"MIT": """ Its notice:

  > Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without
  > restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
  > Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
  > Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
  > PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
  > ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""}
NAMES = {"accuracy": "accuracy", "spanF1": "span F1", "macroRecall": "macro recall", "macroF1": "macro F1", "likeness": "rank correlation of likeness",
         "f1": "F1 of the answers", "keptF1": "F1 of the words kept", "rouge1": "ROUGE-1", "of10": "right of ten"}
_GIVES = {"answer_span": "a range of the text, or none", "kept_words": "the words that stay", "kept_sentences": "a fifth of the sentences", "reply_vectors": "vectors that a list of replies is ranked by"}


_FAR = "Its translations and titles are experimental, and far from what published systems write. "
_WANTED = {("translate_de", "multi30k"): 30, ("translate_fr", "multi30k"): 42, ("translate_de", "tatoeba"): 34, ("translate_fr", "tatoeba"): 36,
           ("translate_de", "flores"): 7, ("translate_fr", "flores"): 9, ("title", "arxiv"): "3 above its first ten words"}


def write(folder: Path, results: Path) -> None:
    manifest = json.loads((folder / "model.json").read_text())
    record = json.loads((results / f"scores-{manifest['name']}-{manifest['version']}.json").read_text())
    measured = next(f for f in (results / _BASELINE, _KEPT / _BASELINE) if f.exists())
    baseline = json.loads(measured.read_text())["chosen"]["test"] * 100
    (folder / "README.md").write_text(_card(manifest, record, baseline, _size(folder), written(folder)), encoding="utf-8")


def _size(folder: Path) -> str:
    """What the package weighs, without the card."""
    return f"{sum(file.stat().st_size for file in folder.iterdir() if file.is_file() and file.name != 'README.md') / 1e6:.0f} MB"


def written(folder: Path) -> list[str]:
    """What is said of the texts that the package writes; nothing where it writes none."""
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("generator.*.json"))]
    if not manifests:
        return []
    lines = ["## Texts that it writes (experimental)", "",
             "Far from published systems, which were trained on hundreds of millions of pairs: they reach a BLEU of 34 to 49 on FLORES devtest. This decoder of two layers saw half a million, on two "
             "cores, for an hour and a half. It is fit for captions and short plain sentences. `title` is not: the first ten words of a text say more. Scores as served, greedy.", "",
             "| text | score | of what costs nothing | to reach | measured on |", "|---|---|---|---|---|"]
    for manifest in manifests:
        name = manifest["name"].split()[-1]
        lines += [f"| `{name}` | {score['value']:.1f} {score['metric']} | {score['free']:.1f} | {_WANTED.get((name, score['corpus']), '-')} | {score['set']} |" for score in manifest.get("scores", [])]
    return lines + ["", "Of what costs nothing: the source itself as its translation, its first ten words as its title."]


def _card(manifest: dict, record: dict, baseline: float, weight: str, texts: list[str]) -> str:
    run, encoder, served = record["run"], manifest["encoder"], record.get("served")
    test = record["test"] | ({"int8": served} if served else {})
    wide = test.get("fp32")
    size = f"{encoder['parameters'] / 1e6:.1f} million parameters, {encoder['layers']} layers of {encoder['hidden']}"
    out = [f"# {manifest['name']} {manifest['version']}", "",
           f"{_FAR if texts else ''}One encoder, {len(manifest['tasks'])} tasks, English. {size}; starts from the first {encoder['layers']} layers of "
           f"[{encoder['name']}]({encoder['source']}) ({encoder['license']}). Weights are int8, {weight} with all that belongs to them; `model.cpu.onnx` computes in int8, "
           "`model.cuda.onnx` in fp16, both from `weights.bin`. The scores are those of the former; no GPU was at hand to score the latter.", "",
           "## Scores", "", ("On the whole test sets, measured on CPU with `mtlstream model eval`, so as served" if served else
                          f"On the test sets with the arithmetic of the CPU graph{_part(record)}") + "; logs and settings in `training/results/`.", "",
           f"| task | score |{' fp32 |' if wide else ''} to reach | published | measured on |", f"|---|---|{'---|' if wide else ''}---|---|---|"]
    for task in manifest["tasks"]:
        name = task["name"]
        target = baseline + 3 if name == "topic" else TARGETS.get(name)
        out.append(f"| `{name}` | {_score(test['int8'], name)} | {_score(wide, name).split()[0] + ' | ' if wide else ''}{f'{target:.1f}' if target else '-'} | "
                   f"{PUBLISHED.get(name, '-').format(baseline=f'{baseline:.1f}')} | {TESTED_ON[name]} |")
    out += ["", *_more(manifest, test["int8"], record.get("unsure", {})), "",
            "Where a score is below what was to be reached, the figure stands as measured.", "",
            *(texts + [""] if texts else []), "## Tasks and data", "", "| task | kind | labels | trained on |", "|---|---|---|---|"]
    for task in manifest["tasks"]:
        data = "; ".join(f"[{d['name']}]({d['url']}) ({d['license']})" for d in task["data"])
        labels = _labels(task)
        out.append(f"| `{task['name']}` | {task['kind']} | {labels} | {data} |")
    out += ["", f"Training: {_beginning(run)}{run['steps']:,} steps of about 3,700 tokens on two CPU cores in bf16, AdamW {run['rate']:g} (heads {run['head_factor']:g}x), corpora drawn by "
            f"examples^{run['alpha']:g} x boost. {_rounding(run)}{_teacher(run)}{_lexical(run)}Temperatures{_biases(record)} are fitted on dev. "
            f"{_note(run)}{record.get('later', '')}How to retrain: `training/README.md`.", "", *_licence(manifest)]
    return "\n".join(out) + _limits(record)


def _labels(task: dict) -> str:
    if task["kind"] in _GIVES:
        return _GIVES[task["kind"]]
    if "size" in task:
        return f"vectors of {task['size']}"
    labels = task["labels"]
    return ", ".join(labels) if len(labels) <= 28 else f"{len(labels)} {'intents' if task['name'] == 'intent' else 'labels'}"


def _licence(manifest: dict) -> list[str]:
    encoder = manifest["encoder"]
    own = "The weights are under the licence of MtlStream itself, Apache-2.0" if manifest["name"] == _SHIPPED else "Which licence the weights are under is for those to say who trained them"
    return ["## Licence", "",
            f"{own}. They are made from other people's work, which keeps its own terms:", "",
            f"- They start from [{encoder['name']}]({encoder['source']}) ({encoder['license']}), copyright its authors." + _NOTICES.get(encoder["license"], ""),
            "- `vocab.txt` is the vocabulary of BERT (bert-base-uncased, Apache-2.0, Copyright 2018 The Google AI Language Team Authors) without the tokens that no text has.",
            "- The corpora, none of which is in the package, are named with their licences above. CC BY and CC BY-SA ask for attribution, which the table is; CC BY-SA also that adaptations "
            "are shared alike. Some come under terms of their own (SemEval, Twitter) or state no licence (20 Newsgroups). Whether such terms reach a model trained on a corpus is not settled "
            "everywhere: check them before commercial use.", ""]


def _score(scores: dict, task: str) -> str:
    """The score that counts, in per cent, and its name; "-" for a task that was not scored, such as one added after it."""
    metric, value = next(iter(scores.get(task, {}).items()), (None, 0))
    return f"{value * 100:.2f} {NAMES[metric]}" if metric else "-"


def _more(manifest: dict, scores: dict, unsure: dict) -> list[str]:
    """What is known about `pos` on raw text, about `intent` out of scope, and about tasks that are null where the model is unsure."""
    out = []
    if pos := scores.get("pos"):
        out.append(f"Raw text of the same treebank (words found by the splitter): Words F1 {pos['wordsF1'] * 100:.2f} (to reach 98.7), "
                   f"UPOS F1 {pos['uposF1'] * 100:.2f} (to reach 95.9; Stanza 96.2, UDPipe 2 96.75).")
    if intent := scores.get("intent"):
        threshold = next(t["threshold"] for t in manifest["tasks"] if t["name"] == "intent")
        out.append(f"`intent` below a score of {threshold} is out of scope: {intent['outOfScopeRecall'] * 100:.1f} % of the out-of-scope queries are "
                   f"found, and {intent.get('servedAccuracy', intent.get('accuracyAboveThreshold')) * 100:.1f} % of the queries in scope are then answered rightly.")
    if "longAccuracy" in (language := scores.get("language", {})):
        out.append(f"`language` tells {_percent(language['longAccuracy'])} % of the sentences of 40 characters and more, and {_percent(language['shortAccuracy'])} % of shorter ones.")
    if "f1.qamr" in (answer := scores.get("answer", {})):
        out.append(f"`answer` has an F1 of {_percent(answer['f1'])} on paragraphs of SQuADShifts and {_percent(answer['f1.qamr'])} on sentences of QAMR. Whether there is an answer it tells in "
                   f"{_percent(answer['told'])} % and {_percent(answer['told.qamr'])} %, answered questions and others in equal shares.")
    if "rouge1.bbc" in (summary := scores.get("summary", {})):
        out.append(f"`summary`, ROUGE-1 of the sentences given and of as many first ones: SciTLDR {_percent(summary['rouge1'])} and {_percent(summary['leadRouge1'])}, BBC {_percent(summary['rouge1.bbc'])} and "
                   f"{_percent(summary['leadRouge1.bbc'])}. Of the best sentence and the first one: SciTLDR {_percent(summary['bestRouge1'])} and {_percent(summary['firstRouge1'])}, "
                   f"BBC {_percent(summary['bestRouge1.bbc'])} and {_percent(summary['firstRouge1.bbc'])}.")
    if "of100" in (reply := scores.get("reply", {})):
        out.append(f"`reply` finds what was said next among ten in {_percent(reply['of10'])} % and among a hundred in {_percent(reply['of100'])} %.")
    for task, seen in unsure.items():
        threshold = next(t["threshold"] for t in manifest["tasks"] if t["name"] == task)
        out.append(f"`{task}` is null below a score of {threshold}: on dev {seen['rightKept'] * 100:.1f} % of the right answers keep their label, {seen['wrongLeftOut'] * 100:.0f} % of the "
                   f"wrong ones lose it, and so do {seen['othersLeftOut'] * 100:.0f} % of the texts of the other corpora. The scores above are those of the best label.")
    return out


def _percent(share: float) -> str:
    return f"{share * 100:.2f}"


def _beginning(run: dict) -> str:
    return f"from the weights of {run['initial']} on, " if run["initial"] else ""


def _rounding(run: dict) -> str:
    return f"The last {run['quantized_share']:.0%} of the steps had int8 arithmetic (quantization-aware). " if run["quantized_share"] else ""


def _biased(record: dict) -> str:
    return " and ".join(f"`{task}`" for task, a in record["adjustments"].items() if a["bias"])


def _biases(record: dict) -> str:
    return f", thresholds and the class biases of {biased} (scored by macro averages)" if (biased := _biased(record)) else " and thresholds"


def _note(run: dict) -> str:
    return f"As it went: {run['note']}. " if run.get("note") else ""


def _teacher(run: dict) -> str:
    if not run["teachers"]:
        return ""
    first, last = run["teacher_share"]
    return (f"What it learnt from besides labels was the mean of {' and '.join(run['teachers'])}: {first:.0%} of the target of labelled rows at first and {last:.0%} at last, and "
            f"`pos`, `entities`, `sentiment`, `emotion` and `offensive` of the other corpora's texts, each with {run['teacher_others']:g} of a label's weight. ")


def _lexical(run: dict) -> str:
    return "".join(f"Beside the head of `{task}` stands a linear classifier of the {pieces:,} word pieces that tell most, fitted on its own. "
                   for task, pieces in run["lexical"].items())


def _part(record: dict) -> str:
    return f", about {record['rowsAtMost']} rows of each" if record["rowsAtMost"] else ""


def _identity(fairness: dict | None) -> str:
    """What is known of sentences that say who somebody is."""
    if not (seen := (fairness or {}).get("identity")):
        return ""
    return (f"- Words of identity stand in insults, and were taken for them. Of {seen['sentences']} harmless sentences that say who somebody is, such as \"My neighbour is gay.\",\n"
            f"  {seen['labelledOffensive']} are labelled offensive{_before(seen)}. What is said of groups otherwise is not looked at.\n")


def _before(seen: dict) -> str:
    return f" ({seen['before']} by the version before)" if "before" in seen else ""


def _emoji(seen: dict | None) -> str:
    """What is known of emoji."""
    if not seen:
        return "- Emoji carry no meaning: each is an unknown word, so 😡 and 😍 give the same scores.\n"
    return (f"- {seen['rows']} emoji have a meaning; any other is an unknown word. Skin tones, and what is joined to an emoji, are not read.\n"
            f"  On the {seen['tweets']:,} tweets with emoji of SemEval's test `sentiment` has a macro recall of {_percent(seen['after'])}, and had {_percent(seen['before'])} before.\n")


def _shortening(record: dict) -> str:
    """What is known of the tasks on layers of their own."""
    if "answer" not in record.get("served", {}):
        return ""
    return ("- `answer`, `compress`, `summary` and `reply` are experimental: they were trained for hours on few texts. An answer is a guess that may be wrong where it sounds sure.\n"
            "  `compress` may leave out a word that a sentence needs, and a negation with it. `reply` knows small talk between two people.\n")


def _limits(record: dict) -> str:
    fairness = record.get("fairness")
    odds = f"- {biased}: every class gets about the same chance, as the scores ask for: counts of labels are not estimates of shares.\n" if (biased := _biased(record)) else ""
    text = """
## Intended use and limits

For labelling streams of short English texts (messages, comments, reviews, queries) where single mistakes cost little and aggregates matter.
Not for decisions about people: `offensive` and `emotion` are opinions of crowd workers about texts without context.

- A text that is surely in another language gets `language` alone. Where that is not sure, above all for a few words, it gets labels that mean nothing.
- `topic` knows twenty newsgroups of 1993, `intent` 150 requests to an assistant; texts about something else often get one of them all the same
  (both say null below their thresholds, where they have them).
- `topic` needs more than a sentence or two, and was trained on windows of 128 tokens. Compare its score with the linear baseline above.
""" + odds + """- `offensive` was annotated in 2019 on tweets about politics. Rude words between friends, reclaimed words and quotations are often called offensive.
""" + _identity(fairness) + """- Emotions with few examples (grief, pride, relief, nervousness) are found rarely.
- `entities` knows persons, places and organizations; user names (`@name`) are none of them.
""" + _emoji(record.get("emoji")) + _shortening(record)
    if not fairness:
        return text
    lines = ["", "## Biases seen", "",
             "The same eight sentences with four names of each group: share found as PER, mean sentiment (P(positive) - P(negative)), mean P(offensive).", "",
             "| names | found as a person | sentiment | offensive |", "|---|---|---|---|"]
    lines += [f"| {group} | {v['foundAsPerson']:.1%} | {v['sentiment']:+.3f} | {v['offensive']:.3f} |" for group, v in fairness["names"].items()]
    d = fairness["dialect"]
    lines += ["", f"{d['pairs']} pairs of sentences with one meaning, African American English and mainstream: mean sentiment "
              f"{d['africanAmerican']['sentiment']:+.3f} and {d['mainstream']['sentiment']:+.3f}, mean P(offensive) {d['africanAmerican']['offensive']:.3f} and "
              f"{d['mainstream']['offensive']:.3f}; labelled offensive {d['labelledOffensive'][0]} and {d['labelledOffensive'][1]}. "
              "The sentences are few (`training/mtltrain/fairness.py`): they show that the model differs, not how often.", ""]
    return text + "\n".join(lines)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else _KEPT)
