#!/bin/bash
# First process of one node, in mount, network, process, host-name, IPC and cgroup namespaces of its own: when it ends, everything
# in them ends. It mounts what a node sees as its own, brings up its network and keeps the programs of service/ running.
# Called as: node.sh FOLDER INDEX ADDRESS GATEWAY BIN API_READY [NETWORK=GATEWAY ...]
set -euo pipefail
folder=$1 index=$2 address=$3 gateway=$4 bin=$5 api_ready=$6
shift 6

hostname "node-$index"
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind "$folder/varlog" /var/log
mount --bind "$folder/varlib" /var/lib
mount --bind "$folder/resolv.conf" /etc/resolv.conf
mount -t sysfs sysfs /sys
if [ -d "$folder/etcd" ]; then mount -t tmpfs -o mode=700 tmpfs "$folder/etcd"; fi

# The kubelet writes these for the whole machine unless it reads what it wants.
wanted() {
  local file=/run/wanted.${1//\//.}
  echo "$2" >"$file"
  mount --bind "$file" "/proc/sys/$1"
}
wanted vm/overcommit_memory 1
wanted vm/panic_on_oom 0
wanted kernel/panic 10
wanted kernel/panic_on_oops 1
wanted kernel/keys/root_maxkeys 1000000
wanted kernel/keys/root_maxbytes 25000000

# Cgroups, with this node's own group as the root of what it sees.
if [ "$(stat -fc %T /sys/fs/cgroup 2>/dev/null)" = cgroup2fs ] || ! grep -q '^[1-9]' /proc/self/cgroup; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir /sys/fs/cgroup/first
  echo $$ >/sys/fs/cgroup/first/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control; done
else
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  while IFS=: read -r _ controllers _; do
    if [ -z "$controllers" ]; then continue; fi
    at=/sys/fs/cgroup/${controllers#name=} options=$controllers
    if [ "$controllers" != "${controllers#name=}" ]; then options=none,$controllers; fi
    mkdir "$at"
    mount -t cgroup -o "$options" cgroup "$at"
  done </proc/self/cgroup
fi

until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip addr add "$address/24" dev eth0
ip link set eth0 up
ip route add default via "$gateway"
for route in "$@"; do ip route add "${route%=*}" via "${route#*=}"; done
echo 1 >/proc/sys/net/ipv4/ip_forward

# File names say order and name: 10-containerd, 20-proxy.after-api.
export PATH=$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
keep() {
  local name
  name=$(basename "$1" .after-api)
  case $1 in *.after-api) until [ -e "$api_ready" ]; do sleep 0.05; done ;; esac
  while :; do
    "$1" >>"$folder/log/${name#*-}.log" 2>&1 || true
    echo "[ended]" >>"$folder/log/${name#*-}.log"
    sleep 1
  done
}
for service in "$folder"/service/*; do keep "$service" & done
wait
