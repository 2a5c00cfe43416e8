"""A therapist reads the therapist's week, a client their own, and both can ask for it."""

import datetime
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import CareTeamMember, Client, Job
from clinic.models.care_team import CareTeamKind
from clinic.models.job import JobState
from clinic.services import jobs
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from exercises.models import Entry
from sessions.models import Summary
from sessions.models.summary import SummaryKind
from sessions.summaries.weeks import Week
from sessions.summaries.writing import write_week
from tests.world import Person, World

LIST = "/api/v1/summaries"
SHOWN = {
    "id",
    "client",
    "kind",
    "week",
    "period_start",
    "period_end",
    "time_zone",
    "language",
    "text",
    "paragraphs",
    "created_at",
}


def last_week(w: World) -> Week:
    return Week.of(w.today - timedelta(days=7))


def write(w: World, *people: Person, week: Week | None = None) -> None:
    """Write a week of these people: last week where no other is said."""
    for person in people:
        actor = TaskActor(person.actor.clinic_id, "summaries")
        client_id = person.actor.client_id
        assert client_id is not None
        with acting_as(actor):
            write_week(week=week or last_week(w), clients=[client_id], actor=actor)


def written(person: Person, kind: SummaryKind) -> Summary:
    """The summary of that kind of this client."""
    actor = TaskActor(person.actor.clinic_id, "summaries")
    with acting_as(actor):
        summary = Summary.objects.visible_to(actor).get(client_id=person.actor.client_id, kind=kind)
        assert summary.body
    return summary


def shown(person: Person, summary: Summary) -> Any:
    return person.api.get(reverse("api:summaries-detail", args=[summary.pk]))


def listed(person: Person, **query: Any) -> list[dict[str, Any]]:
    response = person.api.get(LIST, query)
    assert response.status_code == 200
    return list(response.json()["results"])


def ask(person: Person, client: Person | UUID, week: Week | str, **headers: str) -> Any:
    client_id = client.actor.client_id if isinstance(client, Person) else client
    return person.api.post(LIST, {"client": str(client_id), "week": str(week)}, headers=headers)


def all_jobs(w: World) -> list[Job]:
    actor = TaskActor(w.clinic.pk, "jobs")
    with acting_as(actor):
        return list(Job.objects.visible_to(actor).order_by("id"))


def pointers(response: Any) -> list[str]:
    return [one["pointer"] for one in response.json().get("errors", [])]


# --- Who reads what ------------------------------------------------------------------------


def test_a_therapist_lists_the_therapists_week_of_their_own_clients(w: World) -> None:
    write(w, w.carol, w.eve, w.dora)

    assert [(one["client"], one["kind"]) for one in listed(w.alice)] == [
        (str(w.carol.actor.client_id), "therapist_week")
    ]


def test_a_client_lists_their_own_week(w: World) -> None:
    write(w, w.carol, w.eve, w.dora)

    assert [(one["client"], one["kind"]) for one in listed(w.carol)] == [
        (str(w.carol.actor.client_id), "client_week")
    ]


def test_a_therapist_does_not_read_what_was_written_for_the_client(w: World) -> None:
    w.entry(practised_on=last_week(w).monday, note="The lighthouse.", share_level="private")
    write(w, w.carol)
    response = shown(w.alice, written(w.carol, SummaryKind.CLIENT_WEEK))

    assert response.status_code == 404
    assert "lighthouse" not in w.alice.api.get(LIST).content.decode()


def test_a_client_does_not_read_what_was_written_for_the_therapist(w: World) -> None:
    write(w, w.carol)

    assert shown(w.carol, written(w.carol, SummaryKind.THERAPIST_WEEK)).status_code == 404


