from __future__ import annotations

from tests.helm.objects import find_all, find_one, granted, rights_of
from tests.manifests.tools import Objects


def test_only_a_trainer_lets_steps_start_trainings(rendered: dict[str, Objects]) -> None:
    def groups(name: str) -> set[str]:
        rules = find_one(rendered[name], "Role", "scalequest-step")["rules"]
        return {group for rule in rules for group in rule["apiGroups"]}

    assert groups("default") == {"", "argoproj.io"}
    assert groups("everything") == {"", "argoproj.io", "trainer.kubeflow.org"}


def test_only_people_may_run_steps_as_plain_jobs_and_only_where_that_is_wanted(rendered: dict[str, Objects]) -> None:
    making = {("batch", "jobs", "create"), ("", "configmaps", "create"), ("", "configmaps", "patch")}
    assert making <= granted(rendered["everything"], "data-team")
    assert making <= granted(rendered["everything"], "ci")
    for name, objects in rendered.items():
        for account in ("scalequest", "scalequest-submit", "default-editor"):
            assert not making & granted(objects, account), name
        wanted = ["scalequest-jobs"] if name == "everything" else []
        roles = {each["metadata"]["name"]: each["rules"] for each in find_all(objects, "Role")}
        assert [role for role, rules in roles.items() if making & rights_of(rules)] == wanted
