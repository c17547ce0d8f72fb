"""The method as Kubeflow pipelines, the presets, and the command `scalequest`."""

from components.shared import telemetry

telemetry.turn_off()
