"""The page as HTML, in both languages."""

import re
from dataclasses import replace

import pytest

from gateway.portal.assets import Assets
from gateway.portal.build import STATIC
from gateway.portal.model import Park
from gateway.portal.rendering import Renderer
from marketplace.taxonomy.loader import load_taxonomy
from services.runtime.web import Language
from tests.browser.park import sample_park

LANGUAGES: list[Language] = ["zh", "en"]


@pytest.fixture
def renderer() -> Renderer:
    taxonomy = load_taxonomy()
    return Renderer(Assets(), taxonomy.namer, taxonomy.grade_of)


def page(renderer: Renderer, language: Language, park: Park | None = None) -> str:
    return renderer.html("park.html", park or sample_park(), language, theme=None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_in_the_html(renderer: Renderer, language: Language) -> None:
    html = page(renderer, language)
    for figure in ("100.2", "1,280.00", "13:54", "11.8", "±5 µm"):
        assert figure in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_are_unique_and_every_reference_has_its_target(
    renderer: Renderer, language: Language
) -> None:
    html = page(renderer, language)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', html)) <= set(ids)


@pytest.mark.parametrize(("language", "word"), [("zh", "企业已认证"), ("en", "Verified")])
def test_a_verified_firm_says_so(renderer: Renderer, language: Language, word: str) -> None:
    park = sample_park()
    verified = replace(park.firms[0], is_verified=True)
    assert word not in page(renderer, language)
    shown = page(renderer, language, replace(park, firms=(verified, *park.firms[1:])))
    assert shown.count(word) == 1


@pytest.mark.parametrize(
    ("language", "gain", "cut"),
    [
        ("zh", "公差 ±2 µm (IT3) → ±6 µm (IT6)：增加 2 家企业的 3 项", "可能还有其他放宽方式"),
        ("en", "tolerance ±2 µm (IT3) → ±6 µm (IT6): 3 more of 2 firm(s)", "There may be other"),
    ],
)
def test_what_would_gain_suppliers_is_told_with_the_way_to_ask_for_it(
    renderer: Renderer, language: Language, gain: str, cut: str
) -> None:
    html = page(renderer, language)
    assert gain in html
    assert ("最早完工提前 3 天" if language == "zh" else "earliest end 3 d sooner") in html
    assert "nonagon match --relax m3:1" in html
    assert html.count(cut) == 1


def test_what_people_typed_is_text_not_markup(renderer: Renderer) -> None:
    park = sample_park()
    hostile = '"><script>alert(1)</script>'
    typed = replace(park.demands[1], title=hostile, process=hostile)
    html = page(renderer, "en", replace(park, demands=(typed,)))
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert") == 2


def test_every_icon_named_is_in_the_sprite(renderer: Renderer) -> None:
    html = page(renderer, "en")
    sprite_url = renderer.assets.url("icons.svg")
    sprite = (STATIC / sprite_url.rpartition("/")[2]).read_text()
    used = set(re.findall(rf"{re.escape(sprite_url)}#([\w-]+)", html))
    assert used <= set(re.findall(r'<symbol id="([\w-]+)"', sprite))
