# Shared by demo.sh, test.sh and eng/*.sh: what is needed, where things are built. Source it from the repository's root.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
die() { say "quiesce: $*"; exit 1; }

case "$(uname -m)" in
  x86_64) RID=linux-x64 ;;
  aarch64) RID=linux-arm64 ;;
  *) die "this machine is $(uname -m); Quiesce builds on x86_64 and aarch64" ;;
esac
HOST_RID=$RID
BIN="$PWD/artifacts/bin"
# For publish_native: clang and binutils link, cmake builds .NET's part of OpenSSL, the rest is what gets into a static program.
NATIVE_PACKAGES="clang binutils cmake make libc6-dev libssl-dev zlib1g-dev"
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
  SOURCES=$(find "$@" eng/*.props eng/*.xml eng/lib.sh Directory.Build.props Directory.Packages.props \( -name bin -o -name obj \) -prune -o -type f -print0 \
    | sort -z | xargs -0 sha256sum | sha256sum)
  [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$SOURCES" ]
}
build() { # NAME DOTNET-ARGUMENTS...
  local name=$1; shift
  mkdir -p artifacts/stamps artifacts/log "$BIN"
  dotnet "$@" >"artifacts/log/$name.log" 2>&1 \
    || { grep -E 'error|warning' "artifacts/log/$name.log" | sort -u | head -n 20 >&2; die "$name does not build; the whole output is in artifacts/log/$name.log"; }
}

# The paths in what clang compiles of .NET's sources are those of the package, not of this machine.
export CFLAGS="-ffile-prefix-map=${NUGET_PACKAGES:-$HOME/.nuget/packages}=/nuget"
CROSS=()

# for_architecture x64|arm64 : what publish_native builds for from now on: for this machine to artifacts/bin, for the other one to artifacts/bin-ARCHITECTURE.
for_architecture() {
  RID="linux-$1"
  if [ "$RID" = "$HOST_RID" ]; then BIN="$PWD/artifacts/bin"; CROSS=(); return; fi
  BIN="$PWD/artifacts/bin-$1"
  local machine debian openssl="$PWD/artifacts/openssl-$1"
  case "$1" in
    x64) machine=x86_64-linux-gnu debian=amd64; need_packages gcc-x86-64-linux-gnu libc6-dev-amd64-cross ;;
    arm64) machine=aarch64-linux-gnu debian=arm64; need_packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
    *) die "images are for x64 and arm64, not $1" ;;
  esac
  [ -d "$openssl/lib" ] || foreign_openssl "$debian" "$machine" "$openssl"
  # The analyzers have seen the same sources already, for this machine.
  CROSS=("-p:ObjCopyName=$machine-objcopy" "-p:CrossOpenSsl=$openssl" -p:RunAnalyzers=false)
  export OPENSSL_ROOT_DIR="$openssl"
  CFLAGS="--target=$machine -ffile-prefix-map=${NUGET_PACKAGES:-$HOME/.nuget/packages}=/nuget"
}

# foreign_openssl DEBIAN-ARCHITECTURE MACHINE FOLDER : the other architecture's libssl-dev, beside the system instead of in it. The shared libraries are for cmake alone, which
# asks libssl for functions without libcrypto behind it, and with the archives would find no ALPN, and so no HTTP/2.
foreign_openssl() {
  local work log; work=$(mktemp -d) log=$(mktemp)
  local apt=(-o "APT::Architecture=$1" -o "APT::Architectures::=$1" -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/root"
  say "fetching libssl-dev for $1"
  { apt-get "${apt[@]}" update -qq && (cd "$work" && apt-get "${apt[@]}" download -qq libssl-dev libssl3 && dpkg-deb -x libssl-dev_*.deb root && dpkg-deb -x libssl3_*.deb root); } >"$log" 2>&1 \
    || { tail -n 5 "$log" >&2; die "libssl-dev for $1 cannot be had (the whole output: $log)"; }
  mkdir -p "$3.new/lib"
  cp -r "$work/root/usr/include" "$3.new/include"
  cp "$3.new/include/$2/openssl/"* "$3.new/include/openssl/"
  cp -P "$work/root/usr/lib/$2/"lib{ssl,crypto}.* "$3.new/lib/"
  basename "$work"/libssl-dev_*.deb | cut -d_ -f2 | sed 's/%3a/:/' >"$3.new/version"
  rm -rf "$3" "$work" "$log"
  mv "$3.new" "$3"
}

# publish_native PROJECT FOLDER... : one NativeAOT program to artifacts/bin, skipped when nothing in the folders changed since.
publish_native() {
  local project=$1 name; name=$(basename "$1"); shift
  [ "$RID" = "$HOST_RID" ] || name="$name-${RID#linux-}"
  if unchanged "$name" "$@"; then return; fi
  say "building $name (native, about a minute)"
  # What was linked otherwise before is not linked again by itself.
  rm -rf "$project/obj/Release/net10.0/$RID"
  build "$name" publish "$project" -c Release -r "$RID" -o "artifacts/publish/$name" "${CROSS[@]}"
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
