"""Long work is a row first: done once, by one worker at a time, whatever dies meanwhile."""

import datetime
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import kombu.exceptions
import pytest
import time_machine
from celery import current_app
from celery.fixups.django import DjangoWorkerFixup
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.utils import timezone

from clinic import tasks
from clinic.celery import app
from clinic.models import Client, Clinic, Job
from clinic.models.job import JobState
from clinic.services import jobs
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.models import Summary
from sessions.models.summary import WEEKLY
from sessions.summaries import writing
from sessions.summaries.weeks import Week
from tests.world import World

KIND = "tests.work"
SECOND = timedelta(seconds=1)
Handler = Callable[[jobs.Run], None]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    """Say how jobs of the tests' own kind are done, until the test is over."""
    monkeypatch.setattr(jobs, "_handlers", dict(jobs._handlers))

    def register(handler: Handler) -> None:
        jobs.register(KIND, handler, purpose="jobs")

    register(lambda run: None)
    return register


Sent = list[tuple[str, ...]]
RUN_JOB = "clinic.tasks.run_job"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What the worker was told: each task's name and arguments. Nothing goes to a broker."""
    found: Sent = []

    def send_task(name: str, args: Any = (), *more: Any, **options: Any) -> None:
        found.append((name, *args))

    monkeypatch.setattr(app, "send_task", send_task)
    return found


def unreachable(*args: Any, **options: Any) -> None:
    raise kombu.exceptions.OperationalError("connection refused")


@pytest.fixture
def broker_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that nobody reaches."""
    monkeypatch.setattr(app, "send_task", unreachable)


def queued(w: World, kind: str = KIND, **fields: Any) -> Job:
    """A job of the clinic, as it lies in the table before anybody was told of it."""
    with acting_as(TaskActor(w.clinic.pk, "jobs")):
        return Job.objects.create(clinic_id=w.clinic.pk, kind=kind, **fields)


def now_of(w: World, job: Job) -> Job:
    """The job's row as it is now."""
    actor = TaskActor(w.clinic.pk, "jobs")
    with acting_as(actor):
        return Job.objects.visible_to(actor).get(pk=job.pk)


def claim(w: World, job: Job) -> Job | None:
    return jobs.claim(clinic_id=w.clinic.pk, job_id=job.pk)


def run(w: World, job: Job) -> bool:
    return jobs.run(clinic_id=w.clinic.pk, job_id=job.pk)


def later(job: Job, by: timedelta = SECOND) -> Any:
    """A little after whoever holds the job has to have been heard of."""
    assert job.held_until is not None
    return time_machine.travel(job.held_until + by, tick=False)


def state_of(job: Job) -> tuple[str, int]:
    return job.state, job.attempts


# --- Taking a job --------------------------------------------------------------------------


def test_a_job_that_is_taken_is_in_hand_for_a_while(w: World) -> None:
    before = timezone.now()
    taken = claim(w, queued(w))

    assert taken is not None
    assert state_of(taken) == ("running", 1)
    assert taken.started_at is not None
    assert taken.held_until is not None
    assert before + Job.hold() <= taken.held_until <= timezone.now() + Job.hold()


def test_a_job_in_hand_is_not_taken_a_second_time(w: World) -> None:
    job = queued(w)
    claim(w, job)

    assert claim(w, job) is None
    assert state_of(now_of(w, job)) == ("running", 1)


@pytest.mark.django_db(transaction=True)
def test_of_four_workers_at_once_one_takes_the_job(w: World) -> None:
    job, barrier = queued(w), Barrier(4, timeout=60)

    def take() -> Job | None:
        try:
            barrier.wait()
            return claim(w, job)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        taken = [one.result() for one in [pool.submit(take) for _ in range(4)]]

    assert len([one for one in taken if one is not None]) == 1
    assert state_of(now_of(w, job)) == ("running", 1)


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED])
def test_a_job_that_is_over_is_not_taken(w: World, state: JobState) -> None:
    job = queued(w, state=state)

    assert claim(w, job) is None
    assert now_of(w, job).state == state


def test_a_job_that_there_is_not_is_not_taken(w: World) -> None:
    assert jobs.claim(clinic_id=w.clinic.pk, job_id=uuid4()) is None


