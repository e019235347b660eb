{{/* What a schema cannot say: values that need or exclude one another. */}}
{{- define "assay.validate" -}}
{{- $criteria := include "assay.criteria" . -}}
{{- $given := compact (list .Values.recipe.file .Values.recipe.configMap $criteria) -}}
{{- if eq (len $given) 0 -}}
{{- fail "what should be certified? Give recipe.file (--set-file recipe.file=recipe.yaml), recipe.configMap or recipe.criteria (--set recipe.criteria.accelerator=h100,recipe.criteria.service=eks)" -}}
{{- else if gt (len $given) 1 -}}
{{- fail "give one of recipe.file, recipe.configMap and recipe.criteria, not several" -}}
{{- end -}}
{{- with .Values.sigstore -}}
{{- $addresses := compact (list .fulcioUrl .rekorUrl .tsaUrl) -}}
{{- if and $addresses (or .signingConfig .configMap) }}{{ fail "sigstore.signingConfig (or sigstore.configMap) names the services: leave out fulcioUrl, rekorUrl and tsaUrl" }}{{ end -}}
{{- if and .fulcioUrl (not (or .rekorUrl .tsaUrl)) }}{{ fail "sigstore.fulcioUrl needs sigstore.rekorUrl or sigstore.tsaUrl: a signature without either has no time" }}{{ end -}}
{{- if and .configMap (or .signingConfig .trustedRoot) }}{{ fail "sigstore.configMap holds both documents: leave out sigstore.signingConfig and sigstore.trustedRoot" }}{{ end -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" (include "assay.fullname" .)) }}{{ fail (printf "%q cannot begin the name of a Service: --set fullnameOverride=…, a letter first" (include "assay.fullname" .)) }}{{ end -}}
{{- if and .Values.registry.secretName (not .Values.registry.repository) }}{{ fail "registry.secretName without registry.repository: where should the evidence go?" }}{{ end -}}
{{- if and (not .Values.runNow) (not .Values.schedule) }}{{ fail "runNow=false without a schedule: nothing would ever run" }}{{ end -}}
{{- if and (eq .Values.gpuAccess "driverRoot") (eq (clean .Values.gpu.driverRoot) "/") }}{{ fail "gpu.driverRoot cannot be the whole host: where the driver is installed on the host itself, use gpuAccess=runtimeClass" }}{{ end -}}
{{- range .Values.agent.extraNodes -}}
{{- if ne (has .operator (list "In" "NotIn")) (not (empty .values)) }}{{ fail (printf "agent.extraNodes: %s %s takes %s" .key .operator (ternary "values" "no values" (has .operator (list "In" "NotIn")))) }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* recipe.criteria as `service=eks,accelerator=h100`. */}}
{{- define "assay.criteria" -}}
{{- $criteria := .Values.recipe.criteria | default dict -}}
{{- $parts := list -}}
{{- range $dimension := list "service" "accelerator" "intent" "os" "platform" "nodes" -}}
{{- with index $criteria $dimension }}{{ $parts = append $parts (printf "%s=%v" $dimension .) }}{{ end -}}
{{- end -}}
{{- join "," $parts -}}
{{- end -}}
