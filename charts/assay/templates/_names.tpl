{{/* Full name of the release: R of the documentation. Short enough for every name made from it. */}}
{{- define "assay.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that select a component. Takes a dict: root, component. */}}
{{- define "assay.selector" -}}
app.kubernetes.io/name: assay
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of an object. Takes a dict: root, component. */}}
{{- define "assay.labels" -}}
{{ include "assay.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Name of the cluster-scoped objects. */}}
{{- define "assay.clusterName" -}}
{{ .Release.Namespace }}-{{ include "assay.fullname" . }}-collector
{{- end -}}

{{/* Audience of the agents' tokens: no other release takes them. */}}
{{- define "assay.audience" -}}
{{ .Values.agent.tokenAudience | default (printf "assay.%s.%s" .Release.Namespace (include "assay.fullname" .)) }}
{{- end -}}

{{- define "assay.checksNamespace" -}}
{{ .Values.checks.namespace | default (printf "%s-%s-checks" .Release.Namespace (include "assay.fullname" .) | trunc 63 | trimSuffix "-") }}
{{- end -}}

{{/* Reference of an image, by digest. Takes a dict: root, name. */}}
{{- define "assay.image" -}}
{{- $image := index .root.Values.images .name -}}
{{- $path := printf "images.%s" .name -}}
{{- if not $image.repository }}{{ fail (printf "%s.repository is needed: where the image built from the Dockerfile's target %s was pushed" $path .name) }}{{ end -}}
{{- if and (not $image.digest) (not .root.Values.images.allowTags) }}{{ fail (printf "%s.digest is needed (sha256:…), so that the evidence says which code ran; images.allowTags=true takes the tag" $path) }}{{ end -}}
{{- if and (not $image.digest) (not $image.tag) }}{{ fail (printf "%s needs a digest or a tag" $path) }}{{ end -}}
{{- $image.repository }}{{ with $image.tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "assay.agentImage" -}}
{{- with .Values.agent.image -}}
{{- if and (not (contains "@sha256:" .)) (not $.Values.images.allowTags) }}{{ fail "agent.image needs a digest (@sha256:…); images.allowTags=true takes a tag" }}{{ end -}}
{{- . -}}
{{- else -}}
{{- include "assay.image" (dict "root" $ "name" "agent") -}}
{{- end -}}
{{- end -}}

{{/* Images that run checks, as far as they are pinned: the evidence names them. */}}
{{- define "assay.checkImages" -}}
{{- $images := list -}}
{{- range list (include "assay.agentImage" .) (include "assay.image" (dict "root" . "name" "collector")) -}}
{{- if contains "@sha256:" . }}{{ $images = append $images . }}{{ end -}}
{{- end -}}
{{- join "," $images -}}
{{- end -}}

{{/* Security context that every pod has: user, groups, seccomp. */}}
{{- define "assay.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.podSecurity.runAsUser }}
runAsUser: {{ int64 . }}
{{- end }}
{{- with .Values.podSecurity.runAsGroup }}
runAsGroup: {{ int64 . }}
{{- end }}
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* Security context that every container has. */}}
{{- define "assay.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
