"""A good body for every route that takes one, made from its schema.

What a schema cannot say stands in ``FIELDS`` by name, or in ``BODIES`` by route. Names of things
are the callers' own, so that a refusal is about who asks and not about what was sent.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from tests.access.call_things import CODE, CRITERIA
from tests.access.markers import Owner, Shown
from tests.access.production_things import SPECIFICATION
from tests.access.project_things import DUE, WHOLE, document_of_own
from tests.access.rows import START
from tests.access.trust_things import TERMS
from tests.access.world import PROCESS, World

Schema = Mapping[str, Any]
Maker = Callable[[World], Any]

CALENDAR: Final = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//probe//EN\r\nBEGIN:VEVENT\r\nUID:probe\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nDTEND:20260101T080000Z\r\n"
    "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
PASSWORD: Final = "correct horse battery staple 7"
REFERENCES: Final[Mapping[str, Callable[[World, Owner], Any]]] = {
    "organisation_id": lambda world, owner: world.organisations[owner],
    "site_id": lambda world, owner: world.sites[owner],
    "gateway_id": lambda world, owner: world.gateways[owner],
    "resource_id": lambda world, owner: world.resources[owner, Shown.ORGANISATION],
    "resource_ids": lambda world, owner: [world.resources[owner, Shown.ORGANISATION]],
    "offer_id": lambda world, owner: world.offers[owner, Shown.ORGANISATION],
    "demand_id": lambda world, owner: world.demands[owner],
    "escrow_id": lambda world, owner: world.escrows[owner],
    "source": lambda world, owner: world.cost_centres[owner][0],
    "target": lambda world, owner: world.cost_centres[owner][1],
}
"""Fields that name a thing, and an organisation's own that only it sees."""
UNCHECKED: Final = frozenset({
    ("POST /bookings", "demand_id"), ("POST /joint-bookings", "demand_id"),
    ("POST /payouts", "source"),
})  # fmt: skip
"""Notes nothing is read through: whose demand a booking answers is its buyer's word. A payout's
source is a word and no id.
"""
FIELDS: Final[Mapping[str, Maker]] = {
    "current": lambda _: PASSWORD,
    "code": lambda world: f"probe-{world.rows.new_id().hex[-12:]}",
    "edge_node": lambda _: "probe",
    "device": lambda _: "probe",
    "email": lambda world: f"{world.rows.new_id().hex}@example.com",
    "end": lambda _: (START + timedelta(days=2)).isoformat(),
    "hours": lambda _: 4,
    "ics": lambda _: CALENDAR,
    "kind": lambda _: "machine",
    "minutes": lambda _: 60,
    "name": lambda _: "Probe",
    "name_zh": lambda _: "探针",
    "new": lambda _: PASSWORD,
    "password": lambda _: PASSWORD,
    "price_minor": lambda _: 100,
    "process": lambda _: PROCESS,
    "region_code": lambda _: "420111",
    "start": lambda _: (START + timedelta(days=1)).isoformat(),
    "reason": lambda _: "probe",
    "terms_sha256": lambda _: TERMS.hex(),
    "ticket": lambda _: f"nt_{'0' * 64}",
    "title": lambda _: "Probe",
    "title_zh": lambda _: "探针",
    "token": lambda _: f"nt_{'0' * 64}",
}
INVOICE: Final = {
    "kind": "ordinary",
    "issued_on": START.date().isoformat(),
    "lines": [{"description": "Part", "net_minor": 100, "rate": 0, "vat_minor": 0}],
}
NOTICE: Final = {
    "title": "Probe", "title_zh": "探针", "kind": "advisory", "tlp": "amber", "severity": "high",
}  # fmt: skip
DEAL: Final = {
    "title": "Probe",
    "lines": [{"description": "Part", "quantity": 1}],
    "closes_at": (START + timedelta(days=1)).isoformat(),
}
WANTED: Final = {
    "start": START.isoformat(),
    "end": (START + timedelta(days=2)).isoformat(),
}
ITEM: Final = {"title": "Probe", "title_zh": "探针", "terms": {"kind": "free", "attribution": "x"}}
IDEA_BOX: Final = {
    "title": "Probe",
    "budget_minor": 100,
    "closes_at": (START + timedelta(days=1)).isoformat(),
}
BODIES: Final[Mapping[str, Maker]] = {
    "POST /orders/{order_id}/invoices": lambda world: (
        INVOICE | {"number": str(world.rows.new_id())}
    ),
    "POST /invoices/{invoice_id}/credit-notes": lambda world: (
        INVOICE | {"number": str(world.rows.new_id())}
    ),
    "POST /payment-callbacks": lambda _: b"{}",
    "POST /purchases": lambda _: {
        "title": "Probe",
        "closes_at": (START + timedelta(days=1)).isoformat(),
        "quotes_until": (START + timedelta(days=1)).isoformat(),
        "items": [{"description": "Part"}],
    },
    "PUT /purchases/{purchase_id}/items/file": lambda _: b"description\nPart\n",
    "PUT /purchases/{purchase_id}/part": lambda _: {"quantities": [{"number": 1, "quantity": 1}]},
    "POST /purchases/{purchase_id}/quotes": lambda _: {
        "lines": [{"number": 1, "tiers": [{"quantity": 1, "unit_minor": 100}]}],
        "lead_days": 1,
        "valid_until": (START + timedelta(days=9)).isoformat(),
    },
    "POST /purchases/{purchase_id}/award": lambda world: {
        "quote_id": str(world.rows.new_id()),
        "confirm_by": (START + timedelta(days=2)).isoformat(),
    },
    "POST /purchases/{purchase_id}/share/confirm": lambda _: {"at_most_minor": 10**12},
    "POST /library-items": lambda _: ITEM | {"direction": 3, "kind": "model"},
    "PUT /library-items/{item_id}": lambda _: ITEM,
    "POST /library-items/{item_id}/versions": lambda world: {
        "label": "1",
        "documents": [str(world.version_file)],
    },
    "POST /library-items/{item_id}/reuses": lambda _: {"about": "Probe"},
    "PUT /resources/{resource_id}/launch-target": lambda _: {
        "url_template": "https://example.com/?t={token}"
    },
    "POST /deals": lambda _: DEAL,
    "PUT /deals/{deal_id}": lambda _: DEAL,
    "POST /deals/{deal_id}/quotes": lambda _: {
        "lines": [{"unit_minor": 100}],
        "lead_days": 1,
        "valid_until": (START + timedelta(days=2)).isoformat(),
    },
    "POST /orders/{order_id}/agreement": lambda world: {"proposal_id": str(world.rows.new_id())},
    "POST /disputes/{dispute_id}/decision": lambda _: {
        "split": {"release_minor": 0, "refund_minor": 100},
        "because": "probe",
    },
    "POST /financing-applications": lambda world: {
        "kind": "working_capital",
        "amount_minor": 100,
        "months": 12,
        "purpose": "probe",
        "recipients": [str(world.investor)],
    },
    "POST /financing-applications/{financing_id}/consents": lambda _: {
        "items": ["settled_value", "on_time", "disputes", "open_escrow", "invoiced_value"],
        "expires_at": (START + timedelta(days=30)).isoformat(),
    },
    "POST /service-contracts": lambda world: {
        "provider_id": str(world.organisations[Owner.NEIGHBOUR]),
        "title": "Probe",
        "resource_ids": [str(world.resources[Owner.OWN, Shown.ORGANISATION])],
        "warnings": ["down"],
        "shows": ["state"],
        "response_minutes": 30,
        "price": {"price_minor": 100},
    },
    "POST /products": lambda _: SPECIFICATION,
    "PUT /products/{product_id}": lambda _: SPECIFICATION,
    "POST /products/{product_id}/configurations": lambda _: {"choices": {}},
    "POST /products/{product_id}/orders": lambda _: {"choices": {}, "wanted": WANTED},
    "POST /product-orders/{product_order_id}/releases": lambda _: {"milestone": 1},
    "POST /samples": lambda world: {
        "booking_id": str(world.test_booking),
        "label": "Probe",
        "method": "probe",
    },
    "POST /samples/{sample_id}/report": lambda world: {
        "number": f"probe-{world.rows.new_id().hex[-12:]}",
        "outcome": "passed",
        "sha256": "0" * 64,
    },
    "POST /incubation-programmes": lambda world: {
        "call_id": str(world.named["call"]),
        "title": "Probe",
        "title_zh": "探针",
    },
    "POST /incubated-teams/{incubated_team_id}/milestones": lambda _: {
        "title": "Probe",
        "due_on": START.date().isoformat(),
    },
    "POST /incubated-teams/{incubated_team_id}/survival": lambda _: {
        "as_of": (START - timedelta(days=1)).date().isoformat(),
        "is_alive": True,
        "because": "probe",
    },
    "POST /investor-approvals": lambda world: {
        "investor_id": str(world.named["investor"]),
        "because": "probe",
    },
    "POST /introductions": lambda world: {
        "incubated_team_id": str(world.named["team"]),
        "investor_id": str(world.named["approved"]),
        "purpose": "probe",
    },
    "POST /introductions/{introduction_id}/consent": lambda _: {
        "figures": ["milestones"],
        "expires_at": (START + timedelta(days=30)).isoformat(),
    },
    "POST /idea-boxes": lambda world: (
        IDEA_BOX | {"account_id": str(world.cost_centres[Owner.OWN][0])}
    ),
    "PUT /idea-boxes/{box_id}": lambda _: IDEA_BOX,
    "PUT /ideas/{idea_id}/vote": lambda _: {"value": 1},
    "POST /ideas/{idea_id}/decisions": lambda _: {"outcome": "advance", "reason": "probe"},
    "POST /offers/{offer_id}/promotions/review": lambda _: {"approve": True},
    "POST /projects/{project_id}/members": lambda world: {
        "invitee_id": str(world.organisations[Owner.NEIGHBOUR])
    },
    "POST /projects/{project_id}/stakes": lambda world: {"parts": _whole(world)},
    "POST /projects/{project_id}/ip-terms": lambda world: {"parts": _whole(world)},
    "POST /projects/{project_id}/decisions": lambda _: {
        "title": "Probe",
        "closes_at": DUE.isoformat(),
    },
    "POST /projects/{project_id}/plan": lambda _: {"kind": "task", "title": "Probe"},
    "POST /projects/{project_id}/files": lambda world: {
        "name": "Probe",
        "document_id": document_of_own(world),
    },
    "POST /projects/{project_id}/gigs": lambda _: {
        "title": "Probe",
        "pay_minor": 100,
        "due_at": DUE.isoformat(),
    },
    "POST /pools": lambda _: {
        "title": "Probe",
        "unit_minor": 100,
        "lot_least": 10,
        "closes_at": DUE.isoformat(),
    },
    "POST /gigs/{gig_id}/assign": lambda world: {
        "worker_id": str(world.organisations[Owner.NEIGHBOUR])
    },
    "POST /parks/{code}/services": lambda _: {
        "kind": "training",
        "title": "Probe",
        "title_zh": "探针",
    },
    "POST /park-services/{park_service_id}/requests": lambda _: {"text": "probe"},
    "POST /park-requests/{park_request_id}/answer": lambda _: {"accept": True, "remark": "probe"},
    "POST /spaces/{space_id}/weeks": lambda world: {
        "kind": "demand",
        "partner_id": str(world.organisations[Owner.NEIGHBOUR]),
        "item": "probe",
        "unit": "pcs",
        "weeks": [{"week": "2026-W53", "quantity": 1}],
    },
    "POST /spaces/{space_id}/weeks-from-free-time": lambda world: {
        "partner_id": str(world.organisations[Owner.NEIGHBOUR]),
        "item": "probe",
        "resource_ids": [str(world.resources[Owner.OWN, Shown.ORGANISATION])],
        "weeks": ["2026-W11"],
    },
    "POST /spaces/{space_id}/tracked-products": lambda world: {
        "item": "probe",
        "serial": world.rows.new_id().hex,
    },
    "POST /tracked-products/{tracked_id}/records": lambda _: {"kind": "serviced"},
    "POST /agreements": lambda world: {
        "owner_id": str(world.organisations[Owner.NEIGHBOUR]),
        "counterparty_id": str(world.organisations[Owner.OWN]),
        "terms_sha256": TERMS.hex(),
        "expires_at": (START + timedelta(days=30)).isoformat(),
    },
    "POST /demands/imports": lambda _: (
        f"title,process,hours,start,end\nProbe,{PROCESS},1,"
        f"{START + timedelta(hours=1):%Y-%m-%d %H:%M},{START + timedelta(days=2):%Y-%m-%d %H:%M}\n"
    ).encode(),
    "POST /documents": lambda _: b"a,b\n1,2\n",
    "POST /risk/imports": lambda _: {},
    "POST /risk/notices": lambda _: NOTICE,
    "PUT /risk/notices/{notice_id}": lambda _: NOTICE | {"version": 1},
    "POST /internal-bookings": lambda world: {
        "source": str(world.cost_centres[Owner.OWN][0]),
        "target": str(world.cost_centres[Owner.OWN][1]),
        "amount_minor": 100,
        "because": "probe",
        "subject_id": str(world.rows.new_id()),
        "fact_id": str(world.rows.new_id()),
    },
    "POST /payouts": lambda _: {"amount_minor": 100},
    "POST /share-rules": lambda world: {
        "name": "Probe",
        "members": [{"member_id": str(world.organisations[Owner.OWN]), "stake": 10_000}],
    },
    "POST /offers": lambda world: {
        "direction": 4,
        "title": "Probe",
        "title_zh": "探针",
        "resource_ids": [str(world.resources[Owner.OWN, Shown.ORGANISATION])],
        "price": {"price_minor": 100},
        "visibility": "organisation",
    },
    "POST /rounds": lambda world: {
        "title": "Probe",
        "space_id": world.things["space_id",][0].path["space_id"],
        "closes_at": (START + timedelta(days=1)).isoformat(),
    },
    "POST /calls": lambda _: {
        "kind": "challenge",
        "title": "Probe",
        "title_zh": "探针",
        "visibility": "organisation",
        "rules": {"criteria": CRITERIA},
        "schedule": {
            "opens_at": START.isoformat(),
            "submit_until": (START + timedelta(days=1)).isoformat(),
            "screen_until": (START + timedelta(days=2)).isoformat(),
            "review_until": (START + timedelta(days=3)).isoformat(),
        },
    },
    "PUT /calls/{call_id}/programme": lambda _: {"programme": "miit-2017"},
    "POST /calls/{call_id}/applications": lambda world: {
        "recommender_id": str(world.organisations[Owner.NEIGHBOUR]),
        "title": "Probe",
        "directions": [1],
    },
    "PUT /applications/{application_id}": lambda _: {"title": "Probe", "directions": [1]},
    "POST /progress-reports/{progress_report_id}/review": lambda _: {"accepted": True},
    "POST /best-practices": lambda world: {
        "application_id": str(world.named["awarded"]),
        "title": "Probe",
        "text": "probe",
    },
    "POST /calls/{call_id}/appeals": lambda _: {"code": CODE, "ground": "Probe"},
    "PUT /reviews/{review_id}/scores": lambda _: {"scores": {"probe": 1}},
    "POST /organisations": lambda _: {"name": "Probe", "name_zh": "探针", "kind": "firm"},
}


