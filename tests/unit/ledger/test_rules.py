"""The commission rules as they are delivered, and files that are none."""

from pathlib import Path

import pytest

from services.ledger.rules import commission_rules, rule_of

RULE = """
- {key: a, version: 1, currency: CNY, valid_from: 2026-01-01, minimum: 0, vat_rate: 0,
   tiers: [{rate: 1}], en: one, zh: 一}
"""


def test_every_delivered_version_can_be_found_again() -> None:
    for rule in commission_rules():
        assert rule_of(rule.key, currency=rule.currency, version=rule.version) is rule


@pytest.mark.parametrize(
    "text", [RULE + RULE, RULE.replace("rate: 1", "rate: -1"), RULE.replace("en: one,", "")]
)
def test_a_file_that_breaks_the_rules_of_rules_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "commission.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"version twice|validation error"):
        commission_rules(file)
