"""Both summaries of a week are written once, for everybody, whatever happens meanwhile."""

import datetime
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from clinic.models import CareTeamMember, Client, Clinic, DataKey
from clinic.models.client import ClientState
from clinic.models.data_key import KeyPurpose
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as, current
from exercises.models import Entry
from sessions import tasks
from sessions.models import Summary
from sessions.models.summary import WEEKLY, SummaryKind
from sessions.summaries import writing
from sessions.summaries.weeks import Week
from sessions.summaries.writing import unwritten, write_due, write_week
from tests.world import Person, World

NOON = datetime.time(12, tzinfo=datetime.UTC)


def worker(clinic: Clinic) -> TaskActor:
    return TaskActor(clinic.pk, "summaries")


def last_week(w: World) -> Week:
    return Week.of(w.today - timedelta(days=7))


def wednesday(w: World) -> datetime.datetime:
    """A moment of this week at which last week is over everywhere."""
    return datetime.datetime.combine(last_week(w).monday + timedelta(days=9), NOON)


def in_care_since(w: World, day: datetime.date, *people: Person) -> None:
    for person in people:
        with acting_as(person.actor):
            Client.objects.filter(pk=person.actor.client_id).update(care_started_on=day)


@pytest.fixture
def w(w: World) -> World:
    """The two clinics, each with clients for whom last week is due and nothing before it."""
    in_care_since(w, last_week(w).monday, w.carol, w.eve, w.dora)
    return w


def many(w: World, n: int, by: Person) -> list[Client]:
    """Take so many people into care, all in the week that is due, each with one entry."""
    version = w.exercise(by=by).current
    assert version is not None
    with acting_as(by.actor):
        clients = Client.objects.bulk_create(
            [
                Client(
                    clinic_id=by.actor.clinic_id,
                    full_name=f"Person {number}",
                    time_zone="Europe/London",
                    care_started_on=last_week(w).monday,
                )
                for number in range(n)
            ]
        )
        CareTeamMember.objects.bulk_create(
            [
                CareTeamMember(
                    clinic_id=by.actor.clinic_id,
                    client=client,
                    membership_id=by.actor.memberships[Role.THERAPIST],
                    starts_on=last_week(w).monday,
                )
                for client in clients
            ]
        )
        current().keyring.prepare(
            by.actor.clinic_id, [(client.pk, KeyPurpose.PRACTICE) for client in clients]
        )
        Entry.objects.bulk_create(
            [
                Entry(
                    clinic_id=by.actor.clinic_id,
                    client=client,
                    exercise_version=version,
                    recorded_by_id=by.actor.memberships[Role.THERAPIST],
                    client_uuid=uuid4(),
                    request_digest=b"\0" * 32,
                    status="done",
                    practised_on=last_week(w).monday,
                    time_zone="Europe/London",
                    note=f"A line of {number}.",
                    share_level="shared",
                )
                for number, client in enumerate(clients)
            ]
        )
    return clients


def summaries(clinic: Clinic) -> list[Summary]:
    """All of a clinic's summaries, opened."""
    actor = worker(clinic)
    with acting_as(actor):
        found = list(Summary.objects.visible_to(actor).order_by("client_id", "kind"))
        for summary in found:
            assert summary.body
    return found


def how_often(clinic: Clinic) -> Counter[tuple[UUID, str, str]]:
    return Counter(
        (one.client_id, one.kind, str(Week(one.period_start))) for one in summaries(clinic)
    )


def once_each(week: Week, *people: Person) -> dict[tuple[UUID | None, str, str], int]:
    return {
        (person.actor.client_id, kind.value, str(week)): 1 for person in people for kind in WEEKLY
    }


# --- Once ----------------------------------------------------------------------------------


def test_both_summaries_of_each_client_are_written(w: World) -> None:
    assert write_due(clinic_id=w.clinic.pk, now=wednesday(w)) == 2

    assert how_often(w.clinic) == once_each(last_week(w), w.carol, w.eve)


def test_a_summary_says_which_days_where_and_by_which_rules(w: World) -> None:
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(
            time_zone="Pacific/Auckland", language="en"
        )
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))

    [summary] = [
        one
        for one in summaries(w.clinic)
        if (one.client_id, one.kind) == (w.carol.actor.client_id, SummaryKind.CLIENT_WEEK)
    ]
    assert (summary.period_start, summary.period_end) == (
        last_week(w).monday,
        last_week(w).sunday,
    )
    assert (summary.time_zone, summary.language) == ("Pacific/Auckland", "en")
    assert summary.composer
    assert set(summary.body) == {"paragraphs", "figures"}


def test_written_again_nothing_is_added(w: World) -> None:
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))
    before = [(one.pk, one.body) for one in summaries(w.clinic)]

    assert write_due(clinic_id=w.clinic.pk, now=wednesday(w)) == 0
    assert [(one.pk, one.body) for one in summaries(w.clinic)] == before