def _whole(world: World) -> list[dict[str, Any]]:
    return [{"organisation_id": str(world.organisations[Owner.OWN]), "part": WHOLE}]


QUERIES: Final[Mapping[str, Maker]] = {
    "day": lambda _: START.date().isoformat(),
    "end": lambda _: (START + timedelta(days=1)).isoformat(),
    "minutes": lambda _: 60,
    "name": lambda _: "probe.csv",
    "nominal_mm": lambda _: 25,
    "q": lambda _: "probe",
    "start": lambda _: START.isoformat(),
    "state": lambda _: "probe",
}
"""Parameters a route cannot do without."""


class UndeclaredFieldError(AssertionError):
    """Say in ``FIELDS`` or ``BODIES`` what to send."""


class Bodies:
    """Reads the API's document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def body(self, route: str, operation: Schema, world: World) -> Any:
        """A good body for the route, as JSON takes it; ``None``: it takes none."""
        if route in BODIES:
            return BODIES[route](world)
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return None
        if "application/json" not in content:
            raise UndeclaredFieldError(f"{route} takes {list(content)}: declare its body")
        return self._example(content["application/json"]["schema"], route, world)

    def references(self, route: str, operation: Schema) -> list[str]:
        """The body's fields that name a thing."""
        content = operation.get("requestBody", {}).get("content", {})
        schema = self._resolved(content.get("application/json", {}).get("schema", {}))
        named = [name for name in schema.get("properties", {}) if name in REFERENCES]
        return [name for name in named if (route, name) not in UNCHECKED]

    def query(self, operation: Schema, world: World) -> dict[str, Any]:
        """The parameters the route cannot do without."""
        asked = operation.get("parameters", [])
        return {
            parameter["name"]: (
                QUERIES[parameter["name"]](world)
                if parameter["name"] in QUERIES
                else self._example(parameter["schema"], parameter["name"], world)
            )
            for parameter in asked
            if parameter["in"] == "query" and parameter.get("required")
        }

    def _resolved(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            found: Schema = self._document["components"]["schemas"][name]
            return found
        return schema

    def _example(self, schema: Schema, name: str, world: World) -> Any:
        schema = self._resolved(schema)
        if name in REFERENCES:
            value = REFERENCES[name](world, Owner.OWN)
            return [str(each) for each in value] if isinstance(value, list) else str(value)
        if "properties" in schema:
            required = schema.get("required", [])
            return {
                part: self._example(schema["properties"][part], part, world) for part in required
            }
        if "enum" in schema:
            return schema["enum"][0]
        if name in FIELDS:
            return FIELDS[name](world)
        return self._plain(schema, name, world)

    def _plain(self, schema: Schema, name: str, world: World) -> Any:
        if "const" in schema or "default" in schema:
            return schema.get("const", schema.get("default"))
        for choice in schema.get("anyOf", ()):
            if choice.get("type") != "null":
                return self._example(choice, name, world)
        if schema.get("type") == "array":
            least = schema.get("minItems", 0)
            return [self._example(schema["items"], name, world) for _ in range(least)]
        simple = {"string": "probe", "integer": schema.get("minimum", 1), "boolean": True}
        simple |= {"number": schema.get("minimum", 1), "object": {}}
        if schema.get("type") not in simple or "pattern" in schema or "format" in schema:
            raise UndeclaredFieldError(f"{name}: {dict(schema)}")
        return simple[schema["type"]]
