"""What measure.py's sections share: running the program, tables, figures against what is required of them, plots."""

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


class Bench:
    """One run of the script: how to start the program, and where results go."""

    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="mtlstream-quick-")) if options.quick else HERE / "results" / options.machine
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = self.folder / "figures.json"
        self._figures = json.loads(self._file.read_text()) if self._file.exists() else {}

    def repetitions(self, usual):
        return 1 if self.options.quick else self.options.repetitions or usual

    def seconds(self, usual):
        return min(usual, 0.4) if self.options.quick else usual

    def events(self, usual):
        return max(20_000, usual // 20) if self.options.quick else usual

    def command(self, *arguments):
        return [self.options.program, *map(str, arguments)]

    def run(self, command, *arguments):
        """The JSON report of one bench command."""
        line = self.command("bench", command, *arguments, "--json")
        done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, "MTLSTREAM_BUILD": "never"})
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(line)} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def pipeline(self, *arguments, stream=None):
        return self.run("pipeline", "--input", stream or self.options.input, "--device", self.options.device, *arguments)

    def kafka(self, *arguments):
        if not self.options.bootstrap:
            raise RuntimeError("this section needs --bootstrap")
        return self.run("kafka", "--bootstrap", self.options.bootstrap, "--input", self.options.input, "--device", self.options.device, *arguments)

    def turns(self, repetitions, ways):
        """Measures every way once in each repetition; {way: [report, ...]}."""
        found = {name: [] for name in ways}
        for repetition in range(repetitions):
            for name, measure in ways.items():
                found[name].append(measure())
                print(f"  {repetition + 1}/{repetitions} {name}: {found[name][-1].get('eventsPerSecond')} events/s", file=sys.stderr, flush=True)
        return found

    def required(self, section, *figures):
        """The table of figures that something is required of; each as (name, values, at least or below, limit, format)."""
        rows = []
        self._figures = {name: figure for name, figure in self._figures.items() if figure["section"] != section}
        for name, values, sense, limit, form in figures:
            values = values if isinstance(values, list) else [values]
            middle = median(values)
            reached = middle >= limit if sense == "at least" else middle < limit
            each = ", ".join(form(v) for v in values) if len(values) > 1 else "1"
            rows.append([name, f"**{form(middle)}**", each, f"{sense} {form(limit)}", "yes" if reached else "no"])
            self._figures[name] = {"section": section, "row": rows[-1]}
        self._file.write_text(json.dumps(self._figures, indent=2) + "\n")
        return table(["figure", "median", "repetitions", "required", "reached"], rows)

    def write(self, section, title, *parts):
        text = f"# {title}\n\n" + "\n\n".join(p.strip("\n") for p in parts) + "\n\n" + versions() + "\n"
        (self.folder / f"{section}.md").write_text(text)
        print(text, flush=True)

    def summary(self):
        """All figures that something is required of, as measured last, with links to their files."""
        named = {f["section"] for f in self._figures.values()} | {"README"}
        more = ", ".join(f"[{p.stem}]({p.name})" for p in sorted(self.folder.glob("*.md")) if p.stem not in named)
        (self.folder / "README.md").write_text("\n\n".join([
            "# What is required, and what was measured", "Each is the median of ratios or figures of one run, measured in turns; the files say how, with every repetition.",
            self._figure_table(""), f"More: {more}." if more else ""]).strip() + "\n")

    def _figure_table(self, folder):
        rows = [[*figure["row"][:2], *figure["row"][3:], f"[{figure['section']}]({folder}{figure['section']}.md)"] for figure in self._figures.values()]
        return table(["figure", "median", "required", "reached", "file"], rows)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def rate(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def share(value):
    return f"{100 * value:.1f} %"


def times(value):
    return f"{value:.2f} x"


def median(values):
    return statistics.median(values)


def ratios(over, under, figure="eventsPerSecond"):
    """Of neighbouring measurements."""
    return [round(a[figure] / b[figure], 4) for a, b in zip(over, under)]


def middle(reports, figure):
    return median([r[figure] for r in reports])


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
        built = (ROOT / "artifacts/bin/MtlStream.Host/release/mtlstream.deps.json").read_text()
        return re.search(rf'"{re.escape(name)}/([^"]+)"', built).group(1)

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
        f"- Linux {platform.release()}, .NET SDK {first(['dotnet', '--version'])}, ONNX Runtime {package('Microsoft.ML.OnnxRuntime.Managed')}, librdkafka {package('librdkafka.redist')}",
        f"- model {model['name']} {model['version']}, weights {model.get('checksums', {}).get('weights.bin', '')[:19]}; program at {first(['git', 'rev-parse', '--short', 'HEAD'])}",
        f"- load average when it ended: {os.getloadavg()[0]:.1f} over one minute, {os.getloadavg()[1]:.1f} over five",
        f"- measured {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC by `tests/MtlStream.Benchmarks/measure.py`",
    ])


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
