"""How stories are read, compared and played."""

from typing import Any

import pytest
import yaml

from services.runtime.db import Sessions
from tests.scenarios.comparing import compare, value_at
from tests.scenarios.reading import Document, StoryError, check_story
from tests.scenarios.stage import stage_on
from tests.scenarios.story import Story
from tests.support.clock import FrozenClock

WHOLE = """
title: A mill in a park
story: A mill is given to a park's member, found, held by another, and its hold runs out.
parties:
  operator: {kind: park_operator}
  miller:
  buyer:
  outsider:
  seller: {of: miller, roles: [seller]}
  admin: {administrator: system_admin}
communities:
  east-park: {park: operator, members: [miller, buyer]}
  chain: {space: miller, members: [buyer]}
given:
- who: miller
  as: mill
  site: {code: works, park: east-park}
  resource: {visibility: park, capabilities: [{process: machining.milling.5axis}]}
  offer: {visibility: park, direction: 4, price: {price_minor: 30000}}
- who: miller
  as: lathe
  resource: {capabilities: [{process: machining.turning}]}
  offer: {direction: 4, price: {price_minor: 20000}}
steps:
- {who: buyer, get: "parks/{east-park}", expect: {code: east-park}}
- who: [buyer, seller]
  get: offers
  expect: {items: {count: 2, holds: [{title: mill}], lacks: [{title: saw}]}}
- {who: outsider, get: offers, expect: {items: [{title: lathe}]}, hides: mill offer}
- so: events of the offer reach the index
  who: buyer
  get: search
  query: {direction: 4}
  keep: {found: "items.[title=lathe].title"}
  hides_text: east-park
- who: buyer
  post: bookings
  json: {resource_id: "{mill}", offer_id: "{mill offer}", start: +1d, minutes: 240}
  status: 201
  keep: {booking: id}
  expect: {state: held, price: {minor: {least: 1, most: 1000000}}}
- {who: outsider, get: "bookings/{booking}", status: 404, code: booking-not-found}
- pass: {hours: 1}
- {who: buyer, get: "bookings/{booking}", expect: {state: expired}}
- so: a file is the body
  who: buyer
  post: documents
  query: {name: notes.csv}
  file: {type: text/csv, text: "a,b\\n1,2\\n"}
  keep: {document: id}
- work: [prune]
- settle: true
- {who: outsider, get: "documents/{document}", code: document-not-found}
- {who: admin, get: session, expect: {strong: true}}
- {who: buyer, get: "organisations/{buyer}", etag: tag}
- who: buyer
  patch: organisation
  headers: {If-Match: "{tag}"}
  json: {name: Buyers}
"""


def told(**changed: Any) -> Document:
    """A story of one step, with parts of it changed."""
    step = {"who": "maker", "get": "offers"}
    story = {"title": "A story", "story": "Short.", "parties": {"maker": None}, "steps": [step]}
    return story | changed


def test_plays_every_kind_of_step(sessions: Sessions, clock: FrozenClock) -> None:
    story = yaml.safe_load(WHOLE)
    check_story(story, "whole")
    with stage_on(sessions, clock) as stage:
        Story(story, stage).play()


def test_a_failed_step_is_named(sessions: Sessions, clock: FrozenClock) -> None:
    steps = [{"who": "maker", "get": "offers", "so": "there is one", "expect": {"items": [{}]}}]
    with (
        stage_on(sessions, clock) as stage,
        pytest.raises(AssertionError, match=r"step 1: there is one \(maker\)"),
    ):
        Story(told(steps=steps), stage).play()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"who": "maker", "gets": "offers"}, "must have one of"),
        ({"who": "maker", "get": "offers", "post": "offers"}, "must have one of"),
        ({"who": "baker", "get": "offers"}, "baker is no party"),
        ({"get": "offers"}, "says not who"),
        ({"who": "maker", "get": "offers/{offer}"}, "nothing is kept as offer"),
        ({"who": "maker", "get": "offers", "hides": ["offer"]}, "nothing is kept as offer"),
        ({"who": "maker", "get": "offers", "expects": {}}, "unknown words: expects"),
        ({"pass": {"weeks": 1}}, "unknown words: weeks"),
        ({"pass": {"days": 1}, "who": "maker"}, "unknown words: who"),
        ({"who": "maker", "post": "offers", "json": {}, "file": {}}, "not both"),
    ],
)
def test_a_step_that_is_none_is_named_before_anything_is_played(step: Document, said: str) -> None:
    first = {"who": "maker", "get": "offers"}

    with pytest.raises(StoryError, match=rf"tale: step 2 .*{said}"):
        check_story(told(steps=[first, step]), "tale")


def test_a_party_or_community_that_is_none_is_named() -> None:
    with pytest.raises(StoryError, match="party maker has unknown words: king"):
        check_story(told(parties={"maker": {"king": 1}}), "tale")
    with pytest.raises(StoryError, match="community park: miller is no party"):
        check_story(told(communities={"park": {"park": "miller"}}), "tale")
    with pytest.raises(StoryError, match="given mill needs as and resource"):
        check_story(told(given=[{"who": "maker", "as": "mill"}]), "tale")


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ([1], [1, 2]),
        ({"least": 2}, 1),
        ({"most": 2}, 3),
        ({"count": 2}, [1]),
        ({"holds": [{"a": 1}]}, [{"a": 2}]),
        ({"lacks": [{"a": 1}]}, [{"a": 1, "b": 2}]),
        ({"least": 1}, None),
        ({"size": 1}, [1]),
    ],
)
def test_what_is_not_as_expected_fails(expected: Any, found: Any) -> None:
    with pytest.raises(AssertionError):
        compare(expected, found, "here")


def test_a_place_is_found_by_number_or_by_what_stands_there() -> None:
    document = {"items": [{"id": 1, "title": "a.b"}, {"id": 2, "title": "c"}]}

    assert value_at(document, "items.1.id") == 2
    assert value_at(document, "items.[title=a.b].id") == 1
