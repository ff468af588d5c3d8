#!/usr/bin/env bash
# Measures everything that needs a GPU, in one run of about eight minutes, and writes gpu.md and the reports behind it.
# Usage: measure.sh [EVENTS.jsonl.gz [OUT]]     beside the folder program/ that publish.sh made
# The physical limit: 21.5 MFLOP a token (6 layers of 384), 790 TFLOP/s dense fp16 on an H100 or H200; MTLSTREAM_TFLOPS overrides it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
events=${1:-$here/events.jsonl.gz} out=${2:-$here/results}
mkdir -p "$out"
program=$here/program/mtlstream

# cuDNN, cuBLAS and the CUDA runtime: where the system has them, else those of a PyTorch.
for folder in $(python3 -c 'import glob, site, sys
for p in [*site.getsitepackages(), site.getusersitepackages()]: print(*glob.glob(p + "/nvidia/*/lib"))' 2>/dev/null || true); do
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}:$folder
done
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}

measure() { # NAME ARGUMENTS...: the report as NAME.json, progress and errors as NAME.log
  local name=$1
  shift
  echo "gpu: $name" >&2
  if ! "$program" bench "$@" --json > "$out/$name.txt" 2> "$out/$name.log"; then
    tail -5 "$out/$name.log" >&2
    return 0                      # the rest is still worth having
  fi
  tail -1 "$out/$name.txt" > "$out/$name.json"
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader > "$out/gpu.txt" || { echo "gpu: no NVIDIA GPU here" >&2; exit 1; }
nvidia-smi --query-gpu=timestamp,utilization.gpu,power.draw,clocks.sm --format=csv,noheader -l 1 > "$out/usage.csv" &
usage=$!
trap 'kill $usage 2>/dev/null || true' EXIT
zcat -f "$events" | python3 -c '
import json, random, sys
pick = random.Random(1)
short = [json.loads(l)["text"] for l, _ in zip(sys.stdin, range(200000))]
short = [t for t in short if not any(0xD800 <= ord(c) < 0xE000 for c in t)]
for t in short:
    if pick.random() < 0.01:
        while len(t.split()) < 330: t += " " + pick.choice(short)
    print(json.dumps({"text": t}))' > "$out/heavy.jsonl"

measure model model --device cuda --seconds 1
measure pipeline pipeline --device cuda --input "$events" --repetitions 5
measure heavy pipeline --device cuda --input "$out/heavy.jsonl" --repetitions 3
for budget in 4096 8192 32768; do measure "budget-$budget" pipeline --device cuda --input "$events" --repetitions 3 --no-ceiling --Batching:MaxPaddedTokens=$budget; done
for linger in 0 2 20; do measure "linger-$linger" pipeline --device cuda --input "$events" --repetitions 3 --no-ceiling --Batching:Linger=00:00:00.0$(printf '%02d' $linger); done
measure lookahead-512 pipeline --device cuda --input "$events" --repetitions 3 --no-ceiling --Batching:LookAhead=512
measure one-task pipeline --device cuda --input "$events" --repetitions 3 --no-ceiling --tasks sentiment
measure host pipeline --null-model --input "$events" --repetitions 3
measure kafka kafka --device cuda --bootstrap embedded --input "$events" --repetitions 3
measure kafka-exactly-once kafka --device cuda --bootstrap embedded --input "$events" --repetitions 3 --delivery exactly-once
measure kafka-host kafka --null-model --bootstrap embedded --input "$events" --repetitions 3
rm -f "$out/heavy.jsonl"

python3 - "$out" "$(cat "$here/commit" 2>/dev/null || echo unknown)" > "$out/gpu.md" <<'PY'
import json, os, sys
from pathlib import Path
out, commit = Path(sys.argv[1]), sys.argv[2]
limit = float(os.environ.get("MTLSTREAM_TFLOPS", 790)) * 1e12 / 21.5e6     # tokens a second
def row(name, r):
    tokens = r.get("tokensPerSecond")
    share = lambda v: "" if v is None else f"{100 * v:.1f} %"
    return f"| {name} | {r['eventsPerSecond']:,.0f} | {'' if tokens is None else f'{tokens:,.0f}'} | {share(tokens / limit if tokens else None)} | {share(r.get('ceilingShare'))} | {share(r.get('passthroughShare'))} | {share(r.get('paddingShare'))} | {r.get('p50Ms', '')} | {r.get('p99Ms', '')} |"
print(f"# On a GPU\n\n{(out / 'gpu.txt').read_text().strip()}; {os.cpu_count()} CPU cores; program at {commit}. The physical limit of the encoder is taken as {limit / 1e6:.1f} M tokens/s.\n")
print("| run | events/s | tokens/s | of the physical limit | of the model alone | of the bare client | padding | p50 ms | p99 ms |\n|---|---|---|---|---|---|---|---|---|")
for path in sorted(out.glob("*.json")): print(row(path.stem, json.loads(path.read_text())))
grid = out / "model.json"
if grid.exists():
    print("\n| rows | columns | tokens/s | of the physical limit |\n|---|---|---|---|")
    for c in json.loads(grid.read_text())["grid"]: print(f"| {c['rows']} | {c['columns']} | {c['tokensPerSecond']:,.0f} | {100 * c['tokensPerSecond'] / limit:.1f} % |")
PY
cat "$out/gpu.md"
