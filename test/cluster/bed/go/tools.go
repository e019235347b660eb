//go:build tools

// Package tools names the programs that are built from other modules as they are.
package tools

import (
	_ "helm.sh/helm/v4/cmd/helm"
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
