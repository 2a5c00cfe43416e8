"""Who gets what: every route, every method, every kind of person. A route that is not here is red.

Statuses of a route with an id stand in this order, by whose thing the id is:

- the person's own (a therapist's: of a client in their care; a client's: of themselves)
- a colleague's (a therapist's: of a client in a colleague's care; a client's: of another client)
- another clinic's
- nobody's: there is no such thing

One number stands for all four. Anonymous people and expired tokens get the same everywhere.
"""

from dataclasses import dataclass

Statuses = int | tuple[int, int, int, int]

OWN = (200, 404, 404, 404)
OF_THE_CLINIC = (200, 200, 404, 404)
NO = 403


@dataclass(frozen=True)
class Row:
    """One method of one route of the API, below `api/v1/`."""

    route: str
    method: str
    thing: str
    """What an id in the route, or the body, is of: a name that test_access.py knows."""
    therapist: Statuses
    admin: Statuses
    client: Statuses
    anonymous: int = 401


API = (
    Row("tokens", "GET", "", 200, 200, 200),
    Row("tokens", "POST", "sign in", 201, 201, 201, anonymous=201),
    Row("tokens/<uuid:pk>", "DELETE", "token", *[(204, 404, 404, 404)] * 3),
    Row("me", "GET", "", 200, 200, 200),
    Row("support", "GET", "", 200, 200, 200),
    Row("members", "GET", "", 200, 200, NO),
    Row("members/<uuid:pk>", "GET", "member", OF_THE_CLINIC, OF_THE_CLINIC, NO),
    Row("clients", "GET", "", 200, 200, 200),
    Row("clients", "POST", "new client", 201, 201, NO),
    Row("clients/<uuid:pk>", "GET", "client", OWN, OF_THE_CLINIC, OWN),
    Row("clients/<uuid:pk>", "PATCH", "client", OWN, OF_THE_CLINIC, NO),
    Row("clients/<uuid:pk>/progress", "GET", "client", OWN, NO, OWN),
    Row("care-team", "GET", "", 200, 200, 200),
    Row("care-team", "POST", "new part", 201, 201, NO),
    Row("care-team/<uuid:pk>", "GET", "part", OWN, OF_THE_CLINIC, OWN),
    Row("care-team/<uuid:pk>", "PATCH", "part", OWN, OF_THE_CLINIC, NO),
    Row("exercises", "GET", "", 200, NO, 200),
    Row("exercises/<uuid:pk>", "GET", "exercise", OF_THE_CLINIC, NO, OF_THE_CLINIC),
    Row("assignments", "GET", "", 200, NO, 200),
    Row("assignments", "POST", "new assignment", 201, NO, NO),
    Row("assignments/<uuid:pk>", "GET", "assignment", OWN, NO, OWN),
    Row("assignments/<uuid:pk>", "PATCH", "assignment", OWN, NO, NO),
    Row("assignments/<uuid:pk>/pause", "POST", "assignment", OWN, NO, NO),
    Row("assignments/<uuid:pk>/resume", "POST", "assignment", OWN, NO, NO),
    Row("assignments/<uuid:pk>/end", "POST", "assignment", OWN, NO, NO),
    Row("assignments/<uuid:pk>/progress", "GET", "assignment", OWN, NO, OWN),
    Row("entries", "GET", "", 200, NO, 200),
    Row("entries/<uuid:pk>", "GET", "entry", OWN, NO, OWN),
    # The id of a PUT is made by who sends it: somebody else's is as good as any, and only one's
    # own is taken. A therapist records for a client without a login.
    Row("entries/<uuid:pk>", "PUT", "new entry", 201, NO, (409, 201, 201, 201)),
    # What a client recorded is the client's to change; a therapist knows of it, hence 403.
    Row("entries/<uuid:pk>", "PATCH", "entry", (403, 404, 404, 404), NO, OWN),
    Row("summaries", "GET", "", 200, NO, 200),
    Row("summaries", "POST", "new summary", 202, NO, 202),
    Row("summaries/<uuid:pk>", "GET", "summary", OWN, NO, OWN),
    Row("jobs", "GET", "", 200, 200, 200),
    Row("jobs/<uuid:pk>", "GET", "job", OWN, OWN, OWN),
    Row("schema", "GET", "", 200, 200, 200, anonymous=200),
    Row("docs", "GET", "", 200, 200, 200, anonymous=200),
)


@dataclass(frozen=True)
class Page:
    """A page, opened in a browser with GET.

    Attributes:
        member: what anybody gets who signs in to a clinic: therapist, admin, client.
        operator: what an operator of the server gets, who has no clinic.
    """

    route: str
    anonymous: int
    member: int
    operator: int


_CLOSED = (302, 302)
"""To the operators' sign-in."""

PAGES = (
    Page("", 200, 200, 200),
    Page("livez", 200, 200, 200),
    Page("readyz", 200, 200, 200),
    Page("operators/login/", 200, 200, 302),
    Page("operators/", *_CLOSED, 200),
    Page("operators/logout/", *_CLOSED, 405),
    Page("operators/password_change/", *_CLOSED, 200),
    Page("operators/password_change/done/", *_CLOSED, 200),
    Page("operators/autocomplete/", *_CLOSED, 403),
    Page("operators/jsi18n/", *_CLOSED, 200),
    Page("operators/r/<path:content_type_id>/<path:object_id>/", *_CLOSED, 404),
    Page("operators/^(?P<app_label>clinic)/$", *_CLOSED, 200),
    Page("operators/(?P<url>.*)$", *_CLOSED, 404),
    *(
        page
        for model, add, delete in (
            ("clinic", 200, 403),
            ("user", 403, 403),
            ("heartbeat", 403, 403),
        )
        for page in (
            Page(f"operators/clinic/{model}/", *_CLOSED, 200),
            Page(f"operators/clinic/{model}/add/", *_CLOSED, add),
            Page(f"operators/clinic/{model}/<path:object_id>/history/", *_CLOSED, 200),
            Page(f"operators/clinic/{model}/<path:object_id>/delete/", *_CLOSED, delete),
            Page(f"operators/clinic/{model}/<path:object_id>/change/", *_CLOSED, 200),
            Page(f"operators/clinic/{model}/<path:object_id>/", *_CLOSED, 302),
        )
    ),
)


