#!/usr/bin/env bash
# Looks at the images in artifacts/images: what they say of themselves, what is in them and how large they are, that packing them again makes the same bytes, and that
# they run: this machine's in a container, against an API server; the other architecture's under emulation. Needs root. Ends everything it starts, and freezes
# only a filesystem of its own. Its last line, the only one of its output, is such as "N passed, N failed, N skipped"; what it does on the way it says on its error output.
#
#   tests/images/check.sh       after eng/images.sh
cd "$(dirname "$0")/../.."
. eng/lib.sh
IMAGES="$PWD/artifacts/images"
LARGEST=20000000 # bytes, compressed
[ "$(id -u)" -eq 0 ] || die "containers and a filesystem of its own need root"
need_packages skopeo umoci runc jq binutils openssl e2fsprogs mount qemu-user-static
command -v kubectl >/dev/null || need_packages kubernetes-client
command -v curl >/dev/null || need_packages curl
need_dotnet
build_managed tests/Quiesce.LocalCluster tests/Quiesce.LocalCluster

VERSION=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)
ARCHITECTURES=$(find "$IMAGES" -name 'quiesce-agent-*.tar' | sed 's/.*-\(.*\)\.tar/\1/' | sort)
[ -n "$ARCHITECTURES" ] || die "there are no images in $IMAGES: run eng/images.sh"
WORK=$(mktemp -d)
passed=0 failed=0 skipped=0 started=()
finish() {
  local status=$? container pid
  trap - EXIT
  for container in quiesce-check-operator-$$ quiesce-check-agent-$$ quiesce-check-cli-$$; do runc delete --force "$container" >/dev/null 2>&1 || true; done
  # Nothing of theirs is kept, and an API server whose etcd has gone before it takes its time to end.
  for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done
  if mountpoint -q "$WORK/orders" 2>/dev/null; then artifacts/bin/quiesce-agent thaw "$WORK/orders" >/dev/null 2>&1 || true; umount "$WORK/orders" || true; fi
  rm -rf "$WORK"
  exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

pass() { passed=$((passed + 1)); say "   ok    $1"; }
fail() { failed=$((failed + 1)); say "   FAIL  $1"; [ ! -s "$WORK/out" ] || tail -n 15 "$WORK/out" | sed 's/^/           /' >&2; }
# skip NUMBER REASON : so many checks that this machine cannot make.
skip() { skipped=$((skipped + $1)); say "   skipped $1: $2"; }
# holds SENTENCE COMMAND... : the command succeeds.
holds() { local what=$1; shift; if "$@" >"$WORK/out" 2>&1; then pass "$what"; else fail "$what"; fi; }
# same SENTENCE EXPECTED ACTUAL
same() { if [ "$2" = "$3" ]; then pass "$1"; else diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") >"$WORK/out" || true; fail "$1"; fi; }
# waits SECONDS COMMAND...
waits() { local tries=$(($1 * 10)); shift; while ! "$@" >/dev/null 2>&1; do tries=$((tries - 1)); [ $tries -gt 0 ] || return 1; sleep 0.1; done; }

entrypoint() { case "$1" in quiesce-cli) echo kubectl-quiesce ;; *) echo "$1" ;; esac; }
files() { # NAME : all that is in the image.
  case "$1" in
    quiesce-agent) printf '%s\n' quiesce-agent quiesce-holder ;;
    *) printf '%s\n' etc/ssl/certs/ca-certificates.crt "$(entrypoint "$1")" ;;
  esac
  printf '%s\n' "usr/share/sbom/$1.cdx.json" usr/share/licenses/{quiesce/LICENSE,dotnet/LICENSE.TXT,dotnet/THIRD-PARTY-NOTICES.TXT,glibc/copyright,openssl/copyright}
}
user() { case "$1" in quiesce-agent) echo 0:0 ;; *) echo 65532:65532 ;; esac; }
machine() { case "$1" in arm64) echo AArch64 ;; *) echo "Advanced Micro Devices X86-64" ;; esac; }
emulator() { case "$1" in arm64) echo qemu-aarch64-static ;; *) echo qemu-x86_64-static ;; esac; }
platform() { case "$1" in x64) echo amd64 ;; *) echo "$1" ;; esac; }

