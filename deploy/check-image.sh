#!/usr/bin/env bash
# Whether an image for a CPU is what is promised: at most 90 MB larger than its base, and without a CUDA provider.
# Usage: deploy/check-image.sh IMAGE BASE
set -euo pipefail
image=${1:?Usage: deploy/check-image.sh IMAGE BASE} base=${2:?Usage: deploy/check-image.sh IMAGE BASE}
size() { docker image inspect "$1" --format '{{.Size}}'; }
added=$(( ($(size "$image") - $(size "$base")) / 1000000 ))
echo "$image adds $added MB to $base"
[ "$added" -le 90 ] || { echo "check-image: found $added MB more than the base, expected at most 90" >&2; exit 1; }
container=$(docker create "$image")
trap 'docker rm "$container" >/dev/null' EXIT
cuda=$(docker export "$container" | tar -t | grep -E 'libonnxruntime_providers_(cuda|tensorrt)' || true)
[ -z "$cuda" ] || { echo "check-image: found $cuda, expected no provider for a GPU" >&2; exit 1; }