@pytest.mark.parametrize("kind", [SummaryKind.CLIENT_WEEK, SummaryKind.THERAPIST_WEEK])
@pytest.mark.parametrize("who", ["bob", "eve", "charlie", "dora"])
def test_a_stranger_gets_for_a_summary_what_they_get_for_none(
    w: World, who: str, kind: SummaryKind
) -> None:
    write(w, w.carol)
    stranger = getattr(w, who)
    there = shown(stranger, written(w.carol, kind))
    nowhere = stranger.api.get(reverse("api:summaries-detail", args=[uuid4()]))

    assert (there.status_code, nowhere.status_code) == (404, 404)
    traces = ("instance", "request_id")
    assert {k: v for k, v in there.json().items() if k not in traces} == {
        k: v for k, v in nowhere.json().items() if k not in traces
    }
    assert listed(stranger) == []


@pytest.mark.parametrize("kind", [SummaryKind.CLIENT_WEEK, SummaryKind.THERAPIST_WEEK])
def test_an_admin_reads_no_summary_and_asks_for_none(w: World, kind: SummaryKind) -> None:
    write(w, w.carol)

    assert shown(w.ada, written(w.carol, kind)).status_code == 403
    assert w.ada.api.get(LIST).status_code == 403
    assert ask(w.ada, w.carol, last_week(w)).status_code == 403
    assert all_jobs(w) == []


def test_nobody_reads_a_summary_without_a_token(w: World, anonymous: Any) -> None:
    write(w, w.carol)

    assert anonymous.get(LIST).status_code == 401


@pytest.mark.parametrize(("until", "found"), [(3, 1), (-1, 0)], ids=["covering", "cover is over"])
def test_a_covering_therapist_reads_while_they_cover(w: World, until: int, found: int) -> None:
    write(w, w.carol)
    with acting_as(w.ada.actor):
        CareTeamMember.objects.create(
            clinic_id=w.clinic.pk,
            client_id=w.carol.actor.client_id,
            membership_id=w.bob.actor.memberships[Role.THERAPIST],
            kind=CareTeamKind.COVERING,
            starts_on=w.today - timedelta(days=5),
            ends_on=w.today + timedelta(days=until),
        )

    assert [one["kind"] for one in listed(w.bob)] == ["therapist_week"] * found


def test_a_summary_cannot_be_changed_or_deleted_from_outside(w: World) -> None:
    write(w, w.carol)
    summary = written(w.carol, SummaryKind.THERAPIST_WEEK)
    address = reverse("api:summaries-detail", args=[summary.pk])

    for method in ("put", "patch", "delete"):
        assert getattr(w.alice.api, method)(address, {}).status_code == 405
    assert written(w.carol, SummaryKind.THERAPIST_WEEK).body == summary.body


# --- What is in it -------------------------------------------------------------------------


def test_a_therapist_gets_text_sources_and_figures(w: World) -> None:
    entry = w.entry(
        practised_on=last_week(w).monday, note="The lighthouse.", helpful=5, share_level="shared"
    )
    write(w, w.carol)
    summary = written(w.carol, SummaryKind.THERAPIST_WEEK)
    found = shown(w.alice, summary).json()

    assert set(found) == SHOWN | {"figures"}
    assert found["week"] == str(last_week(w))
    assert (found["period_start"], found["period_end"]) == (
        str(last_week(w).monday),
        str(last_week(w).sunday),
    )
    assert found["text"] == "\n\n".join(one["text"] for one in found["paragraphs"])
    assert found["paragraphs"] == summary.body["paragraphs"]
    [quote] = [one for one in found["paragraphs"] if "lighthouse" in one["text"]]
    assert quote["sources"] == [{"type": "entry", "id": str(entry.pk)}]
    assert found["figures"] == [
        {
            "exercise": "Soothing rhythm breathing",
            "states": {"done": 1},
            "changes": [],
            "helpful": {"median": None, "n": 1},
            "embodied": {"median": None, "n": 0},
        }
    ]


