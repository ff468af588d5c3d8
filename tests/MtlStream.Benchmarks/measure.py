#!/usr/bin/env python3
"""Measures what the README and the issue tracker's tables promise, and writes results/MACHINE/SECTION.md.

Usage: measure.py --input EVENTS.jsonl.gz --machine NAME [--bootstrap HOST:PORT] [--program PATH] SECTION...

Sections (about how long on two cores):
  ceiling     bench pipeline against the model alone, padding                          1 min
  ablation    five ways of batching, on the stream and on a heavy-tailed mix           6 min
  precision   the int8 graph against the fp32 graph of the same weights                2 min   (Python package onnx)
  tasks       all tasks against one                                                    1 min
  kafka       topic to topic with the model, at least once and exactly once, latency   5 min   (--bootstrap)
  null        topic to topic without the model, 1, 2 and 4 workers                     4 min   (--bootstrap)
  memory      ten million events, memory over time                                     4 min
  tokenizer   the tokenizer on one thread                                              1 min

What is compared is measured in turns; a ratio is the median of the ratios of neighbouring measurements.
"""

import argparse
import gzip
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ONE_SESSION = ["--Model:Lanes=1", f"--Model:ThreadsPerLane={os.cpu_count()}"]
FIXED = ["--Model:RowsPerCall=32", "--Batching:MaxRows=32", "--Batching:MaxPaddedTokens=131072"]
WAYS = {
    "fixed count of 32, one session over all cores": [*ONE_SESSION, *FIXED, "--Batching:LookAhead=32"],
    "the same, sorted by length": [*ONE_SESSION, *FIXED, "--Batching:LookAhead=1024"],
    "token budget of 1024": [*ONE_SESSION, "--Model:RowsPerCall=32", "--Batching:MaxRows=32", "--Batching:MaxPaddedTokens=1024", "--Batching:LookAhead=32"],
    "token budget of 1024, neighbours in length": [*ONE_SESSION, "--Model:RowsPerCall=32", "--Batching:MaxRows=32", "--Batching:MaxPaddedTokens=1024", "--Batching:LookAhead=1024"],
    "one text a call, one thread a core (shipped)": [],
}


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = HERE / "results" / options.machine
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, command, *arguments):
        """The JSON report of one bench command."""
        line = [self.options.program, "bench", command, *map(str, arguments), "--json"]
        environment = {**os.environ, "MTLSTREAM_BUILD": "never"}
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            sys.exit(f"{' '.join(line)} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def pipeline(self, *arguments, stream=None):
        return self.run("pipeline", "--input", stream or self.options.input, "--device", self.options.device, *arguments)

    def kafka(self, *arguments):
        if not self.options.bootstrap:
            sys.exit("this section needs --bootstrap")
        return self.run("kafka", "--bootstrap", self.options.bootstrap, "--input", self.options.input, "--device", self.options.device, *arguments)

    def write(self, section, title, *parts):
        text = f"# {title}\n\n" + "\n\n".join(p.strip("\n") for p in parts) + "\n\n" + versions() + "\n"
        (self.folder / f"{section}.md").write_text(text)
        print(text, flush=True)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def rate(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def share(value):
    return f"{100 * value:.1f} %"


def median(values):
    return statistics.median(values)


def turns(repetitions, ways):
    """Measures every way once in each repetition; {way: [report, ...]}."""
    found = {name: [] for name in ways}
    for repetition in range(repetitions):
        for name, measure in ways.items():
            found[name].append(measure())
            print(f"  {repetition + 1}/{repetitions} {name}: {found[name][-1].get('eventsPerSecond')} events/s", file=sys.stderr, flush=True)
    return found


def ratio(found, over, under, figure="eventsPerSecond"):
    return median([a[figure] / b[figure] for a, b in zip(found[over], found[under])])


def texts(path):
    with gzip.open(path, "rt", encoding="utf-8") if str(path).endswith(".gz") else open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def heavy_tail(source, target, long_share=0.01, long_tokens=512, events=60_000):
    """The stream with one text in a hundred as long as 512 tokens, made of several of its own texts."""
    randomness = random.Random(1)
    short = []
    for text in texts(source):
        if not any(0xD800 <= ord(c) < 0xE000 for c in text):
            short.append(text)
        if len(short) == events:
            break
    with open(target, "w", encoding="utf-8") as out:
        for text in short:
            if randomness.random() < long_share:
                while len(re.findall(r"\w+|[^\w\s]", text)) < 0.72 * long_tokens:  # words to tokens, on this stream
                    text += " " + randomness.choice(short)
            out.write(json.dumps({"text": text}) + "\n")
    return target


def versions():
    def first(command):
        try:
            return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip().splitlines()[0]
        except (OSError, IndexError):
            return "unknown"

    def package(name):
        return re.search(rf'Include="{re.escape(name)}" Version="([^"]+)"', (ROOT / "Directory.Packages.props").read_text()).group(1)

    cpu = next((l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if l.startswith("model name")), platform.machine())
    flags = Path("/proc/cpuinfo").read_text()
    isa = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8") if re.search(rf"\b{f}\b", flags)]
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) / 2**20
    gpu = first(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"])
    model = json.loads((ROOT / "models/mtlstream-en/model.json").read_text())
    return "\n".join([
        "## Machine and versions",
        "",
        f"- {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB; {', '.join(isa)}" + ("" if gpu == "unknown" else f"; {gpu}"),
        f"- Linux {platform.release()}, .NET SDK {first(['dotnet', '--version'])}, ONNX Runtime {package('Microsoft.ML.OnnxRuntime.Gpu')}, librdkafka {package('librdkafka.redist')}",
        f"- model {model['name']} {model['version']}, weights {model.get('checksums', {}).get('weights.bin', '')[:19]}; program at {first(['git', 'rev-parse', '--short', 'HEAD'])}",
        f"- load average when it ended: {os.getloadavg()[0]:.1f} over one minute, {os.getloadavg()[1]:.1f} over five",
        f"- measured {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC by `tests/MtlStream.Benchmarks/measure.py`",
    ])


def ceiling(bench):
    report = bench.pipeline("--seconds", 5, "--repetitions", 5)
    bench.write("ceiling", "The pipeline against the model alone", table(
        ["figure", "measured", "required"], [
            ["`ceilingShare`, load-test stream", f"{share(report['ceilingShare'])} (repetitions: {', '.join(share(s) for s in report['ceilingShares'])})", "95 %"],
            ["padding share at full load", share(report["paddingShare"]), "below 5 %"],
            ["events/s; the model alone", f"{rate(report['eventsPerSecond'])}; {rate(report['ceilingEventsPerSecond'])}", ""],
            ["tokens/s ([CLS] and [SEP] included)", rate(report["tokensPerSecond"]), ""],
            ["tokens per event", report["tokensPerEvent"], ""],
            ["processor time per event; the model alone", f"{report['cpuMicrosecondsPerEvent']:.0f} us; {report['ceilingCpuMicrosecondsPerEvent']:.0f} us ({share(report['ceilingCpuMicrosecondsPerEvent'] / report['cpuMicrosecondsPerEvent'])})", ""],
            ["latency at 70 % of that rate, p50; p99", f"{report['p50Ms']:.1f} ms; {report['p99Ms']:.1f} ms", ""],
            ["allocated per event, results' own bytes left out", f"{report['allocatedBytesPerEvent']:.0f} B", "2 kB, Kafka included"],
        ]))


def ablation(bench):
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        streams = {"load-test stream": bench.options.input, "heavy tail: 1 % of 512 tokens": heavy_tail(bench.options.input, f"{folder}/heavy.jsonl")}
        for stream, path in streams.items():
            found = turns(bench.options.repetitions, {
                name: lambda way=way: bench.pipeline("--seconds", 4, "--repetitions", 1, "--no-ceiling", *way, stream=path) for name, way in WAYS.items()})
            base, shipped = list(WAYS)[0], list(WAYS)[-1]
            parts.append(f"## {stream} ({median([r['tokensPerEvent'] for r in found[shipped]]):.1f} tokens an event)\n\n" + table(
                ["batching", "events/s", "padding share", "p50 ms", "p99 ms", "to the first"], [
                    [name, rate(median([r["eventsPerSecond"] for r in reports])), share(median([r["paddingShare"] for r in reports])),
                     f"{median([r['p50Ms'] for r in reports]):.1f}", f"{median([r['p99Ms'] for r in reports]):.1f}", f"{ratio(found, name, base):.2f} x"]
                    for name, reports in found.items()]))
    settings = "\n".join(f"- {name}: `{' '.join(way) or 'defaults'}`" for name, way in WAYS.items())
    bench.write("ablation", "Ways of batching", "All with the int8 graph, in turns. Latency is that at 70 % of each way's own rate. Required of the last way: 2.0 x the first on the stream, 4 x on the heavy tail.", *parts, "## Settings\n\n" + settings)


def precision(bench):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([bench.options.python, HERE / "fp32_package.py", ROOT / "models/mtlstream-en", f"{folder}/fp32"], check=True)
        configurations = {"two calls of one thread, one text each": [], "two calls of one thread, up to 32 texts": ["--rows-per-call", 32], "one call of all threads, up to 32 texts": ["--lanes", 1, "--threads-per-lane", os.cpu_count(), "--rows-per-call", 32]}

        def best(package, arguments):
            grid = bench.run("model", "--device", "cpu", "--seconds", 0.6, *(["--model", f"{folder}/fp32"] if package == "fp32" else []), *arguments)["grid"]
            return {"eventsPerSecond": max(c["eventsPerSecond"] for c in grid if c["columns"] == 32)}

        found = turns(bench.options.repetitions, {
            f"{package}, {name}": lambda package=package, arguments=arguments: best(package, arguments)
            for package in ("int8", "fp32") for name, arguments in configurations.items()})
    rates = {name: median([r["eventsPerSecond"] for r in reports]) for name, reports in found.items()}
    ratios = [max(found[f"int8, {n}"][i]["eventsPerSecond"] for n in configurations) / max(found[f"fp32, {n}"][i]["eventsPerSecond"] for n in configurations) for i in range(bench.options.repetitions)]
    bench.write("precision", "int8 against fp32, the same weights", table(["graph and configuration", "texts of 32 tokens a second"], [[n, rate(r)] for n, r in rates.items()]), f"Each at its best: **{median(ratios):.2f} x** (required: 2.5 x).")


def tasks(bench):
    found = turns(bench.options.repetitions, {
        name: lambda name=name: bench.pipeline("--seconds", 4, "--repetitions", 1, "--no-ceiling", *([] if name == "all" else ["--tasks", name]))
        for name in ("all", "sentiment", "pos")})
    bench.write("tasks", "All tasks against one", table(["tasks", "events/s", "all tasks to it"], [
        [name, rate(median([r["eventsPerSecond"] for r in reports])), "" if name == "all" else share(ratio(found, "all", name))] for name, reports in found.items()]),
        "Required: 90 %.")


def kafka(bench):
    samples = bench.folder / "rate.csv"
    least = bench.kafka("--repetitions", bench.options.repetitions, "--samples", samples, "--paced-seconds", 20)
    plot(samples, bench.folder / "rate.svg", least["pacedRate"])
    exactly = bench.kafka("--repetitions", bench.options.repetitions, "--delivery", "exactly-once")
    rows = [[r["delivery"], rate(r["eventsPerSecond"]), share(r["ceilingShare"]), rate(r["passthroughEventsPerSecond"]), f"{r['p50Ms']:.0f}", f"{r['p99Ms']:.0f}", rate(r["pacedRate"])] for r in (least, exactly)]
    bench.write("kafka", "From topic to topic with the model", table(["delivery", "events/s", "of the model alone", "bare client", "p50 ms", "p99 ms", "at events/s"], rows),
                f"Exactly once to at least once, in turns in the same run: **{share(exactly['exactlyOnceShare'])}** (required: 95 %). Of the model alone, at least once: required 92 %. "
                "The broker runs on the same cores. Latency is from the event's Kafka timestamp to its durable result at 70 % of the rate; exactly once waits for the transaction (`Delivery:CommitInterval`).",
                "What was settled over time at that rate:\n\n![rate](rate.svg)")


def null(bench):
    reports = {w: bench.kafka("--null-model", "--repetitions", bench.options.repetitions, "--workers", w, "--events", 300_000, "--paced-seconds", 5) for w in (1, 2, 4)}
    bench.write("null", "From topic to topic without the model", table(
        ["workers", "events/s", "bare client", "share of it", "allocated per event", "working set", "p50 ms", "p99 ms at 70 %"], [
            [w, rate(r["eventsPerSecond"]), rate(r["passthroughEventsPerSecond"]), share(r["passthroughShare"]), f"{r['allocatedBytesPerEvent']:.0f} B", f"{r['workingSetMegabytes']:.0f} MB", f"{r['p50Ms']:.1f}", f"{r['p99Ms']:.1f}"] for w, r in reports.items()]),
        f"Required: 70 % with one worker, and less than 2 kB allocated per event beyond the payloads' own bytes. Results are {reports[1]['addedBytes']} B larger than events. "
        "The broker runs on the same cores, and so do all workers, in one process and one group; the bare client decodes nothing and writes payloads that are made beforehand.")


def memory(bench):
    report = bench.pipeline("--model", "null", "--events", 500_000, "--repetitions", 20)
    sizes = report["workingSetMegabytes"]
    bench.write("memory", "Memory over ten million events", table(["million events", "working set, MB"], [[(i + 1) / 2, s] for i, s in enumerate(sizes)]),
                f"In memory, without the model; the input file lies in memory as well. {rate(report['eventsPerSecond'])} events/s; {report['allocatedBytesPerEvent']:.0f} B allocated per event, results' own bytes left out; {report['gen2Collections']} collections of generation 2.")


def tokenizer(bench):
    rows = [[name, rate(r["tokensPerSecond"]), r["megabytesPerSecond"], r["allocatedBytesPerEvent"]] for name, r in (
        (name, bench.run("tokenizer", "--input", bench.options.input, *arguments)) for name, arguments in (("words first, as served", []), ("plain", ["--plain"])))]
    bench.write("tokenizer", "The tokenizer on one thread", table(["way", "tokens/s", "MB/s", "B allocated per text"], rows), "Required: 6 M tokens/s.")


def plot(samples, target, paced, bucket=0.5):
    """The rate over time as an SVG: one point every half second."""
    points = [tuple(map(float, line.split(","))) for line in samples.read_text().splitlines()[1:]]
    counts, at = [], 0
    for n in range(1, int(points[-1][0] / bucket)):
        while at < len(points) - 1 and points[at][0] < n * bucket:
            at += 1
        counts.append(points[at][1])
    rates = [(b - a) / bucket for a, b in zip(counts, counts[1:])]
    width, height, top = 800, 240, 1.4 * max([paced, *rates])
    path = " ".join(f"{60 + i * (width - 80) / max(1, len(rates) - 1):.1f},{height - 30 - r / top * (height - 50):.1f}" for i, r in enumerate(rates))
    line = height - 30 - paced / top * (height - 50)
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="white"/>'
        f'<line x1="60" x2="{width - 20}" y1="{line:.1f}" y2="{line:.1f}" stroke="#999" stroke-dasharray="4"/><text x="62" y="{line - 4:.1f}" fill="#666">offered: {paced:.0f} events/s</text>'
        f'<polyline points="{path}" fill="none" stroke="#0b6" stroke-width="1.5"/><line x1="60" x2="{width - 20}" y1="{height - 30}" y2="{height - 30}" stroke="black"/>'
        f'<line x1="60" x2="60" y1="20" y2="{height - 30}" stroke="black"/><text x="5" y="{height - 26}">0</text><text x="5" y="24">{top:.0f}/s</text>'
        f'<text x="{width - 60}" y="{height - 10}">{len(rates) * bucket:.0f} s</text></svg>\n')
    samples.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="+", choices=["ceiling", "ablation", "precision", "tasks", "kafka", "null", "memory", "tokenizer"])
    parser.add_argument("--input", required=True)
    parser.add_argument("--machine", required=True, help="folder below results/")
    parser.add_argument("--bootstrap")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--program", default=str(ROOT / "mtlstream"))
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has onnx")
    options = parser.parse_args()
    for section in options.sections:
        globals()[section](Bench(options))


if __name__ == "__main__":
    main()
