#!/usr/bin/env bash
# Shows Quiesce at work on this machine: two agents, the operator and a small API server freeze real ext4, XFS and btrfs
# filesystems, and always thaw them. Everything it makes lies in artifacts/demo and is removed at the end.
#
#   ./demo.sh          the whole show, about a minute after the first build
#   ./demo.sh --keep   the same, then leaves everything running to play with
#   ./demo.sh --stop   ends what --keep left running
cd "$(dirname "$0")"
. eng/lib.sh

DEMO="$PWD/artifacts/demo"
KUBECONFIG="$DEMO/kubeconfig"; export KUBECONFIG
# node, name, filesystem, size
FILESYSTEMS=("node-1 orders ext4 64M" "node-1 ledger xfs 310M" "node-2 media btrfs 128M")
KEEP=no

case "${1:-}" in
  "") ;;
  --keep) KEEP=yes ;;
  --stop) ;;
  *) die "unknown option '$1'; use ./demo.sh, ./demo.sh --keep or ./demo.sh --stop" ;;
esac

headline() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }

# stop_all : ends every process of the demo by its number, thaws whatever might be frozen, unmounts and removes.
stop_all() {
  local file pid mount
  for file in "$DEMO"/*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # A number may be another process's by now: only what was started from here is ended.
    if [ -e "/proc/$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$PWD/"; then kill "$pid" || true; fi
  done
  for file in "$DEMO"/*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    for _ in $(seq 50); do [ -e "/proc/$pid" ] && ! grep -qs '^State:.Z' "/proc/$pid/status" || break; sleep 0.1; done
    rm -f "$file"
  done
  for mount in "$DEMO"/node-*/*; do
    mountpoint -q "$mount" 2>/dev/null || continue
    "$BIN/quiesce-agent" thaw "$mount" >/dev/null 2>&1 || true
    umount "$mount" 2>/dev/null || umount -l "$mount" || true
  done
  rm -rf "$DEMO"
}

if [ "${1:-}" = --stop ]; then
  [ -d "$DEMO" ] || { say "nothing is running"; exit 0; }
  stop_all
  say "stopped, unmounted and removed"
  exit 0
fi

[ "$(id -u)" -eq 0 ] || die "freezing needs root: run this as root (sudo ./demo.sh)"
[ "$(uname -s)" = Linux ] || die "freezing filesystems is a matter of Linux; this is $(uname -s)"
need_dotnet
# shellcheck disable=SC2086
need_packages $NATIVE_PACKAGES e2fsprogs xfsprogs btrfs-progs mount util-linux procps
command -v kubectl >/dev/null || need_packages kubernetes-client
[ -e /dev/loop-control ] || modprobe loop 2>/dev/null || die "this kernel has no loop devices (/dev/loop-control)"

publish_native agent/holder agent/freezing agent/holder
publish_native agent/agent agent crds telemetry
publish_native operator operator crds telemetry
build_managed tests/Quiesce.LocalCluster tests/Quiesce.LocalCluster