def test_a_client_gets_their_week_in_words_and_without_figures(w: World) -> None:
    w.entry(practised_on=last_week(w).monday, helpful=5, note="The lighthouse.")
    write(w, w.carol)
    found = shown(w.carol, written(w.carol, SummaryKind.CLIENT_WEEK)).json()

    assert set(found) == SHOWN
    assert found["text"].startswith("Hello Carol.")
    assert "The lighthouse." in found["text"]


def test_a_source_of_a_therapist_can_be_opened_by_them(w: World) -> None:
    w.entry(practised_on=last_week(w).monday, note="The lighthouse.", share_level="shared")
    w.entry(practised_on=last_week(w).sunday, distress_after=9)
    write(w, w.carol)
    [found] = listed(w.alice)

    sources = {one["id"] for part in found["paragraphs"] for one in part["sources"]}
    assert len(sources) == 2
    for entry in sources:
        assert w.alice.api.get(reverse("api:entries-detail", args=[entry])).status_code == 200


def take_back(w: World, entry: UUID) -> Any:
    address = reverse("api:entries-detail", args=[entry])
    etag = w.carol.api.get(address)["ETag"]
    return w.carol.api.patch(address, {"share_level": "private"}, headers={"If-Match": etag})


def test_words_taken_back_before_they_were_read_are_not_told_by_the_summary(w: World) -> None:
    entry = w.entry(practised_on=last_week(w).monday, note="The lighthouse.", share_level="shared")
    write(w, w.carol)

    assert take_back(w, entry.pk).status_code == 200
    assert "lighthouse" not in w.alice.api.get(LIST).content.decode()
    summary = written(w.carol, SummaryKind.THERAPIST_WEEK)
    assert "lighthouse" not in shown(w.alice, summary).content.decode()


@pytest.mark.parametrize("way", ["list", "detail"])
def test_words_read_in_a_summary_are_read(w: World, way: str) -> None:
    entry = w.entry(practised_on=last_week(w).monday, note="The lighthouse.", share_level="shared")
    write(w, w.carol)
    if way == "list":
        assert "lighthouse" in str(listed(w.alice))
    else:
        response = shown(w.alice, written(w.carol, SummaryKind.THERAPIST_WEEK))
        assert "lighthouse" in response.content.decode()
    response = take_back(w, entry.pk)

    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "already_read"


def test_a_client_who_reads_their_own_week_can_still_share_less(w: World) -> None:
    entry = w.entry(practised_on=last_week(w).monday, note="The lighthouse.", share_level="shared")
    write(w, w.carol)
    assert "lighthouse" in str(listed(w.carol))

    assert take_back(w, entry.pk).status_code == 200


# --- Finding one ---------------------------------------------------------------------------


def weeks_of(found: list[dict[str, Any]]) -> list[str]:
    return [one["week"] for one in found]


def test_summaries_are_found_by_week_kind_and_client(w: World) -> None:
    before = Week(last_week(w).monday - timedelta(weeks=1))
    write(w, w.carol, week=before)
    write(w, w.carol)
    carol, eve = str(w.carol.actor.client_id), str(w.eve.actor.client_id)

    assert weeks_of(listed(w.alice)) == [str(last_week(w)), str(before)]
    assert weeks_of(listed(w.alice, week=str(before))) == [str(before)]
    assert weeks_of(listed(w.alice, client=carol, week=str(before))) == [str(before)]
    assert listed(w.alice, client=eve) == []
    assert len(listed(w.alice, kind="therapist_week")) == 2
    assert listed(w.alice, kind="client_week") == []


@pytest.mark.parametrize(
    "query",
    [{"week": "2026-20"}, {"week": "2025-W53"}, {"week": "today"}, {"kind": "year"}, {"day": "1"}],
)
def test_a_filter_that_means_nothing_is_refused_by_name(w: World, query: dict[str, str]) -> None:
    response = w.alice.api.get(LIST, query)

    assert (response.status_code, pointers(response)) == (400, [f"/{next(iter(query))}"])


