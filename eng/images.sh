#!/usr/bin/env bash
# Makes the images from the static programs alone: OCI archives in artifacts/images, without a registry and without a base image. docs/images.md says what is in them.
#
#   eng/images.sh [--out FOLDER] [ARCHITECTURE...]     x64 and arm64 where none is named
#
# NAME-ARCHITECTURE.tar for one architecture; NAME.tar, an index of both, where both are made; NAME-ARCHITECTURE.cdx.json is the list of what is in it (SBOM).
cd "$(dirname "$0")/.."
. eng/lib.sh
export LC_ALL=C
OUT="$PWD/artifacts/images"
if [ "${1:-}" = --out ]; then mkdir -p "$2"; OUT=$(cd "$2" && pwd); shift 2; fi
ARCHITECTURES=("${@:-x64}")
[ $# -gt 0 ] || ARCHITECTURES=(x64 arm64)

need_packages umoci jq ca-certificates git
eng/publish.sh "${ARCHITECTURES[@]}"

VERSION=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)
# What is said of the time is said of the commit, and so is the same whenever the image is made.
git() { command git -c safe.directory="$PWD" "$@"; } # root may build what is another user's
REVISION=$(git rev-parse HEAD) || die "the images carry the commit they are made of: run this in a git repository"
[ -z "$(git status --porcelain)" ] || REVISION="$REVISION-changed"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
CREATED=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
NUGET="${NUGET_PACKAGES:-$HOME/.nuget/packages}"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# put MODE FILE PATH : a file of the image.
put() { mkdir -p "$WORK/root$(dirname "$3")"; install -m "$1" "$2" "$WORK/root$3"; }
# debian PACKAGE : its version.
debian() { dpkg-query -W -f='${Version}' "$1"; }

