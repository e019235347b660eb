{{/* How the agent reaches GPU tools, `auto` resolved by what the cluster has. */}}
{{- define "assay.gpuAccess" -}}
{{- if ne .Values.gpuAccess "auto" -}}
{{- .Values.gpuAccess -}}
{{- else if and .Values.gpu.runtimeClassName (lookup "node.k8s.io/v1" "RuntimeClass" "" .Values.gpu.runtimeClassName) -}}
runtimeClass
{{- else -}}
none
{{- end -}}
{{- end -}}

{{/* Variables: without a grant none of a base image may ask for GPUs either. */}}
{{- define "assay.gpuEnv" -}}
{{- if has . (list "runtimeClass" "driverRoot") -}}
- { name: NVIDIA_VISIBLE_DEVICES, value: all }
- { name: NVIDIA_DRIVER_CAPABILITIES, value: utility }
{{- else -}}
- { name: NVIDIA_VISIBLE_DEVICES, value: void }
{{- end -}}
{{- end -}}

{{- define "assay.gpuMounts" -}}
{{- $access := include "assay.gpuAccess" . -}}
{{- if eq $access "driverRoot" }}
- { name: driver-root, mountPath: {{ .Values.gpu.driverRoot }}, readOnly: true, mountPropagation: HostToContainer }
{{- else if eq $access "amd" }}
- { name: kfd, mountPath: /dev/kfd }
- { name: dri, mountPath: /dev/dri }
{{- end }}
{{- end -}}

{{- define "assay.gpuVolumes" -}}
{{- $access := include "assay.gpuAccess" . -}}
{{- if eq $access "driverRoot" }}
- { name: driver-root, hostPath: { path: {{ .Values.gpu.driverRoot }}, type: DirectoryOrCreate } }
{{- else if eq $access "amd" }}
- { name: kfd, hostPath: { path: /dev/kfd, type: CharDevice } }
- { name: dri, hostPath: { path: /dev/dri, type: Directory } }
{{- end }}
{{- end -}}

{{/* Alternatives of the node affinity: labels by NFD (devices of NVIDIA and AMD, with and without class), GPU feature discovery, AMD's operator and labeller, Intel's plug-ins. */}}
{{- define "assay.gpuNodeTerms" -}}
{{- $labels := list "feature.node.kubernetes.io/pci-10de.present" "feature.node.kubernetes.io/pci-1002.present" -}}
{{- range $class := list "0300" "0302" "0380" "1200" -}}
{{- range $vendor := list "10de" "1002" -}}
{{- $labels = append $labels (printf "feature.node.kubernetes.io/pci-%s_%s.present" $class $vendor) -}}
{{- end -}}
{{- end -}}
{{- range concat $labels (list "nvidia.com/gpu.present" "feature.node.kubernetes.io/amd-gpu" "intel.feature.node.kubernetes.io/gpu") }}
- matchExpressions: [{ key: {{ . }}, operator: In, values: ["true"] }]
{{- end }}
{{- range list "device-id" "family" "product-name" "vram" }}
- matchExpressions: [{ key: amd.com/gpu.{{ . }}, operator: Exists }]
{{- end }}
{{- with .Values.agent.extraNodes }}
- matchExpressions:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{/* agent.extraNodes as one label selector in the API's syntax: the same nodes are expected to report. */}}
{{- define "assay.extraSelector" -}}
{{- $parts := list -}}
{{- range .Values.agent.extraNodes -}}
{{- if eq .operator "Exists" }}{{ $parts = append $parts .key }}
{{- else if eq .operator "DoesNotExist" }}{{ $parts = append $parts (printf "!%s" .key) }}
{{- else }}{{ $parts = append $parts (printf "%s %s (%s)" .key (lower .operator) (join "," .values)) }}
{{- end -}}
{{- end -}}
{{- join "," $parts -}}
{{- end -}}
