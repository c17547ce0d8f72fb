import pytest
import yaml

from components.shared.errors import InputError
from components.shared.jobs.job_profiles import profile_of_json
from pipelines.hardware_profiles import PROFILES, profile_names
from pipelines.run_checks.hardware_outputs import AskedBudget, AskedHardware, CheckedHardware, resolve_hardware
from tests.pipelines.run_checks.forms import in_json

FILES = {path.name: path.read_text() for path in PROFILES.glob("*.yaml")}
OWN_IMAGES = {"cpu": "own/cpu:1", "vllm": "own/vllm:1", "train": "own/train:1"}


def resolved(profile: str, gpu_work: str = "job", pods: str = "1") -> CheckedHardware:
    asked = AskedHardware(
        profile=profile, gpu_work=gpu_work, pods=pods, cpu_image="r/cpu", vllm_image="r/vllm", train_image="r/train"
    )
    return resolve_hardware(asked, lambda: FILES)


def test_without_a_profile_the_tasks_get_the_images_of_the_release_and_nothing_of_a_cluster() -> None:
    hardware = resolved("")
    assert (hardware.profile, hardware.inference_gpus, hardware.training_gpus) == ("", "0", "0")
    assert (hardware.inference_image, hardware.training_image) == ("r/vllm", "r/train")


@pytest.mark.parametrize("name", profile_names())
def test_where_jobs_do_the_work_the_tasks_take_no_gpu_and_the_jobs_what_the_profile_says(name: str) -> None:
    hardware = resolved(name)
    of_jobs, own = profile_of_json(hardware.profile), yaml.safe_load(FILES[f"{name}.yaml"])
    assert (hardware.inference_gpus, hardware.training_gpus, hardware.gpu_node_selector) == ("0", "0", {})
    assert (hardware.inference_image, hardware.training_image) == ("r/cpu", "r/cpu")
    assert of_jobs.task("inference").gpus == own["tasks"]["inference"]["gpus"]
    assert of_jobs.placement.node_selector == own["node_selector"]
    assert (hardware.cpu_step_cpu, hardware.cpu_step_memory) == (
        own["tasks"]["cpu"]["cpu"],
        own["tasks"]["cpu"]["memory"],
    )


def test_where_tasks_do_the_work_they_ask_for_what_the_profile_says_once_for_each_process() -> None:
    hardware = resolved("gke-a100-80g", "task", pods="2")
    assert (hardware.profile, hardware.inference_gpus, hardware.inference_cpu) == ("", "2", "22")
    assert (hardware.training_gpus, hardware.training_memory) == ("8", "1100Gi")
    assert (hardware.inference_image, hardware.training_image) == ("r/vllm", "r/train")
    assert hardware.gpu_node_selector == {"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"}


def test_a_profile_in_json_and_one_by_name_are_the_same() -> None:
    assert resolved(in_json("eks-p4d")) == resolved("eks-p4d")


def test_spot_nodes_are_asked_for_by_the_name_of_the_profile() -> None:
    of_jobs = profile_of_json(resolved("eks-p4d-spot").profile)
    assert of_jobs.placement.node_selector["karpenter.sh/capacity-type"] == "spot"


def test_an_entry_that_is_like_another_one_has_its_hardware_and_a_queue_of_its_own() -> None:
    files = FILES | {"default.yaml": "like: eks-p4d-spot\nqueue: gpu\n"}
    asked = AskedHardware(profile="default", gpu_work="job", pods="1", cpu_image="c", vllm_image="v", train_image="t")
    of_jobs = profile_of_json(resolve_hardware(asked, lambda: files).profile)
    assert (of_jobs.placement, of_jobs.queue) == (profile_of_json(resolved("eks-p4d-spot").profile).placement, "gpu")


def test_the_price_of_a_gpu_goes_to_the_jobs_where_the_profile_or_an_entry_that_is_like_it_says_one() -> None:
    assert profile_of_json(resolved("gke-a100-80g").profile).price_per_gpu_hour is None
    assert profile_of_json(resolved(in_json("gke-a100-80g", price_per_gpu_hour=3)).profile).price_per_gpu_hour == 3.0
    files = FILES | {"default.yaml": "like: eks-p4d-spot\nprice_per_gpu_hour: 1.5\n"}
    asked = AskedHardware(profile="default", gpu_work="job", pods="1", cpu_image="c", vllm_image="v", train_image="t")
    assert profile_of_json(resolve_hardware(asked, lambda: files).profile).price_per_gpu_hour == 1.5


