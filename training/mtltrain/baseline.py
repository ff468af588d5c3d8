"""The linear baseline of `topic`: tf-idf of words and word pairs, linear SVM. Needs scikit-learn.

python3 -m mtltrain.baseline --data DATA [--results results]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import corpora


def main() -> None:
    from sklearn import __version__
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    parser = argparse.ArgumentParser(prog="mtltrain.baseline", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    train, dev, test = (corpora.newsgroups(options.data, part) for part in ("train", "dev", "test"))
    result: dict = {"scikit-learn": __version__, "settings": []}
    for pairs in (1, 2):
        vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, pairs), min_df=2, stop_words="english")
        x = vectors.fit_transform([e.text for e in train])
        for c in (0.2, 0.5):
            model = LinearSVC(C=c).fit(x, [e.labels["topic"] for e in train])
            found = {name: model.score(vectors.transform([e.text for e in part]), [e.labels["topic"] for e in part])
                     for name, part in (("dev", dev), ("test", test))}
            result["settings"].append({"wordsInARow": pairs, "C": c, **{k: round(float(v), 5) for k, v in found.items()}})
    result["chosen"] = max(result["settings"], key=lambda s: s["dev"])  # on dev
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "baseline-topic.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["chosen"]))


if __name__ == "__main__":
    main()
