#!/bin/sh
# Writes the sample events to the topic `comments`, over and over, each with a trace of its own; one in a hundred is sampled.
set -eu
trap 'exit 0' TERM INT   # the first process of a container has no default for signals
rate=${EVENTS_PER_SECOND:-20}
while true; do
  awk -v seed="$(od -An -N4 -tu4 /dev/urandom)" -v tab='\t' '
    BEGIN { srand(seed + 0) }
    function hex(digits,  s) { s = ""; while (length(s) < digits) s = s sprintf("%04x", int(rand() * 65536)); return s }
    # The malformed samples are kept as text: what is sent is what is in it.
    sub(/^.*"payload":"/, "") { sub(/"}$/, ""); gsub(/\\"/, "\"") }
    { printf "traceparent:00-%s-%s-%s%s%s\n", hex(32), hex(16), (rand() < 0.01 ? "01" : "00"), tab, $0 }' "${EVENTS:-/events/sample-events.jsonl}"
done |
  while IFS= read -r line; do   # one reader for all passes: its count goes on
    printf '%s\n' "$line"
    n=$(( ${n:-0} + 1 ))
    [ $(( n % rate )) -ne 0 ] || sleep 1
  done | "${PRODUCER:-/opt/kafka/bin/kafka-console-producer.sh}" --bootstrap-server "${BOOTSTRAP:-kafka:9092}" --topic comments --reader-property parse.headers=true &
wait $!
