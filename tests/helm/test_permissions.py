from __future__ import annotations

from pipelines.cluster import kubernetes_checks, trainer_checks
from pipelines.cluster.account_rights import OF_EVERY_STEP, OF_JOBS
from tests.helm.objects import find_all, find_one, granted, rights_of
from tests.manifests.tools import CHART, Objects, Tools


def test_only_a_trainer_lets_steps_start_trainings(rendered: dict[str, Objects]) -> None:
    def groups(name: str) -> set[str]:
        rules = find_one(rendered[name], "Role", "scalequest-step")["rules"]
        return {group for rule in rules for group in rule["apiGroups"]}

    of_jobs = {"", "argoproj.io", "batch", "kueue.x-k8s.io"}
    assert groups("default") == of_jobs
    assert groups("everything") == {*of_jobs, "trainer.kubeflow.org"}


def test_the_steps_account_may_make_and_follow_jobs_only_where_gpu_work_is_a_job(tools: Tools) -> None:
    needed = {("batch", "jobs", verb) for verb in ("create", "get", "list", "watch", "patch", "delete")}
    needed |= {("", "pods/log", "get"), ("", "events", "list"), ("kueue.x-k8s.io", "workloads", "list")}
    by_value = {value: tools.render(gpuWork=value).objects for value in ("job", "task")}
    assert needed <= granted(by_value["job"], "scalequest")
    assert not needed & granted(by_value["task"], "scalequest")


def test_the_task_that_checks_a_run_may_read_the_profiles_and_the_queue_and_no_other_configuration(
    tools: Tools,
) -> None:
    for objects in (tools.render(gpuWork=value).objects for value in ("job", "task")):
        rules = find_one(objects, "Role", "scalequest-step")["rules"]
        profiles = [rule for rule in rules if rule.get("resourceNames") == ["scalequest-profiles"]]
        assert profiles == [
            {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["scalequest-profiles"], "verbs": ["get"]}
        ]
        assert ("kueue.x-k8s.io", "localqueues", "get") in granted(objects, "scalequest")


def test_another_account_may_have_the_rights_of_a_run_where_that_is_wanted(tools: Tools) -> None:
    none = tools.render().objects
    bound = tools.render(serviceAccount__alsoBind=["pipeline-runner"]).objects
    assert not granted(none, "pipeline-runner")
    assert granted(bound, "pipeline-runner") == granted(bound, "scalequest") != set()


def test_the_steps_account_may_do_what_the_doctor_asks_about(rendered: dict[str, Objects]) -> None:
    wanted = {(group, resource, verb) for verb, group, resource, _ in (*OF_EVERY_STEP, *OF_JOBS)}
    assert wanted <= granted(rendered["default"], "scalequest")


def test_the_steps_account_reads_no_secret_but_the_one_of_the_pipelines_own_store(
    rendered: dict[str, Objects], tools: Tools
) -> None:
    own = {"local-example": "mlpipeline-minio-artifact", "existing-account": "mlpipeline-minio-artifact"}
    example = tools.render(CHART / "examples/local.yaml").objects
    for name, objects in {**rendered, "local-example": example}.items():
        rules = [rule for role in find_all(objects, "Role") for rule in role["rules"] if "secrets" in rule["resources"]]
        wanted = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [own.get(name)], "verbs": ["get"]}
        assert rules == ([wanted] if name in own else []), name


def test_whoever_submits_may_ask_what_the_doctor_asks(rendered: dict[str, Objects]) -> None:
    asked = {(group, resource, verb) for verb, group, resource, _ in kubernetes_checks.NEEDED}
    asked |= {("", "configmaps", "get"), ("authorization.k8s.io", "localsubjectaccessreviews", "create")}
    assert asked <= granted(rendered["everything"], "data-team")
    assert not {("", "secrets", "get"), ("", "pods", "create")} & granted(rendered["everything"], "data-team")


def test_a_trainer_grants_what_the_doctor_asks_for(rendered: dict[str, Objects]) -> None:
    of_steps, of_people = (granted(rendered["everything"], who) for who in ("scalequest", "data-team"))
    assert {(group, resource, verb) for verb, group, resource, _ in trainer_checks.NEEDED} <= of_steps
    trainjobs = {("trainer.kubeflow.org", "trainjobs", verb) for verb in ("get", "list", "watch", "delete")}
    assert trainjobs | {("trainer.kubeflow.org", "trainingruntimes", "get")} <= of_people
    assert not trainjobs & rights_of(find_one(rendered["default"], "Role", "scalequest-submit")["rules"])


def test_whoever_submits_may_see_scale_and_stop_the_jobs_of_a_run_but_make_none(rendered: dict[str, Objects]) -> None:
    rights = rights_of(find_one(rendered["default"], "Role", "scalequest-submit")["rules"])
    verbs = {verb for group, resource, verb in rights if (group, resource) == ("batch", "jobs")}
    assert verbs == {"get", "list", "watch", "patch", "delete"}


def test_only_people_may_run_steps_as_plain_jobs_and_only_where_that_is_wanted(rendered: dict[str, Objects]) -> None:
    making = {("", "configmaps", "create"), ("", "configmaps", "patch")}  # runs' own Jobs have no ConfigMap
    assert {*making, ("batch", "jobs", "create")} <= granted(rendered["everything"], "data-team")
    assert making <= granted(rendered["everything"], "ci")
    role = rights_of(find_one(rendered["everything"], "Role", "scalequest-jobs")["rules"])
    seen = {("", "pods"), ("", "pods/log"), ("", "events"), ("kueue.x-k8s.io", "workloads")}
    assert {(*resource, verb) for resource in seen for verb in ("get", "list", "watch")} <= role
    for name, objects in rendered.items():
        for account in ("scalequest", "scalequest-submit", "default-editor"):
            assert not making & granted(objects, account), name
        wanted = ["scalequest-jobs"] if name == "everything" else []
        roles = {each["metadata"]["name"]: each["rules"] for each in find_all(objects, "Role")}
        assert [role for role, rules in roles.items() if making & rights_of(rules)] == wanted