def test_an_entry_that_comes_later_does_not_change_what_was_written(w: World) -> None:
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))
    before = [(one.pk, one.body) for one in summaries(w.clinic)]
    w.entry(practised_on=last_week(w).sunday, note="Found later.", share_level="shared")
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))
    actor = worker(w.clinic)
    with acting_as(actor):
        everybody = list(Client.objects.visible_to(actor).values_list("pk", flat=True))
        write_week(week=last_week(w), clients=everybody, actor=actor)

    assert [(one.pk, one.body) for one in summaries(w.clinic)] == before


def test_where_one_of_the_two_is_missing_it_is_added_and_the_other_stays(w: World) -> None:
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))
    with acting_as(worker(w.clinic)):
        Summary.objects.filter(kind=SummaryKind.THERAPIST_WEEK).delete()
    kept = {one.pk for one in summaries(w.clinic)}
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))

    assert how_often(w.clinic) == once_each(last_week(w), w.carol, w.eve)
    assert kept < {one.pk for one in summaries(w.clinic)}


def test_weeks_that_were_left_out_are_caught_up(w: World) -> None:
    in_care_since(w, last_week(w).monday - timedelta(weeks=2), w.carol)
    assert write_due(clinic_id=w.clinic.pk, now=wednesday(w)) == 4

    weeks = {str(Week(last_week(w).monday - timedelta(weeks=ago))) for ago in range(3)}
    found = how_often(w.clinic)
    assert {week for client, _, week in found if client == w.carol.actor.client_id} == weeks
    assert set(found.values()) == {1}


def test_a_clinic_is_done_in_batches_and_nobody_is_left_out(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 2)
    many(w, 5, w.alice)

    assert write_due(clinic_id=w.clinic.pk, now=wednesday(w)) == 7
    found = how_often(w.clinic)
    assert (len(found), set(found.values())) == (14, {1})


def test_a_batch_that_breaks_leaves_nothing_of_itself_and_all_before_it(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 2)
    many(w, 4, w.alice)
    done: list[int] = []

    def breaks_the_third_time(**said: Any) -> int:
        if len(done) == 2:
            write_week(**said)
            raise RuntimeError("the power went")
        done.append(write_week(**said))
        return done[-1]

    monkeypatch.setattr(writing, "write_week", breaks_the_third_time)
    with pytest.raises(RuntimeError, match="power"):
        write_due(clinic_id=w.clinic.pk, now=wednesday(w))
    assert len(summaries(w.clinic)) == 8

    monkeypatch.setattr(writing, "write_week", write_week)
    assert write_due(clinic_id=w.clinic.pk, now=wednesday(w)) == 2
    found = how_often(w.clinic)
    assert (len(found), set(found.values())) == (12, {1})


def test_nothing_is_written_while_the_week_runs(w: World) -> None:
    sunday = datetime.datetime.combine(last_week(w).sunday, NOON)

    assert write_due(clinic_id=w.clinic.pk, now=sunday) == 0
    assert summaries(w.clinic) == []


# --- For many ------------------------------------------------------------------------------


def test_a_thousand_clients_cost_as_many_statements_as_a_hundred(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 1000)

    def statements(clinic: Clinic, n: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert write_due(clinic_id=clinic.pk, now=wednesday(w)) == n
        return len(queries)

    many(w, 98, w.alice)
    hundred = statements(w.clinic, 100)
    many(w, 999, w.charlie)
    thousand = statements(w.elsewhere, 1000)

    assert thousand == hundred
    assert len(how_often(w.elsewhere)) == 2000


def test_each_of_many_gets_their_own_words(w: World) -> None:
    clients = many(w, 30, w.alice)
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))

    bodies = {(one.client_id, one.kind): str(one.body["paragraphs"]) for one in summaries(w.clinic)}
    for number, client in enumerate(clients):
        for kind in WEEKLY:
            text = bodies[client.pk, kind]
            assert f"A line of {number}." in text
            assert text.count("A line of") == 1


# --- In parallel ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_each_summary_once(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 3)
    many(w, 20, w.alice)
    now, barrier = wednesday(w), Barrier(2, timeout=60)

    def work() -> int:
        try:
            barrier.wait()
            return write_due(clinic_id=w.clinic.pk, now=now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        done = [one.result() for one in [pool.submit(work), pool.submit(work)]]
    # The one may have stood aside for the other in the middle; whoever comes next finishes it.
    done.append(write_due(clinic_id=w.clinic.pk, now=now))

    found = how_often(w.clinic)
    assert (len(found), set(found.values())) == (44, {1})
    assert sum(done) == 22


@pytest.mark.django_db(transaction=True)
def test_a_worker_and_a_job_at_once_write_each_summary_once(w: World) -> None:
    clients = [client.pk for client in many(w, 20, w.alice)]
    now, week, barrier = wednesday(w), last_week(w), Barrier(2, timeout=60)

    def by_itself() -> None:
        try:
            barrier.wait()
            write_due(clinic_id=w.clinic.pk, now=now)
        finally:
            connections.close_all()

    def on_request() -> None:
        try:
            barrier.wait()
            actor = worker(w.clinic)
            for start in range(0, len(clients), 5):
                with acting_as(actor):
                    write_week(week=week, clients=clients[start : start + 5], actor=actor)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(by_itself), pool.submit(on_request)]:
            one.result()

    found = how_often(w.clinic)
    assert (len(found), set(found.values())) == (44, {1})


