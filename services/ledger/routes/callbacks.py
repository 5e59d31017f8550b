"""``/payment-callbacks``: where a payment provider tells how a payment ended."""

from typing import Annotated, ClassVar, Final
from uuid import UUID

from fastapi import Depends, Header, Request
from pydantic import Field, ValidationError

from services.contracts.documents import Document
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.policies import Action
from services.ledger.domain import Answer, Verdict
from services.ledger.domain.callback import SECRET_MIN, check_signed
from services.ledger.handlers import callbacks
from services.runtime.routing import api_router
from services.runtime.web import ClockDep, SessionDep, requires

ANSWER_ID_MAX: Final = 200
BECAUSE_MAX: Final = 500
router = api_router(tags=["ledger"])


class CallbackInvalidError(DomainError):
    code: ClassVar[str] = "callback-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The callback is signed, but no document of this route: {problem}."
    zh: ClassVar[str] = "回调签名有效，但正文不符合格式：{problem}。"


class CallbackIn(Document):
    """``id`` is the provider's own of this answer: the same answer told again is heard once."""

    payment_id: UUID = Field(description="the idempotency key the payment was ordered with")
    id: str = Field(min_length=1, max_length=ANSWER_ID_MAX)
    verdict: Verdict
    because: str = Field(default="", max_length=BECAUSE_MAX)

    def answer(self) -> Answer:
        return Answer(self.id, self.verdict, self.because)


async def _body(request: Request) -> bytes:
    return await request.body()


_SCHEMA: Final = {
    "requestBody": {
        "required": True,
        "description": "payment_id, id, verdict (succeeded, failed, pending), because.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.post(
    "/payment-callbacks",
    status_code=202,
    dependencies=[requires(Action.PAYMENT_TELL)],
    openapi_extra=_SCHEMA,
)
def hear_payment_provider(
    request: Request,
    data: Annotated[bytes, Depends(_body)],
    session: SessionDep,
    clock: ClockDep,
    nonagon_signature: Annotated[
        str, Header(max_length=200, description="t=<seconds>,v1=<HMAC-SHA256 of t.body in hex>")
    ] = "",
) -> None:
    """Kept when it is signed with the shared secret; repeats and replays change nothing."""
    secret = request.app.state.settings.payment_secret
    key = b"" if secret is None else secret.get_secret_value().encode()
    if len(key) < SECRET_MIN:
        raise callbacks.CallbacksOffError
    check_signed(key, data, nonagon_signature, now=clock.now())
    try:
        told = CallbackIn.model_validate_json(data)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False, include_input=False)
        where = ".".join(str(part) for part in first["loc"])
        raise CallbackInvalidError(problem=f"{where}: {first['msg']}") from None
    callbacks.keep(session=session, clock=clock, payment_id=told.payment_id, answer=told.answer())
