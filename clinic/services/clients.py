"""Taking clients in, and keeping their details."""

import datetime
from typing import Any
from uuid import UUID

from clinic.models import CareTeamMember, Client, Clinic, Membership
from clinic.models.care_team import CareTeamKind
from clinic.models.client import ClientState
from clinic.refusal import NotTheirs, Refused
from clinic.tenancy.actor import Actor, Role
from clinic.zones import today_in


def add_client(*, details: dict[str, Any], therapist: Membership | None, by: Actor) -> Client:
    """Take a person into care.

    Args:
        details: fields of Client; zone and language default to the clinic's.
        therapist: who will care for them. None means the actor, who must then be a therapist.

    Raises:
        Refused: nobody would care for this client, or the days are the wrong way round.
    """
    clinic = Clinic.objects.get(pk=by.clinic_id)
    if therapist is None:
        if not by.has(Role.THERAPIST):
            raise Refused("therapist", "Name the therapist who will care for this client.")
        therapist_id = by.memberships[Role.THERAPIST]
    else:
        therapist_id = therapist.pk
        if not by.has(Role.ADMIN) and therapist_id != by.memberships[Role.THERAPIST]:
            raise Refused("therapist", "Only an admin takes a client in for a colleague.")
    zone = details.get("time_zone", clinic.time_zone)
    client = Client(
        clinic_id=by.clinic_id,
        **{
            "time_zone": zone,
            "language": clinic.language,
            "care_started_on": today_in(zone),
            **details,
        },
    )
    if client.state == ClientState.ENDED and client.care_ended_on is None:
        client.care_ended_on = today_in(zone)
    _check_care_days(client)
    client.save()
    CareTeamMember.objects.create(
        clinic_id=by.clinic_id,
        client=client,
        membership_id=therapist_id,
        kind=CareTeamKind.PRIMARY,
        starts_on=min(today_in(clinic.time_zone), client.care_started_on),
    )
    return client


def change_client(*, client: Client, changes: dict[str, Any], by: Actor) -> Client:
    """Change details of a client whose row the caller has locked.

    Ending care sets its last day to today, and taking it up again takes that day away,
    unless one is given.
    """
    if not changes:
        return client
    for name, value in changes.items():
        # Parts of the contact that nobody mentions stay as they are.
        merged = {**client.emergency_contact, **value} if name == "emergency_contact" else value
        setattr(client, name, merged)
    if "state" in changes and "care_ended_on" not in changes:
        if client.state != ClientState.ENDED:
            client.care_ended_on = None
        elif client.care_ended_on is None:
            client.care_ended_on = today_in(client.time_zone)
    _check_care_days(client)
    client.version += 1
    client.save()
    return client


def _check_care_days(client: Client) -> None:
    if client.care_ended_on and client.care_ended_on < client.care_started_on:
        raise Refused("care_ended_on", "Care cannot end before it started.")
    if client.state == ClientState.ENDED and client.care_ended_on is None:
        raise Refused("care_ended_on", "Care that has ended has a last day.")


def add_to_care_team(
    *,
    client: Client,
    therapist: Membership,
    kind: str,
    starts_on: datetime.date | None,
    ends_on: datetime.date | None,
    by: Actor,
) -> CareTeamMember:
    """Let a therapist see and care for a client, from a day until a day.

    Raises:
        NotTheirs: the actor may not.
        Refused: the days are the wrong way round.
    """
    if not by.has(Role.ADMIN):
        if kind == CareTeamKind.PRIMARY:
            raise Refused("kind", "Only an admin hands a client over. You can ask for cover.")
        if not _is_primary(client.pk, by):
            raise NotTheirs("The primary therapist, or an admin, names others.")
    starts_on = starts_on or today_in(by.zone)
    if ends_on is not None and ends_on < starts_on:
        raise Refused("ends_on", "The last day cannot come before the first.")
    if kind == CareTeamKind.COVERING and ends_on is None:
        raise Refused("ends_on", "Cover needs a last day.")
    return CareTeamMember.objects.create(
        clinic_id=by.clinic_id,
        client=client,
        membership=therapist,
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
    )


def leave_care_team(*, member: CareTeamMember, ends_on: datetime.date, by: Actor) -> CareTeamMember:
    """Say the last day of a therapist's part in a client's care; the caller has locked the row.

    Raises:
        Refused: that day lies before the first.
        NotTheirs: the part is not the actor's to change.
    """
    if ends_on < member.starts_on:
        raise Refused("ends_on", "The last day cannot come before the first.")
    if not by.has(Role.ADMIN):
        if member.kind == CareTeamKind.PRIMARY:
            raise NotTheirs("Only an admin ends a primary therapist's part.")
        steps_back = member.membership_id == by.memberships[Role.THERAPIST] and (
            member.ends_on is None or ends_on <= member.ends_on
        )
        if not steps_back and not _is_primary(member.client_id, by):
            raise NotTheirs("You can step back earlier, and not stay longer.")
    member.ends_on = ends_on
    member.version += 1
    member.save(update_fields=["ends_on", "version", "updated_at"])
    return member


def _is_primary(client_id: UUID, actor: Actor) -> bool:
    """Whether the actor is a primary therapist of this client today."""
    return (
        CareTeamMember.objects.filter(
            client_id=client_id,
            membership_id=actor.memberships[Role.THERAPIST],
            kind=CareTeamKind.PRIMARY,
        )
        .on(today_in(actor.zone))
        .exists()
    )
