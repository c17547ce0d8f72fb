#!/bin/sh
# Node pools with eight A100s per node that start empty. No test runs this: it needs a project with quota.
#   PROJECT=my-project CLUSTER=my-cluster LOCATION=us-central1-a sh node-pools.sh on-demand|spot|dws
set -eu
MACHINE=${MACHINE:-a2-ultragpu-8g}
GPU=${GPU:-nvidia-a100-80gb} # nvidia-tesla-a100 with MACHINE=a2-highgpu-8g
case "${1:-}" in
  on-demand) set -- scalequest-a100 ;;
  spot) set -- scalequest-a100-spot --spot --node-taints=cloud.google.com/gke-spot=true:NoSchedule ;;
  # Dynamic Workload Scheduler: all nodes of a Job at once, as soon as they are available in any zone (dws.yaml beside this
  # file). Queued nodes cannot come from a reservation and are not repaired: they live for one Job.
  dws) set -- scalequest-a100-dws --flex-start --enable-queued-provisioning --reservation-affinity=none \
         --location-policy=ANY --no-enable-autorepair ;;
  *) echo "usage: node-pools.sh on-demand|spot|dws" >&2; exit 2 ;;
esac
exec gcloud container node-pools create "$@" \
  --project="$PROJECT" --cluster="$CLUSTER" --location="$LOCATION" \
  --machine-type="$MACHINE" --accelerator="type=$GPU,count=8,gpu-driver-version=latest" \
  --ephemeral-storage-local-ssd=count=8 --enable-autoscaling --num-nodes=0 --total-max-nodes=2 \
  --workload-metadata=GKE_METADATA
