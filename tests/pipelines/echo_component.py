"""The Kubeflow component of echo_step."""

from kfp import dsl


@dsl.container_component
def echo(
    folder: dsl.OutputPath(str),  # type: ignore[valid-type]
    name: str,
    inputs: str = "",
    shard: int = 0,
    fail_with: int = 0,
    fates: str = "",
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image="scalequest/cpu:test",
        command=["python3", "-m", "tests.pipelines.echo_step"],
        args=["--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER],
    )
