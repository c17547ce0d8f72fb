from __future__ import annotations

import dataclasses
import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.import_questions.source import SourceRow
from components.import_questions.source_files import SourceFile
from components.import_questions.table_source import Columns, TableSource, _metadata, answer_behind
from components.shared.errors import InputError

RECORDS = [{"question": "What is 2+2?", "answer": "2+2=4\n#### 4"}, {"question": "What is π, about?", "answer": "3.14"}]


def open_table(path: Path, *, limit: int = 0, **columns: str) -> TableSource:
    return TableSource(
        files=[SourceFile(uri=str(path), shown_as=path.name)],
        shown_as=path.name,
        columns=Columns(**{"question": "question", "answer": "answer", **columns}),
        read_answer=answer_behind("####"),
        origin="given",
        limit=limit,
    )


def write_text(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def write_jsonl(folder: Path, *records: Any) -> Path:
    return write_text(folder, "rows.jsonl", "".join(json.dumps(record) + "\n" for record in records))


def write_table(folder: Path, suffix: str) -> Path:
    """Write RECORDS in the format that ``suffix`` names."""
    if suffix == ".jsonl":
        return write_jsonl(folder, *RECORDS)
    if suffix == ".json":
        return write_text(folder, "rows.json", json.dumps(RECORDS))
    if suffix == ".csv":
        return write_text(
            folder, "rows.csv", '\ufeffquestion,answer\nWhat is 2+2?,"2+2=4\n#### 4"\n"What is π, about?",3.14\n'
        )
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(RECORDS), path)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    table = open_table(write_table(tmp_path, suffix))
    assert table.count() == 2
    assert list(table.rows()) == [
        SourceRow(question="What is 2+2?", answer="4", solution="2+2=4\n#### 4", origin="given"),
        SourceRow(question="What is π, about?", answer="3.14", solution="3.14", origin="given"),
    ]


@pytest.mark.parametrize(
    ("answer", "read"),
    [("['168']", "168"), ('["a", "b"]', "a, b"), ("['x", "['x"), (["168"], "168"), ("[1, 2]", "[1, 2]")],
)
def test_a_list_of_answers_is_read_also_where_a_table_wrote_it_as_text(
    tmp_path: Path, answer: str | list[str], read: str
) -> None:
    (row,) = open_table(write_jsonl(tmp_path, {"question": "a", "answer": answer})).rows()
    assert row.answer == read


@pytest.mark.parametrize(
    "text",
    [f"['a', {'-' * 9000}1]", f"['a', {'1+' * 4900}1]", f"['a', {'(' * 9000}1]", f"['{'a' * 10_000}']"],
    ids=["signs", "sums", "brackets", "length"],
)
def test_a_text_that_is_nested_too_deeply_or_too_long_for_a_list_is_a_text(tmp_path: Path, text: str) -> None:
    (row,) = open_table(write_jsonl(tmp_path, {"question": "a", "answer": text})).rows()
    assert row.solution == text


def test_columns_are_named_by_options(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, {"problem": "What is 1+1?", "solution": "It is 2.", "topic": "Sums", "grade": 5})
    table = open_table(path, question="problem", answer="", subject="topic", level="grade")
    assert list(table.rows()) == [SourceRow(question="What is 1+1?", origin="given", subject="Sums", level="5")]


def test_other_columns_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    others = {"id": 17, "tags": ["a", {"b": float("nan")}], "π": "ü"}
    path = write_jsonl(tmp_path, {"question": "What is 1+1?", **others}, {"question": "And 2+2?"})
    table = dataclasses.replace(open_table(path, answer=""), keep_columns=True)
    first, second = (row.metadata for row in table.rows())
    assert json.loads(first) == {"id": 17, "tags": ["a", {"b": None}], "π": "ü"}
    assert second == ""
    assert [row.metadata for row in open_table(path, answer="").rows()] == ["", ""]


