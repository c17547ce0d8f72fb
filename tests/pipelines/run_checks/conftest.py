"""What the tests of the checks share with those of the cluster's commands: a Kubernetes API, and no other one."""

from tests.pipelines.cluster.conftest import cluster, no_hub, no_other_cluster, server

__all__ = ["cluster", "no_hub", "no_other_cluster", "server"]
