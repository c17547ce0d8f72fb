"""What is checked of a run before anything of it starts: the first task of each pipeline, and the command before it.

The task is ``python3 -m pipelines.run_checks`` in the image cpu. It resolves the hardware profile, which the tasks
behind it take their resources and images from, and fails with exit code 2 and one message where the run could not work.
"""
