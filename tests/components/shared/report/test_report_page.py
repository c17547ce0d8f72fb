from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import re
from html.parser import HTMLParser

import pytest

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.records import Response
from components.shared.stores import storage
from components.shared.workspace import Workspace
from tests.chromium import Scheme, first_pixel, look_at, needs_chromium, screenshot
from tests.conftest import WriteRows

HOSTILE = "</style></title><script>document.title='pwned'</script><img src=x onerror=alert(1)>\" onclick=x '"
REACHING = {"src", "srcset", "style", "data", "action", "formaction", "background", "poster", "ping"}
LONG = "unbreakable" * 3000


def response(number: int, sample: int) -> Response:
    return Response(
        id=f"q{number}-{sample}",
        question_id=f"q{number}",
        question=rf"Let $x = \frac{{{number}}}{{2}}$. What is $\sum_{{i=1}}^{{x}} i^2$?",
        answer="",
        source="qwen2-math" if number % 2 else "deepseek-math",
        difficulty=(number * 37 % 100) / 100,
        sample=sample,
        response=rf"**Step {sample}.** \[ \int_0^1 x\,dx = \frac{{1}}{{2}} \] so \boxed{{{number % 3 + sample}}}.",
        final_answer=str(number % 3 + sample % 2),
        finish_reason="stop",
        num_tokens=10 + number * 7 % 90,
        reward=(number * 13 % 50) / 10 - 2 + sample,
    )


class Elements(HTMLParser):
    """The elements of a page, with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, write_rows: WriteRows) -> str:
    """The page of a small dataset with all that may be there."""
    workspace = Workspace(str(tmp_path_factory.mktemp("page")))
    rows = [response(number, sample) for number in range(60) for sample in range(3)]
    rows[0] = dataclasses.replace(rows[0], question=HOSTILE, response=HOSTILE, source=HOSTILE)
    rows[3] = dataclasses.replace(rows[3], question=LONG, response=LONG)
    return page_of(workspace, write_rows(workspace, rows, rows_per_part=60), title=f"Sums {HOSTILE}")


def page_of(workspace: Workspace, responses: str, title: str) -> str:
    selected = select_responses(SelectResponsesConfig(workspace=workspace.uri, responses=responses), workspace)
    folder = package_dataset(PackageDatasetConfig(workspace=workspace.uri, responses=selected, title=title), workspace)
    return storage.read_bytes(storage.join(folder, "report.html")).decode()


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_the_window_and_keeps_the_rules_of_accessibility(page: str, width: int, scheme: Scheme) -> None:
    looked = look_at(page.replace("<details>", "<details open>"), width, scheme)
    assert looked.violations == []
    assert (looked.width, looked.page, looked.wide, looked.tall) == (width, width, [], [])
    assert looked.checked > 20
    assert looked.math > 100


@needs_chromium
@pytest.mark.parametrize(("scheme", "paper"), [("light", (255, 255, 255)), ("dark", (18, 22, 28))])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_screenshot_shows_the_page_in_its_style(
    page: str, width: int, scheme: Scheme, paper: tuple[int, ...]
) -> None:
    png = screenshot(page, width, 900, scheme)
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (width, 900)
    assert first_pixel(png) == paper  # its policy lets its own style in
    assert len(png) > 20_000  # there is something on it


def test_the_page_lets_in_its_own_style_and_nothing_else(page: str) -> None:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert style
    assert policy
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1] == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_hostile_texts_are_shown_as_texts(page: str) -> None:
    assert "&lt;script&gt;document.title=" in page
    assert page.count("</style>") == page.partition("<body>")[0].count("</title>") == 1
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', page))
    parser = Elements()
    parser.feed(page)
    assert {tag for tag, _ in parser.found}.isdisjoint({"script", "img", "iframe", "object", "embed", "link", "base"})
    assert not [name for _, names in parser.found for name in names if name.startswith("on") or name in REACHING]


def test_rows_can_be_filtered_without_a_script(page: str) -> None:
    sources = re.findall(r'<option value="(\d+)">([^<]+)</option>', page)
    assert [name for _, name in sources][:2] == ["deepseek-math", "qwen2-math"]
    for number, _ in sources:
        assert f'[value="{number}"]:checked) article:not([data-source="{number}"]) {{ display: none; }}' in page
    thirds = re.findall(r'<article[^>]* data-difficulty="(\w+)" data-reward="(\w+)">', page)
    assert {difficulty for difficulty, _ in thirds} == {"low", "middle", "high"} == {reward for _, reward in thirds}


def test_secrets_are_masked(workspace: Workspace, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = 'sk-"5&7<9'
    monkeypatch.setenv("MY_API_KEY", secret)
    rows = [dataclasses.replace(response(1, sample), question=f"Is {secret} one?", source=secret) for sample in (0, 1)]
    page = page_of(workspace, write_rows(workspace, rows), title=f"Of {secret}")
    assert secret not in html.unescape(page)
    assert page.count("[secret]") > 4


def test_texts_are_masked_before_they_are_cut(
    workspace: Workspace, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "hf_abcdefghijklmnopqrst")
    answer, source = f"{'1' * 195}hf_abcdefghijklmnopqrst", f"{'s' * 55}hf_abcdefghijklmnopqrst"
    rows = [
        dataclasses.replace(response(number, 0), answer=answer, final_answer=answer, source=f"{number}{source}")
        for number in (1, 2)
    ]
    page = page_of(workspace, write_rows(workspace, rows), title="Cut")
    assert "hf_a" not in page
    assert f"known answer {'1' * 195}[secr<" in page
    assert f">1{'s' * 55}[sec</option>" in page


def test_long_texts_make_no_large_page(page: str) -> None:
    assert len(page) < 400_000
