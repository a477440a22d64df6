#!/usr/bin/env bash
# Tries the rules of the chart on an API server: who may do what (RBAC, admission policies), each as the identity it is about, and that no rule ever refuses a
# thaw, a deletion or the removal of a finalizer. Needs kubectl and curl, and a cluster to try things in: it installs the chart's rendered manifests there, makes and deletes
# objects of its own, and ends with `kubectl quiesce uninstall --requests-only`, which ends every FreezeRequest of the cluster. It needs no nodes and no controllers.
#
# usage: QUIESCE_BIN=FOLDER rules.sh KUBECONFIG        the folder of kubectl-quiesce (artifacts/bin), and the kubeconfig of somebody in system:masters, or who may do everything and impersonate
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -ne 1 ] || [ ! -r "$1" ]; then
  echo "usage: $0 KUBECONFIG" >&2
  exit 2
fi
export KUBECONFIG=$1
chart=$here/..
cli=${QUIESCE_BIN:-$here/../../../artifacts/bin}/kubectl-quiesce
if [ ! -x "$cli" ]; then
  echo "there is no $cli: run eng/publish.sh, or set QUIESCE_BIN to the folder of kubectl-quiesce" >&2
  exit 2
fi
rendered=$here/../../rendered/quiesce.yaml
work=$(mktemp -d)
id=$$-$RANDOM
shop=rules-shop-$id other=rules-other-$id
system=quiesce-system agents=quiesce-agents
operator=system:serviceaccount:$system:quiesce-operator
agent=system:serviceaccount:$agents:quiesce-agent
node_a=rules-a-$id node_b=rules-b-$id
passed=0 failed=0

# In a pipe, which is waited for: a process substitution may still be writing when the output is read.
k() { { kubectl --request-timeout=30s "$@" 2>&1 >&3 | sed '/^WARNING: version difference/d' >&2; } 3>&1; }

cleanup() {
  {
    for kind in freezerequests.quiesce.dev freezewindows.quiesce.dev nodefreezes.quiesce.dev; do
      k get "$kind" --all-namespaces --no-headers --output=custom-columns=:metadata.namespace,:metadata.name | grep rules- | while read -r ns name; do
        k patch "$kind" "$name" --namespace="$ns" --type=merge --patch='{"metadata":{"finalizers":null}}'
        k delete "$kind" "$name" --namespace="$ns" --wait=false
      done
    done
    k delete pod "rules-$id" --namespace=$agents --force --grace-period=0
    k delete serviceaccount "rules-$id" --namespace=$agents
    k delete node "$node_a" "$node_b"
    k delete clusterrolebinding "rules-admin-$id" "rules-hostpaths-$id" "rules-hostpaths-one-$id"
    k delete clusterrole "rules-hostpaths-one-$id"
    k delete namespace "$shop" "$other" --wait=false
  } >/dev/null 2>&1
  rm -rf "$work"
}
trap cleanup EXIT

pass() {
  passed=$((passed + 1))
  echo "ok    $1"
}

fail() {
  failed=$((failed + 1))
  echo "FAIL  $1"
  sed 's/^/        /' "$work/out" | head -8
}

# allowed SENTENCE COMMAND...: the command succeeds.
allowed() {
  local what=$1
  shift
  if "$@" >"$work/out" 2>&1; then pass "$what"; else fail "$what"; fi
}

# refused SENTENCE PATTERN COMMAND...: the command fails, and says something that the pattern matches.
refused() {
  local what=$1 pattern=$2
  shift 2
  if "$@" >"$work/out" 2>&1; then
    echo "it was allowed" >>"$work/out"
    fail "$what"
  elif grep -Eq -- "$pattern" <<<"$(tr '\n' ' ' <"$work/out")"; then
    pass "$what"
  else
    fail "$what"
  fi
}

# same SENTENCE EXPECTED ACTUAL
same() {
  if [ "$2" = "$3" ]; then
    pass "$1"
  else
    diff <(echo "$2") <(echo "$3") >"$work/out"
    fail "$1"
  fi
}

