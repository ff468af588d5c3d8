#!/usr/bin/env bash
# A Docker Engine for the tests that start containers: one that runs here, else one that the scripts beside the checkout start.
# Usage: .ci/docker.sh start|stop FOLDER
#   start   where containers can be run it writes FOLDER/environment, to be sourced: MTLSTREAM_TEST_DOCKER, and what the client needs to be told.
#           Elsewhere it says on standard error what it lacks, and ends with 0.
#   stop    removes the containers that the tests have left, and stops the engine if start has started it
set -euo pipefail
verb=${1:-} folder=${2:?Usage: .ci/docker.sh start|stop FOLDER}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scripts=$root/../shared/docker
image=apache/kafka:4.3.1
skip() { echo "ci: $*; the tests with containers are skipped" >&2; exit 0; }
runs() { docker info >/dev/null 2>&1; }
daemon() { kill -0 "$(cat /var/run/docker.pid 2>/dev/null)" 2>/dev/null; }

start() {
  local run=ci-$$
  mkdir -p "$folder"
  rm -f "$folder/started" "$folder/run" "$folder/environment"
  if ! command -v docker >/dev/null || ! runs; then
    [ -x "$scripts/engine.sh" ] && [ "$(id -u)" = 0 ] || skip "no Docker Engine here and none to start"
    daemon || touch "$folder/started"     # one that lives and does not answer is another's
    "$scripts/engine.sh" >"$folder/log" 2>&1 </dev/null || skip "the Docker Engine did not start ($folder/log)"
  fi
  if ! docker image inspect "$image" >/dev/null 2>&1 && [ -x "$scripts/base-images.sh" ]; then
    "$scripts/base-images.sh" kafka >>"$folder/log" 2>&1 </dev/null || skip "no image $image could be made ($folder/log)"
  fi
  docker run --rm "$image" true >>"$folder/log" 2>&1 </dev/null || skip "no container of $image can be run ($folder/log)"
  echo "$run" > "$folder/run"
  # The client speaks version 1.44 of the interface unless it is told of an older engine. Its Ryuk is an image more to pull: stop does the same.
  {
    echo "export MTLSTREAM_TEST_DOCKER=$run TESTCONTAINERS_RYUK_DISABLED=true"
    echo "export DOCKER_API_VERSION=$(docker version --format '{{.Server.APIVersion}}')"
  } > "$folder/environment.new"
  mv "$folder/environment.new" "$folder/environment"
}

stop() {
  if [ -f "$folder/run" ]; then docker ps -aq --filter "label=mtlstream.test=$(cat "$folder/run")" | xargs -r docker rm -f >/dev/null || true; fi
  if [ -f "$folder/started" ] && daemon; then kill "$(cat /var/run/docker.pid)" || true; fi
  rm -f "$folder/started" "$folder/run"
}

case $verb in
  start | stop) $verb ;;
  *) echo "docker.sh: found '$verb', expected start or stop" >&2; exit 2 ;;
esac
