#!/bin/sh
# Ends every window and takes Quiesce's finalizer off every FreezeRequest, so that everything can be deleted when no operator runs any more. To be run while
# operator and agents still run, who then do most of it themselves; what they do not do within the given time is done without them. Needs kubectl.
#
# usage: uninstall.sh OPERATOR_NAMESPACE SECONDS
set -u
namespace=$1
patience=$2

# NAMESPACE NAME of each request that has not ended and is not to end yet.
open() {
  kubectl get freezerequests.quiesce.dev --all-namespaces --output=go-template='{{range .items}}{{$phase := ""}}{{with .status}}{{with .phase}}{{$phase = .}}{{end}}{{end}}{{if not (or (eq $phase "Thawed") (eq $phase "Expired") (eq $phase "Broken") (eq $phase "Failed") (eq .spec.desiredState "Thawed"))}}{{.metadata.namespace}} {{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

# NAMESPACE NAME RESOURCEVERSION OTHER-FINALIZERS of each request that has Quiesce's finalizer. Those of others stay.
claimed() {
  kubectl get freezerequests.quiesce.dev --all-namespaces --output=go-template='{{range .items}}{{$ours := false}}{{range .metadata.finalizers}}{{if eq . "quiesce.dev/thaw"}}{{$ours = true}}{{end}}{{end}}{{if $ours}}{{.metadata.namespace}} {{.metadata.name}} {{.metadata.resourceVersion}} [{{$comma := ""}}{{range .metadata.finalizers}}{{if ne . "quiesce.dev/thaw"}}{{$comma}}"{{.}}"{{$comma = ","}}{{end}}{{end}}]{{"\n"}}{{end}}{{end}}'
}

if ! requests=$(open 2>/dev/null); then
  error=$(open 2>&1 >/dev/null)
  case $error in
  *"the server doesn't have a resource type"*) echo "FreezeRequests are not defined here: nothing to do."; exit 0 ;;
  esac
  echo "$error" >&2
  echo "The FreezeRequests cannot be read. To uninstall without this Job: helm uninstall --no-hooks; docs/uninstall.md says what is left then." >&2
  exit 1
fi

echo "$requests" | while read -r ns name; do
  [ -z "$name" ] || kubectl patch freezerequests.quiesce.dev "$name" --namespace="$ns" --type=merge --patch='{"spec":{"desiredState":"Thawed"}}'
done

while [ "$patience" -gt 0 ] && [ -n "$(claimed)" ]; do
  sleep 1
  patience=$((patience - 1))
done

# What is left nobody has ended. A window that is gone means thaw, to every agent that runs.
kubectl delete freezewindows.quiesce.dev --all --namespace="$namespace" --wait=false

tries=5
while left=$(claimed) && [ -n "$left" ] && [ "$tries" -gt 0 ]; do
  echo "$left" | while read -r ns name version others; do
    # With the version, so that nobody else's finalizer is lost.
    kubectl patch freezerequests.quiesce.dev "$name" --namespace="$ns" --type=merge \
      --patch="{\"metadata\":{\"resourceVersion\":\"$version\",\"finalizers\":$others}}"
  done
  tries=$((tries - 1))
done
kubectl delete nodefreezes.quiesce.dev --all --namespace="$namespace" --wait=false

if left=$(claimed) && [ -z "$left" ]; then
  echo "No window is open, and no FreezeRequest waits for Quiesce."
  exit 0
fi
echo "These FreezeRequests still have the finalizer quiesce.dev/thaw:" >&2
echo "$left" >&2
echo "Take it off as docs/uninstall.md says, or run: helm uninstall --no-hooks" >&2
exit 1