def test_a_job_of_another_clinic_is_not_taken(w: World) -> None:
    job = queued(w)

    assert jobs.claim(clinic_id=w.elsewhere.pk, job_id=job.pk) is None
    assert state_of(now_of(w, job)) == ("queued", 0)


def test_a_job_is_held_until_its_time_is_over(w: World) -> None:
    taken = claim(w, queued(w))
    assert taken is not None

    with later(taken, -SECOND):
        assert claim(w, taken) is None
    with later(taken):
        again = claim(w, taken)
    assert again is not None
    assert state_of(again) == ("running", 2)


# --- Doing it ------------------------------------------------------------------------------


def test_a_job_is_done_once(w: World, work: Callable[[Handler], None]) -> None:
    done: list[UUID] = []
    work(lambda the_run: done.append(the_run.job.pk))
    job = queued(w)

    assert [run(w, job), run(w, job)] == [True, False]
    assert done == [job.pk]
    kept = now_of(w, job)
    assert (kept.state, kept.held_until) == ("done", None)
    assert kept.finished_at is not None


def test_a_job_says_how_far_it_is_and_what_it_made(
    w: World, work: Callable[[Handler], None]
) -> None:
    seen: list[tuple[int, int | None]] = []
    job = queued(w)

    def handler(the_run: jobs.Run) -> None:
        with the_run.batch():
            the_run.expect(5)
        for _ in range(2):
            with the_run.batch():
                the_run.progress(2)
            kept = now_of(w, job)
            seen.append((kept.done, kept.total))
        with the_run.batch():
            the_run.found(week="2026-W20")
            the_run.found(written=4)

    work(handler)
    run(w, job)

    assert seen == [(2, 5), (4, 5)]
    assert now_of(w, job).result == {"week": "2026-W20", "written": 4}


def test_each_batch_renews_the_hold(w: World, work: Callable[[Handler], None]) -> None:
    others: list[Job | None] = []
    job = queued(w)

    def handler(the_run: jobs.Run) -> None:
        with time_machine.travel(timezone.now() + Job.hold() - SECOND, tick=False):
            with the_run.batch():
                pass
            with time_machine.travel(timezone.now() + Job.hold() - SECOND, tick=False):
                others.append(claim(w, job))

    work(handler)

    assert run(w, job) is True
    assert others == [None]
    assert now_of(w, job).state == "done"


def test_work_and_progress_of_a_batch_are_kept_together_or_not_at_all(
    w: World, work: Callable[[Handler], None]
) -> None:
    def handler(the_run: jobs.Run) -> None:
        with the_run.batch():
            the_run.progress(1)
            Job.objects.create(clinic_id=w.clinic.pk, kind="made by the first batch")
        with the_run.batch():
            the_run.progress(1)
            Job.objects.create(clinic_id=w.clinic.pk, kind="made by the second batch")
            raise RuntimeError("the power went")

    work(handler)
    job = queued(w)
    run(w, job)

    actor = TaskActor(w.clinic.pk, "jobs")
    with acting_as(actor):
        made = list(Job.objects.visible_to(actor).exclude(pk=job.pk).values_list("kind", flat=True))
    assert made == ["made by the first batch"]
    assert now_of(w, job).done == 1


def test_the_time_left_is_told_from_the_pace_so_far() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        running = Job(state=JobState.RUNNING, started_at=now - 20 * SECOND, done=4, total=10)
        assert running.seconds_left == 30
        for other in (
            Job(state=JobState.QUEUED, total=10),
            Job(state=JobState.RUNNING, started_at=now, done=0, total=10),
            Job(state=JobState.RUNNING, started_at=now - SECOND, done=4, total=None),
            Job(state=JobState.DONE, started_at=now - SECOND, done=10, total=10),
        ):
            assert other.seconds_left is None


# --- A worker that was too slow ------------------------------------------------------------


def taken_over(w: World, job: Job) -> Job:
    """Another worker takes the job, since this one was not heard of."""
    with later(now_of(w, job)):
        other = claim(w, job)
    assert other is not None
    return other