# sbom PROJECT NAME ARCHITECTURE : what the program is made of, in CycloneDX; the tool knows the NuGet packages, and is told what else is linked in.
sbom() {
  local project=$1 name=$2 architecture=$3 openssl libc log=artifacts/log/sbom.log
  if [ "linux-$architecture" = "$HOST_RID" ]; then openssl=$(debian libssl-dev) libc=$(debian libc6-dev)
  else
    openssl=$(cat "artifacts/openssl-$architecture/version")
    case "$architecture" in x64) libc=$(debian libc6-dev-amd64-cross) ;; arm64) libc=$(debian libc6-dev-arm64-cross) ;; esac
  fi
  if [ ! -f "$WORK/$name.json" ]; then
    dotnet tool run dotnet-CycloneDX "$project" --recursive --disable-package-restore --no-serial-number --output-format Json --output "$WORK" --filename "$name.json" \
      --set-name "$name" --set-version "$VERSION" >"$log" 2>&1 || { tail -n 5 "$log" >&2; die "no SBOM for $name; the whole output is in $log"; }
  fi
  # Agent and operator answer HTTP.
  local web=true; [ "$name" != quiesce-cli ] || web=false
  # What only builds is no part of the program. The compiler's version is that of the runtime it links.
  jq -S --arg created "$CREATED" --arg rid "linux-$architecture" --argjson web "$web" --arg openssl "$openssl" --arg libc "$libc" '
    def linked($name; $version; $purl; $licence): {type: "library", "bom-ref": $purl, name: $name, version: $version, purl: $purl, scope: "required", licenses: [$licence]};
    (.components[] | select(.name == "Microsoft.DotNet.ILCompiler") | .version) as $dotnet
    | ([.components[] | select(.scope == "excluded") | ."bom-ref"]) as $tools
    | [linked("Microsoft.NETCore.App.Runtime.NativeAOT." + $rid; $dotnet; "pkg:nuget/Microsoft.NETCore.App.Runtime.NativeAOT." + $rid + "@" + $dotnet; {license: {id: "MIT"}}),
       (select($web) | linked("Microsoft.AspNetCore.App.Runtime." + $rid; $dotnet; "pkg:nuget/Microsoft.AspNetCore.App.Runtime." + $rid + "@" + $dotnet; {license: {id: "MIT"}})),
       linked("glibc"; $libc; "pkg:deb/debian/glibc@" + $libc; {license: {id: "LGPL-2.1-or-later"}}),
       linked("openssl"; $openssl; "pkg:deb/debian/openssl@" + $openssl; {license: {id: "Apache-2.0"}})] as $linked
    | .metadata.timestamp = $created
    | .metadata.component."bom-ref" as $program
    | .components |= (map(select(.scope != "excluded")) + $linked | sort_by(."bom-ref"))
    | .dependencies |= (map(select(.ref as $r | $tools | index($r) | not) | .dependsOn = ((.dependsOn // []) - $tools)
        | if .ref == $program then .dependsOn += ($linked | map(."bom-ref")) else . end) + ($linked | map({ref: ."bom-ref", dependsOn: []})))
  ' "$WORK/$name.json" >"$OUT/$name-$architecture.cdx.json"
}

# image NAME ARCHITECTURE USER PROJECT WHAT PROGRAM... : one archive; the first program is what it starts.
image() {
  local name=$1 architecture=$2 user=$3 project=$4 what=$5 programs=("${@:6}") bin="$BIN" layout="$WORK/$1-$2" platform
  case "$architecture" in x64) platform=amd64 ;; *) platform=$architecture ;; esac
  [ "linux-$architecture" = "$HOST_RID" ] || bin="$PWD/artifacts/bin-$architecture"
  rm -rf "$WORK/root"
  for program in "${programs[@]}"; do put 755 "$bin/$program" "/$program"; done
  sbom "$project" "$name" "$architecture"
  put 644 "$OUT/$name-$architecture.cdx.json" "/usr/share/sbom/$name.cdx.json"
  put 644 LICENSE /usr/share/licenses/quiesce/LICENSE
  local runtime; runtime="$NUGET/microsoft.netcore.app.runtime.nativeaot.linux-$architecture/$(jq -r '.components[] | select(.name | startswith("Microsoft.NETCore.App.Runtime")) | .version' "$OUT/$name-$architecture.cdx.json")"
  put 644 "$runtime/LICENSE.TXT" /usr/share/licenses/dotnet/LICENSE.TXT
  put 644 "$runtime/THIRD-PARTY-NOTICES.TXT" /usr/share/licenses/dotnet/THIRD-PARTY-NOTICES.TXT
  put 644 /usr/share/doc/libssl-dev/copyright /usr/share/licenses/openssl/copyright
  put 644 /usr/share/doc/libc6-dev/copyright /usr/share/licenses/glibc/copyright
  local environment=()
  # The agent talks to its own API server alone, whose certificate comes with the service account. Traces may go to, and a kubeconfig may name, a server that has a public one.
  # Taken from the package's own folder, because what the machine trusts besides is nobody else's business.
  if [ "$name" != quiesce-agent ]; then
    cat /usr/share/ca-certificates/mozilla/*.crt >"$WORK/certificates"
    put 644 "$WORK/certificates" /etc/ssl/certs/ca-certificates.crt
    environment=(--config.env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt)
  fi
  find "$WORK/root" -type d -exec chmod 755 {} +
  find "$WORK/root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

  umoci init --layout "$layout"
  umoci new --image "$layout:$VERSION"
  umoci insert --image "$layout:$VERSION" --uid-map "0:$(id -u):1" --gid-map "0:$(id -g):1" --history.created "$CREATED" --history.created_by eng/images.sh "$WORK/root" /
  umoci config --image "$layout:$VERSION" --no-history --created "$CREATED" --os linux --architecture "$platform" \
    --config.user "$user" --config.entrypoint "/${programs[0]}" "${environment[@]}" \
    --config.label "org.opencontainers.image.title=$name" \
    --config.label "org.opencontainers.image.description=$what" \
    --config.label "org.opencontainers.image.version=$VERSION" \
    --config.label "org.opencontainers.image.revision=$REVISION" \
    --config.label "org.opencontainers.image.created=$CREATED" \
    --config.label "org.opencontainers.image.licenses=Apache-2.0"
  umoci gc --layout "$layout" >/dev/null
  archive "$layout" "$OUT/$name-$architecture.tar"
}

# archive LAYOUT FILE
archive() {
  tar --create --file "$2.new" --directory "$1" --format ustar --sort name --owner 0 --group 0 --numeric-owner --mode u=rwX,go=rX --mtime "@$SOURCE_DATE_EPOCH" blobs index.json oci-layout
  mv "$2.new" "$2"
}

# both NAME : an index of both architectures' images.
both() {
  local name=$1 layout="$WORK/$1" index digest
  mkdir -p "$layout"
  cp -r "$WORK/$name-x64/." "$WORK/$name-arm64/." "$layout/"
  platform() { jq -c --arg architecture "$2" '.manifests[0] | del(.annotations) | .platform = {architecture: $architecture, os: "linux"}' "$WORK/$name-$1/index.json"; }
  index=$(jq -cn --argjson x64 "$(platform x64 amd64)" --argjson arm64 "$(platform arm64 arm64)" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [$x64, $arm64]}')
  digest=$(printf '%s' "$index" | sha256sum | cut -d' ' -f1)
  printf '%s' "$index" >"$layout/blobs/sha256/$digest"
  jq -cn --arg digest "sha256:$digest" --argjson size "${#index}" --arg version "$VERSION" \
    '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.index.v1+json", digest: $digest, size: $size, annotations: {"org.opencontainers.image.ref.name": $version}}]}' >"$layout/index.json"
  archive "$layout" "$OUT/$name.tar"
}

mkdir -p "$OUT" artifacts/log
rm -f "$OUT"/quiesce-*.tar "$OUT"/quiesce-*.cdx.json
dotnet tool restore >artifacts/log/tools.log 2>&1 || { tail -n 5 artifacts/log/tools.log >&2; die "the tools in .config/dotnet-tools.json cannot be restored"; }
for architecture in "${ARCHITECTURES[@]}"; do
  image quiesce-agent "$architecture" 0:0 agent/agent/Quiesce.Agent.csproj "The agent of Quiesce: freezes filesystems of the node it runs on" quiesce-agent quiesce-holder
  image quiesce-operator "$architecture" 65532:65532 operator/Quiesce.Operator.csproj "The operator of Quiesce: turns FreezeRequests into work for the agents" quiesce-operator
  image quiesce-cli "$architecture" 65532:65532 cli/Quiesce.Cli.csproj "kubectl-quiesce, the kubectl plugin of Quiesce" kubectl-quiesce
done
for name in quiesce-agent quiesce-operator quiesce-cli; do
  if [ -d "$WORK/$name-x64" ] && [ -d "$WORK/$name-arm64" ]; then both "$name"; fi
done
for archive in "$OUT"/*.tar; do say "$(basename "$archive") $(tar -xOf "$archive" index.json | jq -r '.manifests[0].digest')"; done
