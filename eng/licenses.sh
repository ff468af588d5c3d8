#!/usr/bin/env bash
# Copies the licence texts that the packages of a published program come with to FOLDER/licenses/ID.VERSION/.
# Usage: eng/licenses.sh FOLDER      the folder has mtlstream.deps.json, which names the packages
# NUGET_PACKAGES: where they are unpacked (default: ~/.nuget/packages)
set -euo pipefail
folder=${1:?Usage: eng/licenses.sh FOLDER}
packages=${NUGET_PACKAGES:-$HOME/.nuget/packages}
sed -n 's/^ *"path": "\([^"]*\)",*$/\1/p' "$folder/mtlstream.deps.json" | sort -u | while read -r package; do
  [ -d "$packages/$package" ] || continue
  find "$packages/$package" -maxdepth 1 -type f \( -iname 'licen[sc]e*' -o -iname 'notice*' -o -iname 'third*part*notices*' \) -print0 |
    while IFS= read -r -d '' text; do install -D -m 644 "$text" "$folder/licenses/${package/\//.}/${text##*/}"; done
done
for owed in librdkafka.redist microsoft.ml.onnxruntime; do    # NOTICE refers to their texts
  compgen -G "$folder/licenses/$owed*/*" > /dev/null || { echo "licenses: found no licence text of $owed under $packages" >&2; exit 1; }
done
