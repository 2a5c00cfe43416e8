"""What holds for every request: all or nothing, no words in logs, the same headers everywhere."""

import datetime
import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import connection, connections, transaction
from django.test import Client as Browser
from django.utils import timezone

from clinic import urls
from clinic.celery import app as celery_app
from clinic.models import Client, Heartbeat, User
from clinic.services import founding
from clinic.tenancy import context
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from tests import failing_urls
from tests.every_model import in_context
from tests.world import Api, World

pytestmark = pytest.mark.urls("tests.failing_urls")
EVERY_ROLE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "backup"])

CANARY = "periwinkle-staircase"


class Gentle(Api):
    """Sees a failure as a program does: as an answer."""

    def __init__(self, token: str = "") -> None:
        super().__init__(token)
        self.raise_request_exception = False


def browser() -> Browser:
    return Browser(raise_request_exception=False)


def written() -> tuple[int, int]:
    """How many rows of the failing view stand, of no clinic and of a clinic."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM clinic_heartbeat WHERE name = 'written'), "
            "(SELECT count(*) FROM clinic_job WHERE kind = 'written')"
        )
        return cursor.fetchone()  # type: ignore[return-value]


# -- all or nothing


@EVERY_ROLE
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_request_that_succeeds_keeps_what_it_wrote(w: World, method: str) -> None:
    answer = getattr(w.alice.api, method)("/api/v1/failing/none", {})
    assert (answer.status_code, written()) == (200, (1, 1))


REFUSALS = {
    "validation": 400,
    "refusal": 400,
    "conflict": 409,
    "missing": 404,
    "django-missing": 404,
    "forbidden": 403,
    "suspicious": 400,
    "400": 400,
    "404": 404,
    "412": 412,
    "429": 429,
}


@EVERY_ROLE
def test_a_request_that_is_refused_leaves_nothing_written(w: World) -> None:
    api = Gentle(w.alice.token)
    for way, status in REFUSALS.items():
        for method in ("post", "put", "patch", "delete"):
            answer = getattr(api, method)(f"/api/v1/failing/{way}", {})
            assert answer.status_code == status, (method, way)
            assert written() == (0, 0), (method, way)


@EVERY_ROLE
def test_reading_that_is_refused_leaves_nothing_written_either(w: World) -> None:
    """A GET may note something down, such as what was read; not if it is then refused."""
    api = Gentle(w.alice.token)
    for way, status in REFUSALS.items():
        assert api.get(f"/api/v1/failing/{way}").status_code == status
        assert written() == (0, 0), way


FAILURES = ("failure", "key", "database", "type", "500", "503")


@EVERY_ROLE
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_request_that_fails_leaves_nothing_written(w: World, method: str) -> None:
    api = Gentle(w.alice.token)
    for way in FAILURES:
        words = {"words": CANARY} if method == "post" else None
        answer = getattr(api, method)(f"/api/v1/failing/{way}", words)
        assert answer.status_code in (500, 503), way
        assert written() == (0, 0), way


@EVERY_ROLE
def test_a_page_that_is_refused_or_fails_leaves_nothing_written() -> None:
    for way, status in {"missing": 500, "django-missing": 404, "forbidden": 403, "404": 404,
                        "failure": 500, "500": 500, "none": 200}.items():  # fmt: skip
        answer = browser().post(f"/failing/{way}", {"words": CANARY})
        assert answer.status_code == status, way
        assert written()[0] == (1 if status == 200 else 0), way
        Heartbeat.objects.all().delete()


@EVERY_ROLE
def test_a_page_that_fails_while_it_is_rendered_leaves_nothing_written() -> None:
    assert browser().get("/failing/late").status_code == 500
    assert written() == (0, 0)


@EVERY_ROLE
def test_a_failure_does_not_reach_the_next_request(w: World) -> None:
    api = Gentle(w.alice.token)
    for way in (*FAILURES, *REFUSALS):
        api.post(f"/api/v1/failing/{way}", {"words": CANARY})
        assert not in_context()
        assert not connection.in_atomic_block
        assert w.charlie.api.get("/api/v1/clients").json()["results"][0]["full_name"] == "Dora Lund"


def test_rendering_is_finished_within_the_transaction(w: World) -> None:
    answer = browser().get("/failing/lazy")
    assert (answer.status_code, b"lazy" in answer.content) == (200, True)


@EVERY_ROLE
@pytest.mark.parametrize("way", ["stream", "stream-rows"])
def test_a_streamed_answer_is_refused(w: World, way: str) -> None:
    """It would be read after its transaction, without a clinic."""
    answer = browser().get(f"/failing/{way}?q={CANARY}")
    assert answer.status_code == 500
    content = b"".join(answer) if answer.streaming else answer.content
    assert CANARY.encode() not in content
    assert str(w.clinic.pk).encode() not in content


# -- what is told of a failure


@EVERY_ROLE
def test_a_failure_is_told_as_a_problem_without_what_anybody_wrote(w: World) -> None:
    api = Gentle(w.alice.token)
    for way in ("failure", "key", "database", "type"):
        answer = api.post(f"/api/v1/failing/{way}?", {"words": CANARY})
        assert answer.headers["Content-Type"] == "application/problem+json", way
        problem = answer.json()
        assert (problem["status"], problem["code"]) == (500, "error"), way
        assert problem["request_id"] == answer.headers["X-Request-Id"]
        assert CANARY not in answer.content.decode()
        assert "Traceback" not in answer.content.decode()


@EVERY_ROLE
def test_a_failing_page_is_told_as_a_page_without_what_anybody_wrote() -> None:
    answer = browser().post("/failing/failure", {"words": CANARY})
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert CANARY not in answer.content.decode()


@EVERY_ROLE
@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1/", "/api/v2/clients", "/api/nothing"])
def test_an_address_of_the_api_that_is_not_there_is_told_as_a_problem(path: str) -> None:
    answer = Gentle().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"


# -- logs


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the product's own log handler writes meanwhile."""
    handler = logging.getLogger("kindwork").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    assert {
        id(one)
        for name in ("", "django", "celery")
        for one in logging.getLogger(name).handlers
        if type(one) is logging.StreamHandler
    } == {id(handler)}
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


