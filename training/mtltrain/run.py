"""What a run's TOML file says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from .readers import CORPORA
from .readers import USUAL as USUAL_CORPORA
from .tasks import AUXILIARY, TASKS, USUAL
from .weighting import METHODS


CORPUS_OPTIONS = ("boost", "share", "entity_share", "path", "text")


@dataclass
class Run:
    """What a file of runs/ may say; runs/mtlstream-en.toml for what is worth saying."""

    name: str = "run"
    version: str = "1.0.0"
    seed: int = 1
    source: str = "gte-small"  # the encoder that it all began with, also where `initial` is gone on from
    layers: list[int] = field(default_factory=lambda: [0, 1, 2, 3, 4, 5])
    tasks: list[str] = field(default_factory=lambda: list(USUAL))
    auxiliary: list[str] = field(default_factory=list)  # tasks trained along and left out of `model.pt`; tasks.AUXILIARY
    steps: int = 1000
    rate: float = 2e-4
    head_factor: float = 5.0
    decay: float = 0.01
    clip: float = 2.0
    warmup: float = 0.06
    padded_tokens: int = 1024     # of a micro-batch
    max_rows: int = 64
    micro_batches: int = 4        # per step
    rows_per_step: float = 128.0
    alpha: float = 0.75
    dropout: float = 0.0
    head_dropout: float = 0.1
    word_dropout: float = 0.03
    case_noise: float = 0.0       # share of the rows that lose their letter case, half of them to lower, half to upper case
    quantized_share: float = 0.0  # the last part of the steps sees int8 arithmetic
    limit: int = 128               # tokens of a window, as the package serves it
    crop: int = 128                # tokens of a window in training
    corpus_rows: int = 0          # about so many of every training corpus; 0: all
    label_share: float = 1.0      # of every training corpus, for slices
    weighting: str = "equal"
    factors: dict[str, float] = field(default_factory=dict)
    corpora: dict[str, dict] = field(default_factory=dict)  # name -> {boost, share, entity_share}; `review` also {path, text}
    lexical: dict[str, int] = field(default_factory=dict)  # text-level task -> pieces of a table beside its head; `lexical.py`
    dev_rows: int = 400           # per task while training
    final_rows: int = 0           # per task at the end; 0: all
    evaluate_every: int = 500
    patience: int = 0             # evaluations without a better score before stopping; 0: never
    checkpoint_every: int = 200   # steps
    checkpoint_seconds: float = 0  # and whenever so much time has passed since the last one; 0: never
    teachers: list[str] = field(default_factory=list)  # run files of teachers, beside this one; `initial` teaches too. losses.py says what the shares do
    teach_itself: bool = False    # `initial` teaches, without other teachers too
    said: str = ""                # folder of what they said; made when there are teachers
    teacher_share: list[float] = field(default_factory=lambda: [0.7, 0.3])  # at the first step and at the last
    teacher_others: float = 0.2
    initial: str = ""             # a run's `model.pt`, or the folder of a package, to go on from instead of `source`

    def __post_init__(self):
        names = [task.name for task in TASKS]
        auxiliary = [task.name for task in AUXILIARY]
        for wrong, known, what in ((set(self.tasks) - set(names), names, "task"), (set(self.auxiliary) - set(auxiliary), auxiliary, "auxiliary task"),
                                   (set(self.corpora) - set(CORPORA), CORPORA, "corpus"),
                                   ({self.weighting} - set(METHODS), METHODS, "weighting")):
            if wrong:
                raise ValueError(f"run {self.name}: unknown {what} {sorted(wrong)}; known: {', '.join(known)}")
        for given, known, what in ((self.factors, self.trained, "[factors]"), (self.lexical, self.tasks, "[lexical]"),
                                   *((options, CORPUS_OPTIONS, f"[corpora.{name}]") for name, options in self.corpora.items())):
            if set(given) - set(known):
                raise ValueError(f"run {self.name}: {what}: unknown key {sorted(set(given) - set(known))}; known: {', '.join(known)}")
        if words := [task.name for task in TASKS if task.name in self.lexical and task.per_token]:
            raise ValueError(f"run {self.name}: [lexical]: found {', '.join(words)}, expected tasks of whole texts")
        if self.crop > self.limit:
            raise ValueError(f"run {self.name}: crop is {self.crop}, expected at most limit, {self.limit}")
        if not self.corpora:
            self.corpora = {name: {} for name in USUAL_CORPORA}
        if not self.corpora.get("review", {"path": True}).get("path"):
            raise ValueError(f"run {self.name}: [corpora.review] has no `path`; expected that of a file, absolute or below --data")

    @property
    def trained(self) -> list[str]:
        """Names of all tasks that the training sees."""
        return [*self.tasks, *self.auxiliary]

    def teacher_at(self, step: int) -> float:
        first, last = self.teacher_share
        return first + (last - first) * step / self.steps


def read(path: Path) -> Run:
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {f.name for f in fields(Run)}
    if set(values) - known:
        raise ValueError(f"{path}: unknown keys {sorted(set(values) - known)}; known: {', '.join(sorted(known))}")
    return Run(**values)


def sliced(run: Run, steps: int) -> Run:
    """The same run, a few steps long: shows that training, resuming and exporting work, not that they are any good."""
    return replace(run, name=run.name + "-slice", steps=steps, evaluate_every=steps, checkpoint_every=max(1, steps // 2),
                   final_rows=20, corpus_rows=100, padded_tokens=256, micro_batches=2, max_rows=8)