# can IDENTITY VERB GROUP/RESOURCE[/SUBRESOURCE] NAMESPACE: yes or no. Asked of the API server itself: kubectl auth can-i takes a subresource for a name.
can() {
  local group resource subresource
  IFS=/ read -r group resource subresource <<<"$3"
  manifest "{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectAccessReview, spec: {resourceAttributes: {verb: $2, group: '$group', resource: $resource, subresource: '$subresource', namespace: $4}}}" |
    k create --as="$1" --validate=false --filename - --output=go-template='{{if .status.allowed}}yes{{else}}no{{end}}'
}
may() { same "${1##*:} may $2 ${3#/} in ${4%"-$id"}" yes "$(can "$@")"; }
may_not() { same "${1##*:} may not $2 ${3#/} in ${4%"-$id"}" no "$(can "$@")"; }

# rules IDENTITY NAMESPACE: all that somebody may do there, but for what everybody may.
rules() {
  k auth can-i --list --no-headers --namespace="$2" --as="$1" | grep -v -e '^ ' -e 'selfsubject' | sed -E 's/ +/ /g' | sort
}

# request NAME NAMESPACE TARGETS [MORE SPEC]
request() {
  echo "{apiVersion: quiesce.dev/v1alpha1, kind: FreezeRequest, metadata: {name: rules-$1, namespace: $2}, spec: {targets: [$3]${4:+, $4}}}"
}

# What begins with a brace kubectl takes for JSON.
manifest() { printf -- '---\n%s\n' "$1"; }

# create_as USER MANIFEST; patch_as and delete_as USER WHICH...
create_as() { manifest "$2" | k create --as="$1" --as-group=system:authenticated --filename -; }
create_as_masters() { manifest "$1" | k create --as=root --as-group=system:masters --filename -; }
apply_as() { manifest "$2" | k apply --server-side --as="$1" --as-group=system:authenticated --filename -; }
patch_as() {
  local user=$1
  shift
  k patch --as="$user" --as-group=system:authenticated --type=merge "$@"
}
delete_as() {
  local user=$1
  shift
  k delete --as="$user" --as-group=system:authenticated --wait=false "$@"
}

window() {
  echo "{apiVersion: quiesce.dev/v1alpha1, kind: FreezeWindow, metadata: {name: rules-$1-$id, namespace: $system}, spec: {deadlineSeconds: 20, request: {namespace: $shop, name: rules-x, uid: rules-$1-$id}}}"
}

plan() {
  echo "{apiVersion: quiesce.dev/v1alpha1, kind: NodeFreeze, metadata: {name: rules-$1-$id, namespace: $system}, spec: {nodeName: $2, mode: Inspect, allFilesystems: true, request: {namespace: $shop, name: rules-x, uid: rules-$1-$id}}}"
}

thawed='{"spec":{"desiredState":"Thawed"}}'
no_finalizers='{"metadata":{"finalizers":null}}'

echo "== the chart is applied"
install() { k apply --server-side --force-conflicts --filename "$rendered"; }
if ! install >"$work/out" 2>&1; then
  cat "$work/out"
  echo "the rendered manifests cannot be applied"
  exit 1
fi
pass "every rendered manifest is accepted"
k wait --for=condition=Established --timeout=30s crd freezerequests.quiesce.dev thawrequests.quiesce.dev freezewindows.quiesce.dev nodefreezes.quiesce.dev >/dev/null
allowed "every rendered manifest is accepted again, as a dry run" k apply --server-side --force-conflicts --dry-run=server --filename "$rendered"

k apply --filename - >/dev/null <<END || exit 1
---
{apiVersion: v1, kind: Namespace, metadata: {name: $shop}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: $other}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: rules-admin-$id}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: rules-admin}]
END
bind() { # USER ROLE NAMESPACE
  k create rolebinding "$1-$2" --namespace="$3" --clusterrole="$2" --user="$1" >/dev/null
}
bind vic quiesce-view "$shop"
bind alice quiesce-edit "$shop"
bind bob quiesce-edit "$shop"
bind bob quiesce-edit "$other"
bind carol quiesce-edit "$shop"
# Somebody who may do everything in a namespace, and somebody who was given the right there alone: neither has it of the cluster.
bind dora cluster-admin "$shop"
bind erin quiesce-edit "$shop"
bind erin quiesce-hostpaths "$shop"
# The right for one namespace alone.
bind frank quiesce-edit "$shop"
bind frank quiesce-edit "$other"
k apply --filename - >/dev/null <<END || exit 1
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: rules-hostpaths-$id}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: quiesce-hostpaths}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: bob}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: rules-hostpaths-one-$id}
rules: [{apiGroups: [quiesce.dev], resources: [hostpaths], resourceNames: [$shop], verbs: [use]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: rules-hostpaths-one-$id}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: rules-hostpaths-one-$id}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: frank}]
END
k create role exec --namespace="$shop" --verb=create --resource=pods/exec >/dev/null
k create rolebinding carol-exec --namespace="$shop" --role=exec --user=carol >/dev/null

