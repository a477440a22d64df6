#!/usr/bin/env bash
# Makes what of the chart is made from something else:
#   templates/crds/       from ../../crds/manifests
#   README.md, its table  from the comments in values.yaml
#   ../rendered/          from the chart with its default values, where helm is installed
#
# usage: sync.sh           writes them
#        sync.sh --check   writes nothing, and fails where one is not up to date
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")"

check=false
case ${1-} in
--check) check=true ;;
'') ;;
*)
  echo "usage: $0 [--check]" >&2
  exit 2
  ;;
esac
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
stale=0

# put FILE: what was made in $made/FILE becomes FILE, or is compared with it.
put() {
  if $check; then
    if ! diff --unified "$1" "$made/$1" >"$made/diff" 2>&1; then
      echo "$PWD/$1 is not up to date: run $PWD/sync.sh"
      head -20 "$made/diff"
      stale=1
    fi
  else
    mkdir -p "$(dirname "$1")"
    cp "$made/$1" "$1"
  fi
}

# A definition as a template: kept on uninstall, and with the chart's labels.
crds() {
  local manifest name
  mkdir -p "$made/templates/crds"
  for manifest in ../../crds/manifests/*.yaml; do
    name=templates/crds/$(basename "$manifest")
    if grep -q '{{' "$manifest"; then
      echo "$manifest has {{, which a template cannot have as it is" >&2
      exit 1
    fi
    awk '
      BEGIN {
        print "{{- if .Values.crds.install }}"
        print "# Made by sync.sh from crds/manifests; change it there."
      }
      { print }
      /^metadata:$/ { metadata = 1 }
      metadata && /^  name: / {
        metadata = 0
        print "  annotations:"
        print "    # With a definition go all objects of its kind."
        print "    helm.sh/resource-policy: keep"
        print "  labels:"
        print "    {{- include \"quiesce.labels\" . | nindent 4 }}"
      }
      END { print "{{- end }}" }
    ' "$manifest" >"$made/$name"
    put "$name"
  done
  for name in templates/crds/*.yaml; do
    [ -e "$made/$name" ] && continue
    echo "$PWD/$name has no manifest in crds/manifests any more: remove it"
    stale=1
  done
}

# One line for each value: its path, its default, and the comment right above it.
table() {
  echo '| value | default | what it is |'
  echo '| --- | --- | --- |'
  awk '
    /^[ ]*#/ {
      sub(/^[ ]*# ?/, "")
      comment = comment (comment == "" ? "" : " ") $0
      next
    }
    /^[ ]*$/ { comment = ""; next }
    {
      match($0, /^ */)
      depth = RLENGTH / 2
      line = substr($0, RLENGTH + 1)
      colon = index(line, ":")
      path[depth] = substr(line, 1, colon - 1)
      value = substr(line, colon + 1)
      sub(/^ +/, "", value)
      if (value == "") { comment = ""; next }
      key = path[0]
      for (i = 1; i <= depth; i++) key = key "." path[i]
      if (comment == "") {
        print "values.yaml:" NR ": " key " has no comment above it" > "/dev/stderr"
        exit 1
      }
      gsub(/\|/, "\\|", comment)
      gsub(/\|/, "\\|", value)
      print "| `" key "` | `" value "` | " comment " |"
      comment = ""
    }
  ' values.yaml
}

readme() {
  table >"$made/table"
  awk -v table="$made/table" '
    /^<!-- values -->$/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
    /^<!-- end of values -->$/ { skip = 0 }
    !skip { print }
  ' README.md >"$made/README.md"
  put README.md
}

# The first line tells what it was made of, so that --check finds it stale also where there is no helm.
rendered() {
  local sources
  sources=$(find Chart.yaml values.yaml templates -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
  if ! command -v helm >/dev/null; then
    if [ "$(head -1 ../rendered/quiesce.yaml 2>/dev/null)" != "# sources: $sources" ]; then
      echo "$(cd .. && pwd)/rendered/quiesce.yaml is not up to date, and there is no helm to render it"
      stale=1
    fi
    return
  fi
  {
    echo "# sources: $sources"
    echo "# Made by charts/quiesce/sync.sh from the chart with its default values. kubectl apply --server-side --kustomize charts/rendered"
    helm template quiesce . --no-hooks --namespace quiesce-system --set operator.namespace.create=true
  } >"$made/quiesce.yaml"
  if $check; then
    if ! diff --unified ../rendered/quiesce.yaml "$made/quiesce.yaml" >"$made/diff" 2>&1; then
      echo "$(cd .. && pwd)/rendered/quiesce.yaml is not up to date: run $PWD/sync.sh"
      head -20 "$made/diff"
      stale=1
    fi
  else
    mkdir -p ../rendered
    cp "$made/quiesce.yaml" ../rendered/quiesce.yaml
  fi
}

crds
readme
rendered
exit $stale
