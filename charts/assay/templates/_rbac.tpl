{{/* What cluster checks read: objects of operators and their workloads, in every namespace. */}}
{{- define "assay.checkReads" -}}
- { apiGroups: [""], resources: [namespaces, pods, services, endpoints, configmaps, persistentvolumeclaims, serviceaccounts], verbs: [get, list] }
- { apiGroups: [""], resources: [services/proxy], verbs: [get] }
- { apiGroups: [apps], resources: [deployments, daemonsets, statefulsets, replicasets], verbs: [get, list] }
- { apiGroups: [batch], resources: [jobs, cronjobs], verbs: [get, list] }
- { apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, list] }
- { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list] }
- { apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list] }
- { apiGroups: [apiregistration.k8s.io], resources: [apiservices], verbs: [get, list] }
- { apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations], verbs: [get, list] }
- { apiGroups: [node.k8s.io], resources: [runtimeclasses], verbs: [get, list] }
- { apiGroups: [scheduling.k8s.io], resources: [priorityclasses], verbs: [get, list] }
- { apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list] }
- { apiGroups: [resource.k8s.io], resources: [deviceclasses, resourceslices, resourceclaims, resourceclaimtemplates], verbs: [get, list] }
- { apiGroups: [gateway.networking.k8s.io], resources: [gatewayclasses, gateways], verbs: [get, list] }
- { apiGroups: [nvidia.com, resource.nvidia.com, mellanox.com, amd.com], resources: ["*"], verbs: [get, list] }
- { apiGroups: [scheduling.run.ai, trainer.kubeflow.org, karpenter.sh, skyhook.nvidia.com], resources: ["*"], verbs: [get, list] }
- { apiGroups: [custom.metrics.k8s.io, external.metrics.k8s.io, metrics.k8s.io], resources: ["*"], verbs: [get, list] }
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
