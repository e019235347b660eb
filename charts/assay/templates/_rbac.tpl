{{/* What cluster checks read: objects of operators and their workloads, in every namespace. */}}
{{- define "assay.checkReads" -}}
- { apiGroups: [""], resources: [namespaces, pods, services], verbs: [get, list] }
- { apiGroups: [""], resources: [configmaps], verbs: [get] }
- { apiGroups: [apps], resources: [deployments, daemonsets, statefulsets], verbs: [get, list] }
- { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list] }
- { apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list] }
- { apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations], verbs: [get, list] }
- { apiGroups: [resource.k8s.io], resources: [resourceslices, resourceclaimtemplates], verbs: [get, list] }
- { apiGroups: [gateway.networking.k8s.io], resources: [gatewayclasses, gateways], verbs: [get, list] }
- { apiGroups: [nvidia.com], resources: [clusterpolicies], verbs: [get, list] }
- { apiGroups: [resource.nvidia.com], resources: [computedomains], verbs: [get, list] }
- { apiGroups: [slinky.slurm.net], resources: [controllers, nodesets], verbs: [get, list] }
- { apiGroups: [karpenter.sh], resources: [nodepools], verbs: [get, list] }
- { apiGroups: [skyhook.nvidia.com], resources: [skyhooks], verbs: [get, list] }
# What health checks of the embedded catalog name besides.
- { apiGroups: [mellanox.com], resources: [nicclusterpolicies], verbs: [get, list] }
- { apiGroups: [monitoring.coreos.com], resources: [prometheuses], verbs: [get, list] }
{{- if .Values.checks.metrics }}
# Pages of exporters and of Prometheus, through the API server; metrics are resources named by themselves.
- { apiGroups: [""], resources: [pods/proxy, services/proxy], verbs: [get] }
- { apiGroups: [custom.metrics.k8s.io, external.metrics.k8s.io], resources: ["*"], verbs: [get, list] }
{{- end }}
{{- end -}}

{{/* What checks that create objects may do, in their own namespace only. */}}
{{- define "assay.checkWrites" -}}
- { apiGroups: [""], resources: [pods], verbs: [get, list, watch, create, delete] }
- { apiGroups: [""], resources: [pods/log], verbs: [get] }
- { apiGroups: [""], resources: [events], verbs: [get, list, watch] }
- { apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, create, delete] }
- { apiGroups: [batch], resources: [jobs], verbs: [get, list, watch, create, delete] }
- { apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [resource.k8s.io], resources: [resourceclaims, resourceclaimtemplates], verbs: [get, list, watch, create, delete] }
- { apiGroups: [resource.nvidia.com], resources: [computedomains], verbs: [get, list, watch, create, delete] }
- { apiGroups: [scheduling.run.ai], resources: [podgroups], verbs: [get, list, watch, create, delete] }
- { apiGroups: [nvidia.com], resources: [dynamographdeployments], verbs: [get, list, watch, create, delete] }
- { apiGroups: [trainer.kubeflow.org], resources: [trainjobs, trainingruntimes], verbs: [get, list, watch, create, delete] }
{{- end -}}
