"""Reads the commission rules, which are data (``commission.yaml``) beside this module."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import Field, TypeAdapter

from services.contracts.documents import Document
from services.ledger.domain.commission import CommissionRule, Tier

FILE: Final = Path(__file__).with_name("commission.yaml")


class _Tier(Document):
    rate: int = Field(ge=0, le=10_000)
    up_to: int | None = Field(default=None, gt=0)


class _Rule(Document):
    key: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    version: int = Field(ge=1)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    valid_until: date | None = None
    tiers: list[_Tier] = Field(min_length=1)
    minimum: int = Field(ge=0)
    maximum: int | None = Field(default=None, ge=0)
    vat_rate: int = Field(ge=0, le=10_000)
    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


_RULES: Final = TypeAdapter(list[_Rule])


@cache
def commission_rules(path: Path = FILE) -> tuple[CommissionRule, ...]:
    """Every version of every rule.

    Raises:
        ValueError: the file breaks the rules of rules, or has one version twice.
    """
    read = _RULES.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    rules = tuple(
        CommissionRule(
            **rule.model_dump(exclude={"tiers"}),
            tiers=tuple(Tier(tier.rate, tier.up_to) for tier in rule.tiers),
        )
        for rule in read
    )
    names = [(rule.key, rule.currency, rule.version) for rule in rules]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name} has a version twice")
    return rules


def rule_of(key: str, *, currency: str, version: int) -> CommissionRule:
    """The version an escrow was opened under."""
    return next(
        rule
        for rule in commission_rules()
        if (rule.key, rule.currency, rule.version) == (key, currency, version)
    )
