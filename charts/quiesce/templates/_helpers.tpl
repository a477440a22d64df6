{{/* Prefix of all names: the release's name, which with "helm install quiesce" is quiesce. */}}
{{- define "quiesce.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "quiesce.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: quiesce
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: quiesce
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The operator finds the agents' pods by name and component, so neither of the two can be changed. */}}
{{- define "quiesce.selectorLabels" -}}
app.kubernetes.io/name: quiesce
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "quiesce.operator.namespace" -}}
{{- default .Release.Namespace .Values.operator.namespace.name -}}
{{- end -}}

{{- define "quiesce.operator.serviceAccount" -}}
{{- $default := printf "%s-operator" (include "quiesce.fullname" .) -}}
{{- default (ternary $default "default" .Values.operator.serviceAccount.create) .Values.operator.serviceAccount.name -}}
{{- end -}}

{{- define "quiesce.agent.serviceAccount" -}}
{{- $default := printf "%s-agent" (include "quiesce.fullname" .) -}}
{{- default (ternary $default "default" .Values.agent.serviceAccount.create) .Values.agent.serviceAccount.name -}}
{{- end -}}

{{/* How admission knows them. */}}
{{- define "quiesce.operator.username" -}}
system:serviceaccount:{{ include "quiesce.operator.namespace" . }}:{{ include "quiesce.operator.serviceAccount" . }}
{{- end -}}

{{- define "quiesce.agent.username" -}}
system:serviceaccount:{{ .Values.agent.namespace.name }}:{{ include "quiesce.agent.serviceAccount" . }}
{{- end -}}

{{/* An image: dict "root" $ "image" .Values.operator.image */}}
{{- define "quiesce.image" -}}
{{- $image := .image.repository -}}
{{- with .root.Values.image.registry -}}
{{- $image = printf "%s/%s" (trimSuffix "/" .) $image -}}
{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $image .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image (.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
