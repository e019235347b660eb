#!/bin/bash
# Joins the groups whose folders stand in FILE, then makes a node's namespaces around node.sh.
# Called as: enter-node.sh FILE NODE_SH ARGUMENT...
set -euo pipefail
while read -r group; do echo $$ >"$group/cgroup.procs"; done <"$1"
shift
exec unshare --mount --net --uts --ipc --pid --cgroup --fork --kill-child --mount-proc bash "$@"
