"""Writing the summaries of a week: batch by batch, each once, whatever dies meanwhile."""

import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone, translation

from clinic.models import Client, Clinic
from clinic.models.data_key import KeyPurpose
from clinic.services.jobs import Run
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as, current
from clinic.vault.sealing import CannotOpen
from sessions.models import Summary
from sessions.models.summary import WEEKLY, SummaryKind
from sessions.summaries.due import next_due
from sessions.summaries.figures import WeekOfClient, figures_of
from sessions.summaries.weeks import Week
from sessions.summaries.wording import (
    COMPOSER,
    client_week,
    figures_as_json,
    therapist_week,
)

PURPOSE = "summaries"
BATCH = 200
"""Clients a transaction: memory stays flat, and a kill loses little."""


def write_week(*, week: Week, clients: list[UUID], actor: TaskActor) -> set[UUID]:
    """Write both summaries of one week for a batch of clients, inside a scope.

    The number of statements does not depend on the number of clients. A summary that is
    there already stays as it is. A client whose key does not open is passed over, and
    nobody else with them.

    Returns:
        The clients who were looked after.
    """
    found = figures_of(week=week, clients=clients, actor=actor)
    people = list(Client.objects.visible_to(actor).filter(pk__in=clients).order_by("pk"))
    staff_language = supported(Clinic.objects.get(pk=actor.clinic_id).language)
    keyring = current().keyring
    keyring.prepare(actor.clinic_id, [(client.pk, KeyPurpose.SUMMARY) for client in people])
    people = [
        client
        for client in people
        if keyring.can_seal(actor.clinic_id, client.pk, KeyPurpose.SUMMARY)
    ]
    Summary.objects.bulk_create(
        [
            summary
            for client in people
            for summary in _summaries(
                client, week, found.get(client.pk) or WeekOfClient(), staff_language
            )
        ],
        ignore_conflicts=True,
    )
    return {client.pk for client in people}


def supported(language: str) -> str:
    """The language that texts can be written in for this code; the installation's if none fits."""
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return settings.LANGUAGE_CODE


def _summaries(
    client: Client, week: Week, found: WeekOfClient, staff_language: str
) -> list[Summary]:
    kinds = (
        (SummaryKind.CLIENT_WEEK, client_week, found.own, supported(client.language)),
        (SummaryKind.THERAPIST_WEEK, therapist_week, found.shared, staff_language),
    )
    made = []
    for kind, word, practices, language in kinds:
        with translation.override(language):
            paragraphs = word(called=_called(client), week=week, found=found)
        made.append(
            Summary(
                clinic_id=client.clinic_id,
                client_id=client.pk,
                kind=kind,
                period_start=week.monday,
                period_end=week.sunday,
                time_zone=client.time_zone,
                language=language,
                composer=COMPOSER,
                body={"paragraphs": paragraphs, "figures": figures_as_json(practices)},
            )
        )
    return made


def _called(client: Client) -> str:
    """What the client likes to be called; "" where the name does not open."""
    try:
        return client.called
    except CannotOpen:
        return ""


def write_due(*, clinic_id: UUID, now: datetime.datetime | None = None) -> int:
    """Write everything that is due in a clinic, oldest week first, a transaction a batch.

    Safe to run twice, late, or in parallel: one worker at a time works on a clinic, and
    the table takes each summary once.

    Returns:
        How many (client, week) were written.
    """
    actor = TaskActor(clinic_id, PURPOSE)
    written = 0
    passed_over: set[UUID] = set()
    while True:
        with acting_as(actor):
            if not _alone(clinic_id):
                return written
            due = next_due(now=now or timezone.now(), most=BATCH, passed_over=passed_over)
            if due is None:
                return written
            done = write_week(week=due.week, clients=due.clients, actor=actor)
        written += len(done)
        passed_over |= set(due.clients) - done


def _alone(clinic_id: UUID) -> bool:
    """Whether this transaction is the only one that writes summaries in the clinic now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"summaries {clinic_id}"]
        )
        return bool(cursor.fetchone()[0])


def unwritten(*, week: Week, actor: TaskActor, clients: list[UUID] | None = None) -> list[UUID]:
    """Ids of clients who lack a summary of that week: those named, or all who were in care then."""
    people = Client.objects.visible_to(actor)
    if clients is not None:
        people = people.filter(pk__in=clients)
    else:
        people = people.filter(care_started_on__lte=week.sunday).exclude(
            care_ended_on__lt=week.monday
        )
    # Both kinds are written in one transaction, so that one speaks for both.
    written = Summary.objects.visible_to(actor).filter(kind=WEEKLY[0], period_start=week.monday)
    people = people.exclude(pk__in=written.values("client_id"))
    return list(people.order_by("id").values_list("pk", flat=True))


def write_summaries_job(run: Run) -> None:
    """Do a `summaries.write` job: `{"week": "2026-W20", "clients": [ids] or absent}`."""
    week = Week.parse(run.job.arguments["week"])
    named = run.job.arguments.get("clients")
    clients = [UUID(one) for one in named] if named is not None else None
    with run.batch():
        todo = unwritten(week=week, actor=run.actor, clients=clients)
        run.expect(len(todo))
    written = 0
    for start in range(0, len(todo), BATCH):
        with run.batch():
            done = write_week(week=week, clients=todo[start : start + BATCH], actor=run.actor)
            run.progress(len(done))
            written += len(done)
    with run.batch():
        run.found(week=str(week), written=written)