# Waits until the API server has taken the policies up; it does so within seconds.
policies_act() {
  local tries=0
  while create_as rules-admin "$(window probe)" >/dev/null 2>&1; do
    delete_as rules-admin --ignore-not-found --namespace=$system freezewindow "rules-probe-$id" >/dev/null 2>&1
    tries=$((tries + 1))
    [ $tries -lt 60 ] || return 1
    sleep 0.5
  done
}
allowed "the admission policies act" policies_act
sleep 1

echo "== roles of people"
for verb in get list watch; do may vic $verb quiesce.dev/freezerequests "$shop"; done
for verb in create update patch delete; do may_not vic $verb quiesce.dev/freezerequests "$shop"; done
for verb in get list watch create update patch delete deletecollection; do may alice $verb quiesce.dev/freezerequests "$shop"; done
may_not alice patch quiesce.dev/freezerequests/status "$shop"
may_not alice get quiesce.dev/freezerequests "$other"
may_not alice use quiesce.dev/hostpaths ""
may_not dora use quiesce.dev/hostpaths ""
may_not alice create quiesce.dev/thawrequests ""
may_not alice list quiesce.dev/freezewindows $system
may bob use quiesce.dev/hostpaths ""
may_not frank use quiesce.dev/hostpaths ""
labels() { k get clusterrole "$1" --output=go-template='{{range $k, $v := .metadata.labels}}{{$k}}{{"\n"}}{{end}}' | sed -n 's/.*aggregate-to-//p' | tr '\n' ' '; }
same "quiesce-view is part of view, edit and admin" "admin edit view " "$(labels quiesce-view)"
same "quiesce-edit is part of edit and admin" "admin edit " "$(labels quiesce-edit)"
same "quiesce-hostpaths is part of no other role" "" "$(labels quiesce-hostpaths)"
same "quiesce-thaw is part of no other role" "" "$(labels quiesce-thaw)"
same "quiesce-operator is part of no other role" "" "$(labels quiesce-operator)"

echo "== all that operator and agents may do"
everywhere='events.events.k8s.io [] [] [create list]
freezerequests.quiesce.dev [] [] [get list watch patch delete]
freezerequests.quiesce.dev/status [] [] [patch]
nodes [] [] [list watch]
persistentvolumeclaims [] [] [list]
persistentvolumes [] [] [get list]
pods [] [] [list]
thawrequests.quiesce.dev [] [] [get list watch patch delete]
thawrequests.quiesce.dev/status [] [] [patch]'
same "the operator, in any namespace" "$everywhere" "$(rules $operator "$shop")"
same "the operator, in its own namespace" "$(sort <<<"$everywhere
freezewindows.quiesce.dev [] [] [get list watch create patch delete]
leases.coordination.k8s.io [] [] [create]
leases.coordination.k8s.io [] [quiesce-operator] [get patch]
nodefreezes.quiesce.dev [] [] [get list watch create delete]")" "$(rules $operator $system)"
same "the operator, in the agents' namespace" "$(sed 's/^pods .*/pods [] [] [list watch list]/' <<<"$everywhere")" "$(rules $operator $agents | sed 's/^pods .*/pods [] [] [list watch list]/')"
may $operator watch /pods $agents
same "an agent, in any namespace" "" "$(rules $agent "$shop")"
same "an agent, in its own namespace" "" "$(rules $agent $agents)"
same "an agent, in the operator's namespace" 'freezewindows.quiesce.dev [] [] [list watch]
nodefreezes.quiesce.dev [] [] [get list watch create]
nodefreezes.quiesce.dev/status [] [] [patch]' "$(rules $agent $system)"
for who in $operator $agent; do
  may_not "$who" get /secrets $system
  may_not "$who" create /pods $agents
  may_not "$who" create /pods/exec "$shop"
done

