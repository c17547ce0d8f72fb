import pytest

from benchmarks.quality.leaks import WAYS, main
from components.shared.texts.leaks import planted_leaks


def test_decontaminate_finds_more_of_what_is_planted_than_runs_of_words_as_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["leaks"])
    main()
    table = capsys.readouterr().out
    assert len(table.splitlines()) == 2 + len(WAYS)
    planted = planted_leaks()
    finds = {name: way([line["question"] for line in planted]) for name, way in WAYS.items()}
    found = {
        name: [sum(way(line[kind]) for line in planted) for kind in ("copy", "rewording")]
        for name, way in finds.items()
    }
    ours, plain = found["decontaminate"], found["8 words as written"]
    assert ours[0] >= 0.99 * len(planted)
    assert ours[1] >= 0.8 * len(planted)
    assert plain[0] < ours[0]
    assert plain[1] < 0.2 * len(planted)