def test_a_worker_that_lost_its_hold_stops_and_keeps_nothing(
    w: World, work: Callable[[Handler], None]
) -> None:
    job = queued(w)
    reached: list[str] = []

    def handler(the_run: jobs.Run) -> None:
        with the_run.batch():
            the_run.expect(9)
        taken_over(w, job)
        with the_run.batch():
            reached.append("the second batch")
            the_run.progress(7)

    work(handler)

    assert run(w, job) is False
    assert reached == []
    kept = now_of(w, job)
    assert (state_of(kept), kept.done) == (("running", 2), 0)


def test_a_worker_that_lost_its_hold_at_the_very_end_does_not_say_done(
    w: World, work: Callable[[Handler], None]
) -> None:
    job = queued(w)

    def handler(the_run: jobs.Run) -> None:
        taken_over(w, job)

    work(handler)

    assert run(w, job) is False
    assert state_of(now_of(w, job)) == ("running", 2)


def test_a_worker_that_lost_its_hold_and_fails_then_leaves_the_job_to_the_other(
    w: World, work: Callable[[Handler], None]
) -> None:
    job = queued(w)

    def handler(the_run: jobs.Run) -> None:
        taken_over(w, job)
        raise RuntimeError("too late")

    work(handler)
    run(w, job)

    assert state_of(now_of(w, job)) == ("running", 2)


def test_a_job_that_another_worker_has_done_stays_done(
    w: World, work: Callable[[Handler], None]
) -> None:
    job = queued(w)

    def handler(the_run: jobs.Run) -> None:
        other = jobs.Run(taken_over(w, job), "jobs")
        with other.batch():
            other._update(state=JobState.DONE, held_until=None)
        raise RuntimeError("too late")

    work(handler)
    run(w, job)

    assert state_of(now_of(w, job)) == ("done", 2)


# --- A job that fails ----------------------------------------------------------------------


def fails(the_run: jobs.Run) -> None:
    raise ValueError("a word that somebody wrote")


def test_a_job_that_fails_is_left_for_another_attempt_after_a_while(
    w: World, work: Callable[[Handler], None]
) -> None:
    work(fails)
    job = queued(w)
    run(w, job)
    kept = now_of(w, job)

    assert (state_of(kept), kept.problem, kept.finished_at) == (("queued", 1), "", None)
    assert claim(w, job) is None
    with later(kept):
        assert claim(w, job) is not None


def test_each_further_attempt_waits_longer(w: World, work: Callable[[Handler], None]) -> None:
    work(fails)
    job = queued(w)
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(Job.MOST_ATTEMPTS - 1):
            run(w, job)
            held = now_of(w, job).held_until
            assert held is not None
            waits.append(held - timezone.now())
            clock.move_to(held + SECOND)

    assert waits == sorted(set(waits))


def test_a_job_that_always_fails_is_failed_in_the_end_with_a_code(
    w: World, work: Callable[[Handler], None]
) -> None:
    work(fails)
    job = queued(w)
    run(w, job)
    for _ in range(Job.MOST_ATTEMPTS - 1):
        with later(now_of(w, job)):
            run(w, job)
    kept = now_of(w, job)

    assert state_of(kept) == ("failed", Job.MOST_ATTEMPTS)
    assert (kept.problem, kept.held_until) == ("error", None)
    assert kept.finished_at is not None
    assert run(w, job) is False


def test_a_job_that_fails_once_is_done_the_next_time(
    w: World, work: Callable[[Handler], None]
) -> None:
    job = queued(w)
    work(fails)
    run(w, job)
    work(lambda the_run: None)
    with later(now_of(w, job)):
        assert run(w, job) is True

    assert state_of(now_of(w, job)) == ("done", 2)


def test_what_was_said_in_an_error_goes_neither_to_the_row_nor_to_the_log(
    w: World, work: Callable[[Handler], None], caplog: pytest.LogCaptureFixture
) -> None:
    work(fails)
    job = queued(w)
    logging.getLogger("kindwork").propagate = True
    try:
        with caplog.at_level(logging.DEBUG, logger="kindwork"):
            run(w, job)
    finally:
        logging.getLogger("kindwork").propagate = False

    assert "ValueError" in caplog.text
    assert "somebody wrote" not in caplog.text
    assert "somebody wrote" not in str(vars(now_of(w, job)))


# --- A worker that dies --------------------------------------------------------------------


def waiting(w: World) -> list[UUID]:
    return jobs.waiting(clinic_id=w.clinic.pk)


