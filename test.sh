#!/usr/bin/env bash
# Installs what is missing, builds, and passes all tests. Prints "N passed, N failed, N skipped" last.
#
#   ./test.sh              everything; the API suites on the local cluster
#   KUBEBUILDER_ASSETS=DIR ./test.sh
#                          the API suites on the kube-apiserver and etcd in DIR as well (/usr/local/kubebuilder/bin is found by itself)
#   ./test.sh NAME...      only these test projects, such as Quiesce.Freezing.Tests; images is the images of both architectures, made and checked (docs/images.md)
#   ./test.sh --chaos ROUNDS [--seed SEED] [--lanes LANES]
#                          only chaos, and as much of it (docs/reliability.md); one round with the seed of a failed one runs that again.
#                          On the local cluster, or where KUBEBUILDER_ASSETS is set on a kube-apiserver for each lane
#   ./test.sh --soak CYCLES
#                          only the soak of one agent, and as long
cd "$(dirname "$0")"
. eng/lib.sh

LONG=
case "${1:-}" in
  --chaos|--soak) LONG=${1#--}; shift; [ $# -gt 0 ] || die "how many? for example ./test.sh --$LONG 1000" ;;
esac

need_dotnet
[ "$(uname -s)" = Linux ] || die "the tests freeze real filesystems, which is a matter of Linux; this is $(uname -s)"
# shellcheck disable=SC2086
need_packages $NATIVE_PACKAGES e2fsprogs xfsprogs btrfs-progs mount util-linux procps qemu-guest-agent openssl strace faketime perl
command -v kubectl >/dev/null || need_packages kubernetes-client

ASKED_FOR=${KUBEBUILDER_ASSETS:-}
if [ -z "${KUBEBUILDER_ASSETS:-}" ] && [ -x /usr/local/kubebuilder/bin/kube-apiserver ]; then KUBEBUILDER_ASSETS=/usr/local/kubebuilder/bin; fi
ASSETS=${KUBEBUILDER_ASSETS:-}
if [ -n "$ASSETS" ]; then
  [ -x "$ASSETS/kube-apiserver" ] && [ -x "$ASSETS/etcd" ] || die "KUBEBUILDER_ASSETS=$ASSETS has no kube-apiserver and etcd; unset it, or point it to a folder that has both"
  say "API suites on the local cluster and on $("$ASSETS/kube-apiserver" --version)"
else
  say "API suites on the local cluster only: KUBEBUILDER_ASSETS names no kube-apiserver"
fi
unset KUBEBUILDER_ASSETS

# Where filesystems can be frozen a skip would hide a failure. Elsewhere the tests say what they could not do.
if [ "$(id -u)" -eq 0 ] && [ -e /dev/loop-control ]; then export QUIESCE_REQUIRE_REAL=1
else say "not root, or no loop devices: the tests on real filesystems are skipped"; fi

eng/publish.sh
export QUIESCE_BIN="$BIN"
mkdir -p artifacts/log artifacts/test-results
if [ -n "$LONG" ]; then
  say "building the tests"
  dotnet build tests/Quiesce.Chaos.Tests -c Release >artifacts/log/build.log 2>&1 \
    || { grep -E 'error|warning' artifacts/log/build.log | sort -u | head -n 20 >&2; die "the chaos suite does not build; the whole output is in artifacts/log/build.log"; }
  # A real API server for each lane costs more than the rest together: only where one was asked for.
  if [ -n "$ASKED_FOR" ]; then export KUBEBUILDER_ASSETS="$ASKED_FOR"; fi
  tests/Quiesce.Chaos.Tests/bin/Release/net10.0/Quiesce.Chaos.Tests "$LONG" "$@" </dev/null 2>&1 | tee "artifacts/log/$LONG.log"
  exit
fi
rm -f artifacts/test-results/*
suites=("$@")
if [ ${#suites[@]} -eq 0 ]; then
  for project in tests/*.Tests; do suites+=("$(basename "$project")"); done
  suites+=(images)
fi
if [ "${suites[*]}" != images ]; then
  say "building the tests"
  dotnet build Quiesce.sln -c Release >artifacts/log/build.log 2>&1 \
    || { grep -E 'error|warning' artifacts/log/build.log | sort -u | head -n 20 >&2; die "the solution does not build; the whole output is in artifacts/log/build.log"; }
fi

# Suites that meet an API server: run on the local cluster, and once more on the real one.
API_SUITES="Quiesce.LocalCluster.Tests Quiesce.Operator.Tests Quiesce.EndToEnd.Tests"
# CEL rules exist on the real one alone: where there is one, this suite runs there only, and skips nothing.
CEL_SUITES="Quiesce.Crds.Tests"
passed=0 failed=0 skipped=0 broken=""

# run_suite NAME BACKEND: with the signals as they are by default, since what runs in the background of a script ignores SIGINT, and so would every program that a test starts.
run_suite() {
  local name=$1 backend=$2 report="$1-$2.json" summary started=$SECONDS
  say "== $name ($backend)"
  env --default-signal "tests/$name/bin/Release/net10.0/$name" --report-xunit-ctrf --report-xunit-ctrf-filename "$report" \
    --results-directory "$PWD/artifacts/test-results" >"artifacts/log/$name-$backend.log" 2>&1 </dev/null || broken="$broken $name($backend)"
  sed -i 's/\x1b\[[0-9;]*m//g' "artifacts/log/$name-$backend.log" # where CI is set the runner colours even a file
  grep -E -A 12 '^failed ' "artifacts/log/$name-$backend.log" | head -n 80 >&2 || true
  # Why tests were skipped, each reason once.
  grep -A 1 '^skipped ' "artifacts/log/$name-$backend.log" | grep '^  ' | sort | uniq -c | sed 's/^ *\([0-9]*\) */   skipped \1: /' >&2 || true
  grep -hE '^\[figure\]' "artifacts/log/$name-$backend.log" >&2 || true
  if [ ! -s "artifacts/test-results/$report" ]; then
    tail -n 20 "artifacts/log/$name-$backend.log" >&2
    failed=$((failed + 1))
    return
  fi
  summary=$(tr -d ' \n\r' <"artifacts/test-results/$report" | grep -oE '"summary":\{[^}]*\}')
  number() { grep -oE "\"$1\":[0-9]+" <<<"$summary" | head -n 1 | grep -oE '[0-9]+'; }
  passed=$((passed + $(number passed))) failed=$((failed + $(number failed))) skipped=$((skipped + $(number skipped)))
  say "   $(number passed) passed, $(number failed) failed, $(number skipped) skipped in $((SECONDS - started)) s"
}

