"""Templates of milestones: each pays the whole price, and a broken file is told by its line."""

from pathlib import Path

import pytest

from marketplace.deals.domain.quoting import SHARE_WHOLE
from marketplace.deals.templates import (
    DATA,
    UnknownTemplateError,
    load_templates,
    template_named,
)
from services.runtime.lined_yaml import BrokenDataError


@pytest.mark.parametrize("key", load_templates())
def test_a_template_pays_the_whole_price(key: str) -> None:
    assert sum(one.share for one in template_named(key).milestones) == SHARE_WHOLE


def test_advice_is_paid_in_four_parts() -> None:
    titles = [one.title for one in template_named("advisory").milestones]

    assert titles == ["Diagnosis 诊断", "Scheme 方案", "Implementation 实施", "Evaluation 评估"]


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(UnknownTemplateError) as refused:
        template_named("gift")
    assert "gift" in refused.value.text("en")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("share: 4000", "share: 3000", "line 6: advisory.milestones: shares do not sum to 10000"),
        ("zh: 咨询服务", "cn: 咨询服务", "advisory.zh"),
    ],
)
def test_a_broken_file_is_told_by_its_line(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text(DATA.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")

    with pytest.raises(BrokenDataError, match=told):
        load_templates(path)