def test_a_job_that_nobody_was_told_of_lies_there_to_be_found(w: World) -> None:
    first, second = queued(w), queued(w)

    assert waiting(w) == [first.pk, second.pk]


def test_a_job_in_hand_or_over_does_not_lie_there(w: World) -> None:
    claim(w, queued(w))
    queued(w, state=JobState.DONE)
    queued(w, state=JobState.FAILED)

    assert waiting(w) == []


def test_a_job_whose_worker_died_is_found_once_its_hold_is_past(w: World) -> None:
    taken = claim(w, queued(w))
    assert taken is not None

    with later(taken, -SECOND):
        assert waiting(w) == []
    with later(taken):
        assert waiting(w) == [taken.pk]


def test_a_job_whose_worker_died_is_done_by_the_next(
    w: World, work: Callable[[Handler], None]
) -> None:
    done: list[int] = []
    work(lambda the_run: done.append(the_run.job.attempts))
    taken = claim(w, queued(w))
    assert taken is not None
    with later(taken):
        assert run(w, taken) is True

    assert done == [2]
    assert state_of(now_of(w, taken)) == ("done", 2)


def test_a_job_that_kills_every_worker_is_given_up(w: World) -> None:
    job = queued(w)
    claim(w, job)
    for _ in range(Job.MOST_ATTEMPTS - 1):
        taken_over(w, job)
    with later(now_of(w, job)):
        assert claim(w, job) is None
        assert waiting(w) == []

    kept = now_of(w, job)
    assert (state_of(kept), kept.problem) == (("failed", Job.MOST_ATTEMPTS), "given_up")
    assert kept.finished_at is not None


def test_what_lies_there_is_taken_up_in_every_clinic(w: World, told: Sent) -> None:
    here = queued(w)
    with acting_as(TaskActor(w.elsewhere.pk, "jobs")):
        there = Job.objects.create(clinic_id=w.elsewhere.pk, kind=KIND)
    tasks.resume_jobs()

    assert told == [
        (RUN_JOB, str(w.clinic.pk), str(here.pk)),
        (RUN_JOB, str(w.elsewhere.pk), str(there.pk)),
    ]


def test_the_task_does_the_job_that_it_is_told_of(
    w: World, work: Callable[[Handler], None]
) -> None:
    job = queued(w)
    tasks.run_job(str(w.clinic.pk), str(job.pk))

    assert now_of(w, job).state == "done"


def test_a_task_told_of_a_job_in_another_clinic_does_nothing(
    w: World, work: Callable[[Handler], None]
) -> None:
    job = queued(w)
    tasks.run_job(str(w.elsewhere.pk), str(job.pk))

    assert state_of(now_of(w, job)) == ("queued", 0)


# --- Queueing, with the broker there or not ------------------------------------------------


def ask(w: World) -> Any:
    """Alice asks for last week's summary of Carol."""
    week = Week.of(w.today - timedelta(days=7))
    return w.alice.api.post(
        "/api/v1/summaries", {"client": str(w.carol.actor.client_id), "week": str(week)}
    )