def test_a_list_costs_the_same_however_long_it_is(w: World) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert all(one["text"] for one in listed(w.alice))
        return len(queries)

    for ago in (1, 2):
        write(w, w.carol, week=Week(last_week(w).monday - timedelta(weeks=ago)))
    few = cost()
    for ago in range(3, 15):
        write(w, w.carol, week=Week(last_week(w).monday - timedelta(weeks=ago)))

    assert len(listed(w.alice)) == 14
    assert cost() == few


# --- Asking for one ------------------------------------------------------------------------


def test_asking_queues_a_job_and_says_where_it_is(w: World) -> None:
    response = ask(w.alice, w.carol, last_week(w))

    assert response.status_code == 202
    [job] = all_jobs(w)
    assert response["Location"] == reverse("api:jobs-detail", args=[job.pk])
    assert response.json()["id"] == str(job.pk)
    assert (response.json()["state"], response.json()["result_url"]) == ("queued", None)
    assert job.requested_by_id == w.alice.actor.memberships[Role.THERAPIST]
    assert job.arguments == {
        "week": str(last_week(w)),
        "clients": [str(w.carol.actor.client_id)],
    }


@pytest.mark.parametrize("who", ["bob", "ada", "carol", "charlie"])
def test_a_job_is_its_owners_alone(w: World, who: str) -> None:
    location = ask(w.alice, w.carol, last_week(w))["Location"]

    assert w.alice.api.get(location).status_code == 200
    assert getattr(w, who).api.get(location).status_code == 404


def do(w: World) -> None:
    """What the worker does when it is told of the jobs."""
    for job in all_jobs(w):
        jobs.run(clinic_id=w.clinic.pk, job_id=job.pk)


@pytest.mark.parametrize(("who", "kind"), [("alice", "therapist_week"), ("carol", "client_week")])
def test_when_the_job_is_done_it_says_where_the_summary_is(w: World, who: str, kind: str) -> None:
    person = getattr(w, who)
    location = ask(person, w.carol, last_week(w))["Location"]
    do(w)
    job = person.api.get(location).json()

    assert (job["state"], job["done"], job["total"]) == ("done", 1, 1)
    [summary] = person.api.get(job["result_url"]).json()["results"]
    assert (summary["kind"], summary["week"]) == (kind, str(last_week(w)))
    assert summary["client"] == str(w.carol.actor.client_id)


def test_asking_again_leaves_the_summary_as_it_is(w: World) -> None:
    ask(w.alice, w.carol, last_week(w))
    do(w)
    [before] = listed(w.alice)
    w.entry(practised_on=last_week(w).sunday, note="Found later.", share_level="shared")
    response = ask(w.alice, w.carol, last_week(w))
    do(w)

    assert w.alice.api.get(response["Location"]).json()["state"] == "done"
    assert listed(w.alice) == [before]


def test_a_job_writes_for_the_client_who_was_named_and_nobody_else(w: World) -> None:
    ask(w.alice, w.carol, last_week(w))
    do(w)

    assert listed(w.bob) == []
    assert listed(w.eve) == []


def test_a_client_asks_for_their_own_week_alone(w: World) -> None:
    assert ask(w.carol, w.carol, last_week(w)).status_code == 202
    response = ask(w.carol, w.eve, last_week(w))

    assert (response.status_code, pointers(response)) == (400, ["/client"])
    assert len(all_jobs(w)) == 1


@pytest.mark.parametrize("whose", ["eve", "dora"])
def test_somebody_elses_client_is_refused_like_one_that_does_not_exist(
    w: World, whose: str
) -> None:
    theirs = ask(w.alice, getattr(w, whose), last_week(w))
    nobodys = ask(w.alice, uuid4(), last_week(w))

    assert (theirs.status_code, pointers(theirs)) == (400, ["/client"])
    assert theirs.json()["errors"] == nobodys.json()["errors"]
    assert all_jobs(w) == []