@EVERY_ROLE
def test_no_word_of_a_request_reaches_the_log(w: World, logged: io.StringIO) -> None:
    """In the body, a header, the query or the address; refused, failed, or stopped by the database."""
    api = Gentle(w.alice.token)
    sent = {"HTTP_X_WORDS": CANARY, "HTTP_USER_AGENT": CANARY, "HTTP_REFERER": f"http://{CANARY}/"}
    for way in (*REFUSALS, *FAILURES):
        api.post(f"/api/v1/failing/{way}?q={CANARY}", {"words": CANARY}, **sent)
    api.get(f"/api/v1/plainly-failing?q={CANARY}", **sent)
    api.get(f"/api/v1/clients?{CANARY}=1", **sent)
    api.get(f"/api/v1/clients/{CANARY}", **sent)
    api.post("/api/v1/clients", {"full_name": CANARY, CANARY: CANARY}, **sent)
    api.generic("POST", "/api/v1/clients", f'{{"{CANARY}"', content_type="application/json")
    api.generic("POST", "/api/v1/clients", CANARY, content_type=f"text/{CANARY}")
    Gentle(CANARY).get("/api/v1/clients")
    Gentle().post("/api/v1/tokens", {"email": CANARY, "password": CANARY})
    for way in ("failure", "forbidden", "django-missing", "suspicious", "stream"):
        browser().post(f"/failing/{way}?q={CANARY}", {"words": CANARY}, **sent)
    browser().get(f"/{CANARY}?q={CANARY}", **sent)
    browser().post(f"/operators/login/?next=/{CANARY}", {"username": CANARY, "password": CANARY})
    browser().get("/", headers={"host": f"{CANARY}.example"})
    text = logged.getvalue()
    assert len(text.splitlines()) > 30
    assert [line for line in text.splitlines() if CANARY in line] == []


@EVERY_ROLE
def test_a_failure_is_logged_with_its_kind_its_place_and_the_requests_id(
    w: World, logged: io.StringIO
) -> None:
    answer = Gentle(w.alice.token).post("/api/v1/failing/failure", {"words": CANARY})
    lines = [one for one in logged.getvalue().splitlines() if "ERROR" in one]
    assert len(lines) == 1
    assert answer.headers["X-Request-Id"] in lines[0]
    assert "ValueError" in lines[0]
    assert "failing_urls.py" in lines[0]


@EVERY_ROLE
def test_a_chained_error_of_the_database_is_logged_without_its_detail(
    w: World, logged: io.StringIO
) -> None:
    """PostgreSQL quotes the value: 'Key (name)=(…) already exists'."""
    Gentle(w.alice.token).post("/api/v1/failing/database", {"words": CANARY})
    text = logged.getvalue()
    assert "IntegrityError" in text
    assert CANARY not in text
    assert "DETAIL" not in text