def test_the_worker_is_told_once_the_row_is_there_for_good(
    w: World, told: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = ask(w)
        assert told == []

    assert told == [(RUN_JOB, str(w.clinic.pk), response.json()["id"])]


def test_a_job_whose_request_was_undone_is_told_to_nobody(
    w: World,
    work: Callable[[Handler], None],
    told: Sent,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with acting_as(w.alice.actor), transaction.atomic():
            jobs.queue_job(
                kind=KIND, arguments={}, unit="clients", clinic_id=w.clinic.pk, by=w.alice.actor
            )
            transaction.set_rollback(True)

    assert told == []
    assert waiting(w) == []


def test_a_job_of_a_kind_that_nobody_does_is_not_queued(w: World) -> None:
    with acting_as(w.alice.actor), pytest.raises(LookupError):
        jobs.queue_job(
            kind="tea.make", arguments={}, unit="cups", clinic_id=w.clinic.pk, by=w.alice.actor
        )

    assert waiting(w) == []


def test_a_job_belongs_to_whoever_asked_for_it(
    w: World, work: Callable[[Handler], None], told: Sent
) -> None:
    with acting_as(w.alice.actor):
        job = jobs.queue_job(
            kind=KIND, arguments={}, unit="clients", clinic_id=w.clinic.pk, by=w.alice.actor
        )

    assert now_of(w, job).requested_by_id == w.alice.actor.memberships[Role.THERAPIST]


@pytest.mark.usefixtures("broker_away")
def test_with_the_broker_away_a_request_is_taken_all_the_same(
    w: World, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = ask(w)

    assert response.status_code == 202
    assert [str(job) for job in waiting(w)] == [response.json()["id"]]


def test_when_the_broker_is_back_the_work_is_done(
    w: World, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def send_task(name: str, args: Any = (), *more: Any, **options: Any) -> None:
        app.tasks[name](*args)

    monkeypatch.setattr(app, "send_task", unreachable)
    with django_capture_on_commit_callbacks(execute=True):
        location = ask(w)["Location"]
    # The scheduler's next round, with the broker there and a worker that listens.
    monkeypatch.setattr(app, "send_task", send_task)
    tasks.resume_jobs()

    job = w.alice.api.get(location).json()
    assert (job["state"], job["done"], job["total"]) == ("done", 1, 1)
    [summary] = w.alice.api.get(job["result_url"]).json()["results"]
    assert summary["kind"] == "therapist_week"


@pytest.mark.usefixtures("broker_away")
def test_with_the_broker_away_the_round_through_the_clinics_says_so_and_loses_nothing(
    w: World,
) -> None:
    job = queued(w)
    with pytest.raises(RuntimeError, match="failed in 1 clinics"):
        tasks.resume_jobs()

    assert waiting(w) == [job.pk]


# --- Writing summaries as a job ------------------------------------------------------------

WEEK = Week.parse("2026-W20")


def in_care(w: World, n: int) -> set[UUID]:
    """So many clients of Alice's who were in care in that week, and nobody else."""
    return {w.new_client(care_started_on=WEEK.monday).pk for _ in range(n)}


def how_often(clinic: Clinic) -> Counter[tuple[UUID, str]]:
    actor = TaskActor(clinic.pk, "summaries")
    with acting_as(actor):
        return Counter(
            Summary.objects.visible_to(actor)
            .filter(period_start=WEEK.monday)
            .values_list("client_id", "kind")
        )


def once_each(clients: set[UUID]) -> dict[tuple[UUID, str], int]:
    return {(client, kind.value): 1 for client in clients for kind in WEEKLY}


def test_a_job_without_names_writes_for_everybody_who_was_in_care(w: World) -> None:
    clients = in_care(w, 3)
    job = queued(w, WRITE_SUMMARIES, arguments={"week": str(WEEK)})
    run(w, job)

    kept = now_of(w, job)
    assert (kept.state, kept.done, kept.total) == ("done", 3, 3)
    assert kept.result == {"week": "2026-W20", "written": 3}
    assert how_often(w.clinic) == once_each(clients)


def test_a_job_killed_in_the_middle_is_finished_by_the_next_worker_each_once(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 2)
    clients = in_care(w, 5)
    job = queued(w, WRITE_SUMMARIES, arguments={"week": str(WEEK)})
    batches: list[int] = []
    write_week = writing.write_week

    def killed_in_the_second(**said: Any) -> int:
        batches.append(len(said["clients"]))
        written = write_week(**said)
        if len(batches) == 2:
            raise SystemExit
        return written

    monkeypatch.setattr(writing, "write_week", killed_in_the_second)
    with pytest.raises(SystemExit):
        run(w, job)
    assert sorted(how_often(w.clinic).values()) == [1] * 4
    with later(now_of(w, job)):
        assert run(w, job) is True

    assert how_often(w.clinic) == once_each(clients)
    assert batches == [2, 2, 2, 1]
    assert state_of(now_of(w, job)) == ("done", 2)


# --- The command ---------------------------------------------------------------------------


def command(*words: str) -> str:
    said = StringIO()
    call_command("write_summaries", *words, "--no-progress", stdout=said)
    return said.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_command_writes_a_week_for_every_clinic_and_says_how_far_it_is(
    w: World, capsys: pytest.CaptureFixture[str]
) -> None:
    here = in_care(w, 2)
    there = {w.new_client(w.charlie, care_started_on=WEEK.monday).pk}
    said = command("--week", str(WEEK), "--here") + capsys.readouterr().out

    assert how_often(w.clinic) == once_each(here)
    assert how_often(w.elsewhere) == once_each(there)
    assert f"2026-W20, clinic {w.clinic.pk}: 2 of 2" in said
    assert f"2026-W20, clinic {w.elsewhere.pk}: 1 of 1" in said


@pytest.mark.django_db(transaction=True)
def test_the_command_given_again_leaves_what_is_written(w: World) -> None:
    clients = in_care(w, 2)
    command("--week", str(WEEK), "--here")
    actor = TaskActor(w.clinic.pk, "summaries")
    with acting_as(actor):
        before = set(Summary.objects.visible_to(actor).values_list("pk", "created_at"))
    command("--week", str(WEEK), "--here")

    with acting_as(actor):
        assert set(Summary.objects.visible_to(actor).values_list("pk", "created_at")) == before
    assert how_often(w.clinic) == once_each(clients)


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_the_command_gives_up_and_the_job_stays(w: World, told: Sent) -> None:
    with pytest.raises(CommandError, match="is the worker running") as refused:
        command("--week", str(WEEK), "--patience", "0")

    [job] = waiting(w)
    assert str(job) in str(refused.value)
    assert told == [(RUN_JOB, str(w.clinic.pk), str(job))]
    assert how_often(w.clinic) == Counter()


@pytest.mark.parametrize("week", ["2026-20", "2025-W53", "last", "2026-W00", "9999-W52"])
def test_a_week_that_there_is_not_is_refused_in_one_sentence(w: World, week: str) -> None:
    with pytest.raises(CommandError, match=week):
        command("--week", week, "--here")

    assert waiting(w) == []


def test_a_week_that_is_not_over_is_refused_with_its_last_day(w: World) -> None:
    week = Week.of(w.today + timedelta(days=1))
    with pytest.raises(CommandError, match=f"not over; it ends on {week.sunday}"):
        command("--week", str(week), "--here")

    assert waiting(w) == []


@pytest.mark.parametrize(
    ("instant", "over"), [("2099-06-01T11:59:59", False), ("2099-06-01T12:00:00", True)]
)
def test_a_week_is_over_for_the_command_when_it_is_over_everywhere(
    w: World, told: Sent, instant: str, over: bool
) -> None:
    moment = datetime.datetime.fromisoformat(instant).replace(tzinfo=datetime.UTC)
    expected = "is the worker running" if over else "not over"
    with time_machine.travel(moment, tick=False), pytest.raises(CommandError, match=expected):
        command("--week", "2099-W22", "--patience", "-1")


def test_the_command_needs_a_week(w: World) -> None:
    with pytest.raises(CommandError, match="--week"):
        command("--here")


def test_a_client_of_the_week_who_is_paused_now_is_written_for_on_request(w: World) -> None:
    [client] = in_care(w, 1)
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=client).update(state="paused")
    run(w, queued(w, WRITE_SUMMARIES, arguments={"week": str(WEEK)}))

    assert how_often(w.clinic) == once_each({client})


# --- What the worker is told


def test_a_task_is_acknowledged_when_it_is_done_and_returns_when_its_process_dies() -> None:
    # Without both, a killed process lost its tasks (security brief, section 5).
    assert current_app.conf.task_acks_late is True
    assert current_app.conf.task_reject_on_worker_lost is True


def test_a_worker_takes_one_task_at_a_time() -> None:
    assert current_app.conf.worker_prefetch_multiplier == 1


def test_no_healthy_task_is_handed_out_twice() -> None:
    hidden = current_app.conf.broker_transport_options["visibility_timeout"]
    assert hidden >= 4 * current_app.conf.task_time_limit
    assert current_app.conf.task_soft_time_limit < current_app.conf.task_time_limit


def test_a_message_is_plain_json_and_nothing_else_is_read() -> None:
    assert current_app.conf.task_serializer == "json"
    assert set(current_app.conf.accept_content) == {"json"}
    assert current_app.conf.task_always_eager is False


def test_a_worker_keeps_its_connection_from_task_to_task() -> None:
    assert DjangoWorkerFixup(current_app).db_reuse_max
