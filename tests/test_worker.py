"""A real worker, killed at its work."""

import datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.db.models import Count

from clinic.models import CareTeamMember, Client, Job
from clinic.models.job import JobState
from clinic.services import jobs
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.models import Summary
from sessions.models.summary import WEEKLY
from sessions.summaries.weeks import Week
from tests import live, world
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 2_000


@pytest.fixture
def tidewater() -> World:
    return world.build()


def add_many_clients(w: World, number: int, *, weeks_ago: int) -> datetime.date:
    """Give Alice many clients, all since the same Monday; return that Monday."""
    monday = Week.of(w.today - datetime.timedelta(weeks=weeks_ago)).monday
    with acting_as(w.alice.actor):
        clients = Client.objects.bulk_create(
            Client(
                clinic_id=w.clinic.pk,
                full_name=f"Client {n}",
                time_zone="Europe/London",
                care_started_on=monday,
            )
            for n in range(number)
        )
        CareTeamMember.objects.bulk_create(
            CareTeamMember(
                clinic_id=w.clinic.pk,
                client=client,
                membership_id=w.alice.actor.memberships[Role.THERAPIST],
                starts_on=monday,
            )
            for client in clients
        )
    return monday


def summaries(w: World) -> int:
    with acting_as(TaskActor(w.clinic.pk, "summaries")):
        return Summary.objects.count()


def doubled(w: World) -> list[UUID]:
    with acting_as(TaskActor(w.clinic.pk, "summaries")):
        return list(
            Summary.objects.values("client_id", "period_start", "kind")
            .annotate(n=Count("id"))
            .filter(n__gt=1)
            .values_list("client_id", flat=True)
        )


def test_a_worker_killed_amid_a_job_for_2000_clients_leaves_each_week_exactly_once(
    tidewater: World, tmp_path: Path
) -> None:
    monday = add_many_clients(tidewater, MANY, weeks_ago=30)  # too long ago to be due by itself
    actor = TaskActor(tidewater.clinic.pk, "jobs")
    with acting_as(actor):
        Client.objects.update(state="paused")  # this job alone is at work
        job = Job.objects.create(
            clinic_id=tidewater.clinic.pk,
            kind=WRITE_SUMMARIES,
            arguments={"week": str(Week(monday))},
        )
    jobs.nudge(job)

    def state() -> Job:
        with acting_as(actor):
            return Job.objects.get(pk=job.pk)

    first = live.start_worker(tmp_path)
    try:
        live.wait_for("the first batch", lambda: state().done > 0)
    finally:
        first.kill()
    killed = state()
    assert killed.state == JobState.RUNNING
    assert 0 < summaries(tidewater) < MANY * len(WEEKLY), first.log.read_text()

    with live.worker(tmp_path) as second:
        live.wait_for("the job's end", lambda: state().state == JobState.DONE, seconds=90)
        assert second.is_alive
    assert summaries(tidewater) == MANY * len(WEEKLY)
    assert doubled(tidewater) == []
    assert state().attempts == 2


def test_a_worker_killed_amid_what_is_due_leaves_each_week_exactly_once(
    tidewater: World, tmp_path: Path
) -> None:
    add_many_clients(tidewater, 700, weeks_ago=3)
    due = 700 * 3 * len(WEEKLY)
    first = live.start_worker(tmp_path)
    try:
        live.wait_for("the first batch", lambda: summaries(tidewater) > 0)
    finally:
        first.kill()
    assert 0 < summaries(tidewater) < due
    with live.worker(tmp_path):
        live.wait_for("the rest", lambda: summaries(tidewater) >= due)
    assert summaries(tidewater) == due
    assert doubled(tidewater) == []


def test_a_job_that_nobody_was_told_of_is_done_all_the_same(
    tidewater: World, tmp_path: Path
) -> None:
    client = tidewater.new_client()
    week = Week.of(tidewater.today - datetime.timedelta(weeks=20))
    actor = TaskActor(tidewater.clinic.pk, "jobs")
    with acting_as(actor):
        job = Job.objects.create(
            clinic_id=tidewater.clinic.pk,
            kind=WRITE_SUMMARIES,
            arguments={"week": str(week), "clients": [str(client.pk)]},
        )

    def is_done() -> bool:
        with acting_as(actor):
            return Job.objects.get(pk=job.pk).state == JobState.DONE

    with live.worker(tmp_path):
        live.wait_for("the job", is_done)
    assert summaries(tidewater) == len(WEEKLY)
