#!/usr/bin/env bash
# Publishes the program to FOLDER, which is emptied first: what an image holds, with the licence texts of its packages.
# Usage: eng/publish.sh FOLDER [arguments of dotnet publish]      MTLSTREAM_CUDA=1: with ONNX Runtime's CUDA provider
# MTLSTREAM_TEXTS=1: with the decoder that writes translations and titles, 10 MB
# MTLSTREAM_CONFIGURATION: Release unless set
set -euo pipefail
folder=${1:?Usage: eng/publish.sh FOLDER [arguments of dotnet publish]}
shift
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
. "$root/eng/environment.sh"
rm -rf "$folder"
dotnet publish "$root/src/MtlStream.Host/MtlStream.Host.csproj" -c "${MTLSTREAM_CONFIGURATION:-Release}" -o "$folder" --nologo -v quiet -clp:ErrorsOnly \
  -p:RunAnalyzers=false -p:DebugType=none -p:GenerateDocumentationFile=false "$@"
cp "$root/LICENSE" "$root/NOTICE" "$folder/"
"$root/eng/licenses.sh" "$folder"
if [ "${MTLSTREAM_TEXTS:-0}" != 1 ]; then
  (cd "$folder/models/mtlstream-en" && rm -f writer.* encoder_model.onnx decoder_*.onnx generator.*.json golden.*.json)
fi
# Of librdkafka's builds the one that every glibc loads: the first needs libsasl2, the last is musl's.
rm -f "$folder/librdkafka.so" "$folder/alpine-librdkafka.so"
[ -f "$folder/centos8-librdkafka.so" ] || { echo "publish: found no centos8-librdkafka.so in $folder, which images need" >&2; exit 1; }
