"""The figure as Kubeflow pipelines, presets, and the command `scalequest`."""

import components  # noqa: F401 -- first of all, as in each step's process: it turns telemetry off
