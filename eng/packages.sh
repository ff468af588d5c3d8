#!/usr/bin/env bash
# Fills a local package folder with what this machine's NuGet sources lack, and only that, once. Quiet when there is nothing to do.
# Usage: eng/packages.sh [--refresh | --summary]
#   --refresh asks NuGet again about every package; --summary says in one line where the packages in question came from
#   MTLSTREAM_CACHE   where the folder is (default: $XDG_CACHE_HOME/mtlstream, else ~/.cache/mtlstream); Directory.Build.props looks there too
#   MTLSTREAM_CUDA    1: also the CUDA and TensorRT providers; 0: never; unset: where there is an NVIDIA GPU
# What was decided about a package is one word in $MTLSTREAM_CACHE/state/ID.VERSION: gallery, local-RECIPE or absent.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/environment.sh"
cache=$mtlstream_cache packages=$mtlstream_cache/packages state=$mtlstream_cache/state
recipe=1                        # raise it when a recipe below changes what a package holds

required=(librdkafka.redist Microsoft.ML.OnnxRuntime.Managed Microsoft.ML.OnnxRuntime.Gpu)
optional=(Microsoft.ML.Tokenizers Testcontainers.Kafka)
providers=Microsoft.ML.OnnxRuntime.Gpu.Linux

# The sources of the recipes, by npm name, with the integrity that npm publishes for exactly that version.
kafka_source='@confluentinc/kafka-javascript@1.10.1'
kafka_integrity='sha512-KVePUBn21EqCVP9mfxzEuM3SYJHHEF7X+iiC2e43QQgDSyEaksInmCGooT3w5q+cNAdkSCrK71j0ICfqoSqZLw=='
managed_source='com.github.asus4.onnxruntime@0.4.9'
managed_integrity='sha512-BkzxduSZ9IkeDP6Q8lz2TFU2ie7hSSvS7ZIfzMooExoq0CNzJnuuGaUJ7IsojBgqO4ouD1jXah8OYyJbCN29Fg=='
native_source='onnxruntime-node@1.29.0'
native_integrity='sha512-WjiVVB72riILz8HbYvxvmjKyE/WmkYoSfKY++axo5jAR609HQg8MwiG/HhShpTcJfmmAdzxxmB+MMST3A+SiPA=='
cuda_source='com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9'
cuda_integrity='sha512-FopIhNE/Ng+v2X65wVc9clPCBCvhvA53Hxo2U0Kf5fGdVsC7iCA+mZ0KLWggcQAj7TIZ6pNidR4AC10g74Xo6w=='

say() { echo "packages: $*" >&2; }
fail() { say "$*"; exit 1; }
version_of() { sed -n "s/.*PackageVersion Include=\"$1\" Version=\"\([^\"]*\)\".*/\1/p" "$here/../Directory.Packages.props"; }
decision() { cat "$state/$1.$(version_of "$1")" 2>/dev/null || true; }
decide() { echo "$2" > "$state/$1.$(version_of "$1")"; }
nupkg() { echo "$packages/$1.$(version_of "$1").nupkg"; }
settled() { # ID: decided, and the package is there if it was to be filled
  case $(decision "$1") in
    gallery | absent) ;;
    "local-$recipe") [ -f "$(nupkg "$1")" ] ;;
    *) false ;;
  esac
}
cuda_wanted() { [ "${MTLSTREAM_CUDA:-}" = 1 ] || { [ -z "${MTLSTREAM_CUDA:-}" ] && [ -e /dev/nvidiactl ]; }; }
cuda_missing() { cuda_wanted && [ "$(decision Microsoft.ML.OnnxRuntime.Gpu)" != gallery ] && ! settled "$providers"; }
nothing_to_do() {
  local id
  for id in "${required[@]}" "${optional[@]}"; do settled "$id" || return 1; done
  cuda_missing && return 1
  [ -f "$cache/packages.props" ]
}

# Asks the machine's own NuGet sources for exactly the pinned version of each package, in one restore with a package folder of its own.
probe() {
  local folder id undecided=("$@")
  command -v dotnet >/dev/null || fail "dotnet is missing: install the .NET SDK named in global.json."
  folder=$(mktemp -d "$cache/probe.XXXXXX")
  echo '<Project/>' | tee "$folder/Directory.Build.props" "$folder/Directory.Build.targets" > "$folder/Directory.Packages.props"
  {
    echo '<Solution>'
    for id in "${undecided[@]}"; do
      mkdir "$folder/$id"
      echo '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>' \
        "<ItemGroup><PackageReference Include=\"$id\" Version=\"[$(version_of "$id")]\" /></ItemGroup></Project>" > "$folder/$id/probe.$id.csproj"
      echo "<Project Path=\"$id/probe.$id.csproj\" />"
    done
    echo '</Solution>'
  } > "$folder/probe.slnx"
  local restored=true
  dotnet restore "$folder/probe.slnx" -p:RestorePackagesPath="$folder/packages" -p:NuGetAudit=false > "$folder/log" 2>&1 9>&- || restored=false
  # NU1101 to NU1103: no such package, or not in this version. Anything else is no answer.
  if [ $restored = false ] && { ! grep -q 'error NU110[123]' "$folder/log" || grep 'error' "$folder/log" | grep -qv 'error NU110[123]'; }; then
    grep 'error' "$folder/log" | grep -v 'error NU110[123]' | sort -u | head -5 >&2
    fail "NuGet gave no answer about ${undecided[*]}. The whole log: $folder/log"
  fi
  for id in "${undecided[@]}"; do
    if ! grep -q "/probe\.$id\.csproj : error" "$folder/log"; then decide "$id" gallery
    elif [[ " ${optional[*]} " == *" $id "* ]]; then decide "$id" absent
    else lacking+=("$id"); fi
  done
  rm -rf "$folder"
}

