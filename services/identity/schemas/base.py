"""What the documents of identity share."""

from typing import Annotated

from pydantic import Field

from services.contracts.access import Role
from services.identity.domain import NAME_MAX

EMAIL_MAX = 320
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
Email = Annotated[str, Field(min_length=3, max_length=EMAIL_MAX)]
Roles = Annotated[
    list[Role], Field(min_length=1, max_length=len(Role), description="what it may do")
]