echo "== hooks.namespaces"
if command -v helm >/dev/null; then
  hooks_role() { helm template quiesce "$chart" --namespace $system --set "hooks.namespaces={$shop}" --show-only templates/rbac/hooks.yaml | k apply --filename -; }
  allowed "the hooks' Role is accepted" hooks_role
  may $operator get /pods "$shop"
  may $operator get /pods/exec "$shop"
  may $operator create /pods/exec "$shop"
  may_not $operator create /pods/exec "$other"
  may_not $operator create /pods/exec $agents
  may_not $operator create /pods/exec kube-system
else
  echo "not tried: there is no helm to render them"
fi

echo "== host paths and shared filesystems"
claim='{persistentVolumeClaim: {name: orders}}'
folder='{hostPath: {path: /srv, nodeName: node-1}}'
everything='{allFilesystems: {nodeName: node-1}}'
shared_claim='{persistentVolumeClaim: {name: orders, allowSharedFilesystem: true}}'
shared_pods='{podSelector: {matchLabels: {app: a}, allowSharedFilesystem: true}}'
sentence() { echo "FreezeRequest $shop/rules-$1 asks for $2, which stops what others use as well, and alice may not \"use\" hostpaths.quiesce.dev for namespace $shop. Have an administrator bind you the ClusterRole quiesce-hostpaths by a ClusterRoleBinding \(a RoleBinding does not count\), or freeze claims instead"; }
refused "a hostPath, without the right" "$(sentence a1 'a hostPath')" create_as alice "$(request a1 "$shop" "$folder")"
refused "a hostPath behind a claim, without the right" "$(sentence a2 'a hostPath')" create_as alice "$(request a2 "$shop" "$claim, $folder")"
refused "a hostPath as a dry run of the request, without the right" "$(sentence a3 'a hostPath')" create_as alice "$(request a3 "$shop" "$folder" 'dryRun: true')"
refused "allFilesystems, without the right" "$(sentence a4 'allFilesystems of a node')" create_as alice "$(request a4 "$shop" "$everything")"
refused "a shared filesystem of a claim, without the right" "$(sentence a5 'allowSharedFilesystem: true')" create_as alice "$(request a5 "$shop" "$shared_claim")"
refused "a shared filesystem of pods, without the right" "$(sentence a6 'allowSharedFilesystem: true')" create_as alice "$(request a6 "$shop" "$claim, $shared_pods")"
refused "a hostPath by server-side apply, without the right" "$(sentence a7 'a hostPath')" apply_as alice "$(request a7 "$shop" "$folder")"
allowed "a claim" create_as alice "$(request a8 "$shop" "$claim")"
allowed "pods" create_as alice "$(request a9 "$shop" '{podSelector: {matchLabels: {app: a}, allowSharedFilesystem: false}}')"
allowed "a hostPath, with the right" create_as bob "$(request b1 "$shop" "$folder")"
allowed "allFilesystems, with the right" create_as bob "$(request b2 "$shop" "$everything")"
allowed "a shared filesystem of a claim, with the right" create_as bob "$(request b3 "$shop" "$shared_claim")"
allowed "a shared filesystem of pods, with the right" create_as bob "$(request b4 "$shop" "$shared_pods")"
allowed "a hostPath, with the right, in another namespace where requests may be made" create_as bob "$(request b5 "$other" "$folder")"
refused "a hostPath, with the right, where no requests may be made" 'bob" cannot create resource "freezerequests"' create_as bob "$(request b7 default "$folder")"
refused "a hostPath, by who may do everything in the namespace" "rules-d1 asks for a hostPath.* dora may not" create_as dora "$(request d1 "$shop" "$folder")"
allowed "a claim, by who may do everything in the namespace" create_as dora "$(request d2 "$shop" "$claim")"
refused "a hostPath, with the right bound in the namespace" "rules-e1 asks for a hostPath.* erin may not.*a RoleBinding does not count" create_as erin "$(request e1 "$shop" "$folder")"
allowed "a hostPath, with the right for this namespace" create_as frank "$(request f1 "$shop" "$folder")"
refused "a hostPath, with the right for another namespace" "FreezeRequest $other/rules-f2 asks for a hostPath.* frank may not" create_as frank "$(request f2 "$other" "$folder")"
allowed "a hostPath, by a cluster-admin" create_as rules-admin "$(request b6 "$shop" "$folder")"