def test_any_logger_of_any_library_goes_through_the_filter(logged: io.StringIO) -> None:
    for name in ("kindwork.vault", "django.db.backends", "celery.worker", "some.library", "knox"):
        try:
            raise ValueError(CANARY)
        except ValueError:
            logging.getLogger(name).exception("went wrong")
    text = logged.getvalue()
    assert text.count("went wrong [ValueError at ") == 5
    assert CANARY not in text
    assert "Traceback" not in text


def test_a_task_that_fails_is_logged_without_what_anybody_wrote(logged: io.StringIO) -> None:
    """Celery writes the exception's own words into its message: they have to go, too."""

    @celery_app.task(name="tests.fails", scope="none", shared=False)
    def fails(words: str) -> None:
        raise ValueError(f"{words} is not a valid name")

    try:
        result = fails.apply((CANARY,))
    finally:
        celery_app.tasks.pop("tests.fails")
    assert result.failed()
    text = logged.getvalue()
    assert "tests.fails" in text
    assert "ValueError" in text
    assert CANARY not in text


def test_a_task_that_fails_in_one_clinic_is_logged_without_what_anybody_wrote(
    w: World, logged: io.StringIO
) -> None:
    @celery_app.task(name="tests.fails", scope="each_clinic", purpose="jobs", shared=False)
    def fails(clinic_id: str) -> None:
        raise ValueError(CANARY)

    try:
        result = fails.apply()
    finally:
        celery_app.tasks.pop("tests.fails")
    assert result.failed()
    assert str(w.clinic.pk) in logged.getvalue()
    assert str(w.elsewhere.pk) in logged.getvalue()
    assert CANARY not in logged.getvalue()


# -- headers

STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

ANSWERS: dict[str, tuple[int, Any]] = {
    "a page": (200, lambda w: browser().get("/")),
    "a list": (200, lambda w: w.alice.api.get("/api/v1/clients")),
    "a refusal of the API": (401, lambda w: Gentle().get("/api/v1/clients")),
    "no right": (403, lambda w: w.ada.api.get("/api/v1/entries")),
    "a wrong body": (400, lambda w: w.alice.api.post("/api/v1/clients", {"x": 1})),
    "a missing row": (404, lambda w: w.alice.api.get(f"/api/v1/clients/{w.clinic.pk}")),
    "a missing address": (404, lambda w: Gentle().get("/api/v1/nowhere")),
    "a missing page": (404, lambda w: browser().get("/nowhere")),
    "a wrong method of the API": (405, lambda w: w.alice.api.delete("/api/v1/clients")),
    "a wrong method of a page": (405, lambda w: browser().post("/livez")),
    "a failure of the API": (500, lambda w: Gentle(w.alice.token).post("/api/v1/failing/key")),
    "a failing page": (500, lambda w: browser().get("/failing/failure")),
    "a page of another host": (400, lambda w: browser().get("/", headers={"host": "evil.example"})),
    "a page that is forbidden": (403, lambda w: browser().get("/failing/forbidden")),
    "no CSRF token": (
        403,
        lambda w: Browser(enforce_csrf_checks=True).post("/operators/login/", {"username": "x"}),
    ),
    "a redirect": (302, lambda w: browser().get("/operators/")),
    "the operators' sign-in": (200, lambda w: browser().get("/operators/login/")),
    "the document": (200, lambda w: Gentle().get("/api/v1/schema")),
    "the docs": (200, lambda w: Gentle().get("/api/v1/docs")),
    "the docs' script": (200, lambda w: Gentle().get("/api/v1/docs?script=")),
    "livez": (200, lambda w: browser().get("/livez")),
    "readyz": (503, lambda w: browser().get("/readyz")),
    "a style sheet": (200, lambda w: browser().get("/static/clinic/plain.css")),
    "a picture": (200, lambda w: browser().get("/static/clinic/icon.svg")),
    "a missing file": (404, lambda w: browser().get("/static/clinic/nothing.css")),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_every_kind_of_answer_carries_the_headers(w: World, what: str) -> None:
    Heartbeat.objects.all().delete()
    status, ask = ANSWERS[what]
    answer = ask(w)
    assert answer.status_code == status
    wrong = {name: answer.headers.get(name) for name, value in STRICT.items()
             if answer.headers.get(name) != value}  # fmt: skip
    assert wrong == {}
    policy = answer.headers.get("Content-Security-Policy", "")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"unsafe|https?:|\*|data:(?!;|$)(?=.*script)", policy)
    assert "camera=()" in answer.headers.get("Permissions-Policy", "")
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-Id"])
    kept = answer.headers["Cache-Control"]
    if what in ("a style sheet", "a picture", "the document"):
        assert "max-age" in kept
    else:
        assert "no-store" in kept
    assert "Server" not in answer.headers
    assert not set(answer.headers) & {"X-Powered-By", "Access-Control-Allow-Origin"}


