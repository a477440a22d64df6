#!/usr/bin/env bash
# Builds the programs as they are shipped, to artifacts/bin.
cd "$(dirname "$0")/.."
. eng/lib.sh
need_dotnet
need_packages clang zlib1g-dev
publish_native agent/holder agent/freezing agent/holder
publish_native agent/agent agent crds