@pytest.mark.parametrize("weeks", [0, 1, 60])
def test_a_week_that_is_not_over_cannot_be_asked_for(w: World, weeks: int) -> None:
    week = Week(Week.of(w.today).monday + timedelta(weeks=weeks))
    response = ask(w.alice, w.carol, week)

    assert (response.status_code, pointers(response)) == (400, ["/week"])
    assert str(week.sunday) in response.json()["errors"][0]["detail"]
    assert all_jobs(w) == []


@pytest.mark.parametrize(
    "week",
    ["2026-20", "2025-W53", "2026-W00", "last week", "", "2026-W20-1", "٢٠٢٦-W٢٠", "9999-W52"],
)
def test_a_week_that_there_is_not_cannot_be_asked_for(w: World, week: str) -> None:
    response = ask(w.alice, w.carol, week)

    assert (response.status_code, pointers(response)) == (400, ["/week"])
    assert all_jobs(w) == []


# Half past ten on a Monday in UTC, and still Sunday on Niue.
MONDAY = datetime.datetime(2099, 6, 1, 10, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("zone", "status"),
    [("Pacific/Kiritimati", 202), ("Europe/London", 202), ("Pacific/Niue", 400)],
)
def test_a_week_is_over_when_it_is_where_the_client_lives(w: World, zone: str, status: int) -> None:
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(time_zone=zone)
    with time_machine.travel(MONDAY, tick=False):
        response = ask(w.alice, w.carol, "2099-W22")

    assert response.status_code == status
    assert len(all_jobs(w)) == (1 if status == 202 else 0)


def test_both_client_and_week_have_to_be_said(w: World) -> None:
    response = w.alice.api.post(LIST, {})

    assert (response.status_code, sorted(pointers(response))) == (400, ["/client", "/week"])


def test_asking_twice_with_one_key_makes_one_job(w: World) -> None:
    key = {"Idempotency-Key": "morning-1"}
    first = ask(w.alice, w.carol, last_week(w), **key)
    again = ask(w.alice, w.carol, last_week(w), **key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert again["Location"] == first["Location"]
    assert again["Idempotency-Replayed"] == "true"
    assert len(all_jobs(w)) == 1


def test_a_repeat_says_how_far_the_job_is_by_now(w: World) -> None:
    key = {"Idempotency-Key": "morning-1"}
    ask(w.alice, w.carol, last_week(w), **key)
    do(w)

    assert ask(w.alice, w.carol, last_week(w), **key).json()["state"] == "done"


def test_one_key_does_not_stand_for_another_week(w: World) -> None:
    key = {"Idempotency-Key": "morning-1"}
    before = Week(last_week(w).monday - timedelta(weeks=1))
    ask(w.alice, w.carol, last_week(w), **key)
    response = ask(w.alice, w.carol, before, **key)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert [job.arguments["week"] for job in all_jobs(w)] == [str(last_week(w))]


def test_a_refused_request_leaves_its_key_free(w: World) -> None:
    key = {"Idempotency-Key": "morning-1"}
    refused = ask(w.alice, w.carol, Week.of(w.today), **key)
    mended = ask(w.alice, w.carol, last_week(w), **key)

    assert (refused.status_code, mended.status_code) == (400, 202)
    [job] = all_jobs(w)
    assert job.state == JobState.QUEUED


def test_words_that_were_changed_since_are_not_quoted_any_more(w: World) -> None:
    entry = w.entry(note="The first words.", share_level="shared", practised_on=last_week(w).monday)
    write(w, w.carol)
    assert "The first words." in texts(w)[0]
    with acting_as(w.carol.actor):
        kept = Entry.objects.get(pk=entry.pk)
        kept.note = "Other words."
        kept.save()

    assert not any("The first words." in text for text in texts(w))


def texts(w: World) -> list[str]:
    return [one["text"] for one in w.alice.api.get("/api/v1/summaries").json()["results"]]
