# Shared by demo.sh, test.sh and eng/*.sh: what is needed, where things are built. Source it from the repository's root.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
die() { say "quiesce: $*"; exit 1; }

case "$(uname -m)" in
  x86_64) RID=linux-x64 ;;
  aarch64) RID=linux-arm64 ;;
  *) die "this machine is $(uname -m); Quiesce builds on x86_64 and aarch64" ;;
esac
BIN="$PWD/artifacts/bin"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# need_packages PACKAGE... : installs what Debian packages are missing.
need_packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" -eq 0 ] || die "Debian packages are missing: ${missing[*]}; install them, or run this as root"
  command -v apt-get >/dev/null || die "packages are missing and there is no apt-get: ${missing[*]}"
  say "installing ${missing[*]}"
  local log; log=$(mktemp)
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 \
    || { tail -n 5 "$log" >&2; die "apt-get could not install ${missing[*]} (its whole output: $log)"; }
  rm -f "$log"
}

need_dotnet() {
  command -v dotnet >/dev/null || die ".NET SDK 10 is missing: put 'dotnet' on the PATH"
  case "$(dotnet --version 2>/dev/null)" in 10.*) ;; *) die ".NET SDK 10 is needed, found '$(dotnet --version 2>&1 | head -n 1)'" ;; esac
}

# unchanged NAME FOLDER... : whether artifacts/bin holds what the folders now say; sets STAMP and SOURCES for done_building.
unchanged() {
  STAMP="artifacts/stamps/$1"; shift
  SOURCES=$(find "$@" eng Directory.Build.props Directory.Packages.props \( -name bin -o -name obj \) -prune -o -type f -print0 \
    | sort -z | xargs -0 sha256sum | sha256sum)
  [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$SOURCES" ]
}
build() { # NAME DOTNET-ARGUMENTS...
  local name=$1; shift
  mkdir -p artifacts/stamps artifacts/log "$BIN"
  dotnet "$@" >"artifacts/log/$name.log" 2>&1 \
    || { grep -E 'error|warning' "artifacts/log/$name.log" | sort -u | head -n 20 >&2; die "$name does not build; the whole output is in artifacts/log/$name.log"; }
}

# publish_native PROJECT FOLDER... : one NativeAOT program to artifacts/bin, skipped when nothing in the folders changed since.
publish_native() {
  local project=$1 name; name=$(basename "$1"); shift
  if unchanged "$name" "$@"; then return; fi
  say "building $name (native, one to two minutes)"
  build "$name" publish "$project" -c Release -r "$RID" -o "artifacts/publish/$name"
  # A running program's file cannot be written, only replaced.
  find "artifacts/publish/$name" -maxdepth 1 -type f -perm -u+x ! -name '*.so' ! -name '*.dbg' -exec cp -f --remove-destination {} "$BIN/" \;
  printf '%s' "$SOURCES" >"$STAMP"
}

# build_managed PROJECT FOLDER... : a program for 'dotnet FILE.dll', in artifacts/bin/NAME; skipped when nothing changed.
build_managed() {
  local project=$1 name; name=$(basename "$1" | sed 's/^Quiesce\.LocalCluster$/local-cluster/'); shift
  if unchanged "$name" "$@"; then return; fi
  say "building $name"
  build "$name" build "$project" -c Release -o "$BIN/$name"
  printf '%s' "$SOURCES" >"$STAMP"
}
