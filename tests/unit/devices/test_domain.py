"""What codes and secrets look like, who is let in at all, and what a gateway may say and hear."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.devices.domain import (
    ADMISSION_LASTS,
    ADMISSION_SPREAD_S,
    CODE_BYTES,
    SECRET_BYTES,
    Refusal,
    admission_ends,
    code_hash,
    code_text,
    permissions,
    presented_gateway,
    secret_hash,
    secret_text,
    subject_of,
)
from tests.support.clock import START

GATEWAY = "019c0000-0000-7000-8000-000000000001"
OTHER = "019c0000-0000-7000-8000-000000000002"
SECRET = secret_text(bytes(SECRET_BYTES))


class TestCode:
    @given(st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES))
    def test_survives_being_typed(self, random_bytes: bytes) -> None:
        code = code_text(random_bytes)
        typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

        assert len(code.replace("-", "")) == 24
        assert code_hash(typed) == code_hash(code) is not None

    def test_of_other_bytes_is_another(self) -> None:
        last = bytes(CODE_BYTES - 1) + b"\1"

        assert code_hash(code_text(bytes(CODE_BYTES))) != code_hash(code_text(last))

    @pytest.mark.parametrize("text", ["", "A", "A" * 23, "A" * 25, "U" * 24, "Ａ" * 24])
    def test_of_another_form_is_none(self, text: str) -> None:
        assert code_hash(text) is None

    def test_needs_all_its_randomness(self) -> None:
        with pytest.raises(ValueError, match="15 random bytes"):
            code_text(b"")


class TestSecret:
    def test_is_known_by_its_form(self) -> None:
        assert secret_hash(SECRET) is not None
        assert secret_hash(SECRET.upper()) is None
        assert secret_hash(f"{SECRET}0") is None
        assert secret_hash(f"{SECRET}\n") is None

    def test_needs_all_its_randomness(self) -> None:
        with pytest.raises(ValueError, match="32 random bytes"):
            secret_text(b"")


def presented(**changed: str) -> object:
    usual = {"connection_type": "mqtt", "client_id": GATEWAY, "username": GATEWAY}
    return presented_gateway(**{**usual, "password": SECRET, **changed})


class TestPresented:
    def test_one_id_for_all_is_a_claim(self) -> None:
        assert presented() == (UUID(GATEWAY), secret_hash(SECRET))

    @pytest.mark.parametrize(
        ("changed", "refusal"),
        [
            ({"connection_type": "nats"}, Refusal.NOT_MQTT),
            ({"connection_type": "websocket"}, Refusal.NOT_MQTT),
            ({"client_id": OTHER}, Refusal.CLIENT_ID_OF_ANOTHER),
            ({"client_id": ""}, Refusal.CLIENT_ID_OF_ANOTHER),
            ({"client_id": GATEWAY.upper()}, Refusal.CLIENT_ID_OF_ANOTHER),
            ({"username": "", "client_id": ""}, Refusal.NO_CREDENTIAL),
            ({"username": "ingest", "client_id": "ingest"}, Refusal.NO_CREDENTIAL),
            (
                {"username": GATEWAY.replace("-", ""), "client_id": GATEWAY.replace("-", "")},
                Refusal.NO_CREDENTIAL,
            ),
            ({"password": ""}, Refusal.NO_CREDENTIAL),
            ({"password": "guess"}, Refusal.NO_CREDENTIAL),
        ],
    )
    def test_anything_else_is_refused(self, changed: dict[str, str], refusal: Refusal) -> None:
        assert presented(**changed) is refusal


class TestPermissions:
    def test_are_the_own_node_on_converted_subjects(self) -> None:
        """A rule with ``spBv1.0`` would match nothing, and silently."""
        allowed = permissions(group="works-1", edge_node="gw-1")

        assert set(allowed.publish) == {
            "spBv1//0.works-1.NBIRTH.gw-1",
            "spBv1//0.works-1.NDATA.gw-1",
            "spBv1//0.works-1.NDEATH.gw-1",
            "spBv1//0.works-1.DBIRTH.gw-1.*",
            "spBv1//0.works-1.DDATA.gw-1.*",
            "spBv1//0.works-1.DDEATH.gw-1.*",
        }
        assert set(allowed.subscribe) == {
            "spBv1//0.works-1.NCMD.gw-1",
            "spBv1//0.STATE.nonagon",
        }

    @pytest.mark.parametrize(
        ("topic", "subject"),
        [
            ("a/b", "a.b"),
            ("a.b/c", "a//b.c"),
            ("a/+/c", "a.*.c"),
            ("a/#", "a.>"),
            ("$SYS/x", "$SYS.x"),
        ],
    )
    def test_topics_become_subjects(self, topic: str, subject: str) -> None:
        assert subject_of(topic) == subject

    @pytest.mark.parametrize("topic", ["", "/a", "a/", "a//b", "a b", "#/a"])
    def test_topics_the_broker_escapes_are_not_guessed_at(self, topic: str) -> None:
        with pytest.raises(ValueError, match="no plain topic"):
            subject_of(topic)


def test_admissions_made_together_end_apart() -> None:
    ends = {admission_ends(now=START, credential_id=UUID(int=number)) for number in range(100)}

    assert len(ends) == 100
    assert max(ends) == START + ADMISSION_LASTS
    assert min(ends) >= START + ADMISSION_LASTS - timedelta(seconds=ADMISSION_SPREAD_S)
