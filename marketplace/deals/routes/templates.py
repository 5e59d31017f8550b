"""``/deal-templates``: schedules of payment that quotes may name."""

from typing import Self

from pydantic import BaseModel, Field

from marketplace.deals.domain.quoting import MilestoneTerm
from marketplace.deals.templates import Template, load_templates
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import requires

router = api_router(tags=["deals"])


class TemplateMilestoneOut(BaseModel):
    title: str
    share: int = Field(description="basis points of the price")

    @classmethod
    def of(cls, term: MilestoneTerm) -> Self:
        return cls(title=term.title, share=term.share)


class TemplateOut(BaseModel):
    key: str
    name: str
    name_zh: str
    milestones: list[TemplateMilestoneOut]

    @classmethod
    def of(cls, template: Template) -> Self:
        return cls(
            key=template.key,
            name=template.name,
            name_zh=template.name_zh,
            milestones=[TemplateMilestoneOut.of(one) for one in template.milestones],
        )


class TemplatesOut(BaseModel):
    items: list[TemplateOut]


@router.get("/deal-templates", dependencies=[requires(Action.DEAL_TEMPLATE_READ)])
def list_deal_templates() -> TemplatesOut:
    """Every template: what is paid for which milestone."""
    return TemplatesOut(items=[TemplateOut.of(one) for one in load_templates().values()])