# run_images: made of the programs that the tests ran, and of the other architecture's, and looked at and run.
run_images() {
  local log=artifacts/log/images.log started=$SECONDS summary p f s
  say "== images"
  if [ "$(id -u)" -ne 0 ]; then skipped=$((skipped + 1)); say "   skipped 1: not root: the images cannot be run, nor looked at with the owners that their files have"; return; fi
  if ! git -c safe.directory="$PWD" rev-parse HEAD >/dev/null 2>&1; then skipped=$((skipped + 1)); say "   skipped 1: not a git repository with a commit, which the images would carry"; return; fi
  if ! eng/images.sh 2>&1 | tee "$log" >&2; then failed=$((failed + 1)); broken="$broken images"; return; fi
  say "   made in $((SECONDS - started)) s"
  summary=$(KUBEBUILDER_ASSETS="$ASSETS" env --default-signal tests/images/check.sh 2>>"$log" </dev/null) || broken="$broken images"
  # What failed, of which image, and what was seen.
  awk '/^(== |\[)/ { seen = 0 } /^== / { of = $0 } /^   (ok|FAIL|skipped)/ { seen = /^   FAIL/; if (seen && of != "") { print of; of = "" } } seen' "$log" | head -n 80 >&2 || true
  grep -hE '^   skipped|^\[figure\]' "$log" >&2 || true
  read -r p f s < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' <<<"$summary") || { tail -n 20 "$log" >&2; failed=$((failed + 1)); return; }
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  say "   $p passed, $f failed, $s skipped in $((SECONDS - started)) s"
}

for name in "${suites[@]}"; do
  if [ "$name" = images ]; then run_images; continue; fi
  [ -d "tests/$name" ] || die "there is no test project $name"
  case " $CEL_SUITES " in
    *" $name "*) if [ -n "$ASSETS" ]; then KUBEBUILDER_ASSETS="$ASSETS" run_suite "$name" kube-apiserver; continue; fi ;;
  esac
  run_suite "$name" local
  case " $API_SUITES " in
    *" $name "*) if [ -n "$ASSETS" ]; then KUBEBUILDER_ASSETS="$ASSETS" run_suite "$name" kube-apiserver; fi ;;
  esac
done

# Once more at the end, where it is looked for: each failed test, and the first line of why.
for suite in $broken; do
  log="artifacts/log/$(sed -E 's/\((.*)\)$/-\1/' <<<"$suite").log"
  if [ -f "$log" ]; then grep -E -A 1 '^failed ' "$log" | grep -v '^--$' | cut -c1-300 >&2 || true; fi
done
[ -z "$broken" ] || say "failed:$broken; each has its whole output in artifacts/log"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ -z "$broken" ] && [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
