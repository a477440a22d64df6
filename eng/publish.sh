#!/usr/bin/env bash
# Builds the programs to artifacts/bin: agent, holder and kubectl plugin native, as they are shipped; the operator for 'dotnet'.
cd "$(dirname "$0")/.."
. eng/lib.sh
need_dotnet
need_packages clang binutils zlib1g-dev libc6-dev
publish_native agent/holder agent/freezing agent/holder
publish_native agent/agent agent crds
publish_native cli cli crds
build_managed operator operator crds