echo "== hooks"
hooks='hooks: {preFreeze: [{podSelector: {matchLabels: {app: a}}, command: [sync]}]}'
refused "hooks, by who may not exec" "FreezeRequest $shop/rules-h1 has hooks, which run commands in pods, and alice may not \"create\" pods/exec in namespace $shop. Have an administrator give you that right there, or leave spec.hooks out" create_as alice "$(request h1 "$shop" "$claim" "$hooks")"
refused "Velero's hooks, by who may not exec" "has hooks" create_as alice "$(request h2 "$shop" "$claim" 'hooks: {velero: true}')"
allowed "hooks, by who may exec" create_as carol "$(request h3 "$shop" "$claim" "$hooks")"
refused "hooks and a hostPath, by who may exec alone" "asks for a hostPath" create_as carol "$(request h4 "$shop" "$folder" "$hooks")"
refused "hooks and a hostPath, by who has the right to host paths alone" "has hooks" create_as bob "$(request h5 "$shop" "$folder" "$hooks")"

echo "== never refused: what ends a request that somebody else was allowed to make"
claim_it() { patch_as $operator freezerequest "rules-$1" --namespace="$shop" --patch='{"metadata":{"finalizers":["quiesce.dev/thaw"],"labels":{"velero.io/exclude-from-backup":"true"}}}'; }
for name in b1 b2 b3 b4 b6 h3; do
  allowed "$name: the operator puts its finalizer on" claim_it $name
  allowed "$name: the deadline is raised by who could not have made it" patch_as alice freezerequest rules-$name --namespace="$shop" --patch='{"spec":{"deadlineSeconds":40}}'
  allowed "$name: the thaw is asked for by who could not have made it" patch_as alice freezerequest rules-$name --namespace="$shop" --patch="$thawed"
  allowed "$name: it is deleted by who could not have made it" delete_as alice freezerequest rules-$name --namespace="$shop"
  allowed "$name: the operator takes its finalizer off" patch_as $operator freezerequest rules-$name --namespace="$shop" --patch="$no_finalizers"
done

echo "== FreezeWindows"
sentence="FreezeWindow $system/rules-w1-$id is a command to agents, which the Quiesce operator alone writes, and rules-admin is not $operator. To freeze, apply a FreezeRequest; to end this window, set desiredState"
refused "a window, by a cluster-admin" "$sentence" create_as rules-admin "$(window w1)"
refused "a window, by system:masters" "is a command to agents" create_as_masters "$(window w1)"
refused "a window, by an agent" "forbidden" create_as $agent "$(window w1)"
for name in w1 w2 w3 w4; do allowed "$name: the operator makes a window" create_as $operator "$(window $name)"; done
w1=(freezewindow "rules-w1-$id" --namespace=$system)
allowed "the operator commands the freeze" patch_as $operator "${w1[@]}" --patch='{"spec":{"desiredState":"Frozen"}}'
allowed "the operator confirms, and raises the deadline" patch_as $operator "${w1[@]}" --patch='{"spec":{"confirmed":true,"deadlineSeconds":30}}'
refused "a raise, by a cluster-admin" "$sentence" patch_as rules-admin "${w1[@]}" --patch='{"spec":{"deadlineSeconds":3600}}'
refused "another window's freeze, by a cluster-admin" "is a command to agents" patch_as rules-admin freezewindow "rules-w2-$id" --namespace=$system --patch='{"spec":{"desiredState":"Frozen"}}'
refused "another label, by a cluster-admin" "$sentence" patch_as rules-admin "${w1[@]}" --patch='{"metadata":{"labels":{"quiesce.dev/request-uid":"another"}}}'
refused "another annotation, by a cluster-admin" "$sentence" patch_as rules-admin "${w1[@]}" --patch='{"metadata":{"annotations":{"a":"b"}}}'
allowed "never refused: a finalizer put on by a cluster-admin" patch_as rules-admin "${w1[@]}" --patch='{"metadata":{"finalizers":["example.com/kept"]}}'
allowed "never refused: the thaw, by a cluster-admin" patch_as rules-admin "${w1[@]}" --patch="$thawed"
allowed "never refused: the deletion, by a cluster-admin" delete_as rules-admin "${w1[@]}"
allowed "never refused: the finalizer taken off by a cluster-admin" patch_as rules-admin "${w1[@]}" --patch="$no_finalizers"
allowed "never refused: the deletion, by the operator" delete_as $operator freezewindow "rules-w2-$id" --namespace=$system
allowed "never refused: the deletion, by the namespace controller" delete_as system:serviceaccount:kube-system:namespace-controller freezewindow "rules-w3-$id" --namespace=$system
allowed "never refused: the deletion, by the garbage collector" delete_as system:serviceaccount:kube-system:generic-garbage-collector freezewindow "rules-w4-$id" --namespace=$system