for architecture in $ARCHITECTURES; do
  for name in quiesce-agent quiesce-operator quiesce-cli; do
    say "== $name $architecture"
    archive="$IMAGES/$name-$architecture.tar" layout="$WORK/$name-$architecture" bundle="$WORK/bundle-$name-$architecture"
    image="oci-archive:$archive:$VERSION"
    holds "skopeo reads it" skopeo inspect "$image"
    inspected=$(skopeo inspect "$image") config=$(skopeo inspect --config "$image")
    same "architecture and system" "linux/$(platform "$architecture")" "$(jq -r '.Os + "/" + .Architecture' <<<"$inspected")"
    same "user" "$(user "$name")" "$(jq -r .config.User <<<"$config")"
    same "entrypoint" "[\"/$(entrypoint "$name")\"]" "$(jq -c .config.Entrypoint <<<"$config")"
    same "labels" "$name $VERSION Apache-2.0" "$(jq -r '.Labels | [.["org.opencontainers.image.title", "org.opencontainers.image.version", "org.opencontainers.image.licenses"]] | join(" ")' <<<"$inspected")"
    same "the commit it was made of" "$(git -c safe.directory="$PWD" rev-parse HEAD)" "$(jq -r '.Labels["org.opencontainers.image.revision"]' <<<"$inspected" | sed 's/-changed$//')"
    mkdir -p "$layout"
    tar -xf "$archive" -C "$layout"
    same "every blob is what its name says" "" "$(cd "$layout/blobs/sha256" && sha256sum -- * | awk '$1 != $2')"
    size=$(skopeo inspect --raw "$image" | jq '[.layers[].size, .config.size] | add')
    say "$(printf '[figure] image %s %s: %s MB compressed' "$name" "$architecture" "$(awk -v n="$size" 'BEGIN { printf "%.1f", n / 1000000 }')")"
    holds "smaller than 20 MB" [ "$size" -lt $LARGEST ]
    umoci unpack --image "$layout:$VERSION" "$bundle" >/dev/null
    root="$bundle/rootfs"
    same "nothing in it but the programs, notices, SBOM and certificates: no shell" "$(files "$name" | LC_ALL=C sort)" "$(cd "$root" && find . -mindepth 1 ! -type d | sed 's|^\./||' | LC_ALL=C sort)"
    same "everything belongs to root, nobody else writes it" "" "$(find "$root" ! -uid 0 -o ! -gid 0 -o -perm /022 -o -perm /6000)"
    same "the SBOM beside the archive is the one in it, and names the program and what is linked in" "$name glibc openssl Microsoft.NETCore.App.Runtime.NativeAOT.linux-$architecture$([ "$name" = quiesce-cli ] || echo " Microsoft.AspNetCore.App.Runtime.linux-$architecture")" \
      "$(cmp -s "$root/usr/share/sbom/$name.cdx.json" "$IMAGES/$name-$architecture.cdx.json" && jq -r '[.metadata.component.name] + ([.components[].name] as $all | ["glibc", "openssl", "Microsoft.NETCore.App.Runtime.NativeAOT.linux-'"$architecture"'", "Microsoft.AspNetCore.App.Runtime.linux-'"$architecture"'"] | map(select(. as $one | $all | index($one)))) | join(" ")' "$IMAGES/$name-$architecture.cdx.json")"
    for program in "$root"/*quiesce*; do
      same "$(basename "$program") is a program for it" "$(machine "$architecture")" "$(readelf -h "$program" | sed -n 's/.*Machine: *//p')"
      same "$(basename "$program") is static" "" "$(readelf -lW "$program" | grep INTERP || true)"
      same "$(basename "$program") tells nothing of where it was built" "" "$(LC_ALL=C grep -aoF -e "$PWD/" -e "${NUGET_PACKAGES:-$HOME/.nuget}/" "$program" | sort | uniq -c || true)"
    done
    [ "linux-$architecture" != "$HOST_RID" ] || continue
    same "it runs under emulation" "$VERSION" "$("$(emulator "$architecture")" "$root/$(entrypoint "$name")" --version 2>"$WORK/out" || true)"
    holds "it gives help under emulation" "$(emulator "$architecture")" "$root/$(entrypoint "$name")" --help
  done
