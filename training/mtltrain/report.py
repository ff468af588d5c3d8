"""Writes REPORT.md and its picture from the lines in results/experiments: python3 -m mtltrain.report

Lines from before a task was added have nothing about it: its cells say "-".
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .evaluate import METRICS
from .experiments import NEEDS_WEIGHTS
from .tasks import USUAL

NAMES = list(USUAL)
# Student's t that 95 % lie within, for 2 values and more
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
FOLDER = Path(__file__).resolve().parents[1]


def lines(name: str) -> list[dict]:
    path = FOLDER / f"results/experiments/{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def spread(values: list[float]) -> str:
    if not values:
        return "-"
    mean = f"{100 * np.mean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ± {100 * np.std(values, ddof=1):.1f}"


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)] + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def latest() -> dict:
    """What the repository keeps of the newest model that was scored in full."""
    records = [json.loads(path.read_text()) for path in (FOLDER / "results").glob("scores-*.json")]
    return max((r for r in records if r["test"].get("fp32") and r.get("served")), key=lambda r: [int(part) for part in r["run"]["version"].split(".")])


def single() -> list[str]:
    found = lines("single")
    if not found:
        return []
    multi = [line for line in found if line["setting"] == "multitask"]
    rows, gained, lost = [], [], []
    for task in NAMES:
        shared = {line["seed"]: line["scores"][task] for line in multi if task in line["scores"]}
        alone = {line["seed"]: line["scores"][task] for line in found if line["setting"] == "single" and line["task"] == task}
        both = sorted(set(shared) & set(alone))
        differences = [shared[s] - alone[s] for s in both]
        if 1 < len(both) < 2 + len(STUDENT) and abs(np.mean(differences)) > STUDENT[len(both) - 2] * np.std(differences, ddof=1) / len(both) ** 0.5:
            (gained if np.mean(differences) > 0 else lost).append(f"`{task}`")
        rows.append([f"`{task}` ({METRICS[task]})", spread([shared[s] for s in both]), spread([alone[s] for s in both]), spread(differences), str(len(both))])
    tokens, shipped = np.mean([line["tokens"] for line in multi]), latest()["run"]
    # The corpora of all tasks but `pos`, whose treebank `entities` has too, are those of the multitask model.
    apart = np.mean([sum(line["tokens"] for line in found if line["setting"] == "single" and line["task"] != "pos" and line["seed"] == seed) for seed in {line["seed"] for line in multi}])
    return ["## One model for all tasks against one model each", "",
            f"Same encoder, a slice of the labels, as many steps on both sides, and about as many tokens per task ({tokens / 1e3:.0f} thousand for the multitask model; {apart / 1e3:.0f} for one model each together, "
            "for one corpus pads less than a mixture), scored on about 500 rows of dev each, mean ± standard deviation over the seeds; the difference is taken seed by seed.", "",
            *table(["task", "multitask", "alone", "difference", "seeds"], rows),
            f"Apart from zero by Student's t at 95 %: better together {', '.join(gained) or 'none'}; worse together {', '.join(lost) or 'none'}. A slice is short: `emotion` alone has hardly begun to "
            "give labels by its end. What was done about interference in the shipped model: "
            f"`intent` and the treebank are drawn {shipped['corpora']['clinc']['boost']:g} and {shipped['corpora']['ewt']['boost']:g} times as often as their size says, the loss of `entities` "
            f"counts {shipped['factors']['entities']:g} times, every text-level task pools with an attention of its own, and training goes on an order of magnitude longer, which a slice cannot show.", ""]


def serving() -> list[str]:
    found = lines("serving")
    if not found:
        return []
    cost = {s: [1e3 * l["cpuSeconds"] / l["rows"] for l in found if l["setting"] == s] for s in dict.fromkeys(l["setting"] for l in found)}
    best = {s: min(v) for s, v in cost.items()}
    together, apart = best["all tasks"], sum(v for s, v in best.items() if s != "all tasks")
    return ["## Serving all tasks in one pass", "",
            f"The exported CPU graph under ONNX Runtime, one thread, one text a call, {found[0]['rows']} sentences of the treebank; milliseconds of processor time a "
            f"text, the least of {len(cost['all tasks'])} runs, without the tables of word pieces. All tasks in one pass: **{together:.2f}**; one model per task: "
            f"**{apart:.2f}** together, {apart / together:.1f} times as much, and seven packages with the encoder in each instead of one.", "",
            *table(["model", "ms a text"], [[s if s == "all tasks" else f"`{s}` alone", f"{v:.2f}"] for s, v in best.items()])]


def repeated() -> float:
    """By how many points, at most in a task, two runs of one setting and seed differ: the multitask slices, some of which were run again as `equal`."""
    again = {line["seed"]: line["scores"] for line in lines("weighting") if line["setting"] == "equal"}
    pairs = [(line["scores"], again[line["seed"]]) for line in lines("single") if line["setting"] == "multitask" and line["seed"] in again]
    return max((100 * abs(a[task] - b[task]) for a, b in pairs for task in a if task in b), default=0.0)


def seeds(counts: list[int]) -> str:
    """How many seeds the rows of a table have, and what single runs are worth."""
    least, most = min(counts), max(counts)
    text = f"Seeds of a row: {least if least == most else f'{least} to {most}'}."
    if least > 1 or not (apart := repeated()):
        return text
    return (f"{text} Two runs of one setting and seed differed by up to {apart:.1f} points in a task, and seeds differ by more, so differences below about "
            f"{np.ceil(2 * apart) / 2:.1f} points between single runs decide nothing.")


def per_setting(name: str, title: str, what: str) -> list[str]:
    """One row per setting, a column per task, mean and spread over the seeds."""
    found = lines(name)
    if not found:
        return []
    rows = []
    for setting in dict.fromkeys(line["setting"] for line in found):
        runs = [line for line in found if line["setting"] == setting]
        means = [float(np.mean(list(line["scores"].values()))) for line in runs]
        rows.append([setting, *(spread([line["scores"][t] for line in runs if t in line["scores"]]) for t in NAMES), spread(means),
                     f"{np.mean([line['seconds'] for line in runs]):.0f}", str(len(runs))])
    return [f"## {title}", "", f"{what} {seeds([int(row[-1]) for row in rows])} `mean` is over the tasks. Seconds were taken on a machine that other programs used too.", "",
            *table(["setting", *(f"`{t}`" for t in NAMES), "mean", "seconds", "seeds"], rows)]


def weighting() -> list[str]:
    return per_setting("weighting", "Weighting the losses",
                       "The same slice as above; `equal` repeats its multitask runs of the same seeds."
                       + ("" if any(line["setting"] == "pcgrad" for line in lines("weighting")) else " PCGrad, a backward pass for each task, was not run to its end."))


def distillation() -> list[str]:
    return per_setting("distillation", "Learning from a model",
                       "A slice of the texts with their labels, and with what the shipped model says about the same texts beside them: for the tasks that a text has labels "
                       "of (distillation), or for every task, so that each corpus also carries the other tasks (`mtltrain/distill.py`). The teacher has seen labels that the slice leaves out.")


def lowresource() -> list[str]:
    found = lines("lowresource")
    if not found:
        return []
    rows = []
    for share in sorted({line["share"] for line in found}):
        of = lambda setting: [l["scores"]["entities"] for l in found if l["share"] == share and l["setting"] == setting]
        rows.append([f"{share:.0%}", spread(of("alone")), spread(of("with others")), str(len(of("with others")))])
    return ["## Few labels: entities", "", "Span F1 on UNER EWT dev with a share of the entity labels of the slice, alone and beside the other tasks; as many steps, and alone as many tokens as entities get at the full share. "
            f"Texts that keep their labels are drawn as often as all of them at the full share when alone; beside the others a little less, for the treebank's texts without entity labels are drawn as well. {seeds([int(row[-1]) for row in rows])}", "",
            *table(["labels", "alone", "with the other tasks", "seeds"], rows)]


def affinity() -> list[str]:
    found = lines("affinity")
    if not found:
        return []
    values = {s: {t: [line["affinity"][s][t] for line in found if t in line["affinity"].get(s, {})] for t in NAMES} for s in NAMES}
    mean = np.array([[np.mean(values[s][t]) if values[s][t] else np.nan for t in NAMES] for s in NAMES]) * 100
    error = np.array([[np.std(values[s][t], ddof=1) / len(values[s][t]) ** 0.5 if len(values[s][t]) > 1 else np.nan for t in NAMES] for s in NAMES]) * 100
    (FOLDER / "results/affinity.svg").write_text(_picture(mean, error))
    between = ~np.isnan(mean) & ~np.eye(len(NAMES), dtype=bool)
    far = int(((np.abs(mean) > 2 * error) & between).sum())
    rows = [[f"`{s}`", *("-" if np.isnan(mean[i, j]) else f"{mean[i, j]:+.2f}{'' if abs(mean[i, j]) > 2 * error[i, j] else ' (~)'}" for j in range(len(NAMES)))]
            for i, s in enumerate(NAMES)]
    return ["## Which task helps which", "",
            "A short step of fixed length along the gradient of the row's task in the encoder changes the loss of the column's task by so many per cent (positive: it "
            f"falls), mean over {len(found)} pairs of batches, the step along texts of the training set, the loss on texts of dev, from the weights `{found[0]['weights']}`; (~): less than two standard errors from zero. Method: "
            f"look-ahead affinity, Fifty et al. 2021 (arXiv 2109.04617). {far} of the {int(between.sum())} values between two tasks are farther from zero.", "", *table(["step along", *(f"`{t}`" for t in NAMES)], rows),
            "![affinity](results/affinity.svg)", ""]


def _picture(mean: np.ndarray, error: np.ndarray) -> str:
    cell, left, top = 74, 90, 30
    size = len(NAMES) * cell
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + size + 10} {top + size + 30}" font-family="sans-serif" font-size="12">']
    most = np.nanmax(np.abs(mean - np.diag(np.diag(mean)))) or 1.0
    for i, source in enumerate(NAMES):
        parts.append(f'<text x="{left - 8}" y="{top + i * cell + cell / 2 + 4}" text-anchor="end">{source}</text>')
        parts.append(f'<text x="{left + i * cell + cell / 2}" y="{top - 10}" text-anchor="middle">{source}</text>')
        for j in np.flatnonzero(~np.isnan(mean[i])):
            strength = min(1.0, abs(mean[i, j]) / most)
            fade = round(255 * (1 - 0.75 * strength))
            color = f"rgb({fade},{fade},255)" if mean[i, j] >= 0 else f"rgb(255,{fade},{fade})"
            parts.append(f'<rect x="{left + j * cell}" y="{top + i * cell}" width="{cell - 2}" height="{cell - 2}" fill="{color}"/>')
            weight = "bold" if abs(mean[i, j]) > 2 * error[i, j] else "normal"
            parts.append(f'<text x="{left + j * cell + cell / 2 - 1}" y="{top + i * cell + cell / 2 + 4}" text-anchor="middle" font-weight="{weight}">{mean[i, j]:+.2f}</text>')
    parts.append(f'<text x="{left}" y="{top + size + 16}">per cent of the column\'s loss gained by a step along the row\'s task; blue helps, red harms</text></svg>')
    return "\n".join(parts) + "\n"


def precision() -> list[str]:
    record = latest()
    wide, served, flips = record["test"]["fp32"], record["served"], record.get("flips", {})
    rows = []
    for task in NAMES:
        a, b = (scores.get(task, {}).get(METRICS[task], np.nan) * 100 for scores in (wide, served))
        rows.append([f"`{task}` ({METRICS[task]})", *("-" if np.isnan(value) else f"{value:{form}}" for value, form in ((a, ".2f"), (b, ".2f"), (b - a, "+.2f"))),
                     f"{flips[task]:.3%}" if task in flips else "-"])
    return ["## What int8 costs", "",
            f"{record['run']['name']} {record['run']['version']}: the CPU graph in int8 and the same weights in a graph that computes in fp32, whole test sets, both through "
            "`mtlstream model eval`, so from text to labels. Flips: labels that differ between one text a call and calls of 32 texts, padded to the longest, over the first thousand "
            "texts of five test sets (`model eval --flips --rows-per-call 32`).", "",
            *table(["task", "fp32", "int8", "difference", "flips beside 31 others"], rows)]


def missing() -> list[str]:
    commands = {"single": "one model against one each", "weighting": "weighting methods", "distillation": "a teacher", "lowresource": "few labels", "affinity": "affinity", "serving": "the cost of serving"}
    absent = [name for name in commands if not lines(name)]
    if not absent:
        return []
    return ["## Not measured yet", "", *(f"- {commands[n]}: `python3 -m mtltrain.experiments {n} --data DATA{' --initial ../models/mtlstream-en' if n in NEEDS_WEIGHTS else ''}`, then `python3 -m mtltrain.report`" for n in absent), ""]


def main() -> None:
    intro = ["# What sharing one encoder buys and costs", "",
             "Generated by `python3 -m mtltrain.report` from the lines in `results/experiments/`. These runs are slices (few steps, a share of the labels, `runs/slices.toml`): "
             "they compare settings with each other. What int8 costs is that of the shipped package, from `results/scores-*.json`; the shipped model's scores are in `models/mtlstream-en/README.md`.", ""]
    (FOLDER / "REPORT.md").write_text("\n".join(intro + single() + serving() + precision() + weighting() + distillation() + lowresource() + affinity() + missing()).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
