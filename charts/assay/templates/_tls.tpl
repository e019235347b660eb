{{/*
The server key and its pin, made once per rendering and kept in the release: key (PEM; empty with tls.existingSecret) and pin.
The pin is the SHA-256 of the key's SubjectPublicKeyInfo. For P-256 that is 27 fixed bytes and 64 bytes of the point, and it
stands as it is in any certificate of the key: so one is made, and the 64 bytes behind the fixed ones are cut out.
*/}}
{{- define "assay.makeTls" -}}
{{- if not (hasKey .Values "renderedTls") -}}
{{- $name := .Values.tls.existingSecret | default (printf "%s-tls" (include "assay.fullname" .)) -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace $name -}}
{{- $kept := dig "data" "tls.key" "" $secret | b64dec -}}
{{- $key := $kept -}}
{{- $pin := .Values.tls.pin -}}
{{- if .Values.tls.existingSecret -}}
{{- if not (or $key $pin) }}{{ fail (printf "tls.pin is needed: Secret %s cannot be read here. openssl pkey -in tls.key -pubout -outform DER | sha256sum" $name) }}{{ end -}}
{{- else if $pin -}}
{{- fail "tls.pin belongs to the key of tls.existingSecret, which is not set" -}}
{{- else -}}
{{- $key = $key | default (genPrivateKey "ecdsa") -}}
{{- end -}}
{{- if not $pin -}}
{{- $pin = include "assay.pinOf" $key -}}
{{- end -}}
{{- $_ := set .Values "renderedTls" (dict "key" (empty .Values.tls.existingSecret | ternary $key "") "pin" $pin) -}}
{{- end -}}
{{- end -}}

{{- define "assay.pinOf" -}}
{{- $cert := genSelfSignedCertWithKey "assay" nil nil 1 . -}}
{{- $der := regexReplaceAll "-----[A-Z ]+-----|\\s" $cert.Cert "" | b64dec -}}
{{- $prefix := b64dec "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" -}}
{{- $parts := splitList $prefix $der -}}
{{- if lt (len $parts) 2 }}{{ fail "the server key is not a P-256 key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256" }}{{ end -}}
sha256:{{ printf "%s%s" $prefix (index $parts 1 | trunc 64) | sha256sum }}
{{- end -}}

{{- define "assay.pin" -}}
{{- include "assay.makeTls" . -}}
{{- .Values.renderedTls.pin -}}
{{- end -}}
