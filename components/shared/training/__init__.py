"""What the trainings share: a launch on one machine or several, checkpoints, progress, weights."""