[ -d "$DEMO" ] && stop_all
finish() {
  local status=$?
  trap - EXIT INT TERM
  headline "cleaning up"
  stop_all
  exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$DEMO"

# start NAME COMMAND... : in the background, its output in artifacts/demo/NAME.log, its number in NAME.pid.
start() {
  local name=$1; shift
  setsid "$@" >"$DEMO/$name.log" 2>&1 </dev/null &
  echo $! >"$DEMO/$name.pid"
}
# until_true SECONDS WHAT COMMAND... : waits, and says what did not come.
until_true() {
  local seconds=$1 what=$2; shift 2
  for _ in $(seq $((seconds * 10))); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  tail -n 5 "$DEMO"/*.log >&2
  die "$what did not come within $seconds s; the logs are above"
}

headline "a filesystem of each kind, on loop devices: two on node-1, one on node-2"
for line in "${FILESYSTEMS[@]}"; do
  read -r node name kind size <<<"$line"
  mkdir -p "$DEMO/$node/$name" "$DEMO/images"
  truncate -s "$size" "$DEMO/images/$name"
  "mkfs.$kind" -q "$DEMO/images/$name" >/dev/null 2>&1 || die "mkfs.$kind failed on $DEMO/images/$name"
  mount -o loop "$DEMO/images/$name" "$DEMO/$node/$name" || die "cannot mount $DEMO/images/$name: are loop devices allowed here?"
  printf '  %-7s %-6s %s\n' "$node" "$kind" "$DEMO/$node/$name"
done

headline "a small API server, the operator, and an agent for each node"
start cluster dotnet "$BIN/local-cluster/quiesce-local-cluster.dll" --kubeconfig "$KUBECONFIG" --node node-1 --node node-2
until_true 20 "the API server" kubectl get --raw /readyz
kubectl apply -f crds/manifests >/dev/null
for namespace in quiesce-system shop; do
  printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n' "$namespace" | kubectl apply -f - >/dev/null
done
for crd in freezerequests thawrequests freezewindows nodefreezes; do
  kubectl wait --for=condition=Established "crd/$crd.quiesce.dev" --timeout=10s >/dev/null
done
start operator "$BIN/quiesce-operator" --kubeconfig "$KUBECONFIG"
for node in node-1 node-2; do start "agent-$node" "$BIN/quiesce-agent" run --node-name "$node" --kubeconfig "$KUBECONFIG"; done
until_true 20 "the agents" sh -c "grep -q 'serving node' '$DEMO/agent-node-1.log' && grep -q 'serving node' '$DEMO/agent-node-2.log'"

headline "a program that writes to the ext4 filesystem ten times a second"
ORDERS="$DEMO/node-1/orders/log"
# shellcheck disable=SC2016
start writer bash -c 'cd /; i=0; while :; do i=$((i+1)); echo "order $i" >>"$1"; sleep 0.1; done' "$PWD/writer" "$ORDERS"
until_true 10 "the writer" test -s "$ORDERS"
lines() { wc -l <"$ORDERS"; } # reading a frozen filesystem is fine
watch_writer() { # SECONDS
  local before now
  for _ in $(seq "$1"); do
    before=$(lines); sleep 1; now=$(lines)
    if [ "$now" -gt "$before" ]; then printf '  writer: %4d lines, %2d in the last second\n' "$now" $((now - before))
    else printf '  writer: %4d lines, \033[1mstanding still\033[0m\n' "$now"; fi
  done
}
watch_writer 2

headline "freeze all three, on both nodes at once"
cat >"$DEMO/nightly.yaml" <<YAML
apiVersion: quiesce.dev/v1alpha1
kind: FreezeRequest
metadata: {name: nightly, namespace: shop}
spec:
  deadlineSeconds: 30
  targets:
  - hostPath: {nodeName: node-1, path: $DEMO/node-1/orders}
  - hostPath: {nodeName: node-1, path: $DEMO/node-1/ledger}
  - hostPath: {nodeName: node-2, path: $DEMO/node-2/media}
YAML
sed 's/^/  /' "$DEMO/nightly.yaml"
show kubectl apply -f "$DEMO/nightly.yaml"
show kubectl wait --for=condition=Frozen -n shop freeze/nightly --timeout=20s || die "the request did not freeze: $(kubectl get freeze -n shop nightly -o jsonpath='{.status.message}')"
show kubectl get freeze -n shop
watch_writer 3
kubectl get freeze nightly -n shop -o go-template='{{range .status.nodes}}{{$n := .name}}{{range .filesystems}}{{printf "  %s  %s  %s  %v ms to freeze\n" $n .type .state .freezeMilliseconds}}{{end}}{{end}}'

headline "thaw: the verdict says whether the window held"
show kubectl patch freeze nightly -n shop --type merge -p '{"spec":{"desiredState":"Thawed"}}'
show kubectl wait --for=condition=Finished -n shop freeze/nightly --timeout=20s
show kubectl get freeze -n shop
printf '  %s\n' "$(kubectl get freeze nightly -n shop -o jsonpath='{.status.conditions[?(@.type=="WindowIntact")].reason}: {.status.conditions[?(@.type=="WindowIntact")].message}')"
watch_writer 2

headline "nobody thaws this one: it has a deadline of 4 s"
cat >"$DEMO/forgotten.yaml" <<YAML
apiVersion: quiesce.dev/v1alpha1
kind: FreezeRequest
metadata: {name: forgotten, namespace: shop}
spec:
  deadlineSeconds: 4
  targets:
  - hostPath: {nodeName: node-1, path: $DEMO/node-1/orders}
YAML
show kubectl apply -f "$DEMO/forgotten.yaml"
show kubectl wait --for=condition=Frozen -n shop freeze/forgotten --timeout=20s
watch_writer 5
show kubectl wait --for=condition=Finished -n shop freeze/forgotten --timeout=20s
show kubectl get freeze -n shop

if [ "$KEEP" = yes ]; then
  trap - EXIT INT TERM
  headline "left running; to play on"
  printf '  export KUBECONFIG=%s\n  kubectl get freeze -n shop\n  kubectl describe freeze nightly -n shop\n  ./demo.sh --stop\n' "$KUBECONFIG"
fi
