"""What the JSON documents of the platform are made of."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A JSON object without unknown members."""

    model_config = ConfigDict(extra="forbid")
