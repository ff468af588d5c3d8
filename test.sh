#!/usr/bin/env bash
# All tests: unit, integration on the mock cluster inside librdkafka, and those of training/. Ends with the line "N passed, N failed".
# Usage: ./test.sh [--faults] [arguments of dotnet test, such as --filter FullyQualifiedName~Batch]
#   --faults               only the fault campaign (category Faults), which is left out otherwise
#   MTLSTREAM_TEST_KAFKA   the script that drives a real Kafka: adds the tests that need one
#   MTLSTREAM_TEST_DOCKER  1: adds the tests that start Kafka in a container
set -euo pipefail
root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
. "$root/eng/environment.sh"
category='Category!=Faults' filter='' arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --faults) category='Category=Faults'; shift ;;
    --filter) filter=${2:?--filter needs an expression}; shift 2 ;;
    -h | --help) sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}"; exit ;;
    *) arguments+=("$1"); shift ;;
  esac
done
if [ "$category" = 'Category=Faults' ] && [ -z "${MTLSTREAM_TEST_KAFKA:-}" ]; then
  echo "test.sh: the fault campaign needs a real Kafka: set MTLSTREAM_TEST_KAFKA to the script that drives one." >&2
  exit 2
fi
# The tests run in folders of their own: a relative path would lead nowhere.
if [ -n "${MTLSTREAM_TEST_KAFKA:-}" ]; then
  kafka=$(readlink -f "$MTLSTREAM_TEST_KAFKA") && [ -f "$kafka" ] && [ -x "$kafka" ] || {
    echo "test.sh: MTLSTREAM_TEST_KAFKA: found $MTLSTREAM_TEST_KAFKA, expected a script that can be run." >&2
    exit 2
  }
  export MTLSTREAM_TEST_KAFKA=$kafka
fi

# Training is Python: any from 3.11 on runs a part of its tests, one with PyTorch and onnx nearly all of them.
python_for_training() {
  local candidate found=''
  for candidate in $(type -ap python3 || true); do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    found=${found:-$candidate}
    ! "$candidate" -c 'import torch, onnx' 2>/dev/null || { found=$candidate; break; }
  done
  echo "$found"
}
# They compute while the others mostly wait: beside them, on what these leave of the processor. They tokenize by the program that was built.
start_training() {
  local python
  python=$(python_for_training)
  if [ -z "$python" ]; then echo "test.sh: no Python 3.11 or later; the tests of training/ are skipped" >&2; return; fi
  MTLSTREAM_PROGRAM=$root/artifacts/bin/MtlStream.Host/debug/mtlstream nice -n 19 \
    "$python" "$root/training/tests" "$results/training.trx" >"$results/training.log" 2>&1 </dev/null &
  training=$!
}

results=$root/artifacts/test-results
rm -rf "$results"
mkdir -p "$results"
code=0 training=''
trap '[ -z "$training" ] || kill "$training" 2>/dev/null || true' EXIT
dotnet build "$root/MtlStream.sln" -v quiet --nologo -clp:ErrorsOnly || code=1
if [ $code = 0 ]; then
  if [ -z "$filter" ] && [ "$category" != 'Category=Faults' ] && [ -d "$root/training/tests" ]; then start_training; fi
  # One project after the other: they would take each other's cores.
  dotnet test "$root/MtlStream.sln" --no-build -m:1 --nologo --logger 'trx;LogFilePrefix=tests' --results-directory "$results" \
    --filter "${filter:+($filter)&}$category" "${arguments[@]}" || code=$?
fi
if [ -n "$training" ]; then
  wait "$training" || code=1
  training=''
  cat "$results/training.log" >&2
fi

counters=$(cat "$results"/*.trx 2>/dev/null | grep -o '<Counters [^>]*' || true)
sum() { tr ' ' '\n' <<< "$counters" | awk -F'"' -v name="$1=" '$1 == name { n += $2 } END { print n + 0 }'; }
passed=$(sum passed) failed=$(( $(sum failed) + $(sum error) + $(sum timeout) + $(sum aborted) ))
skipped=$(( $(sum total) - $(sum executed) ))
# A build that fails, a test host that dies, or no test at all is a failure that no counter shows.
if [ "$failed" = 0 ] && { [ $code != 0 ] || [ "$passed" = 0 ]; }; then
  echo "test.sh: the run ended with code $code after $passed passed tests" >&2
  failed=1
fi
[ "$skipped" = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
