"""A step as a command: options, exit codes, and what Kubeflow tells it and is told."""
