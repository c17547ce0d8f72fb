"""Where Kubeflow Pipelines is installed: the Deployment of its API server has its version and its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared.kubernetes_api import TIMEOUT
from pipelines.cluster.kubeflow_api import OWN_NAMESPACE

DEPLOYMENT, CONTAINER = "ml-pipeline", "ml-pipeline-api-server"


@dataclass(frozen=True)
class Home:
    """The API server, as the cluster runs it."""

    namespace: str
    container: client.V1Container

    @property
    def image_tag(self) -> str:
        """The tag of its image; empty where it is named by digest alone."""
        found = re.search(r":([\w.-]+)(@|$)", self.container.image.rsplit("/", 1)[-1])
        return found[1] if found and "@sha256:" not in found[0] else ""

    def setting(self, variable: str) -> str:
        """Return a variable of its environment, where that comes from a ConfigMap, too; empty where it is not set."""
        for each in self.container.env or ():
            if each.name != variable:
                continue
            source = each.value_from.config_map_key_ref if each.value_from else None
            return self._key_of(source.name, source.key) if source else each.value or ""
        return ""

    def _key_of(self, config_map: str, key: str) -> str:
        api = client.CoreV1Api()
        found = api.read_namespaced_config_map(config_map, self.namespace, _request_timeout=TIMEOUT)
        return (found.data or {}).get(key, "")


def find_home(namespace: str) -> Home | None:
    """Return where it is: its own namespace, or that of the runs, where it has a single user; None if in neither.

    ApiException where one of them may not be looked at, and it is not in the other.
    """
    refusal = None
    for place in dict.fromkeys((OWN_NAMESPACE, namespace)):
        try:
            found = client.AppsV1Api().read_namespaced_deployment(DEPLOYMENT, place, _request_timeout=TIMEOUT)
        except ApiException as error:
            if error.status != 404:
                refusal = error
            continue
        containers = {each.name: each for each in found.spec.template.spec.containers}
        return Home(place, containers.get(CONTAINER) or next(iter(containers.values())))
    if refusal:
        raise refusal
    return None
