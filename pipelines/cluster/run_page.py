"""Where a person sees a run: in Kubeflow's web UI, whose address often differs from its API's."""

from __future__ import annotations

import os

import kfp
import urllib3
from kfp.client.client import KF_PIPELINES_UI_ENDPOINT_ENV

from pipelines.cluster.kubeflow_api import OWN_NAMESPACE

SECONDS_TO_ANSWER = 5.0


def run_page(client: kfp.Client, run_id: str) -> str:
    """Return the address of a run's page; where it cannot be known, how to get there.

    kfp's own variable for the page's address goes first. Else the API's address is tried: behind a gateway, and in a
    port-forward of ml-pipeline-ui, the page stands there as well; in one of ml-pipeline it does not.
    """
    address, place = client._get_url_prefix().rstrip("/"), f"#/runs/details/{run_id}"
    if os.environ.get(KF_PIPELINES_UI_ENDPOINT_ENV) or _is_a_page(address):
        return f"{address}/{place}"
    return (
        f"its web UI: kubectl port-forward --namespace {OWN_NAMESPACE} service/ml-pipeline-ui 8080:80, then "
        f"http://localhost:8080/{place} (or set {KF_PIPELINES_UI_ENDPOINT_ENV} to the UI's address)"
    )


def _is_a_page(address: str) -> bool:
    if not address.startswith("http"):
        return False  # in a pod: the client knows a path only
    try:
        answer = urllib3.request("GET", f"{address}/", timeout=SECONDS_TO_ANSWER, retries=urllib3.Retry(0, redirect=5))
    except urllib3.exceptions.HTTPError:
        return True  # the API did answer there: it is a gateway whose certificate only kfp's client was told of
    return answer.headers.get("Content-Type", "").startswith("text/html")