# --- Trouble -------------------------------------------------------------------------------


def test_one_clinics_trouble_does_not_stop_the_next(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[UUID] = []

    def troubled(*, clinic_id: UUID) -> int:
        asked.append(clinic_id)
        if clinic_id == w.clinic.pk:
            raise RuntimeError("a word of somebody's")
        return write_due(clinic_id=clinic_id, now=wednesday(w))

    monkeypatch.setattr(tasks, "write_due", troubled)
    with pytest.raises(RuntimeError, match="failed in 1 clinics"):
        tasks.write_due_summaries()

    assert asked == [w.clinic.pk, w.elsewhere.pk]
    assert summaries(w.clinic) == []
    assert how_often(w.elsewhere) == once_each(last_week(w), w.dora)


def test_a_closed_clinic_is_let_be(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    Clinic.objects.filter(pk=w.elsewhere.pk).update(is_active=False)
    asked: list[UUID] = []
    monkeypatch.setattr(tasks, "write_due", lambda *, clinic_id: asked.append(clinic_id))
    tasks.write_due_summaries()

    assert asked == [w.clinic.pk]


@pytest.mark.parametrize(
    ("table", "column"),
    [("clinic_client", "full_name"), ("exercises_entry", "note")],
)
def test_a_value_that_does_not_open_keeps_nobody_else_waiting(
    w: World, table: str, column: str
) -> None:
    w.entry(practised_on=last_week(w).monday, note="A line.", share_level="shared")
    carol = w.carol.actor.client_id
    whose = "id" if table == "clinic_client" else "client_id"
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = overlay({column} placing '\\x00' from 40) "
            f"WHERE {whose} = %s",
            [carol],
        )
        assert cursor.rowcount == 1
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))

    found = how_often(w.clinic)
    assert once_each(last_week(w), w.eve).items() <= found.items()


def test_a_client_whose_key_is_gone_keeps_nobody_else_waiting(w: World) -> None:
    with acting_as(w.alice.actor):
        DataKey.objects.filter(
            client_id=w.carol.actor.client_id, purpose=KeyPurpose.PROFILE
        ).delete()
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))

    assert once_each(last_week(w), w.eve).items() <= how_often(w.clinic).items()


# --- Sealed, and in one clinic -------------------------------------------------------------


def test_what_is_written_is_sealed_in_the_database(w: World) -> None:
    w.entry(practised_on=last_week(w).monday, note="The lighthouse.", share_level="shared")
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))

    assert any("lighthouse" in str(one.body) for one in summaries(w.clinic))
    with acting_as(worker(w.clinic)), connection.cursor() as cursor:
        cursor.execute("SELECT s.*::text, body FROM therapy_sessions_summary s")
        rows = cursor.fetchall()
    assert len(rows) == 4
    for text, body in rows:
        assert len(body) > 200
        for word in ("lighthouse", "Carol", "Hello", "paragraphs", "breathing", "done"):
            assert word not in text
            assert word.encode() not in bytes(body)


def test_the_other_clinic_is_not_touched(w: World) -> None:
    write_due(clinic_id=w.clinic.pk, now=wednesday(w))

    assert summaries(w.elsewhere) == []
    assert w.dora.actor.client_id not in {client for client, _, _ in how_often(w.clinic)}


def test_a_client_of_another_clinic_is_not_written_for_though_named(w: World) -> None:
    dora = w.dora.actor.client_id
    assert dora is not None
    actor = worker(w.clinic)
    with acting_as(actor):
        assert write_week(week=last_week(w), clients=[dora], actor=actor) == set()

    assert summaries(w.clinic) == []
    assert summaries(w.elsewhere) == []


# --- Who lacks a summary -------------------------------------------------------------------


def lacking(w: World, week: Week, **said: Any) -> set[UUID]:
    actor = worker(w.clinic)
    with acting_as(actor):
        return set(unwritten(week=week, actor=actor, **said))


def test_those_lack_a_summary_who_were_in_care_in_that_week(w: World) -> None:
    carol, eve = w.carol.actor.client_id, w.eve.actor.client_id
    week = last_week(w)
    before = Week(week.monday - timedelta(weeks=1))
    with acting_as(w.bob.actor):
        Client.objects.filter(pk=eve).update(
            care_started_on=before.monday,
            state=ClientState.ENDED,
            care_ended_on=before.sunday,
        )

    assert lacking(w, week) == {carol}
    assert lacking(w, before) == {eve}


def test_those_whose_summary_is_written_do_not_lack_it(w: World) -> None:
    carol, eve = w.carol.actor.client_id, w.eve.actor.client_id
    assert carol is not None
    actor = worker(w.clinic)
    with acting_as(actor):
        write_week(week=last_week(w), clients=[carol], actor=actor)

    assert lacking(w, last_week(w)) == {eve}
    assert lacking(w, last_week(w), clients=[carol]) == set()