@pytest.mark.parametrize(
    ("others", "kept"),
    [
        ({"x\ud800": "y"}, {"x\ufffd": "y"}),
        ({"x": {"\udc00": ["\ud83d", 1]}}, {"x": {"\ufffd": ["\ufffd", 1]}}),
        ({"x": "\ud83d\ude00 π"}, {"x": "😀 π"}),
    ],
    ids=["a name", "inside", "a whole pair"],
)
def test_kept_columns_hold_no_half_of_a_surrogate_pair(
    tmp_path: Path, others: dict[str, Any], kept: dict[str, Any]
) -> None:
    table = dataclasses.replace(open_table(write_jsonl(tmp_path, {"question": "a", **others}), answer=""))
    (row,) = dataclasses.replace(table, keep_columns=True).rows()
    row.metadata.encode()
    assert json.loads(row.metadata) == kept


def test_tuples_are_kept_as_lists_without_nan_and_halves_of_pairs() -> None:
    kept = _metadata({"question": "a", "pair": ("\ud800", float("nan"), ("b",))}, but_not=["question"])
    assert json.loads(kept) == {"pair": ["\ufffd", None, ["b"]]}


def test_a_column_of_another_kind_is_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    when = datetime.date(2026, 11, 30)
    pq.write_table(pa.table({"question": ["What is 1+1?"], "answer": ["2"], "when": [when]}), path)
    (row,) = dataclasses.replace(open_table(path), keep_columns=True).rows()
    assert json.loads(row.metadata) == {"answer": "2", "when": "2026-11-30"}


@pytest.mark.parametrize(
    ("record", "columns", "question", "answer"),
    [
        (
            {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "What?"},
                          {"role": "assistant", "content": r"So \boxed{4}."}]},
            {"question": "messages", "answer": "messages"}, "What?", "4",
        ),
        (
            {"conversations": [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "#### 5"}]},
            {"question": "conversations", "answer": "conversations"}, "What?", "5",
        ),
        (
            {"prompt": [{"role": "user", "content": [{"type": "text", "text": "What?"}]}],
             "reward_model": {"style": "rule", "ground_truth": "6"}},
            {"question": "prompt", "answer": "reward_model.ground_truth"}, "What?", "6",
        ),
        ({"a.b": "What?", "a": {"b": "other"}, "answer": ["7"]}, {"question": "a.b"}, "What?", "7"),
        (
            {"prompt": json.dumps([{"role": "user", "content": "What?"}]), "answer": "8"},
            {"question": "prompt"}, "What?", "8",
        ),
        ({"prompt": "[{'role': 'user', 'content': 'What?'}]", "answer": 9.0}, {"question": "prompt"}, "What?", "9"),
        ({"Body": "Tom has 2.", "Question": "And 3 more?", "Answer": 5.0},
         {"question": "Body+Question", "answer": "Answer"}, "Tom has 2.\n\nAnd 3 more?", "5"),
        ({"instruction": "Add.", "input": "2, 3", "output": "5"},
         {"question": "instruction+input", "answer": "output"}, "Add.\n\n2, 3", "5"),
        ({"instruction": "What?", "input": "", "output": "5"},
         {"question": "instruction+input", "answer": "output"}, "What?", "5"),
        ({"a+b": "What?", "answer": "5"}, {"question": "a+b"}, "What?", "5"),
        ({"question": "Smile \ud83d at 3 + 5.", "answer": "8"}, {}, "Smile \ufffd at 3 + 5.", "8"),
    ],
    ids=["messages", "ShareGPT", "verl", "a name with a dot", "turns as JSON", "turns as Python", "SVAMP", "Alpaca",
         "Alpaca without input", "a name with a plus", "half a surrogate pair"],
)  # fmt: skip
def test_questions_and_answers_stand_where_trainers_put_them(
    tmp_path: Path, record: dict[str, Any], columns: dict[str, str], question: str, answer: str
) -> None:
    path = write_jsonl(tmp_path, record)
    table = dataclasses.replace(open_table(path, limit=0, **columns), keep_columns=True)
    (row,) = table.rows()
    assert (row.question, row.answer) == (question, answer)
    row.metadata.encode()  # which half a pair would refuse