echo "== NodeFreezes"
sentence="NodeFreeze $system/rules-n1-$id is a plan for an agent, which the Quiesce operator alone writes, or the agent of a node that is called, and rules-admin is not $operator. Apply a FreezeRequest"
refused "a plan, by a cluster-admin" "$sentence" create_as rules-admin "$(plan n1 "$node_a")"
refused "a plan, by system:masters" "is a plan for an agent" create_as_masters "$(plan n1 "$node_a")"
refused "a plan, by who says to be an agent and comes from no node" "is a plan for an agent" create_as $agent "$(plan n1 "$node_a")"
allowed "the operator makes a plan for one node" create_as $operator "$(plan n1 "$node_a")"
allowed "the operator makes a plan for another node" create_as $operator "$(plan n2 "$node_b")"
n1=(nodefreeze "rules-n1-$id" --namespace=$system)
n2=(nodefreeze "rules-n2-$id" --namespace=$system)
refused "another label, by a cluster-admin" "$sentence" patch_as rules-admin "${n1[@]}" --patch='{"metadata":{"labels":{"quiesce.dev/request-uid":"another"}}}'
refused "another annotation, by a cluster-admin" "$sentence" patch_as rules-admin "${n1[@]}" --patch='{"metadata":{"annotations":{"a":"b"}}}'
refused "anything, by an agent" "forbidden" patch_as $agent "${n1[@]}" --patch='{"metadata":{"finalizers":["example.com/kept"]}}'

echo "== reports"
k apply --filename - >/dev/null <<END || exit 1
---
{apiVersion: v1, kind: Node, metadata: {name: $node_a}, spec: {unschedulable: true}}
---
{apiVersion: v1, kind: Node, metadata: {name: $node_b}, spec: {unschedulable: true}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: rules-$id, namespace: $agents}}
---
apiVersion: v1
kind: Pod
metadata: {name: rules-$id, namespace: $agents}
spec:
  nodeName: $node_a
  serviceAccountName: quiesce-agent
  tolerations: [{operator: Exists}]
  containers: [{name: agent, image: "quiesce-agent:none"}]
