#!/usr/bin/env bash
# Publishes the program so that it runs on a machine with a GPU and nothing else: runtime, model and CUDA provider included.
# Usage: gpu/publish.sh FOLDER EVENTS.jsonl.gz        then carry FOLDER there and run FOLDER/measure.sh
set -euo pipefail
[ $# -eq 2 ] && [ -f "$2" ] || { echo "usage: $0 FOLDER EVENTS.jsonl.gz; the second is the stream to measure with" >&2; exit 2; }
events=$(readlink -f "$2")
folder=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
"$root/eng/publish.sh" "$folder/program" --self-contained -p:Cuda=true
[ -f "$folder/program/libonnxruntime_providers_cuda.so" ] || { echo "publish: the CUDA provider is not in what was published" >&2; exit 1; }
cp "$here/measure.sh" "$folder/"
git -C "$root" rev-parse --short HEAD > "$folder/commit"
cp "$events" "$folder/events.jsonl.gz"
du -sh "$folder" >&2