def test_a_response_of_a_conversation_is_the_first_reply(tmp_path: Path) -> None:
    turns = [{"role": role, "content": text} for role, text in (("user", "Q1"), ("assistant", "R1"), ("user", "Q2"))]
    table = open_table(write_jsonl(tmp_path, {"messages": turns}), question="messages", answer="", response="messages")
    assert [(row.question, row.response) for row in table.rows()] == [("Q1", "R1")]


@pytest.mark.parametrize(
    ("roles", "reply"),
    [
        (["user", "assistant: ", "tool: 4", "assistant: R"], "R"),
        (["user", "assistant: ", "user: again", "assistant: R"], ""),
    ],
)
def test_a_call_of_a_tool_is_no_reply_and_that_to_another_question_none(
    tmp_path: Path, roles: list[str], reply: str
) -> None:
    turns = [{"role": who, "content": what or None} for who, _, what in (turn.partition(": ") for turn in roles)]
    turns[0]["content"] = "Q"
    table = open_table(write_jsonl(tmp_path, {"messages": turns}), question="messages", answer="", response="messages")
    assert [(row.question, row.response) for row in table.rows()] == [("Q", reply)]


def test_a_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, {"question": "Q", "reward_model": {"style": "rule"}})
    with pytest.raises(InputError, match=r"no column 'reward_model.ground_truth' .*; found: reward_model.style"):
        open_table(path, answer="reward_model.ground_truth").count()


def test_the_final_answer_of_a_whole_solution_is_what_stands_in_its_last_box(tmp_path: Path) -> None:
    solution = r"We get $\boxed{1}$ at first, but $\frac{1}{2}$ each time, so $\boxed{\frac{1}{2}}$."
    path = write_jsonl(tmp_path, {"problem": "How much?", "solution": solution})
    table = open_table(path, question="problem", answer="solution")
    assert [row.answer for row in table.rows()] == [r"\frac{1}{2}"]


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (r"We get $x=\boxed 2$.", "2"),
        (r"Adding up gives $\boxed7$ in all.", "7"),
        ("The first 9 odd numbers add up to 9 squared, which was to be found.", ""),
        (r"Thus \boxed{\frac{1}{2}", ""),
        ("First we add 3 and 4, then we halve the sum.", ""),
        ("3*4=12\n12+5=17\n17-1=16", ""),
        (float("nan"), ""),
        (float("inf"), ""),
        ("NaN", ""),
        ("-inf", ""),
        ("NaT", ""),
        ("#N/A", ""),
        ("???", ""),
        ("[]", ""),
        ("Proof: by induction.", ""),
        ("See the solution above.", ""),
        ("Step 1: add 2 and 3 to get 5. So the answer is 5.", "5"),
        ("Step 1: double 4. Step 2: halve 8", ""),
        ("We argue by induction on the sides.", ""),
        ("This follows at once. QED", ""),
        ("Let n be even", ""),
        (14.0, "14"),
        (-2.0, "-2"),
        (2.5, "2.5"),
        (2.5e10, "25000000000"),
        (1e-07, "1e-07"),
        (10**400, "1" + "0" * 400),
        ([1, 2.0], "1, 2"),
        ("2+3=5\n5-1=4", ""),
        ("2 + 3 = <<2+3=5>>5\n5 × 4 = 20", ""),
        (r"$2 \times 3 = 6$" "\n$6 - 1 = 5$", ""),
        ("We have $x+2=5$, so $x=3$.", ""),
        ("x = 3 because 3+2=5", ""),
        ("Yes, because 7 is prime.", ""),
        ("2x = 6, therefore x = 3", ""),
        ("3 + 4 = 7, so 7", ""),
        ("She sells 3 eggs. Then she has 5 left", ""),
        ("-", ""),
        ("--", ""),
        ("–", ""),
        (".", ""),
        ("...", ""),
        ("unknown", ""),
        ("Unknown.", ""),
        ("-5", "-5"),
        (".5", ".5"),
        ("-x", "-x"),
        ("Step 2", "Step 2"),
        ("5 or so", "5 or so"),
        ("5 or so apples", "5 or so apples"),
        ("x = 1\ny = 2", "x = 1\ny = 2"),
        ("2x+3y=5\nx-y=1", "2x+3y=5\nx-y=1"),
        ("2+3=5", "2+3=5"),
        ("Maximum 5. Minimum 2.", "Maximum 5. Minimum 2."),
        ("Alice is a knight. Bob is a knave.", "Alice is a knight. Bob is a knave."),
        (r"$\mathrm{so}(3)$", r"$\mathrm{so}(3)$"),
        ("SO(3)", "SO(3)"),
        ("12 so far", "12 so far"),
        ("3.5 m", "3.5 m"),
        ("3:30 p.m.", "3:30 p.m."),
        (["168"], "168"),
        (["2", "$-3$"], "2, $-3$"),
        ([], ""),
        ([None], ""),
        ([float("nan")], ""),
        ([1, 2], "1, 2"),
        (["1", 2.5], "1, 2.5"),
        (["a", None], "a"),
        ([0], "0"),
        (True, "True"),
        (False, "False"),
        ([{"a": 1}], None),
        ([["1"], ["2"]], None),
        (r"\infty", r"\infty"),
        ("Monday", "Monday"),
        (r"$\min$ at $x=-2/3$, neither at $x=0$", r"$\min$ at $x=-2/3$, neither at $x=0$"),
        ("The function is decreasing on $(0,1)$.", "The function is decreasing on $(0,1)$."),
        (r"\begin{pmatrix}1\\2\\\end{pmatrix}", r"\begin{pmatrix}1\\2\\\end{pmatrix}"),
    ],
)
def test_a_known_answer_is_a_value_never_a_solution_or_what_is_no_number(
    tmp_path: Path, answer: Any, known: str | None
) -> None:
    table = open_table(write_jsonl(tmp_path, {"question": "Q", "answer": answer}))
    if known is None:
        with pytest.raises(InputError, match="expected text"):
            list(table.rows())
    else:
        assert [row.answer for row in table.rows()] == [known]


