from pipelines.nested import walk


def test_everything_is_visited_with_its_place() -> None:
    document = {"spec": {"containers": [{"name": "step"}], "paused": False}}
    assert dict(walk(document)) == {
        "": document,
        "spec": document["spec"],
        "spec.containers": [{"name": "step"}],
        "spec.containers[0]": {"name": "step"},
        "spec.containers[0].name": "step",
        "spec.paused": False,
    }
