{{/* Directory of a run in the volume: a claim outlives the Job, so each Job has its own there. */}}
{{- define "assay.runDir" -}}
/var/lib/assay{{ if .Values.collector.persistence.enabled }}/$(ASSAY_JOB_UID){{ end }}
{{- end -}}

{{/* Spec of the Job, for the Job and the CronJob. */}}
{{- define "assay.jobSpec" -}}
parallelism: 1
completions: 1
backoffLimit: {{ .Values.collector.backoffLimit }}
{{- if not (kindIs "invalid" .Values.collector.activeDeadlineSeconds) }}
activeDeadlineSeconds: {{ int64 .Values.collector.activeDeadlineSeconds }}
{{- end }}
{{- if not (kindIs "invalid" .Values.ttlSecondsAfterFinished) }}
ttlSecondsAfterFinished: {{ int64 .Values.ttlSecondsAfterFinished }}
{{- end }}
podFailurePolicy:
  rules:
    # Findings, invalid input, wrong use and bugs do not get better by trying again.
    - { action: FailJob, onExitCodes: { containerName: collect, operator: In, values: [1, 2, 64, 70] } }
    - { action: FailJob, onExitCodes: { containerName: sign, operator: In, values: [1, 2, 64, 70] } }
    # A drained or preempted node is nobody's fault; outages (3), signals and crashes count towards backoffLimit.
    - { action: Ignore, onPodConditions: [{ type: DisruptionTarget, status: "True" }] }