CLINICAL = frozenset(
    {
        # of a client
        "caution_flags",
        # of an assignment
        "reason", "when_and_where", "likely_obstacle", "plan_b", "confidence", "exercise",
        "exercise_version", "exercise_title", "practised_in_session", "rhythm",
        # of an entry
        "answers", "note", "unwanted", "unwanted_note", "needs_now", "not_yet_reasons",
        "helpful", "embodied", "share_level", "support_reasons", "support_told", "practised_on",
        *(f"{rating}_{when}" for rating in ("distress", "warmth", "shame", "critic")
          for when in ("before", "after")),
        # of progress and summaries
        "states", "changes", "last_entries", "paragraphs", "figures", "text", "quotes",
    }
)  # fmt: skip
"""Fields of which an admin sees none, anywhere."""

_VERSIONED = {"id", "version", "created_at", "updated_at"}

_CLIENT = _VERSIONED | {
    "full_name", "preferred_name", "pronouns", "email", "phone", "address", "birth_date",
    "emergency_contact", "time_zone", "language", "state", "care_started_on", "care_ended_on",
    "has_login",
}  # fmt: skip
_PART = {
    "id", "client", "therapist", "therapist_name", "kind", "starts_on", "ends_on", "version",
}  # fmt: skip
_EXERCISE = {
    "id", "catalogue_id", "version", "version_number", "title", "language", "tradition", "flows",
    "systems", "skills", "level", "start", "minutes", "ratings", "content",
}  # fmt: skip
_ASSIGNMENT = _VERSIONED | {
    "client", "exercise", "exercise_version", "exercise_title", "state", "ended_at",
    "assigned_by", "reason", "when_and_where", "likely_obstacle", "plan_b", "confidence",
    "practised_in_session", "rhythm", "times_per_week", "weekdays", "smaller_version_allowed",
    "start_on", "review_on",
}  # fmt: skip
_ENTRY_SEEN = _VERSIONED | {
    "client_uuid", "client", "assignment", "exercise_version", "exercise_title",
    "recorded_by_therapist", "support_reasons", "status", "practised_on", "share_level",
}  # fmt: skip
_DISTRESS = {"distress_before", "distress_after"}
_RATINGS = _DISTRESS | {
    "warmth_before", "warmth_after", "shame_before", "shame_after", "critic_before",
    "critic_after", "helpful", "embodied", "unwanted",
}  # fmt: skip
_WORDS = {
    "answers", "note", "unwanted_note", "needs_now", "not_yet_reasons", "variant", "time_zone",
    "started_at", "ended_at", "stopped_at_step",
}  # fmt: skip
_SUMMARY = {
    "id", "client", "kind", "week", "period_start", "period_end", "time_zone", "language", "text",
    "paragraphs", "created_at",
}  # fmt: skip
_JOB = {
    "id", "kind", "state", "done", "total", "unit", "eta_seconds", "problem", "result_url",
    "created_at", "finished_at",
}  # fmt: skip
_TOKEN = {"id", "label", "begins_with", "membership", "created_at", "expires_at"}
_MEMBER = {"id", "role", "name"}
_PROGRESS = {"states", "changes", "helpful", "embodied", "last_entries"}

KEYS: dict[tuple[str, str], set[str]] = {
    **{("tokens", role): _TOKEN for role in ("therapist", "admin", "client")},
    **{("members", role): _MEMBER for role in ("therapist", "admin")},
    ("clients", "therapist"): _CLIENT | {"caution_flags"},
    ("clients", "admin"): _CLIENT,
    ("clients", "client"): _CLIENT,
    **{("care-team", role): _PART for role in ("therapist", "admin", "client")},
    ("exercises", "therapist"): _EXERCISE | {"for_therapist"},
    ("exercises", "client"): _EXERCISE,
    **{("assignments", role): _ASSIGNMENT for role in ("therapist", "client")},
    **{("an assignment", role): _ASSIGNMENT | {"content"} for role in ("therapist", "client")},
    ("entries", "client"): _ENTRY_SEEN | _RATINGS | _WORDS,
    ("entries shared", "therapist"): _ENTRY_SEEN | _RATINGS | _WORDS,
    ("entries ratings_only", "therapist"): _ENTRY_SEEN | _RATINGS,
    ("entries private", "therapist"): _ENTRY_SEEN,
    ("entries private, high distress", "therapist"): _ENTRY_SEEN
    | _DISTRESS
    | {"support", "support_told"},
    ("summaries", "therapist"): _SUMMARY | {"figures"},
    ("summaries", "client"): _SUMMARY,
    **{("jobs", role): _JOB for role in ("therapist", "admin", "client")},
    **{("progress", role): _PROGRESS for role in ("therapist", "client")},
    **{
        ("me", role): {"user", "clinic", "memberships", "client"}
        for role in ("therapist", "admin", "client")
    },
}
"""The names that each role finds in what it reads: one more is a decision, made here."""
