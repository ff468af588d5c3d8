#!/usr/bin/env python3
"""Measures what is promised of the speed, and writes results/MACHINE/SECTION.md, with a summary in results/MACHINE/README.md.

Usage: measure.py --input EVENTS.jsonl.gz --machine NAME [--bootstrap HOST:PORT] [--quick] [SECTION...]

Sections, all of them when none is named (about how long on two cores; --bootstrap: a Kafka that may be filled):
  ceiling     bench pipeline against the model alone, padding                           2.5 min
  kafka       topic to topic with the model, at least once and exactly once, latency    5 min    (--bootstrap)
  null        topic to topic without the model; 1, 2 and 4 workers                      3.5 min  (--bootstrap)
  client      the Kafka client's settings, without the model                            5 min    (--bootstrap)
  tasks       all tasks against one                                                     2 min
  precision   the int8 graph against the fp32 graph of the same weights                 3.5 min  (Python package onnx)
  tokenizer   the tokenizer on one thread against Hugging Face's                        1.5 min  (node, --tokenizers)
  ablation    six ways of batching, on the stream and on a heavy-tailed mix            9 min    (Python package onnx)
  latency     what lingering and the budget trade                                       3 min
  memory      ten million events, memory over time                                      2 min
  startup     from the start of the process to ready                                    0.5 min  (--bootstrap, --topic)
  worker      the memory of a worker amid a backlog, with the model                     1.5 min  (--bootstrap, --backlog)
  releases    a build that was published before against this one                        13 min   (--against, --bootstrap)
  image       what program and model add to the runtime's image                         0.2 min  (--image)

What is compared is measured in turns; a ratio is the median of the ratios of neighbouring measurements. --quick tries every
section with hardly any repetitions and writes to a folder of its own: its figures mean nothing.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from measuring import HERE, ROOT, Bench, heavy_tail, median, middle, plot, rate, ratios, share, table, texts, times

ONE_SESSION = ["--Model:Lanes=1", f"--Model:ThreadsPerLane={os.cpu_count()}"]
FIXED = ["--Model:RowsPerCall=32", "--Batching:MaxRows=32", "--Batching:MaxPaddedTokens=131072"]
BUDGET = ["--Model:RowsPerCall=32", "--Batching:MaxRows=32", "--Batching:MaxPaddedTokens=1024"]
WAYS = {
    "fixed count of 32, one session over all cores": [*ONE_SESSION, *FIXED, "--Batching:LookAhead=32"],
    "the same, sorted by length": [*ONE_SESSION, *FIXED, "--Batching:LookAhead=1024"],
    "token budget of 1024": [*ONE_SESSION, *BUDGET, "--Batching:LookAhead=32"],
    "token budget of 1024, neighbours in length": [*ONE_SESSION, *BUDGET, "--Batching:LookAhead=1024"],
    "one text a call, one thread a core": ["--Model:RowsPerCall=1"],
    "texts of like length, up to 8 a call, one thread a core (shipped)": [],
}
LINGERING = {
    "texts of like length that wait anyway, up to 8 a call (shipped)": [],
    "one text a call": ["--Model:RowsPerCall=1"],
    "up to 8 texts a call, linger 5 ms": ["--Model:RowsPerCall=8", "--Batching:MaxRows=8", "--Batching:Linger=00:00:00.005"],
    "up to 8 texts a call, linger 20 ms": ["--Model:RowsPerCall=8", "--Batching:MaxRows=8", "--Batching:Linger=00:00:00.020"],
    "up to 32 texts a call, budget 512, linger 5 ms": ["--Model:RowsPerCall=32", "--Batching:MaxRows=32", "--Batching:MaxPaddedTokens=512"],
    "up to 32 texts a call, budget 2048, linger 5 ms": ["--Model:RowsPerCall=32", "--Batching:MaxRows=32", "--Batching:MaxPaddedTokens=2048"],
}

CLIENT = {
    "as shipped": [],
    "linger.ms 0": ["--Kafka:Producer:linger.ms=0"],
    "linger.ms 5 (librdkafka's own)": ["--Kafka:Producer:linger.ms=5"],
    "linger.ms 50": ["--Kafka:Producer:linger.ms=50"],
    "message.copy.max.bytes 65535 (librdkafka's own)": ["--Kafka:Producer:message.copy.max.bytes=65535"],
    "compression.type lz4": ["--Kafka:Producer:compression.type=lz4"],
    "prefetch of 100,000 messages and 64 MB (librdkafka's own)": ["--Kafka:Consumer:queued.min.messages=100000", "--Kafka:Consumer:queued.max.messages.kbytes=65536"],
    "fetch.queue.backoff.ms 1000 (librdkafka's own)": ["--Kafka:Consumer:fetch.queue.backoff.ms=1000"],
    "fetch.min.bytes 65536": ["--Kafka:Consumer:fetch.min.bytes=65536"],
}


def ceiling(bench):
    report = bench.pipeline("--seconds", bench.seconds(2), "--repetitions", bench.repetitions(40))
    bench.write(
        "ceiling", "The pipeline against the model alone",
        bench.required(
            "ceiling",
            ("`bench pipeline`: share of the model alone, load-test stream", report["ceilingShares"], "at least", 0.95, share),
            ("padding share of the load-test stream at full load", report["paddingShare"], "below", 0.05, share)),
        table(["figure", "measured"], [
            ["events/s; the model alone", f"{rate(report['eventsPerSecond'])}; {rate(report['ceilingEventsPerSecond'])}"],
            ["tokens/s ([CLS] and [SEP] included)", rate(report["tokensPerSecond"])],
            ["tokens per event", report["tokensPerEvent"]],
            ["processor time per event; the model alone", f"{report['cpuMicrosecondsPerEvent']:.0f} us; {report['ceilingCpuMicrosecondsPerEvent']:.0f} us ({share(report['ceilingCpuMicrosecondsPerEvent'] / report['cpuMicrosecondsPerEvent'])})"],
            ["latency at 70 % of that rate, p50; p99", f"{report['p50Ms']:.1f} ms; {report['p99Ms']:.1f} ms"],
            ["allocated per event, results' own bytes left out", f"{report['allocatedBytesPerEvent']:.0f} B"],
        ]))


def kafka(bench):
    samples = bench.folder / "rate.csv"
    common = ["--repetitions", bench.repetitions(12), "--seconds", bench.seconds(3)]
    least = bench.kafka(*common, "--samples", samples, "--paced-seconds", 3 if bench.options.quick else 20)
    plot(samples, bench.folder / "rate.svg", least["pacedRate"])
    exactly = bench.kafka(*common, "--delivery", "exactly-once", "--paced-seconds", 1 if bench.options.quick else 10)
    rows = [[r["delivery"], rate(r["eventsPerSecond"]), share(r["ceilingShare"]), rate(r["passthroughEventsPerSecond"]), f"{r['p50Ms']:.0f}", f"{r['p99Ms']:.0f}", rate(r["pacedRate"])] for r in (least, exactly)]
    bench.write(
        "kafka", "From topic to topic with the model",
        bench.required(
            "kafka",
            ("`bench kafka`, real Kafka, with the model: share of the model alone", least["ceilingShares"], "at least", 0.92, share),
            ("exactly once against at least once (real Kafka, model on)", exactly["exactlyOnceShares"], "at least", 0.95, share)),
        table(["delivery", "events/s", "of the model alone", "bare client", "p50 ms", "p99 ms", "at events/s"], rows),
        "The broker runs on the same cores. Latency is from the event's Kafka timestamp to its durable result at 70 % of the rate; exactly once waits for the transaction (`Delivery:CommitInterval`).",
        "What was settled over time at that rate, at least once:\n\n![rate](rate.svg)")


def null(bench):
    def measure(workers, usual, events):
        return bench.kafka("--null-model", "--repetitions", bench.repetitions(usual), "--workers", workers, "--events", bench.events(events), "--paced-seconds", bench.seconds(5))

    reports = {1: measure(1, 7, 300_000), 2: measure(2, 3, 300_000), 4: measure(4, 3, 300_000)}
    one = reports[1]
    bench.write(
        "null", "From topic to topic without the model",
        bench.required(
            "null",
            ("`bench kafka --null-model` against a bare consume-and-produce loop of the same client", one["passthroughShares"], "at least", 0.70, share),
            ("allocated per event from topic to topic, beyond the payloads' own bytes", one["allocatedBytesPerEvent"], "below", 2048, lambda b: f"{b:,.0f} B")),
        table(["workers", "events/s", "bare client", "share of it", "processor time per event; bare", "working set", "p50 ms", "p99 ms", "at events/s"], [
            [w, rate(r["eventsPerSecond"]), rate(r["passthroughEventsPerSecond"]), share(r["passthroughShare"]), f"{r['cpuMicrosecondsPerEvent']:.1f} us; {r['passthroughCpuMicrosecondsPerEvent']:.1f} us",
             f"{r['workingSetMegabytes']:.0f} MB", f"{r['p50Ms']:.1f}", f"{r['p99Ms']:.1f}", rate(r["pacedRate"])] for w, r in reports.items()]),
        f"Results are {one['addedBytes']} B larger than events. The broker runs on the same cores, and so do all workers, in one process and one group: more workers than one show what they cost each "
        "other, not what more machines give. The bare client decodes nothing and writes payloads that are made beforehand; it commits offsets and waits for delivery reports as the worker does, with the worker's own client settings.")


def client(bench):
    at = 20_000  # events a second, for all alike
    found = bench.turns(bench.repetitions(3), {
        name: lambda way=way: bench.kafka("--null-model", "--repetitions", 1, "--events", bench.events(300_000), "--rate", at, "--paced-seconds", bench.seconds(4), *way) for name, way in CLIENT.items()})
    shipped = found["as shipped"]
    bench.write(
        "client", "The Kafka client's settings",
        table(["settings", "events/s", "of those shipped", "each", f"p50 ms at {at:,} events/s", "p99 ms", "working set"], [
            [name, rate(middle(reports, "eventsPerSecond")), share(median(ratios(reports, shipped))), ", ".join(share(r) for r in ratios(reports, shipped)),
             f"{middle(reports, 'p50Ms'):.1f}", f"{middle(reports, 'p99Ms'):.1f}", f"{middle(reports, 'workingSetMegabytes'):.0f} MB"] for name, reports in found.items()]),
        "Topic to topic without the model, at least once, in turns; the broker runs on the same cores. What is shipped: `KafkaConfiguration.cs`. Any of it may be set (`Kafka:Consumer:*`, `Kafka:Producer:*`).",
        "## Settings\n\n" + "\n".join(f"- {name}: `{' '.join(way) or 'defaults'}`" for name, way in CLIENT.items()))


def tasks(bench):
    found = bench.turns(bench.repetitions(5), {
        name: lambda name=name: bench.pipeline("--seconds", bench.seconds(3), "--repetitions", 1, "--no-ceiling", *([] if name == "all" else ["--tasks", name]))
        for name in ("all", "sentiment", "pos")})
    bench.write(
        "tasks", "All tasks against one",
        bench.required("tasks", *((f"all tasks against `{name}` alone", ratios(found["all"], found[name]), "at least", 0.90, share) for name in ("sentiment", "pos"))),
        table(["tasks", "events/s"], [[name, rate(middle(reports, "eventsPerSecond"))] for name, reports in found.items()]))


def precision(bench):
    configurations = {"two calls of one thread, one text each": ["--rows-per-call", 1], "two calls of one thread, up to 8 texts (shipped)": [], "two calls of one thread, up to 32 texts": ["--rows-per-call", 32], "one call of all threads, up to 32 texts": ["--lanes", 1, "--threads-per-lane", os.cpu_count(), "--rows-per-call", 32]}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([bench.options.python, HERE / "variant_package.py", "fp32", ROOT / "models/mtlstream-en", f"{folder}/fp32"], check=True)

        def best(package, arguments):
            grid = bench.run("model", "--device", "cpu", "--columns", 32, "--seconds", bench.seconds(1), *(["--model", f"{folder}/fp32"] if package == "fp32" else []), *arguments)["grid"]
            return {"eventsPerSecond": max(c["eventsPerSecond"] for c in grid)}

        found = bench.turns(bench.repetitions(7), {
            f"{package}, {name}": lambda package=package, arguments=arguments: best(package, arguments)
            for name, arguments in configurations.items() for package in ("int8", "fp32")})
    each = {package: [max(rates) for rates in zip(*([r["eventsPerSecond"] for r in found[f"{package}, {n}"]] for n in configurations))] for package in ("int8", "fp32")}
    bench.write(
        "precision", "int8 against fp32, the same weights",
        bench.required("precision", ("int8 CPU graph against the fp32 graph, each at its best configuration, texts of 32 tokens", [round(a / b, 4) for a, b in zip(each["int8"], each["fp32"])], "at least", 2.5, times)),
        table(["graph and configuration", "texts of 32 tokens a second"], [[name, rate(middle(reports, "eventsPerSecond"))] for name, reports in found.items()]))


def tokenizer(bench):
    some = [text for _, text in zip(range(20_000), texts(bench.options.input)) if not any(0xD800 <= ord(c) < 0xE000 for c in text)]

    def other():
        line = ["node", str(HERE / "hf_tokenizer.cjs"), bench.options.tokenizers, str(ROOT / "models/mtlstream-en/vocab.txt"), str(bench.seconds(3))]
        done = subprocess.run(line, input=json.dumps(some), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(line)} failed: {done.stderr[-500:]}")
        return json.loads(done.stdout)

    if not bench.options.tokenizers:
        raise RuntimeError("this section needs --tokenizers")
    def ours(*arguments):
        return lambda: bench.run("tokenizer", "--input", bench.options.input, "--seconds", bench.seconds(3), "--repetitions", 1, *arguments)

    found = bench.turns(bench.repetitions(5), {"words first, as served": ours(), "plain": ours("--plain"), "Hugging Face": other})
    others = found.pop("Hugging Face")
    version = json.loads((Path(bench.options.tokenizers).parent / "package.json").read_text())["version"]
    bench.write(
        "tokenizer", "The tokenizer on one thread",
        bench.required("tokenizer", *((f"tokenizer, {name}, against Hugging Face's, one thread each", ratios(reports, others, "tokensPerSecond"), "at least", 6, times) for name, reports in found.items())),
        table(["tokenizer", "tokens/s", "MB/s", "B allocated per text"], [
            *([name, rate(middle(reports, "tokensPerSecond")), rate(middle(reports, "megabytesPerSecond")), middle(reports, "allocatedBytesPerEvent")] for name, reports in found.items()),
            [f"Hugging Face `tokenizers`, {version}, plain", rate(middle(others, "tokensPerSecond")), "", ""]]),
        "The same vocabulary and texts, one thread each. Ours gives ids, offsets, letter cases and words.")


def ablation(bench):
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        heavy, long = heavy_tail(bench.options.input, f"{folder}/heavy.jsonl"), f"{folder}/long"
        subprocess.run([bench.options.python, HERE / "variant_package.py", "512", ROOT / "models/mtlstream-en", long], check=True)
        base, shipped = list(WAYS)[0], list(WAYS)[-1]

        def turns(usual, *streams):
            """{(title, way): reports} of (title, events, package) in the same turns."""
            return bench.turns(bench.repetitions(usual), {
                (title, name): lambda path=path, package=package, way=way: bench.pipeline("--seconds", bench.seconds(3), "--repetitions", 1, "--no-ceiling", *package, *way, stream=path)
                for title, path, package in streams for name, way in WAYS.items()})

        tail = "heavy tail: 1 % of 512 tokens"
        whole, windows = f"{tail}, each text one row", f"{tail}, in windows of 128 as the package has them"
        stream = turns(5, ("load-test stream", bench.options.input, []))
        mixed = turns(3, (whole, heavy, ["--model", long]), (windows, heavy, []))
        against = "shipped configuration against one session over all cores with fixed batches of 32"
        figures = [
            (f"{against}, load-test stream", ratios(stream["load-test stream", shipped], stream["load-test stream", base]), "at least", 2.0, times),
            (f"{against} of whole texts, {tail}", ratios(mixed[windows, shipped], mixed[whole, base]), "at least", 4.0, times),
            ("the same, texts whole on both sides", ratios(mixed[whole, shipped], mixed[whole, base]), "at least", 4.0, times),
            ("the same, windows of 128 on both sides", ratios(mixed[windows, shipped], mixed[windows, base]), "at least", 4.0, times)]
        for title in ("load-test stream", whole, windows):
            found = {name: reports for (of, name), reports in {**stream, **mixed}.items() if of == title}
            parts.append(f"## {title} ({middle(found[shipped], 'tokensPerEvent'):.1f} tokens an event)\n\n" + table(
                ["batching", "events/s", "padding share", "p50 ms", "p99 ms", "to the first"], [
                    [name, rate(middle(reports, "eventsPerSecond")), share(middle(reports, "paddingShare")),
                     f"{middle(reports, 'p50Ms'):.1f}", f"{middle(reports, 'p99Ms'):.1f}", times(median(ratios(reports, found[base])))]
                    for name, reports in found.items()]))
    settings = "\n".join(f"- {name}: `{' '.join(way) or 'defaults'}`" for name, way in WAYS.items())
    bench.write("ablation", "Ways of batching", bench.required("ablation", *figures),
                "All with the int8 graph, in turns. Latency is that at 70 % of each way's own rate. Each text one row: a copy of the package whose windows are 512 tokens long (`variant_package.py`; as fast as one trained "
                "for them, but its labels mean nothing), which is how fixed batches are usually fed. The package as shipped cuts long texts into windows of 128 tokens, whichever way they are batched.", *parts, "## Settings\n\n" + settings)


def latency(bench):
    found = bench.turns(bench.repetitions(4), {
        name: lambda way=way: bench.pipeline("--seconds", bench.seconds(2), "--repetitions", 1, "--no-ceiling", *way) for name, way in LINGERING.items()})
    bench.write(
        "latency", "What lingering and the budget trade",
        table(["way", "events/s", "of those shipped", "padding share", "p50 ms", "p99 ms"], [
            [name, rate(middle(reports, "eventsPerSecond")), share(median(ratios(reports, next(iter(found.values()))))), share(middle(reports, "paddingShare")), f"{middle(reports, 'p50Ms'):.1f}", f"{middle(reports, 'p99Ms'):.1f}"] for name, reports in found.items()]),
        "In memory, at 70 % of each way's own rate, from handing an event over to its encoded result. Where `Model:RowsPerCall` is not set, a call takes what waits anyway, and `Batching:Linger` has no effect. "
        "From topic to topic, and the output rate over time: [kafka](kafka.md).",
        "## Settings\n\n" + "\n".join(f"- {name}: `{' '.join(way) or 'defaults'}`" for name, way in LINGERING.items()))


def memory(bench):
    probe = bench.pipeline("--null-model", "--events", 100_000, "--repetitions", 1)["eventsPerSecond"]
    most = 3 if bench.options.quick else 300  # seconds
    repetitions = max(2, min(20, int(probe * most / 500_000)))
    report = bench.pipeline("--null-model", "--events", bench.events(500_000), "--repetitions", repetitions)
    sizes, million = report["workingSetMegabytes"], report["events"] / 1e6
    quarter = max(1, len(sizes) // 4)
    bench.write(
        "memory", f"Memory over {million * repetitions:.1f} million events",
        f"The median working set of the last quarter is {100 * (median(sizes[-quarter:]) / median(sizes[:quarter]) - 1):+.1f} % against that of the first; the largest anywhere is {max(sizes):.0f} MB.",
        table(["million events", "working set, MB"], [[f"{(i + 1) * million:.1f}", s] for i, s in enumerate(sizes)]),
        f"In memory, without the model; the input file lies in memory as well. {rate(report['eventsPerSecond'])} events/s; {report['allocatedBytesPerEvent']:.0f} B allocated per event, results' own bytes left out; {report['gen2Collections']} collections of generation 2.")


HEALTH_PORT = 18080


def worker_line(bench, source, target, group):
    """The command line of a worker from one topic to another."""
    return bench.command("run", f"--Kafka:BootstrapServers={bench.options.bootstrap}", f"--Kafka:InputTopics:0={source}", f"--Kafka:OutputTopic={target}", f"--Kafka:DeadLetterTopic={target}-rejected",
                         "--Kafka:CreateTopics=true", f"--Kafka:GroupId={group}", f"--Model:Device={bench.options.device}", f"--Http:Url=http://127.0.0.1:{HEALTH_PORT}")


def worker(bench):
    if not bench.options.bootstrap or not bench.options.backlog:
        raise RuntimeError("this section needs --bootstrap and --backlog")
    rows = []
    for guarantee in ("AtLeastOnce", "ExactlyOnce"):
        name = f"mtlstream-worker-{uuid.uuid4().hex[:8]}"
        line = [*worker_line(bench, bench.options.backlog, f"{name}-out", name), f"--Delivery:Guarantee={guarantee}"]
        process = subprocess.Popen(line, env={**os.environ, "MTLSTREAM_BUILD": "never"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        resident = []
        try:
            for _ in range(3 if bench.options.quick else 45):
                time.sleep(1)
                if process.poll() is not None:
                    raise RuntimeError(f"{' '.join(line)} ended with {process.returncode}")
                status = Path(f"/proc/{process.pid}/status").read_text()
                resident.append(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024 / 1e6)
            most = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6
        finally:
            process.terminate()
            process.wait()
        rows.append([guarantee, f"{median(resident):.0f}", f"{most:.0f}"])
    bench.write("worker", "The memory of a worker amid a backlog", table(["delivery", "resident, MB, median of 45 s", "at most"], rows),
                "One worker with the shipped model and default settings, with more events waiting than it takes at once.")


def startup(bench):
    if not bench.options.bootstrap or not bench.options.topic:
        raise RuntimeError("this section needs --bootstrap and --topic")
    name, port = f"mtlstream-startup-{uuid.uuid4().hex[:8]}", HEALTH_PORT

    def start(source, target, group, *wanted):
        """Seconds until each of the probes says yes."""
        line = worker_line(bench, source, target, group)
        started, found = time.monotonic(), []
        process = subprocess.Popen(line, env={**os.environ, "MTLSTREAM_BUILD": "never"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            for probe in wanted:
                while not probe(port):
                    if process.poll() is not None or time.monotonic() - started > 60:
                        raise RuntimeError(f"{' '.join(line)} did not get ready:\n{process.stderr.read()[-2000:] if process.poll() is not None else ''}")
                    time.sleep(0.005)
                found.append(time.monotonic() - started)
        finally:
            process.terminate()
            process.communicate()
        return found

    def says_yes(path):
        def probe(port):
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{path}", timeout=1).status == 200
            except (urllib.error.URLError, OSError):
                return False
        return probe

    times_to = [start(bench.options.topic, f"{name}-out", f"{name}-{i}", says_yes("startup"), says_yes("ready")) for i in range(bench.repetitions(5) + 1)][1:]
    bench.write("startup", "From the start of the process to ready", table(["probe", "median", "each"], [
        [label, f"{median([t[i] for t in times_to]):.2f} s", ", ".join(f"{t[i]:.2f}" for t in times_to)]
        for i, label in enumerate(["`/health/startup`: model loaded, checked and warmed up", "`/health/ready`: and in the group, partitions assigned"])]),
        "The files are in the page cache.")


def releases(bench):
    if not bench.options.against or not bench.options.bootstrap:
        raise RuntimeError("this section needs --against and --bootstrap")
    builds = {"before": bench.options.against, "now": bench.options.program}

    def in_turns(usual, measure):
        """{build: reports} of what both builds do, in the same turns."""
        def run(program):
            bench.options.program = program
            try:
                return measure()
            finally:
                bench.options.program = builds["now"]

        return bench.turns(bench.repetitions(usual), {name: lambda program=program: run(program) for name, program in builds.items()})

    short = ["--repetitions", 1, "--seconds", bench.seconds(2)]
    paced = ["--repetitions", 1, "--seconds", bench.seconds(3), "--paced-seconds", bench.seconds(3)]
    memory = in_turns(10, lambda: bench.pipeline(*short))
    least = in_turns(6, lambda: bench.kafka(*paced))
    exactly = in_turns(3, lambda: bench.kafka(*paced, "--delivery", "exactly-once"))
    null = in_turns(4, lambda: bench.kafka("--null-model", "--repetitions", 1, "--events", bench.events(200_000), "--paced-seconds", bench.seconds(2)))
    one = in_turns(4, lambda: bench.pipeline(*short, "--no-ceiling", "--tasks", "sentiment"))
    tokens = in_turns(4, lambda: bench.run("tokenizer", "--input", bench.options.input, "--repetitions", 1, "--seconds", bench.seconds(2)))
    figures = [
        ("the model alone, texts/s", memory, "ceilingEventsPerSecond"), ("in memory, all tasks, events/s", memory, "eventsPerSecond"),
        ("in memory, processor time an event, us", memory, "cpuMicrosecondsPerEvent"), ("in memory, p50 ms", memory, "p50Ms"), ("in memory, p99 ms", memory, "p99Ms"),
        ("in memory, `sentiment` alone, events/s", one, "eventsPerSecond"),
        ("topic to topic, at least once, events/s", least, "eventsPerSecond"), ("the same, p50 ms", least, "p50Ms"), ("the same, p99 ms", least, "p99Ms"),
        ("topic to topic, exactly once, events/s", exactly, "eventsPerSecond"), ("the same, p50 ms", exactly, "p50Ms"), ("the same, p99 ms", exactly, "p99Ms"),
        ("topic to topic without the model, events/s", null, "eventsPerSecond"), ("the same, allocated an event, B", null, "allocatedBytesPerEvent"),
        ("tokenizer, one thread, tokens/s", tokens, "tokensPerSecond"),
    ]
    rows = []
    for name, found, figure in figures:
        each = ratios(found["now"], found["before"], figure)
        rows.append([name, rate(middle(found["before"], figure)), rate(middle(found["now"], figure)), times(median(each)), ", ".join(times(r) for r in each)])
    named = {name: subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip() for name, program in builds.items()}
    bench.write("releases", "The build before against this one", table(["figure", "before", "now", "now to before", "each"], rows),
                f"Both builds in the same turns, each with its own model package. Before: `{bench.options.against_name or named['before']}`; now: `{named['now']}`.")


IMAGE_PARTS = {"ONNX Runtime": "libonnxruntime", "model": "app/models/", "librdkafka": "librdkafka", ".NET assemblies": ".dll", "licence texts": "app/licenses/"}


def image(bench):
    if not bench.options.image:
        raise RuntimeError("this section needs --image")
    container = subprocess.run(["docker", "create", bench.options.image], capture_output=True, text=True, check=True).stdout.strip()
    sizes = dict.fromkeys([*IMAGE_PARTS, "the rest"], 0)
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export, tarfile.open(fileobj=export.stdout, mode="r|") as files:
            for file in files:
                if file.isfile() and file.name.startswith("app/"):
                    sizes[next((name for name, mark in IMAGE_PARTS.items() if mark in file.name), "the rest")] += file.size
    finally:
        subprocess.run(["docker", "rm", container], stdout=subprocess.DEVNULL, check=True)
    bench.write("image", "What program and model add to the runtime's image", table(
        ["part of /app", "MB"], [[name, f"{size / 1e6:.1f}"] for name, size in sizes.items()] + [["together", f"{sum(sizes.values()) / 1e6:.1f}"]]),
        "Of the `cpu` target of `deploy/Dockerfile`, uncompressed.")


MINUTES = {name: float(minutes) for name, minutes in re.findall(r"^  (\w+) .*?  ([\d.]+) min", __doc__, re.MULTILINE)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="; ".join(MINUTES))
    parser.add_argument("--input", required=True)
    parser.add_argument("--machine", required=True, help="folder below results/")
    parser.add_argument("--bootstrap")
    parser.add_argument("--topic", help="a topic that is there and empty, for startup")
    parser.add_argument("--backlog", help="a topic with 100,000 events or more, for worker")
    parser.add_argument("--against", help="the program mtlstream of a build that was published before, for releases")
    parser.add_argument("--against-name", help="what to call that build, such as its version and commit")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repetitions", type=int, help="in place of each section's own number")
    parser.add_argument("--quick", action="store_true", help="try every section, measure nothing")
    parser.add_argument("--program", default=str(ROOT / "mtlstream"))
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has onnx")
    parser.add_argument("--image", help="an image built with --target cpu")
    parser.add_argument("--tokenizers", help="tokenizers.PLATFORM.node of an unpacked npm package tokenizers-PLATFORM")
    options = parser.parse_args()
    sections = options.sections or list(MINUTES)
    if unknown := [s for s in sections if s not in MINUTES]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(MINUTES)}")
    bench, failed = Bench(options), []
    subprocess.run(bench.command("--help"), stdout=subprocess.DEVNULL, check=True)  # builds what has changed, before anything is measured
    if not options.quick:
        print(f"about {sum(MINUTES[s] for s in sections):.0f} minutes", file=sys.stderr, flush=True)
    for section in sections:
        started = time.monotonic()
        try:
            globals()[section](bench)
        except (RuntimeError, subprocess.CalledProcessError) as error:  # the others are still worth having
            failed.append(section)
            print(f"{section}: {error}", file=sys.stderr)
        print(f"{section}: {(time.monotonic() - started) / 60:.1f} min", file=sys.stderr, flush=True)
    bench.summary()
    print(f"results in {bench.folder}", file=sys.stderr)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
