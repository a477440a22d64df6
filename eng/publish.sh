#!/usr/bin/env bash
# Builds the programs, native and static, as they are shipped, to artifacts/bin; those for another architecture to artifacts/bin-ARCHITECTURE.
#
#   eng/publish.sh [ARCHITECTURE...]     x64, arm64; without one, this machine's
cd "$(dirname "$0")/.."
. eng/lib.sh
need_dotnet
# shellcheck disable=SC2086
need_packages $NATIVE_PACKAGES
for architecture in "${@:-${RID#linux-}}"; do
  for_architecture "$architecture"
  publish_native agent/holder agent/freezing agent/holder
  publish_native agent/agent agent crds telemetry
  publish_native operator operator crds telemetry
  publish_native cli cli crds
done