done

if [ -f "$IMAGES/quiesce-agent.tar" ]; then
  say "== both architectures in one archive"
  for name in quiesce-agent quiesce-operator quiesce-cli; do
    for architecture in $ARCHITECTURES; do
      same "$name has $architecture, the same image" "$(skopeo inspect --format '{{.Digest}}' "oci-archive:$IMAGES/$name-$architecture.tar:$VERSION")" \
        "$(skopeo inspect --raw "oci-archive:$IMAGES/$name.tar:$VERSION" | jq -r --arg architecture "$(platform "$architecture")" '.manifests[] | select(.platform.architecture == $architecture) | .digest')"
      same "$name is taken for $architecture where it is asked for" "$(platform "$architecture")" \
        "$(skopeo --override-arch "$(platform "$architecture")" inspect --config "oci-archive:$IMAGES/$name.tar:$VERSION" | jq -r .architecture)"
    done
  done
fi

say "== packed once more"
# shellcheck disable=SC2086
holds "packing works" eng/images.sh --out "$WORK/again" $ARCHITECTURES
for file in "$IMAGES"/*.tar; do holds "$(basename "$file") is the same, byte for byte" cmp "$file" "$WORK/again/$(basename "$file")"; done

ARCHITECTURE=${HOST_RID#linux-}
AGAINST=$((3 + 3 * $(wc -w <<<"$ARCHITECTURES"))) # how many checks 'against' makes
[ -d "$WORK/bundle-quiesce-agent-$ARCHITECTURE" ] || die "this machine's own images ($ARCHITECTURE) are not there to be run"

# container NAME JQ-FILTER ARGUMENTS... : writes how the image is run: as it says, its root read-only, in the machine's own network, with no capability; and what the filter adds.
container() {
  local name=$1 filter=$2 bundle="$WORK/bundle-$1-$ARCHITECTURE"; shift 2
  [ -f "$bundle/config.image.json" ] || cp "$bundle/config.json" "$bundle/config.image.json"
  jq --arg work "$WORK" '.process.terminal = false | .process.noNewPrivileges = true | .process.capabilities = {} | .process.args += $ARGS.positional | .root.readonly = true
    | .linux.namespaces |= map(select(.type != "network")) | '"$filter" --args -- "$@" <"$bundle/config.image.json" >"$bundle/config.json"
}
# run NAME : the container, to its end.
run() { runc run --bundle "$WORK/bundle-quiesce-$1-$ARCHITECTURE" "quiesce-check-$1-$$"; }
kubeconfig_mount='.mounts += [{destination: "/kubeconfig", type: "bind", source: ($work + "/kubeconfig"), options: ["bind", "ro"]}]'

# result : what came of it all, and with it the end.
result() {
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  exit $((failed > 0))
}

# What a container is to do on this machine is tried with the machine's own programs: where those do not run in one, ours are not to blame.
say "== each in a container of its own (runc)"
mkdir -p "$WORK/probe/rootfs/proc"
libraries=$(printf '%s\n' /usr /bin /lib /lib64 | while read -r folder; do [ ! -d "$folder" ] || echo "$folder"; done)
jq --arg folders "$libraries" '.process.terminal = false | .process.args = ["/usr/bin/true"] | .process.user = {uid: 0, gid: 0}
  | .mounts += [$folders | split("\n")[] | {destination: ., type: "bind", source: ., options: ["rbind", "ro"]}]' "$WORK/bundle-quiesce-cli-$ARCHITECTURE/config.json" >"$WORK/probe/config.json"
if ! runc run --bundle "$WORK/probe" "quiesce-check-probe-$$" >"$WORK/out" 2>&1 </dev/null; then
  skip $((8 + 2 * AGAINST)) "no container runs on this machine, not even one with its own /usr/bin/true: $(tail -n 1 "$WORK/out")"
  result
fi

for name in agent operator cli; do
  container "quiesce-$name" . --version
  same "$name: --version" "$VERSION" "$(run $name 2>&1)"
  container "quiesce-$name" . --help
  holds "$name: --help" run $name
done

if [ -e /dev/loop-control ]; then
  mkdir "$WORK/orders"
  truncate -s 32M "$WORK/orders.img"
  mkfs.ext4 -q "$WORK/orders.img"
  mount -o loop "$WORK/orders.img" "$WORK/orders"
  # As the chart has it: privileged, and in the machine's process namespace. /run is the container's own.
  container quiesce-agent '.process.capabilities = (["CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_IPC_LOCK", "CAP_SYS_NICE", "CAP_KILL", "CAP_DAC_OVERRIDE"] as $c | {bounding: $c, effective: $c, permitted: $c})
    | .linux.namespaces |= map(select(.type != "pid"))
    | .mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs"}, {destination: "/orders", type: "bind", source: ($work + "/orders"), options: ["rbind"]}]' \
    freeze --allow-unprotected-holder --for 1s --json /orders
  run agent >"$WORK/frozen" 2>&1 </dev/null || true
  cp "$WORK/frozen" "$WORK/out"
  same "the agent freezes a filesystem in its container, with the holder beside it, and it thaws" "Frozen Expired" "$(jq -r 'select(type == "object") | .phase' "$WORK/frozen" 2>/dev/null | tr '\n' ' ' | sed 's/ $//')"
  holds "the filesystem takes writes again" timeout 10 touch "$WORK/orders/after"
  umount "$WORK/orders"
else
  skip 2 "a filesystem of its own to freeze needs loop devices"
fi

start() { "$@" >>"$WORK/server.log" 2>&1 </dev/null & started+=($!); }

# against SERVER : the operator and the plugin, each in its container, with $WORK/kubeconfig.
against() {
  say "== operator and plugin against $1"
  export KUBECONFIG="$WORK/kubeconfig"
  local port=$((20000 + RANDOM % 10000)) operator code
  kubectl apply -f crds/manifests >/dev/null
  for namespace in quiesce-system shop; do kubectl create namespace "$namespace" >/dev/null; done
  for crd in freezerequests thawrequests freezewindows nodefreezes; do kubectl wait --for=condition=Established "crd/$crd.quiesce.dev" --timeout=20s >/dev/null; done
  container quiesce-operator "$kubeconfig_mount" --kubeconfig /kubeconfig --leader-elect --http-port "$port"
  run operator >"$WORK/operator.log" 2>&1 </dev/null &
  operator=$!
  if waits 60 curl -fsS "http://127.0.0.1:$port/readyz"; then pass "the operator is ready"; else cp "$WORK/operator.log" "$WORK/out"; fail "the operator is ready"; fi
  same "it runs as the image's user, without capabilities" "65532 0000000000000000" \
    "$(awk '/^Uid:/ { uid = $2 } /^CapEff:/ { print uid, $2 }' "/proc/$(runc state "quiesce-check-operator-$$" | jq .pid)/status" 2>/dev/null)"
  container quiesce-cli "$kubeconfig_mount" status --kubeconfig /kubeconfig --namespace shop
  holds "the plugin reads the requests" run cli
  for architecture in $ARCHITECTURES; do
    [ "linux-$architecture" != "$HOST_RID" ] || continue
    holds "so does the one for $architecture, under emulation" timeout 60 "$(emulator "$architecture")" "$WORK/bundle-quiesce-cli-$architecture/rootfs/kubectl-quiesce" status --kubeconfig "$WORK/kubeconfig" --namespace shop
  done
  # There is no node and no agent: the operator has to say so, and the plugin to pass it on.
  container quiesce-cli "$kubeconfig_mount" freeze --kubeconfig /kubeconfig --namespace shop --name nightly --pvc orders --deadline 5s
  same "the plugin creates a request, the operator answers that there is nothing to freeze, and the exit code says so" 4 "$(run cli >"$WORK/out" 2>&1; echo $?)"
  same "the request has ended" Failed "$(kubectl get freezerequests.quiesce.dev nightly --namespace shop --output=jsonpath='{.status.phase}' 2>"$WORK/out")"
  runc kill "quiesce-check-operator-$$" TERM
  wait "$operator" && code=0 || code=$?
  same "the operator ends in order on SIGTERM" 0 "$code"
  for architecture in $ARCHITECTURES; do
    [ "linux-$architecture" != "$HOST_RID" ] || continue
    start "$(emulator "$architecture")" "$WORK/bundle-quiesce-operator-$architecture/rootfs/quiesce-operator" --kubeconfig "$WORK/kubeconfig" --leader-elect --http-port "$port"
    operator=${started[-1]}
    if waits 60 curl -fsS "http://127.0.0.1:$port/readyz"; then pass "the operator for $architecture is ready, under emulation"
    else cp "$WORK/server.log" "$WORK/out"; fail "the operator for $architecture is ready, under emulation"; fi
    kill -TERM "$operator"
    wait "$operator" && code=0 || code=$?
    unset 'started[-1]'
    same "it ends in order on SIGTERM" 0 "$code"
  done
}

start dotnet artifacts/bin/local-cluster/quiesce-local-cluster.dll --port 0 --kubeconfig "$WORK/kubeconfig" --node node-1
waits 20 test -s "$WORK/kubeconfig" || die "the local cluster did not start: $(tail -n 3 "$WORK/server.log")"
chmod 644 "$WORK/kubeconfig"
against "the local cluster"

ASSETS=${KUBEBUILDER_ASSETS:-/usr/local/kubebuilder/bin}
if [ -x "$ASSETS/kube-apiserver" ]; then
  port=$((30000 + RANDOM % 10000)) server="$WORK/server"
  mkdir "$server"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=quiesce -addext subjectAltName=IP:127.0.0.1 -keyout "$server/tls.key" -out "$server/tls.crt" 2>/dev/null
  openssl genrsa -traditional -out "$server/accounts.key" 2048 2>/dev/null
  echo "check,check,check,system:masters" >"$server/tokens"
  start "$ASSETS/etcd" --data-dir "$server/etcd" --unsafe-no-fsync --listen-client-urls "http://127.0.0.1:$((port + 1))" --advertise-client-urls "http://127.0.0.1:$((port + 1))" \
    --listen-peer-urls "http://127.0.0.1:$((port + 2))" --initial-advertise-peer-urls "http://127.0.0.1:$((port + 2))" --initial-cluster "default=http://127.0.0.1:$((port + 2))"
  start "$ASSETS/kube-apiserver" --etcd-servers "http://127.0.0.1:$((port + 1))" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$port" --cert-dir "$server" \
    --tls-cert-file "$server/tls.crt" --tls-private-key-file "$server/tls.key" --token-auth-file "$server/tokens" --authorization-mode RBAC --service-cluster-ip-range 10.0.0.0/24 \
    --endpoint-reconciler-type none --service-account-issuer https://kubernetes.default.svc --service-account-signing-key-file "$server/accounts.key" --service-account-key-file "$server/accounts.key"
  kubectl --kubeconfig "$WORK/kubeconfig.new" config set-cluster check --server "https://127.0.0.1:$port" --certificate-authority "$server/tls.crt" --embed-certs >/dev/null
  kubectl --kubeconfig "$WORK/kubeconfig.new" config set-credentials check --token check >/dev/null
  kubectl --kubeconfig "$WORK/kubeconfig.new" config set-context check --cluster check --user check >/dev/null
  kubectl --kubeconfig "$WORK/kubeconfig.new" config use-context check >/dev/null
  # Replaced in place: the containers' mounts are of this file.
  cat "$WORK/kubeconfig.new" >"$WORK/kubeconfig"
  waits 60 kubectl --kubeconfig "$WORK/kubeconfig" get --raw /readyz || die "the API server did not start: $(tail -n 3 "$WORK/server.log")"
  against "$("$ASSETS/kube-apiserver" --version), over TLS"
else
  skip "$AGAINST" "operator and plugin against kube-apiserver: there is none in $ASSETS"
fi
result
