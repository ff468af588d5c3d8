# Sourced by the scripts: no first-run noise, no certificate, nothing sent anywhere, nothing left running.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
export DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true DOTNET_CLI_UI_LANGUAGE=en DOTNET_CLI_USE_MSBUILD_SERVER=0
export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false

# An SDK that is only on the PATH is not found by the built program unless it is told.
if [ -z "${DOTNET_ROOT:-}" ] && command -v dotnet >/dev/null; then
  DOTNET_ROOT=$(dirname "$(readlink -f "$(command -v dotnet)")")
  if [ -d "$DOTNET_ROOT/shared" ]; then export DOTNET_ROOT; else unset DOTNET_ROOT; fi
fi