template:
  metadata:
    labels:
      {{- include "assay.labels" (dict "root" . "component" "collector") | nindent 6 }}
      {{- with .Values.collector.podLabels }}{{ toYaml . | nindent 6 }}{{ end }}
    {{- with .Values.collector.podAnnotations }}
    annotations: {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    {{- include "assay.collectorPod" . | nindent 4 }}
{{- end -}}

{{- define "assay.collectorPod" -}}
restartPolicy: Never
serviceAccountName: {{ include "assay.fullname" . }}-collector
# Each container mounts the one token that it needs.
automountServiceAccountToken: false
# The Service's own variables begin with ASSAY_ too, and the collector refuses those that it does not know.
enableServiceLinks: false
{{- with .Values.collector.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "assay.podSecurity" . | nindent 2 }}
  {{- with .Values.podSecurity.fsGroup }}
  fsGroup: {{ int64 . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.collector.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  {{- if .Values.collector.affinity }}
  {{- toYaml .Values.collector.affinity | nindent 2 }}
  {{- else }}
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference: { matchExpressions: [{ key: nvidia.com/gpu.present, operator: DoesNotExist }, { key: feature.node.kubernetes.io/amd-gpu, operator: DoesNotExist }] }
  {{- end }}
{{- with .Values.collector.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  {{- include "assay.collectContainer" . | nindent 2 }}
  {{- include "assay.signContainer" . | nindent 2 }}
volumes:
  {{- include "assay.collectorVolumes" . | nindent 2 }}
{{- end -}}

{{- define "assay.collectContainer" -}}
- name: collect
  image: {{ include "assay.image" (dict "root" . "name" "collector") }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  ports: [{ name: agents, containerPort: 8443, protocol: TCP }]
  env:
    {{- include "assay.collectEnv" . | nindent 4 }}
    {{- with .Values.collector.extraEnv }}{{ toYaml . | nindent 4 }}{{ end }}
  resources: {{- toYaml .Values.collector.resources | nindent 4 }}
  securityContext: {{- include "assay.containerSecurity" . | nindent 4 }}
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - { name: state, mountPath: /var/lib/assay }
    - { name: api-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
    - { name: tls, mountPath: /etc/assay/tls, readOnly: true }
    {{- if or .Values.recipe.file .Values.recipe.configMap }}
    - { name: recipe, mountPath: /etc/assay/recipe, readOnly: true }
    {{- end }}
    {{- with .Values.collector.extraVolumeMounts }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}

{{- define "assay.collectEnv" -}}
- { name: ASSAY_CLUSTER, value: "true" }
- { name: ASSAY_RELEASE, value: {{ include "assay.fullname" . | quote }} }
- { name: ASSAY_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
- { name: ASSAY_JOB_UID, valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']" } } }
- { name: ASSAY_TOKEN_AUDIENCE, value: {{ include "assay.audience" . }} }
- { name: ASSAY_LISTEN, value: "0.0.0.0:8443" }
- { name: ASSAY_TLS_KEY, value: /etc/assay/tls/tls.key }
- { name: ASSAY_STATE_DIR, value: {{ include "assay.runDir" . }}/state }
- { name: ASSAY_OUT, value: {{ include "assay.runDir" . }}/out }
- { name: ASSAY_SIGN, value: none }
{{- with include "assay.criteria" . }}
- { name: ASSAY_CRITERIA, value: {{ quote . }} }
{{- else }}
- { name: ASSAY_RECIPE, value: /etc/assay/recipe/recipe.yaml }
{{- end }}
{{- with include "assay.extraSelector" . }}
- { name: ASSAY_EXPECT_SELECTOR, value: {{ quote . }} }
{{- end }}
- { name: ASSAY_DEADLINE, value: {{ .Values.collector.deadline }} }
- { name: ASSAY_STALL, value: {{ .Values.collector.stall }} }
- { name: ASSAY_PHASE_DEADLINE, value: {{ .Values.collector.phaseDeadline }} }
- { name: ASSAY_DELIVERY_WAIT, value: {{ .Values.collector.deliveryWait }} }
- { name: ASSAY_LOG_LEVEL, value: {{ .Values.collector.logLevel }} }
{{- with .Values.collector.phases }}
- { name: ASSAY_PHASE, value: {{ join "," . | quote }} }
{{- end }}
{{- with .Values.collector.accelerator }}
- { name: ASSAY_ACCELERATOR, value: {{ . }} }
{{- end }}
{{- if .Values.collector.full }}
- { name: ASSAY_FULL, value: "true" }
{{- end }}
{{- if .Values.collector.logs }}
- { name: ASSAY_LOGS, value: "true" }
{{- end }}
{{- with .Values.collector.expiresIn }}
- { name: ASSAY_EXPIRES_IN, value: {{ . }} }
{{- end }}
{{- with include "assay.checkImages" . }}
- { name: ASSAY_VALIDATOR_IMAGE, value: {{ quote . }} }
{{- end }}
{{- if .Values.checks.active }}
- { name: ASSAY_CHECKS_ACTIVE, value: "true" }
- { name: ASSAY_CHECKS_NAMESPACE, value: {{ include "assay.checksNamespace" . }} }
{{- end }}
{{- end -}}

{{- define "assay.signContainer" -}}
- name: sign
  image: {{ include "assay.image" (dict "root" . "name" "cli") }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  args:
    {{- include "assay.signArgs" . | nindent 4 }}
  env:
    - { name: ASSAY_JOB_UID, valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']" } } }
    # The user has no home: what tools keep there goes to a small volume.
    - { name: HOME, value: /tmp }
    {{- if .Values.registry.caSecret }}
    - { name: NODE_EXTRA_CA_CERTS, value: /etc/assay/ca/ca.crt }
    {{- end }}
    {{- with .Values.collector.signExtraEnv }}{{ toYaml . | nindent 4 }}{{ end }}
  resources: {{- toYaml .Values.collector.signResources | nindent 4 }}
  securityContext: {{- include "assay.containerSecurity" . | nindent 4 }}
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - { name: state, mountPath: /var/lib/assay }
    - { name: tmp, mountPath: /tmp }
    {{- if .Values.sigstore.enabled }}
    - { name: identity, mountPath: /var/run/sigstore/cosign, readOnly: true }
    {{- end }}
    {{- if include "assay.sigstoreConfigMap" . }}
    - { name: sigstore, mountPath: /etc/assay/sigstore, readOnly: true }
    {{- end }}
    {{- if .Values.registry.secretName }}
    - { name: registry, mountPath: /etc/assay/registry, readOnly: true }
    {{- end }}
    {{- if .Values.registry.caSecret }}
    - { name: ca, mountPath: /etc/assay/ca, readOnly: true }
    {{- end }}
    {{- with .Values.collector.extraVolumeMounts }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}

{{/* Name of the ConfigMap with signing configuration or trusted root; empty without one. */}}
{{- define "assay.sigstoreConfigMap" -}}
{{- with .Values.sigstore -}}
{{- if .enabled -}}
{{- if .configMap }}{{ .configMap }}{{ else if or .signingConfig .trustedRoot }}{{ include "assay.fullname" $ }}-sigstore{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "assay.signArgs" -}}
- deliver
- {{ include "assay.runDir" . }}/out
- --job-uid=$(ASSAY_JOB_UID)
- --state-dir={{ include "assay.runDir" . }}/state
- --wait={{ .Values.sigstore.wait }}
- --retry-for={{ .Values.sigstore.retryFor }}
{{- with .Values.registry }}
{{- with .repository }}
- --push={{ . }}
{{- end }}
{{- if .secretName }}
- --registry-config=/etc/assay/registry/config.json
{{- end }}
{{- if .plainHTTP }}
- --plain-http
{{- end }}
{{- if .insecureTLS }}
- --insecure-tls
{{- end }}
{{- end }}
{{- with .Values.sigstore }}
{{- if .enabled }}
- --identity-token-file=/var/run/sigstore/cosign/oidc-token
{{- with .fulcioUrl }}
- --fulcio-url={{ . }}
{{- end }}
{{- with .rekorUrl }}
- --rekor-url={{ . }}
- --rekor-api={{ $.Values.sigstore.rekorApi }}
{{- end }}
{{- with .tsaUrl }}
- --tsa-url={{ . }}
{{- end }}
{{- $keys := .configMapKeys }}
{{- if not .configMap }}{{ $keys = compact (list (empty .signingConfig | ternary "" "signing_config.json") (empty .trustedRoot | ternary "" "trusted_root.json")) }}{{ end }}
{{- if has "signing_config.json" $keys }}
- --signing-config=/etc/assay/sigstore/signing_config.json
{{- end }}
{{- if has "trusted_root.json" $keys }}
- --trusted-root=/etc/assay/sigstore/trusted_root.json
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "assay.collectorVolumes" -}}
{{- $name := include "assay.fullname" . -}}
{{- with .Values.collector.persistence }}
{{- if .enabled }}
- { name: state, persistentVolumeClaim: { claimName: {{ .existingClaim | default (printf "%s-state" $name) }} } }
{{- else }}
- { name: state, emptyDir: { sizeLimit: {{ .size }} } }
{{- end }}
{{- end }}
- { name: tmp, emptyDir: { sizeLimit: 64Mi } }
- name: api-token
  {{- include "assay.apiToken" . | nindent 2 }}
- { name: tls, secret: { secretName: {{ .Values.tls.existingSecret | default (printf "%s-tls" $name) }}, defaultMode: 0440, items: [{ key: tls.key, path: tls.key }] } }
{{- if .Values.sigstore.enabled }}
- name: identity
  projected:
    sources:
      - serviceAccountToken: { path: oidc-token, audience: {{ .Values.sigstore.audience }}, expirationSeconds: 600 }
{{- end }}
{{- with include "assay.sigstoreConfigMap" . }}
- { name: sigstore, configMap: { name: {{ . }} } }
{{- end }}
{{- with .Values.registry.secretName }}
- { name: registry, secret: { secretName: {{ . }}, defaultMode: 0440, items: [{ key: .dockerconfigjson, path: config.json }] } }
{{- end }}
{{- with .Values.registry.caSecret }}
- { name: ca, secret: { secretName: {{ . }}, items: [{ key: ca.crt, path: ca.crt }] } }
{{- end }}
{{- if .Values.recipe.configMap }}
- { name: recipe, configMap: { name: {{ .Values.recipe.configMap }}, items: [{ key: {{ .Values.recipe.key }}, path: recipe.yaml }] } }
{{- else if .Values.recipe.file }}
- { name: recipe, configMap: { name: {{ $name }}-recipe } }
{{- end }}
{{- with .Values.collector.extraVolumes }}{{ toYaml . | nindent 0 }}{{ end }}
{{- end -}}

{{/* What a pod needs to talk to the API server, as the kubelet would mount it by itself. */}}
{{- define "assay.apiToken" -}}
projected:
  sources:
    - serviceAccountToken: { path: token, expirationSeconds: 3607 }
    - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
    - downwardAPI: { items: [{ path: namespace, fieldRef: { fieldPath: metadata.namespace } }] }
{{- end -}}
