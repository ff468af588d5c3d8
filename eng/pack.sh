#!/usr/bin/env bash
# Packs the libraries, with their symbols, into FOLDER, which becomes a source that NuGet can restore from.
# Usage: eng/pack.sh FOLDER [arguments of dotnet pack]
set -euo pipefail
folder=${1:?Usage: eng/pack.sh FOLDER [arguments of dotnet pack]}
shift
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
. "$root/eng/environment.sh"
for project in MtlStream MtlStream.Onnx MtlStream.Kafka MtlStream.Learning; do
  dotnet pack "$root/src/$project/$project.csproj" -o "$folder" --nologo -v quiet -clp:ErrorsOnly "$@"
done
