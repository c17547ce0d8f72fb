import dataclasses

import pytest

from components.shared.errors import InputError
from pipelines.arguments import prepare_run
from pipelines.parameters import Common
from pipelines.secret_names import ACCEPTED


def test_each_parameter_that_names_a_secret_is_checked() -> None:
    assert set(ACCEPTED) == {field.name for field in dataclasses.fields(Common) if field.name.endswith("_secret")}


@pytest.mark.parametrize(
    "setting",
    [
        "store_secret=",
        "store_secret=a.b",  # Kubeflow makes a volume of this name
        "store_secret=A",
        "store_secret=-a",
        "store_secret=a_b",
        "store_secret=a\n",
        f"store_secret={'a' * 64}",
        "hub_secret=",
        "hub_secret=a..b",
        "hub_secret=a.-b",
        "hub_secret=Token",
        f"hub_secret={'a' * 254}",
        "rewriter_secret=",
        "rewriter_secret=key/1",
    ],
)
def test_a_name_that_no_pod_could_have_is_refused_before_anything_is_started(setting: str, tmp_path: object) -> None:
    name, _, value = setting.partition("=")
    with pytest.raises(InputError, match=f"^{name} ") as refused:
        prepare_run("smoke", [setting], str(tmp_path))
    assert repr(value) in str(refused.value)
    assert "; expected 1 to " in str(refused.value)


@pytest.mark.parametrize(
    "setting",
    [
        "store_secret=minio",
        "store_secret=0",
        f"store_secret={'a' * 63}",
        "hub_secret=a.b-c.d",
        f"hub_secret={'a' * 253}",
    ],
)
def test_what_kubernetes_takes_is_accepted(setting: str, tmp_path: object) -> None:
    name, _, value = setting.partition("=")
    assert prepare_run("smoke", [setting], str(tmp_path)).arguments[name] == value