END
as_token() { # NAME OPTIONS...
  local name=$1
  shift
  k create token "$@" --namespace=$agents >"$work/$name"
}
server=$(k config view --raw --minify --output=jsonpath='{.clusters[0].cluster.server}')
k config view --raw --minify --flatten --output=jsonpath='{.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$work/ca.crt"
# call TOKEN METHOD PATH [BODY]: not with kubectl, which reads an object before it patches it, and an agent may not; nor beside the kubeconfig's own credentials.
call() {
  curl --silent --show-error --fail-with-body --max-time 30 --cacert "$work/ca.crt" --header "Authorization: Bearer $(<"$work/$1")" \
    --request "$2" --header 'Content-Type: application/merge-patch+json' ${4:+--data "$4"} "$server$3"
}
allowed "a token bound to an agent's pod" as_token pod quiesce-agent --bound-object-kind=Pod --bound-object-name="rules-$id"
allowed "a token bound to no pod" as_token unbound quiesce-agent
allowed "a token bound to a node" as_token node quiesce-agent --bound-object-kind=Node --bound-object-name="$node_a"
internal=/apis/quiesce.dev/v1alpha1/namespaces/$system
# answer TOKEN NAME NODE MODE [MORE-METADATA]: the plan of a node that was called.
answer() {
  curl --silent --show-error --fail-with-body --max-time 30 --cacert "$work/ca.crt" --header "Authorization: Bearer $(<"$work/$1")" --header 'Content-Type: application/json' --data \
    "{\"apiVersion\":\"quiesce.dev/v1alpha1\",\"kind\":\"NodeFreeze\",\"metadata\":{\"name\":\"$2\",\"labels\":{\"quiesce.dev/request-uid\":\"$id\"},\"annotations\":{\"quiesce.dev/plan-id\":\"p\",\"quiesce.dev/window-uid\":\"w\"}${5-}},\"spec\":{\"nodeName\":\"$3\",\"mode\":\"$4\",\"window\":\"called\",\"allFilesystems\":true,\"request\":{\"namespace\":\"$shop\",\"name\":\"r\",\"uid\":\"$id\"}}}" \
    "$server$internal/nodefreezes"
}
allowed "the plan of its node, by an agent whose node is called" answer pod "$node_a-0" "$node_a" Hold
refused "the plan of another node, by an agent" "is a plan for an agent" answer pod "$node_b-0" "$node_b" Hold
refused "a plan of its node under the name of another, by an agent" "is a plan for an agent" answer pod "$node_b-0" "$node_a" Hold
refused "a plan under a name that a longer node has, by an agent" "is a plan for an agent" answer pod "$node_a-b-0" "$node_a" Hold
refused "a plan to thaw what others froze, by an agent" "is a plan for an agent" answer pod "$node_a-1" "$node_a" ThawUnconditionally
refused "a plan of its node that could not be deleted, by an agent" "is a plan for an agent" answer pod "$node_a-1" "$node_a" Hold ',"finalizers":["example.com/kept"]'
refused "a plan of its node of a high number, by an agent" "is a plan for an agent" answer pod "$node_a-32" "$node_a" Hold
refused "the plan of its node, by an agent whose token names no node" "is a plan for an agent" answer unbound "$node_a-1" "$node_a" Hold
delete_as $operator nodefreeze "$node_a-0" --namespace=$system >/dev/null
report='{"status":{"phase":"Thawed","frozenFilesystems":0}}'
report() { call "$1" PATCH "$internal/nodefreezes/rules-$2-$id/status" "$3"; } # TOKEN PLAN PATCH
allowed "of its own node, by an agent" report pod n1 "$report"
allowed "of its own node, by an agent whose token is bound to the node" report node n1 "$report"
sentence="the status of NodeFreeze $system/rules-n2-$id is the report of the agent on node $node_b, and"
refused "of another node, by an agent" "$sentence $agent runs on node $node_a. An agent reports of its own node only: check its --node-name" report pod n2 "$report"
refused "of another node, by an agent that says it is its own" "$sentence $agent runs on node $node_a" report pod n2 "{\"spec\":{\"nodeName\":\"$node_a\"},\"status\":{\"phase\":\"Thawed\"}}"
refused "by an agent whose token names no node" "the status of NodeFreeze $system/rules-n1-$id .* came with a token that names no node" report unbound n1 "$report"
refused "by a cluster-admin" "$sentence rules-admin is not $agent. Leave it to the agent; to end a window" patch_as rules-admin "${n2[@]}" --subresource=status --patch="$report"
refused "by the operator" "forbidden" patch_as $operator "${n1[@]}" --subresource=status --patch="$report"
k create rolebinding "rules-$id" --namespace=$system --role=quiesce-agent --serviceaccount="$agents:rules-$id" >/dev/null
as_token stranger "rules-$id" --bound-object-kind=Node --bound-object-name="$node_a"
refused "by another account on the same node" "is not $agent" report stranger n1 "$report"
k delete rolebinding "rules-$id" --namespace=$system >/dev/null
refused "an agent reads no requests" "forbidden" call pod GET /apis/quiesce.dev/v1alpha1/freezerequests
refused "an agent reads nothing internal elsewhere" "forbidden" call pod GET "/apis/quiesce.dev/v1alpha1/namespaces/$shop/nodefreezes"
refused "an agent reads no secrets" "forbidden" call pod GET "/api/v1/namespaces/$agents/secrets"
allowed "an agent lists the plans of its node" call pod GET "$internal/nodefreezes?fieldSelector=spec.nodeName=$node_a"
allowed "an agent watches the plans of its node" call pod GET "$internal/nodefreezes?watch=true&timeoutSeconds=1&fieldSelector=spec.nodeName=$node_a"
allowed "an agent watches a window" call pod GET "$internal/freezewindows?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=rules-w1-$id"
refused "an agent deletes no window" "forbidden" call pod DELETE "$internal/freezewindows/rules-w1-$id"
allowed "never refused: a plan's finalizer put on by a cluster-admin" patch_as rules-admin "${n1[@]}" --patch='{"metadata":{"finalizers":["example.com/kept"]}}'
allowed "never refused: a plan's deletion, by a cluster-admin" delete_as rules-admin "${n1[@]}"
allowed "of its own node, by an agent, while the plan is being deleted" report pod n1 '{"status":{"phase":"Thawed","frozenFilesystems":1}}'
allowed "never refused: a plan's finalizer taken off by a cluster-admin" patch_as rules-admin "${n1[@]}" --patch="$no_finalizers"
allowed "never refused: a plan's deletion, by the operator" delete_as $operator "${n2[@]}"

