"""The figure as Kubeflow pipelines, presets, and the command `scalequest`."""

from components.shared import telemetry

telemetry.turn_off()