need_tools() {
  local missing=()
  command -v npm >/dev/null || missing+=(npm)
  if [[ " $* " == *" librdkafka.redist "* ]]; then
    command -v gcc >/dev/null || missing+=(gcc libc6-dev)
    command -v make >/dev/null || missing+=(make)
    has_header openssl/ssl.h || missing+=(libssl-dev)
    has_header zlib.h || missing+=(zlib1g-dev)
    has_header zstd.h || missing+=(libzstd-dev)
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing with apt: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > "$work/apt.log" 2>&1 9>&- && return
    tail -5 "$work/apt.log" >&2
  fi
  fail "NuGet lacks $*, and filling the gap needs what is missing here: ${missing[*]} (Debian's names). Install it, for instance: sudo apt-get install ${missing[*]}"
}
has_header() { [ -e "/usr/include/$1" ] || [ -n "$(find /usr/include -path "*/$1" -print -quit 2>/dev/null)" ]; }

# fetch NAME SPEC INTEGRITY: one npm tarball, unpacked to $work/NAME. Nothing of it is run.
fetch() {
  local got tarball=$work/$1.tgz
  mkdir "$work/$1" "$work/$1.pack"
  npm pack "$2" --silent --ignore-scripts --cache "$work/$1.npm" --pack-destination "$work/$1.pack" >/dev/null
  mv "$work/$1.pack"/*.tgz "$tarball"
  got=$(sha512sum < "$tarball" | cut -d' ' -f1)
  [ "$got" = "$(base64 -d <<< "${3#sha512-}" | od -An -v -tx1 | tr -d ' \n')" ] || { echo "$2 is not what was pinned: its sha512 is $got" >&2; return 1; }
  tar xzf "$tarball" -C "$work/$1" "${@:4}"
  rm -rf "$tarball" "$work/$1.npm" "$work/$1.pack"
}
pack() { # ID FOLDER: packs FOLDER's files as the package ID
  local version build=$work/pack.$1
  version=$(version_of "$1")
  mkdir -p "$build/out" "$packages"
  cp "$here/packages/Directory.Build.props" "$here/packages/$1.csproj" "$build"
  echo '<Project/>' | tee "$build/Directory.Build.targets" > "$build/Directory.Packages.props"
  dotnet pack "$build/$1.csproj" -c Release -o "$build/out" -p:Version="$version" -p:Natives="$2" -p:NuGetAudit=false \
    -p:RestoreAdditionalProjectSources="$packages" -nologo -v q
  rm -rf "${NUGET_PACKAGES:-$HOME/.nuget/packages}/${1,,}/$version"     # an older filling, already unpacked
  mv "$build/out/$1.$version.nupkg" "$packages/"
  decide "$1" "local-$recipe"
}

fill_librdkafka() {
  local source=$work/kafka/package/deps/librdkafka library file
  fetch kafka "$kafka_source" "$kafka_integrity" package/deps/librdkafka
  # Linked statically where the archives are there, so that the library asks nothing of the machine that it runs on.
  for library in ssl:libssl crypto:libcrypto z:zlib zstd:libzstd; do
    file=$(gcc -print-file-name="lib${library%:*}.a")
    if [ "${file:0:1}" = / ]; then export "STATIC_LIB_${library#*:}=$file"; fi
  done
  (
    cd "$source"
    # Only the C library is made, but configure insists on a C++ compiler.
    CXX=gcc ./configure --disable-gssapi --disable-curl --disable-lz4-ext --disable-debug-symbols --enable-ssl --enable-zlib --enable-zstd --LDFLAGS=-Wl,--exclude-libs,ALL
    make -j"$(nproc)" -C src librdkafka.so.1
  )
  mkdir "$work/librdkafka"
  strip -o "$work/librdkafka/librdkafka.so" "$source/src/librdkafka.so.1"
  cp "$source/LICENSES.txt" "$work/librdkafka"
  pack librdkafka.redist "$work/librdkafka"
}
fill_managed() {
  fetch managed "$managed_source" "$managed_integrity" package/Runtime package/ThirdPartyNotices.txt
  pack Microsoft.ML.OnnxRuntime.Managed "$work/managed/package"
}
fill_native() {
  fetch native "$native_source" "$native_integrity" package/bin/napi-v6/linux/x64/libonnxruntime.so.1
  mkdir "$work/onnxruntime"
  mv "$work/native/package/bin/napi-v6/linux/x64/libonnxruntime.so.1" "$work/onnxruntime/libonnxruntime.so"
  until [ -f "$work/managed.done" ]; do sleep 0.1; done
  pack Microsoft.ML.OnnxRuntime.Gpu "$work/onnxruntime"
}
fill_providers() {
  fetch cuda "$cuda_source" "$cuda_integrity"
  mkdir "$work/providers"
  find "$work/cuda" -name 'libonnxruntime_providers_*.so' -exec mv -t "$work/providers" {} +
  pack "$providers" "$work/providers"
}

# Runs the recipes side by side, each with its log; the managed part first where the native one depends on it.
fill() {
  local started=$SECONDS id recipe_of jobs=() failed=()
  [ "$(uname -sm)" = 'Linux x86_64' ] || fail "NuGet lacks $*, and the recipes here are for Linux on x86_64. Use a NuGet source that has them."
  work=$(mktemp -d "$cache/fill.XXXXXX")
  say "NuGet lacks $*; filling $packages (once, one to three minutes)"
  need_tools "$@"
  [[ " $* " == *" Microsoft.ML.OnnxRuntime.Managed "* ]] || touch "$work/managed.done"
  for id in "$@"; do
    case $id.$(version_of "$id") in
      librdkafka.redist.2.15.1) recipe_of=fill_librdkafka ;;
      Microsoft.ML.OnnxRuntime.Managed.1.29.0) recipe_of=fill_managed ;;
      Microsoft.ML.OnnxRuntime.Gpu.1.29.0) recipe_of=fill_native ;;
      "$providers".1.29.0) recipe_of=fill_providers ;;
      *) fail "there is no recipe for $id $(version_of "$id"): write one here, or use a NuGet source that has it." ;;
    esac
    ( set -e; trap '[ $recipe_of != fill_managed ] || touch "$work/managed.done"' EXIT; $recipe_of ) > "$work/$id.log" 2>&1 9>&- &
    jobs+=("$!")
  done
  for id in "$@"; do wait "${jobs[0]}" || failed+=("$id"); jobs=("${jobs[@]:1}"); done
  for id in "${failed[@]}"; do
    say "$id could not be filled:"
    tail -15 "$work/$id.log" >&2
  done
  [ ${#failed[@]} -eq 0 ] || fail "the whole logs: $work/*.log"
  rm -rf "$work"
  say "filled in $((SECONDS - started)) s"
}

# The decisions as MSBuild reads them: which optional packages restore, and whether the providers were filled.
write_props() {
  local tokenizers=false containers=false cuda=false
  [ "$(decision Microsoft.ML.Tokenizers)" = gallery ] && tokenizers=true
  [ "$(decision Testcontainers.Kafka)" = gallery ] && containers=true
  settled "$providers" && cuda=true
  cat > "$cache/packages.props.new" <<XML
<Project>
  <PropertyGroup>
    <HasMLTokenizers>$tokenizers</HasMLTokenizers>
    <HasTestcontainersKafka>$containers</HasTestcontainersKafka>
    <HasLocalCudaProviders>$cuda</HasLocalCudaProviders>
  </PropertyGroup>
</Project>
XML
  cmp -s "$cache/packages.props.new" "$cache/packages.props" && rm "$cache/packages.props.new" || mv "$cache/packages.props.new" "$cache/packages.props"
}

summary() {
  local id line=''
  for id in "${required[@]}" "$providers" "${optional[@]}"; do
    case $(decision "$id") in
      local-*) line+=", $id filled locally" ;;
      absent) line+=", $id left out (not in NuGet here)" ;;
    esac
  done
  echo "packages: ${line:+${line:2}; }all others from NuGet"
}

case ${1:-} in
  '') ;;
  --refresh) rm -rf "$state" ;;
  --summary) summary; exit ;;
  *) fail "what is '$1'? Usage: eng/packages.sh [--refresh | --summary]" ;;
esac
nothing_to_do && exit
mkdir -p "$state"
exec 9> "$cache/lock"
flock 9
nothing_to_do && exit       # another run has just done it
rm -rf "$cache"/probe.?????? "$cache"/fill.??????
lacking=() undecided=()
for id in "${required[@]}" "${optional[@]}"; do
  case $(decision "$id") in
    local-*) settled "$id" || lacking+=("$id") ;;
    gallery | absent) ;;
    *) undecided+=("$id") ;;
  esac
done
[ ${#undecided[@]} -eq 0 ] || probe "${undecided[@]}"
if [[ " ${lacking[*]} " == *" Microsoft.ML.OnnxRuntime.Gpu "* ]] && cuda_wanted || cuda_missing; then lacking+=("$providers"); fi
[ ${#lacking[@]} -eq 0 ] || fill "${lacking[@]}"
write_props