def test_a_request_id_that_is_one_is_kept_and_any_other_is_replaced(w: World) -> None:
    kept = browser().get("/", headers={"x-request-id": "01a2-quoted-by-phone"})
    assert kept.headers["X-Request-Id"] == "01a2-quoted-by-phone"
    for bad in ("short", "x" * 65, "with space 12345", "<script>alert(1)</script>", "a\tb12345678"):
        given = browser().get("/", headers={"x-request-id": bad}).headers["X-Request-Id"]
        assert given != bad
        assert re.fullmatch(r"[0-9a-f-]{36}", given)


def test_two_requests_have_two_ids() -> None:
    ids = {browser().get("/livez").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5


# -- without a database


@pytest.fixture
def no_database(w: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The database's address leads nowhere, as when the server is down."""
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "/nonexistent")
        patch.setitem(connection.settings_dict, "PORT", "")
        yield w
        connection.close()


@EVERY_ROLE
def test_without_the_database_the_api_says_so_and_when_to_come_back(no_database: World) -> None:
    for method in ("get", "post"):
        answer = getattr(Gentle(no_database.alice.token), method)("/api/v1/clients")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "unavailable"


@EVERY_ROLE
def test_without_the_database_pages_say_so(no_database: World) -> None:
    visitor = browser()
    visitor.cookies["kindwork"] = "a-session-key-of-somebody-who-signed-in"
    for path in ("/", "/operators/", "/operators/login/"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60"), path
        assert "text/html" in answer.headers["Content-Type"]


@EVERY_ROLE
def test_without_the_database_the_process_still_says_that_it_lives(no_database: World) -> None:
    visitor = browser()
    for cookie in ("", "a-session-key-of-somebody-who-signed-in"):
        visitor.cookies["kindwork"] = cookie
        answer = visitor.get("/livez")
        assert (answer.status_code, answer.content) == (200, b'{"status": "ok"}'), cookie


@EVERY_ROLE
def test_without_the_database_readyz_says_what_to_do(no_database: World) -> None:
    visitor = browser()
    visitor.cookies["kindwork"] = "a-session-key-of-somebody-who-signed-in"
    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/json")
    checks = answer.json()["checks"]
    assert "start PostgreSQL" in checks["database"]["mend"]
    assert {checks[name]["status"] for name in ("database", "migrations", "scheduler")} == {
        "trouble"
    }
    assert "nonexistent" not in answer.content.decode()


@EVERY_ROLE
def test_when_the_database_is_back_so_is_the_api(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "/nonexistent")
        assert Gentle(w.alice.token).get("/api/v1/clients").status_code == 503
    assert w.alice.api.get("/api/v1/clients").status_code == 200


@EVERY_ROLE
def test_a_connection_that_was_cut_is_made_anew_for_the_next_request(w: World) -> None:
    assert w.alice.api.get("/api/v1/clients").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    beside = connection.copy()
    with beside.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    beside.close()
    first = Gentle(w.alice.token).get("/api/v1/clients").status_code
    assert first in (200, 503)
    assert w.alice.api.get("/api/v1/clients").status_code == 200


@EVERY_ROLE
def test_a_database_that_goes_away_amid_a_request_is_a_503_and_nothing_is_kept(w: World) -> None:
    answer = Gentle(w.alice.token).post("/api/v1/failing/lost", {"words": CANARY})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert CANARY not in answer.content.decode()
    assert written() == (0, 0)


# -- readyz


@EVERY_ROLE
def test_readyz_is_content_when_all_is_well(w: World) -> None:
    Heartbeat.objects.create(name="tick", at=timezone.now())
    answer = browser().get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "status": "ok",
            "checks": {
                name: {"status": "ok"} for name in ("database", "migrations", "broker", "scheduler")
            },
        },
    )


def trouble() -> dict[str, str]:
    """What /readyz complains of, by check."""
    answer = browser().get("/readyz")
    checks = answer.json()["checks"]
    found = {name: one["mend"] for name, one in checks.items() if one["status"] != "ok"}
    assert answer.status_code == (503 if found else 200)
    assert answer.json()["status"] == ("trouble" if found else "ok")
    return found


@EVERY_ROLE
def test_readyz_tells_of_a_scheduler_that_never_ticked() -> None:
    assert trouble() == {"scheduler": "no tick yet: start the worker and the scheduler."}


