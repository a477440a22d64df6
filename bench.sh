#!/usr/bin/env bash
# Measures what Quiesce costs, side by side with what people would use instead; docs/performance.md says what each figure is.
#
#   ./bench.sh               all of it
#   ./bench.sh PART [OPTION...]
#                            one part with its options; './bench.sh --help' names them
#
# Results go to artifacts/bench, as Markdown and as JSON. Needs root, loop devices, and a machine that does nothing else meanwhile.
cd "$(dirname "$0")"
. eng/lib.sh
need_dotnet
[ "$(id -u)" -eq 0 ] || die "the benchmarks freeze real filesystems, which needs root"
# shellcheck disable=SC2086
need_packages $NATIVE_PACKAGES e2fsprogs xfsprogs btrfs-progs mount util-linux procps qemu-guest-agent
eng/publish.sh
export QUIESCE_BIN="$BIN"
# Parts that meet an API server: on the local cluster, and on a real one where there is one.
if [ -z "${KUBEBUILDER_ASSETS:-}" ] && [ -x /usr/local/kubebuilder/bin/kube-apiserver ]; then KUBEBUILDER_ASSETS=/usr/local/kubebuilder/bin; fi
export QUIESCE_BENCH_ASSETS="${KUBEBUILDER_ASSETS:-}"
unset KUBEBUILDER_ASSETS
mkdir -p artifacts/log artifacts/bench
dotnet build tests/Quiesce.Benchmarks -c Release >artifacts/log/bench.log 2>&1 \
  || { grep -E 'error|warning' artifacts/log/bench.log | sort -u | head -n 20 >&2; die "the benchmarks do not build; the whole output is in artifacts/log/bench.log"; }
PROGRAM=tests/Quiesce.Benchmarks/bin/Release/net10.0/quiesce-bench
if [ $# -gt 0 ]; then exec "$PROGRAM" "$@" </dev/null; fi
for part in stall endtoend scale footprint; do "$PROGRAM" "$part" </dev/null; done