echo "== never refused: with pieces of the rules taken away"
# ends WHEN NAME: a window and a request that are there already can be thawed, deleted and freed of finalizers.
ends() {
  local w=(freezewindow "rules-$2-$id" --namespace=$system) r=(freezerequest "rules-$2" --namespace="$shop")
  allowed "$1: the request's thaw" patch_as alice "${r[@]}" --patch="$thawed"
  allowed "$1: the request's deletion" delete_as alice "${r[@]}"
  allowed "$1: the request's finalizer" patch_as $operator "${r[@]}" --patch="$no_finalizers"
  allowed "$1: the window's thaw, by the operator" patch_as $operator "${w[@]}" --patch="$thawed"
  allowed "$1: the window's finalizer" patch_as rules-admin "${w[@]}" --patch="$no_finalizers"
  allowed "$1: the window's deletion" delete_as $operator "${w[@]}"
}
for name in p1 p2 p3 p4; do
  create_as bob "$(request $name "$shop" "$folder")" >/dev/null
  claim_it $name >/dev/null
  create_as $operator "$(window $name)" >/dev/null
  patch_as rules-admin freezewindow "rules-$name-$id" --namespace=$system --patch='{"metadata":{"finalizers":["example.com/kept"]}}' >/dev/null
done
policies=(quiesce-hostpaths quiesce-hooks quiesce-freezewindows quiesce-nodefreezes quiesce-reports)
k delete clusterrolebinding "rules-hostpaths-$id" >/dev/null
k delete clusterrole quiesce-hostpaths >/dev/null
ends "the right to host paths is gone" p1
k delete validatingadmissionpolicybinding "${policies[@]}" >/dev/null
sleep 2
ends "the policies' bindings are gone" p2
install >/dev/null 2>&1
policies_act
k delete validatingadmissionpolicy "${policies[@]}" >/dev/null
sleep 2
ends "the policies are gone, their bindings are not" p3
install >/dev/null 2>&1
policies_act
# What an administrator without the operator has: it takes nothing of Quiesce's to end a window.
k delete serviceaccount quiesce-operator --namespace=$system >/dev/null
k delete clusterrolebinding quiesce-operator >/dev/null
r=(freezerequest rules-p4 --namespace="$shop") w=(freezewindow "rules-p4-$id" --namespace=$system)
allowed "the operator's account is gone: the request's thaw" patch_as alice "${r[@]}" --patch="$thawed"
allowed "the operator's account is gone: the request's finalizer" patch_as alice "${r[@]}" --patch="$no_finalizers"
allowed "the operator's account is gone: the request's deletion" delete_as alice "${r[@]}"
allowed "the operator's account is gone: the window's thaw" patch_as rules-admin "${w[@]}" --patch="$thawed"
allowed "the operator's account is gone: the window's deletion" delete_as rules-admin "${w[@]}"
allowed "the operator's account is gone: the window's finalizer" patch_as rules-admin "${w[@]}" --patch="$no_finalizers"
allowed "everything is applied once more" install

echo "== uninstalling without an operator that answers"
policies_act
create_as rules-admin "$(request u1 "$shop" "$folder")" >/dev/null
create_as rules-admin "$(request u2 "$shop" "$claim")" >/dev/null
create_as $operator "$(window u1)" >/dev/null
create_as $operator "$(plan u1 "$node_a")" >/dev/null
patch_as rules-admin freezerequest rules-u1 --namespace="$shop" --patch='{"metadata":{"finalizers":["example.com/kept","quiesce.dev/thaw"]}}' >/dev/null
allowed "the command ends well" "$cli" uninstall --requests-only --operator-namespace $system --timeout 1s
field() { k get freezerequest "rules-$1" --namespace="$shop" --output=jsonpath="$2"; }
same "Quiesce's finalizer is gone, another's is not" '["example.com/kept"]' "$(field u1 '{.metadata.finalizers}')"
same "the thaw is asked for, of a request with a finalizer" Thawed "$(field u1 '{.spec.desiredState}')"
same "the thaw is asked for, of a request without one" Thawed "$(field u2 '{.spec.desiredState}')"
same "no window and no plan is left" "" "$(k get freezewindows,nodefreezes --namespace=$system --output=name | grep "$id")"

echo
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