@EVERY_ROLE
def test_readyz_tells_of_a_scheduler_that_stopped(settings: Any) -> None:
    late = datetime.timedelta(seconds=settings.TICK_LATE_SECONDS + 30)
    Heartbeat.objects.create(name="tick", at=timezone.now() - late)
    assert "the last tick is 2" in trouble()["scheduler"]
    Heartbeat.objects.update(at=timezone.now())
    assert trouble() == {}


@EVERY_ROLE
def test_readyz_tells_of_migrations_that_have_not_run() -> None:
    Heartbeat.objects.create(name="tick", at=timezone.now())
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations "
            "WHERE app = 'therapy_sessions') RETURNING app, name, applied"
        )
        row = cursor.fetchone()
        try:
            assert "1 have not run" in trouble()["migrations"]
        finally:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row
            )
    assert trouble() == {}


@EVERY_ROLE
def test_readyz_tells_of_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.objects.create(name="tick", at=timezone.now())

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError(CANARY)

    monkeypatch.setattr(current_app._get_current_object(), "connection_for_read", refuse)
    told = trouble()
    assert set(told) == {"broker"}
    assert "start Valkey" in told["broker"]
    assert CANARY not in told["broker"]


@EVERY_ROLE
def test_readyz_tells_of_a_context_that_survived(w: World) -> None:
    Heartbeat.objects.create(name="tick", at=timezone.now())
    with transaction.atomic():
        context.enter(w.alice.actor)
        assert "survived" in trouble()["database"]


# -- who is asking


def test_an_address_with_a_token_in_it_opens_nothing(w: World) -> None:
    for path in (
        f"/api/v1/clients?token={w.alice.token}",
        f"/api/v1/clients?access_token={w.alice.token}",
        f"/api/v1/clients?authorization=Bearer%20{w.alice.token}",
    ):
        assert Gentle().get(path).status_code == 401


def test_a_bad_token_is_not_made_good_by_a_browsers_session(w: World) -> None:
    visitor = browser()
    visitor.force_login(User.objects.get(pk=w.alice.user_id))
    answer = visitor.get("/api/v1/clients", headers={"authorization": "Bearer kw_nonsense"})
    assert answer.status_code == 401


def test_a_session_enters_the_clinic_that_it_remembers_if_it_is_its_persons(w: World) -> None:
    visitor = browser()
    visitor.force_login(User.objects.get(pk=w.alice.user_id))
    session = visitor.session
    for claim in (str(w.elsewhere.pk), "x", "", None, str(w.clinic.pk)):
        session["clinic_id"] = claim
        session.save()
        answer = visitor.get("/api/v1/me")
        context.leave()
        assert answer.json()["clinic"]["id"] == str(w.clinic.pk), claim


def test_a_person_of_two_clinics_is_in_none_until_one_is_chosen(w: World) -> None:
    user = User.objects.get(pk=w.alice.user_id)
    with acting_as(TaskActor(w.elsewhere.pk, "founding")):
        founding.add_member(clinic_id=w.elsewhere.pk, user=user, role=Role.THERAPIST, name="A")
    visitor = browser()
    visitor.force_login(user)
    assert visitor.get("/api/v1/clients").status_code == 401
    session = visitor.session
    session["clinic_id"] = str(w.elsewhere.pk)
    session.save()
    answer = visitor.get("/api/v1/me")
    context.leave()
    assert answer.json()["clinic"]["id"] == str(w.elsewhere.pk)


def test_a_session_writes_with_a_csrf_token_alone(w: World) -> None:
    visitor = Browser(enforce_csrf_checks=True)
    visitor.force_login(User.objects.get(pk=w.alice.user_id))
    answer = visitor.post(
        "/api/v1/clients", {"full_name": "Mallory"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    with acting_as(w.alice.actor):
        assert Client.objects.count() == 2


@EVERY_ROLE
def test_a_form_that_is_too_large_is_no_failure(w: World) -> None:
    """Looking for its CSRF token reads the form, which may be larger than is read."""
    visitor = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    visitor.force_login(User.objects.get(pk=w.alice.user_id))
    for body, kind in (
        (b"a=" + b"x" * 300_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(2_000)), "application/x-www-form-urlencoded"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"--x", "multipart/form-data"),
    ):
        answer = visitor.generic("POST", "/api/v1/clients", body, content_type=kind)
        assert 400 <= answer.status_code < 500, (kind, len(body), answer.content)


def test_the_failing_routes_are_in_tests_alone() -> None:
    assert set(urls.urlpatterns) < set(failing_urls.urlpatterns)
    assert not [one for one in urls.urlpatterns if "failing" in str(one.pattern)]