def test_an_entry_that_is_like_itself_or_like_none_is_refused() -> None:
    asked = AskedHardware(profile="default", gpu_work="job", pods="1", cpu_image="c", vllm_image="v", train_image="t")
    for like in ("default", "nothing"):
        with pytest.raises(InputError, match=f"profile '{like}' is unknown; the ConfigMap scalequest-profiles has"):
            resolve_hardware(asked, lambda text=f"like: {like}": FILES | {"default.yaml": text})  # type: ignore[misc]


def test_images_queue_and_nodes_of_a_training_come_from_the_profile() -> None:
    text = in_json("gke-a100-80g", images=OWN_IMAGES, queue="gpu", priority_class="low", training_nodes=2)
    hardware, of_jobs = resolved(text), profile_of_json(resolved(text).profile)
    assert (hardware.inference_image, hardware.training_image) == ("own/cpu:1", "own/cpu:1")
    assert (of_jobs.images, of_jobs.queue, of_jobs.priority_class) == (OWN_IMAGES, "gpu", "low")
    assert hardware.training_nodes == 2
    as_task = resolved(text, "task")
    assert (as_task.inference_image, as_task.training_image) == ("own/vllm:1", "own/train:1")
    assert as_task.training_gpus == "0"  # the task only follows the TrainJob


@pytest.mark.parametrize(
    ("profile", "gpu_work", "message"),
    [
        ("gke-h100", "job", "profile 'gke-h100' is unknown; the ConfigMap scalequest-profiles has eks-p4d, "),
        ("local-spot", "job", "profile local-spot: local has no spot nodes; leave -spot out"),
        ("{nonsense", "job", "is no JSON"),
        ("{}", "job", "profile in JSON has no task 'inference'; it has none: add inference to its tasks"),
        (in_json("local", training_nodes=0.5), "job", "training_nodes is 0.5; expected a whole number, at least 1"),
        (
            in_json("local", price_per_gpu_hour="2 $"),
            "job",
            "price_per_gpu_hour is '2 \\$'; expected US dollars for one",
        ),
        (in_json("local", price_per_gpu_hour=-1), "job", "price_per_gpu_hour is -1; expected US dollars for one GPU"),
        (in_json("local", images={"gpu": "x"}), "job", "images names gpu; expected any of cpu, vllm, train"),
        (in_json("local", accelerator="amd.com/gpu"), "job", "Jobs ask for nvidia.com/gpu; only the steps' own pods"),
        (in_json("local", node_selector={"pool": 1}), "job", "gpu_node_selector.pool: 1 is not text"),
        (in_json("local", tasks={"inference": {"gpus": "1"}}), "job", "its task inference lacks cpu, memory"),
    ],
)
def test_a_profile_that_is_none_is_refused(profile: str, gpu_work: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolved(profile, gpu_work)


def test_a_quantity_that_kubernetes_does_not_read_is_refused() -> None:
    tasks = yaml.safe_load(FILES["local.yaml"])["tasks"]
    with pytest.raises(InputError, match="inference_memory: '8 GB' is not a quantity"):
        resolved(in_json("local", tasks=tasks | {"inference": tasks["inference"] | {"memory": "8 GB"}}))


def budgeted(profile: str, **asked: float) -> tuple[float, float]:
    hardware = resolve_hardware(
        AskedHardware(
            profile=profile, gpu_work="job", pods="1", cpu_image="c", vllm_image="v", train_image="t",
            budget=AskedBudget(**asked),
        ),
        lambda: FILES,
    )  # fmt: skip
    return hardware.gpu_hours_limit, hardware.gpu_hour_price


def test_money_and_gpu_hours_are_one_limit_the_lower_one() -> None:
    assert budgeted("") == (0.0, 0.0)
    assert budgeted("", max_gpu_hours=50) == (50, 0)
    assert budgeted("", max_cost=100, price_per_gpu_hour=2.5) == (40, 2.5)
    assert budgeted("", max_cost=100, price_per_gpu_hour=2.5, max_gpu_hours=50) == (40, 2.5)
    assert budgeted("", max_cost=100, price_per_gpu_hour=2.5, max_gpu_hours=30) == (30, 2.5)


def test_the_price_is_the_runs_own_before_the_profiles() -> None:
    priced = in_json("gke-a100-80g", price_per_gpu_hour=4.0)
    assert budgeted(priced, max_cost=100) == (25, 4)
    assert budgeted(priced, max_cost=100, price_per_gpu_hour=2.0) == (50, 2)


def test_a_budget_in_money_without_a_price_is_refused_with_what_to_give() -> None:
    with pytest.raises(InputError, match=r"max_cost 100 needs the price .* give price_per_gpu_hour, or max_gpu_hours"):
        budgeted("gke-a100-80g", max_cost=100)