def test_answers_that_hold_none_are_counted_in_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Any] = ["4", float("nan"), r"Thus \boxed{1", None, ""]
    open_table(write_jsonl(tmp_path, *({"question": "Q", "answer": answer} for answer in answers))).count()
    assert "2 of 5 rows" in caplog.text


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        path = tmp_path / "rows.parquet"
        column = pa.array(["1"])
        pq.write_table(pa.Table.from_arrays([column, column, column], ["question", "answer", "answer"]), path)
    else:
        text = {
            ".csv": "question,answer,answer\nQ,1,2\n",
            ".jsonl": '{"question": "Q", "answer": "1", "answer": "2"}\n',
        }
        path = write_text(tmp_path, f"rows{suffix}", text[suffix])
    with pytest.raises(InputError, match="'answer' is there more than once"):
        list(open_table(path).rows())


def test_numbers_are_answers_and_null_is_an_empty_text(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, {"question": "a", "answer": 42}, {"question": None, "answer": None})
    assert [(row.question, row.answer) for row in open_table(path).rows()] == [("a", "42"), ("", "")]


def test_only_the_first_rows_are_read_where_there_is_a_limit(tmp_path: Path) -> None:
    path = write_text(tmp_path, "rows.jsonl", '{"question": "a", "answer": ""}\nbroken\n')
    assert open_table(path, limit=1).count() == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"question": "a", "answer": "1"}\n\n{"question": \n', r"a\.jsonl:3: broken JSON"),
        (
            "a.jsonl",
            '{"question": "a", "answer": "1"}\n["b"]\n',
            r"a\.jsonl:2: a value of type list; expected an object",
        ),
        ("a.jsonl", '{"text": "a", "id": 1}\n', r"a\.jsonl:1: no column 'question' .*; found: text, id"),
        ("a.jsonl", '{"question": "a"}\n', "no column 'answer' .*--answer-column none"),
        ("a.jsonl", '{"question": 7, "answer": "1"}\n', r"'question' .* holds 7 \(int\); expected text"),
        ("a.jsonl", '{"question": true, "answer": "1"}\n', r"'question' .* holds True \(bool\); expected text"),
        ("a.jsonl", '{"question": "a", "answer": [["1"], 2]}\n', r"'answer' .* holds .* \(list\); expected text"),
        ("a.jsonl", '{"question": "a", "answer": {"value": 1}}\n', r"\(dict\); expected text; .*of it: answer\.value"),
        ("a.jsonl", '{"question": "a", "answer": "1", "answer": "2"}\n', r"^a\.jsonl:1: column 'answer' is there"),
        ("a.jsonl", '{\n"question": "a"\n}\n', r"a\.jsonl:1: broken JSON: .*; expected one object a line"),
        ("a.jsonl", "version https://git-lfs.github.com/spec/v1\n", r"a\.jsonl is a pointer of Git LFS.*git lfs pull"),
        ("a.parquet", "version https://git-lfs.github.com/spec/v1\n", r"a\.parquet is a pointer of Git LFS"),
        ("a.csv", "\n<!DOCTYPE HTML>\n", r"a\.csv is a web page; fetch the file itself"),
        ("a.jsonl", "PAR1", r"a\.jsonl is Parquet; give it a name that ends in \.parquet"),
        ("a.jsonl.gz", "PK\x03\x04", r"a\.jsonl\.gz is a ZIP archive"),
        (
            "a.jsonl",
            '{"question": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "b"}]}]}\n',
            r"a\.jsonl:1: column 'question' .* holds a question with image; expected text alone",
        ),
        ("a.jsonl", "", r"a\.jsonl has no rows"),
        ("a.json", '"question"', r"a\.json holds one value of type str; expected a list of objects"),
        ("a.json", "[1]", r"a\.json, row 1: a value of type int; expected an object"),
        ("a.json", "[", r"a\.json: broken JSON"),
        ("a.json", "", r"a\.json has no rows"),
        ("a.csv", "question,answer\na,b,c\n", r"a\.csv:2: 3 values, but 2 columns: question, answer"),
        ("a.csv", 'question,answer\n"a,b\n', "broken CSV"),
        ("a.csv", "text,answer\na,b\n", "found: text, answer"),
        ("a.csv", "", r"a\.csv has no rows"),
        ("a.parquet", "PAR1 and no more", r"a\.parquet: not readable as Parquet"),
        ("a.xlsx", "", r"'a\.xlsx' ends in \.xlsx; expected one of \.jsonl, \.ndjson, \.json, \.csv"),
        ("a", "", "'a' ends in nothing; expected one of"),
    ],
)
def test_bad_file_is_one_message_with_the_place(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_table(write_text(tmp_path, name, content)).count()


def test_what_an_instruction_of_alpaca_is_about_is_not_lost(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, {"instruction": "Add.", "input": "2, 3", "output": "5"})
    with pytest.raises(InputError, match=r"rows\.jsonl:1: column 'input' has a text .* name both: instruction\+input"):
        open_table(path, question="instruction", answer="output").count()


def test_a_list_of_subjects_is_one_subject_and_a_decimal_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {"question": ["a"], "answer": [Decimal("14.00")], "domain": [["Algebra", "Sums"]]}
    pq.write_table(pa.table(columns), path)
    (row,) = open_table(path, subject="domain").rows()
    assert (row.answer, row.subject) == ("14", "Algebra, Sums")


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes('{"question": "é", "answer": ""}\n'.encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.jsonl:1: the text is not in UTF-8; it looks like Windows-1252"):
        open_table(tmp_path / "a.jsonl").count()


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: no such file"):
        open_table(tmp_path / "none.jsonl").count()


def test_parquet_rows_of_the_wrong_type_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"question": [1], "answer": ["1"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet, row 1: column 'question' .* holds 1 \(int\)"):
        open_table(tmp_path / "a.parquet").count()
