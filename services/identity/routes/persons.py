"""Routes that only a person reaches, by their policy."""

from typing import Annotated

from fastapi import Depends

from services.contracts.access import PrincipalKind
from services.contracts.ids import PersonId
from services.runtime.web import PrincipalDep


def _person_id(principal: PrincipalDep) -> PersonId:
    assert principal.kind is PrincipalKind.PERSON, "the policy says person=True"
    assert principal.id is not None
    return PersonId(principal.id)


PersonIdDep = Annotated[PersonId, Depends(_person_id)]
"""Who asks; the route's policy lets no programs by."""
NOT_STORED = {"cache-control": "no-store"}
"""Of an answer with a token in it."""
