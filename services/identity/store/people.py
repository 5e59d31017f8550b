"""SQL of people, memberships and service accounts."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from services.contracts.access import Role
from services.contracts.ids import OrganisationId, PersonId, ServiceAccountId
from services.identity.domain import Member, Membership, Person, ServiceAccount
from services.identity.store.organisations import inserted
from services.identity.tables import MembershipRow, PersonRow, ServiceAccountRow


def insert_person(session: Session, person: Person) -> bool:
    """Whether it was stored; not when another has its address."""
    return inserted(
        session,
        PersonRow(
            id=person.id,
            email=person.email,
            name=person.name,
            locale=person.locale,
            created_at=person.created_at,
        ),
    )


def person(session: Session, person_id: UUID) -> Person | None:
    row = session.get(PersonRow, person_id)
    return None if row is None else _person(row)


def person_by_email(session: Session, email: str) -> Person | None:
    row = session.exec(select(PersonRow).where(col(PersonRow.email) == email)).one_or_none()
    return None if row is None else _person(row)


def insert_membership(session: Session, membership: Membership) -> bool:
    """Whether it was stored; not when the person is a member already."""
    return inserted(
        session,
        MembershipRow(
            organisation_id=membership.organisation_id,
            person_id=membership.person_id,
            roles=sorted(membership.roles),
            created_at=membership.created_at,
        ),
    )


def update_roles(session: Session, membership: Membership) -> None:
    session.connection().execute(
        update(MembershipRow)
        .where(
            col(MembershipRow.organisation_id) == membership.organisation_id,
            col(MembershipRow.person_id) == membership.person_id,
        )
        .values(roles=sorted(membership.roles))
    )


def delete_membership(session: Session, organisation_id: UUID, person_id: UUID) -> None:
    session.connection().execute(
        delete(MembershipRow).where(
            col(MembershipRow.organisation_id) == organisation_id,
            col(MembershipRow.person_id) == person_id,
        )
    )


def membership(session: Session, organisation_id: UUID, person_id: UUID) -> Membership | None:
    row = session.get(MembershipRow, (organisation_id, person_id), populate_existing=True)
    return None if row is None else _membership(row)


def memberships_of(session: Session, person_id: UUID) -> list[Membership]:
    query = (
        select(MembershipRow)
        .where(col(MembershipRow.person_id) == person_id)
        .order_by(col(MembershipRow.created_at), col(MembershipRow.organisation_id))
    )
    return [_membership(row) for row in session.exec(query)]


def members_after(
    session: Session, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[Member]:
    query = _members(organisation_id).order_by(col(MembershipRow.person_id)).limit(limit)
    if after is not None:
        query = query.where(col(MembershipRow.person_id) > after)
    return [Member(_membership(member), _person(person)) for member, person in session.exec(query)]


def member(session: Session, organisation_id: UUID, person_id: UUID) -> Member | None:
    query = _members(organisation_id).where(col(MembershipRow.person_id) == person_id)
    found = session.exec(query).one_or_none()
    return None if found is None else Member(_membership(found[0]), _person(found[1]))


def is_member(session: Session, organisation_id: UUID, email: str) -> bool:
    query = _members(organisation_id).where(col(PersonRow.email) == email)
    return session.exec(query).first() is not None


def lock_owners(session: Session, organisation_id: UUID) -> set[PersonId]:
    """Members who own the organisation, locked so that the last two cannot leave at once."""
    query = (
        select(MembershipRow)
        .where(
            col(MembershipRow.organisation_id) == organisation_id,
            col(MembershipRow.roles).contains([Role.OWNER.value]),
        )
        .order_by(col(MembershipRow.person_id))
        .with_for_update()
    )
    return {PersonId(row.person_id) for row in session.exec(query)}


def insert_service_account(session: Session, account: ServiceAccount) -> bool:
    """Whether it was stored; not when the organisation has one of that name."""
    return inserted(
        session,
        ServiceAccountRow(
            id=account.id,
            organisation_id=account.organisation_id,
            name=account.name,
            roles=sorted(account.roles),
            created_at=account.created_at,
        ),
    )


def service_account(
    session: Session, organisation_id: UUID, account_id: UUID
) -> ServiceAccount | None:
    row = session.get(ServiceAccountRow, account_id)
    if row is None or row.organisation_id != organisation_id:
        return None
    return _service_account(row)


def service_accounts_after(
    session: Session, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[ServiceAccount]:
    query = (
        select(ServiceAccountRow)
        .where(col(ServiceAccountRow.organisation_id) == organisation_id)
        .order_by(col(ServiceAccountRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(ServiceAccountRow.id) > after)
    return [_service_account(row) for row in session.exec(query)]


def delete_service_account(session: Session, account_id: UUID) -> None:
    session.connection().execute(
        delete(ServiceAccountRow).where(col(ServiceAccountRow.id) == account_id)
    )


def count_service_accounts(session: Session, organisation_id: UUID) -> int:
    query = select(func.count()).where(col(ServiceAccountRow.organisation_id) == organisation_id)
    return session.exec(query).one()


def _members(organisation_id: UUID) -> Any:
    return (
        select(MembershipRow, PersonRow)
        .join(PersonRow, col(PersonRow.id) == col(MembershipRow.person_id))
        .where(col(MembershipRow.organisation_id) == organisation_id)
        .execution_options(populate_existing=True)
    )


def _person(row: PersonRow) -> Person:
    return Person(
        id=PersonId(row.id),
        email=row.email,
        name=row.name,
        locale=row.locale,
        created_at=row.created_at,
    )


def _membership(row: MembershipRow) -> Membership:
    return Membership(
        organisation_id=OrganisationId(row.organisation_id),
        person_id=PersonId(row.person_id),
        roles=frozenset(Role(role) for role in row.roles),
        created_at=row.created_at,
    )


def _service_account(row: ServiceAccountRow) -> ServiceAccount:
    return ServiceAccount(
        id=ServiceAccountId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles),
        created_at=row.created_at,
    )
