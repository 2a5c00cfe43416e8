"""Signing in for programs: a token of one membership, for a while."""

import datetime
import hashlib
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from clinic.models import ApiToken, Client, Clinic, Membership, User
from clinic.models.user import login_name
from clinic.services import founding
from clinic.services.tokens import deactivate
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from tests.refusals import nothing_written, problem, without_id
from tests.world import PASSWORD, Api, Person, World, staff

TOKENS = "/api/v1/tokens"
RANDOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def sign_in(email: str, password: str = PASSWORD, api: Api | None = None, **more: Any) -> Any:
    return (api or Api()).post(TOKENS, {"email": email, "password": password, **more})


def opens(token: str) -> bool:
    """Whether a token opens anything."""
    status = Api(token).get("/api/v1/me").status_code
    assert status in (200, 401)
    return bool(status == 200)


def own_tokens(person: Person) -> list[ApiToken]:
    with acting_as(person.actor):
        return list(ApiToken.objects.filter(user_id=person.user_id))


def admin_and_therapist(w: World) -> Person:
    return staff(w.clinic, "solo@tidewater.example", "Sol Ortiz", Role.THERAPIST, Role.ADMIN)


def also_works_elsewhere(w: World, person: Person) -> Membership:
    """Make a therapist of the first clinic one of the second, too."""
    with acting_as(TaskActor(w.elsewhere.pk, founding.PURPOSE)):
        return founding.add_member(
            clinic_id=w.elsewhere.pk,
            user=User.objects.get(pk=person.user_id),
            role=Role.THERAPIST,
            name="Alice Ames",
        )


# --- What signing in gives


def test_signing_in_gives_a_token_that_opens_the_persons_clinic(w: World) -> None:
    response = sign_in(w.alice.email)

    assert response.status_code == 201
    body = response.json()
    assert body["role"] == "therapist"
    assert body["clinic"] == str(w.clinic.pk)
    assert body["membership"] == str(w.alice.actor.memberships[Role.THERAPIST])
    me = Api(body["token"]).get("/api/v1/me").json()
    assert me["user"] == str(w.alice.user_id)
    assert me["clinic"]["name"] == "Tidewater"


def test_a_client_signs_in_as_themselves(w: World) -> None:
    body = sign_in(w.carol.email).json()

    assert body["role"] == "client"
    assert Api(body["token"]).get("/api/v1/me").json()["client"] == str(w.carol.actor.client_id)


def test_a_token_is_shown_once(w: World) -> None:
    token = sign_in(w.alice.email).json()["token"]

    listed = w.alice.api.get(TOKENS)

    assert len(listed.json()["results"]) == 2
    assert token not in listed.content.decode()
    assert all("token" not in one and "digest" not in one for one in listed.json()["results"])


def test_the_table_keeps_a_digest_and_never_the_token(w: World) -> None:
    body = sign_in(w.alice.email).json()
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute("SELECT digest, t::text FROM clinic_apitoken t WHERE id = %s", [body["id"]])
        digest, row = cursor.fetchone()

    assert digest == hashlib.sha512(body["token"].encode()).hexdigest()
    assert body["token"] not in row
    assert body["token"][len(body["begins_with"]) :] not in row


def test_a_list_tells_one_token_from_another_by_how_it_begins(w: World) -> None:
    body = sign_in(w.alice.email).json()

    listed = w.alice.api.get(TOKENS).json()["results"]

    [shown] = [one for one in listed if one["id"] == body["id"]]
    assert body["token"].startswith(shown["begins_with"])
    assert 4 <= len(shown["begins_with"]) <= 12


def test_label_and_days_are_kept(w: World) -> None:
    body = sign_in(w.alice.email, label="my notebook", days=3).json()

    assert body["label"] == "my notebook"
    [kept] = [row for row in own_tokens(w.alice) if str(row.pk) == body["id"]]
    assert kept.label == "my notebook"
    assert kept.expiry - kept.created == pytest.approx(
        datetime.timedelta(days=3), abs=datetime.timedelta(minutes=1)
    )


def test_without_days_a_token_holds_for_thirty(w: World) -> None:
    body = sign_in(w.alice.email).json()

    [kept] = [row for row in own_tokens(w.alice) if str(row.pk) == body["id"]]
    assert kept.expiry - kept.created == pytest.approx(
        datetime.timedelta(days=30), abs=datetime.timedelta(minutes=1)
    )


def test_no_token_holds_longer_than_ninety_days_or_shorter_than_one(w: World) -> None:
    assert sign_in(w.alice.email, days=90).status_code == 201
    with nothing_written(w):
        problem(sign_in(w.alice.email, days=91), 400, "max_value", at="/days")
        problem(sign_in(w.alice.email, days=0), 400, "min_value", at="/days")
        problem(sign_in(w.alice.email, days="soon"), 400, "invalid", at="/days")


def test_a_label_has_sixty_characters_at_most(w: World) -> None:
    with nothing_written(w):
        problem(sign_in(w.alice.email, label="x" * 61), 400, "max_length", at="/label")


# --- Who does not get in, and what they learn


def test_an_unknown_address_and_a_wrong_password_are_answered_the_same(w: World) -> None:
    with nothing_written(w):
        unknown = sign_in("nobody@tidewater.example")
        wrong = sign_in(w.alice.email, "a loud shoreline at first light")

    problem(unknown, 400, "not_signed_in")
    assert without_id(unknown) == without_id(wrong)


def test_a_login_without_any_membership_is_answered_as_an_unknown_one(w: World) -> None:
    User.objects.create_user("drifter@tidewater.example", PASSWORD)

    assert without_id(sign_in("drifter@tidewater.example")) == without_id(
        sign_in("nobody@tidewater.example")
    )


def test_a_login_that_is_switched_off_is_answered_as_an_unknown_one(w: World) -> None:
    User.objects.filter(pk=w.alice.user_id).update(is_active=False)

    assert without_id(sign_in(w.alice.email)) == without_id(sign_in("nobody@tidewater.example"))


def test_a_membership_that_ended_is_answered_as_an_unknown_address(w: World) -> None:
    with acting_as(w.ada.actor):
        Membership.objects.filter(user_id=w.alice.user_id).update(is_active=False)

    assert without_id(sign_in(w.alice.email)) == without_id(sign_in("nobody@tidewater.example"))


@pytest.mark.parametrize(
    "typed", ["ALICE@TIDEWATER.EXAMPLE", "Alice@Tidewater.Example", "  alice@tidewater.example \t"]
)
def test_case_and_surrounding_space_of_an_address_do_not_count(w: World, typed: str) -> None:
    response = sign_in(typed)

    assert response.status_code == 201
    assert response.json()["membership"] == str(w.alice.actor.memberships[Role.THERAPIST])


@pytest.mark.parametrize("typed", [PASSWORD.upper(), PASSWORD + " ", " " + PASSWORD])
def test_case_and_space_of_a_password_do_count(w: World, typed: str) -> None:
    problem(sign_in(w.alice.email, typed), 400, "not_signed_in")


def test_the_login_name_that_stands_in_the_table_does_not_sign_in(w: World) -> None:
    stored = User.objects.get(pk=w.alice.user_id).email

    assert stored == login_name(w.alice.email)
    problem(sign_in(stored), 400, "not_signed_in")


def test_signing_in_names_what_is_missing(w: World) -> None:
    body = problem(Api().post(TOKENS, {}), 400, "validation_error")

    assert {(one["pointer"], one["code"]) for one in body["errors"]} == {
        ("/email", "required"),
        ("/password", "required"),
    }


def test_what_somebody_typed_as_a_password_does_not_come_back(w: World) -> None:
    response = sign_in(w.alice.email, "correct horse battery", days=0)

    assert "correct horse" not in response.content.decode()


def test_signing_in_works_with_a_stale_token_at_hand(w: World) -> None:
    response = sign_in(w.alice.email, api=Api("kw_" + "0" * 64))

    assert response.status_code == 201
    assert opens(response.json()["token"])


def test_signing_in_with_somebody_elses_token_at_hand_gives_ones_own(w: World) -> None:
    response = sign_in(w.alice.email, api=w.dora.api)

    assert response.status_code == 201
    me = Api(response.json()["token"]).get("/api/v1/me").json()
    assert me["user"] == str(w.alice.user_id)
    assert me["clinic"]["id"] == str(w.clinic.pk)


# --- Several memberships


def test_a_person_with_two_roles_is_asked_to_choose(w: World) -> None:
    solo = admin_and_therapist(w)

    with nothing_written(w):
        response = sign_in(solo.email)

    body = problem(response, 400, "choose_membership", at="/membership")
    assert {(one["id"], one["role"], one["clinic"]) for one in body["choices"]} == {
        (str(solo.actor.memberships[role]), role, "Tidewater")
        for role in (Role.THERAPIST, Role.ADMIN)
    }


def test_the_choices_are_not_told_without_the_password(w: World) -> None:
    solo = admin_and_therapist(w)

    body = problem(sign_in(solo.email, "some other password"), 400, "not_signed_in")

    assert "choices" not in body


@pytest.mark.parametrize("role", [Role.THERAPIST, Role.ADMIN])
def test_a_role_chooses_between_two_memberships(w: World, role: Role) -> None:
    solo = admin_and_therapist(w)

    body = sign_in(solo.email, role=role).json()

    assert body["membership"] == str(solo.actor.memberships[role])
    me = Api(body["token"]).get("/api/v1/me").json()
    assert [one["role"] for one in me["memberships"]] == [role]


def test_an_id_chooses_between_two_clinics(w: World) -> None:
    there = also_works_elsewhere(w, w.alice)

    asked = problem(sign_in(w.alice.email, role="therapist"), 400, at="/membership")
    body = sign_in(w.alice.email, membership=str(there.pk)).json()

    assert {one["clinic"] for one in asked["choices"]} == {"Tidewater", "Hillside"}
    assert body["clinic"] == str(w.elsewhere.pk)


def test_another_persons_membership_is_refused_as_one_that_does_not_exist(w: World) -> None:
    with nothing_written(w):
        foreign = sign_in(w.alice.email, membership=str(w.bob.actor.membership_id))
        random = sign_in(w.alice.email, membership=RANDOM_ID)

    problem(foreign, 400, "does_not_exist", at="/membership")
    assert without_id(foreign) == without_id(random)


def test_a_role_that_the_person_does_not_have_is_refused(w: World) -> None:
    with nothing_written(w):
        problem(sign_in(w.alice.email, role="admin"), 400, "does_not_exist", at="/role")


def test_a_token_works_for_its_own_role_alone(w: World) -> None:
    solo = admin_and_therapist(w)
    as_therapist = Api(sign_in(solo.email, role="therapist").json()["token"])
    as_admin = Api(sign_in(solo.email, role="admin").json()["token"])

    caseload = as_therapist.get("/api/v1/clients").json()["results"]
    everyone = as_admin.get("/api/v1/clients").json()["results"]

    assert caseload == []
    assert len(everyone) == 2
    assert all("caution_flags" not in one for one in everyone)
    problem(as_admin.get("/api/v1/entries"), 403, "permission_denied")


def test_a_token_of_one_clinic_shows_nothing_of_the_persons_other_clinic(w: World) -> None:
    there = also_works_elsewhere(w, w.alice)
    token = sign_in(w.alice.email, membership=str(there.pk)).json()["token"]

    assert Api(token).get("/api/v1/clients").json()["results"] == []
    assert len(Api(token).get(TOKENS).json()["results"]) == 1


# --- One's own tokens, and their end


def test_a_person_lists_their_own_tokens_and_nobody_elses(w: World) -> None:
    for person in (w.alice, w.ada, w.carol, w.charlie):
        [shown] = person.api.get(TOKENS).json()["results"]
        [own] = own_tokens(person)
        assert shown["id"] == str(own.pk)
        assert shown["membership"] == str(person.actor.membership_id)


def test_a_deleted_token_opens_nothing_from_the_next_request_on(w: World) -> None:
    made = sign_in(w.alice.email).json()

    response = w.alice.api.delete(f"{TOKENS}/{made['id']}")

    assert response.status_code == 204
    assert not opens(made["token"])
    assert opens(w.alice.token)
    assert len(own_tokens(w.alice)) == 1


def test_a_token_can_end_itself(w: World) -> None:
    [own] = own_tokens(w.alice)

    assert w.alice.api.delete(f"{TOKENS}/{own.pk}").status_code == 204
    problem(w.alice.api.get("/api/v1/me"), 401)


def test_another_persons_token_cannot_be_ended_and_is_not_told_of(w: World) -> None:
    [bobs] = own_tokens(w.bob)
    [charlies] = own_tokens(w.charlie)

    with nothing_written(w):
        refusals = [
            w.alice.api.delete(f"{TOKENS}/{pk}") for pk in (bobs.pk, charlies.pk, RANDOM_ID)
        ]

    problem(refusals[0], 404, "not_found")
    assert without_id(refusals[0]) == without_id(refusals[1]) == without_id(refusals[2])
    assert opens(w.bob.token)
    assert opens(w.charlie.token)


def test_an_admin_cannot_list_or_end_a_therapists_token(w: World) -> None:
    [alices] = own_tokens(w.alice)

    problem(w.ada.api.delete(f"{TOKENS}/{alices.pk}"), 404)

    assert opens(w.alice.token)


def test_an_expired_token_opens_nothing(w: World) -> None:
    with acting_as(w.alice.actor):
        ApiToken.objects.filter(user_id=w.alice.user_id).update(
            expiry=timezone.now() - datetime.timedelta(seconds=1)
        )

    refused = w.alice.api.get("/api/v1/clients")

    assert "POST /api/v1/tokens" in problem(refused, 401, "authentication_failed")["detail"]
    assert refused["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_token_writes_nothing(w: World) -> None:
    with acting_as(w.alice.actor):
        ApiToken.objects.filter(user_id=w.alice.user_id).update(
            expiry=timezone.now() - datetime.timedelta(days=1)
        )

    with nothing_written(w):
        problem(w.alice.api.post("/api/v1/clients", {"full_name": "Wren Holt"}), 401)


def test_the_tokens_of_a_membership_that_ended_open_nothing(w: World) -> None:
    with acting_as(w.ada.actor):
        Membership.objects.filter(pk=w.alice.actor.membership_id).update(is_active=False)

    problem(w.alice.api.get("/api/v1/me"), 401)
    assert opens(w.bob.token)


def test_ending_a_membership_deletes_its_tokens(w: World) -> None:
    solo = admin_and_therapist(w)
    as_admin = sign_in(solo.email, role="admin").json()["token"]
    with acting_as(w.ada.actor):
        deactivate(membership=Membership.objects.get(pk=solo.actor.memberships[Role.THERAPIST]))

    assert not opens(solo.token)
    assert opens(as_admin)
    assert len(own_tokens(solo)) == 1


def test_the_tokens_of_a_login_that_is_switched_off_open_nothing(w: World) -> None:
    User.objects.filter(pk=w.alice.user_id).update(is_active=False)

    problem(w.alice.api.get("/api/v1/me"), 401)


def test_the_tokens_of_a_clinic_that_is_closed_open_nothing(w: World) -> None:
    Clinic.objects.filter(pk=w.clinic.pk).update(is_active=False)

    problem(w.alice.api.get("/api/v1/me"), 401)
    problem(w.carol.api.get("/api/v1/me"), 401)
    assert opens(w.charlie.token)


# --- Headers that are no token


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer   \t ",
        "Basic YWxpY2U6cGFzc3dvcmQ=",
        "Token {token}",
        "{token}",
        "Bearer: {token}",
        "Bearer {token} {token}",
        "Bearer {token}x",
        "Bearer {short}",
        "Bearer {upper}",
        "Bearer {digest}",
        "Bearer null",
        "Bearer kw_",
        "Bearer " + "k" * 201,
        "Bearer " + "k" * 60_000,
        "Bearer \u00e9\u00ff\u00df",
        "Bearer \x01\x02\x7f",
        "Bearer ' OR 1=1 --",
        "Bearer %00",
        "Bearer \\u0000",
        "Bearer {{}}",
        "\u00ff\u00fe",
        "," * 100,
    ],
)
def test_a_header_that_is_no_token_is_a_401(w: World, header: str) -> None:
    [row] = own_tokens(w.alice)
    said = header.format(
        token=w.alice.token,
        short=w.alice.token[:-1],
        upper=w.alice.token.upper(),
        digest=row.digest,
    )

    with nothing_written(w):
        response = Api().get("/api/v1/clients", headers={"authorization": said})

    problem(response, 401)
    assert response["WWW-Authenticate"] == 'Bearer realm="kindwork"'
    assert "Carol" not in response.content.decode()


def test_the_scheme_may_be_written_in_any_case(w: World) -> None:
    response = Api().get("/api/v1/me", headers={"authorization": f"bearer {w.alice.token}"})

    assert response.status_code == 200


def test_without_a_header_there_is_nobody(w: World, anonymous: Api) -> None:
    response = anonymous.get("/api/v1/clients")

    problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="kindwork"'


def test_a_token_in_the_address_or_in_a_cookie_is_not_looked_at(w: World) -> None:
    api = Api()
    api.cookies["token"] = w.alice.token

    problem(api.get(f"/api/v1/clients?token={w.alice.token}"), 401)


def test_a_client_whose_login_is_taken_away_sees_nothing_with_a_token_from_before(
    w: World,
) -> None:
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(user=None)

    assert w.carol.api.get("/api/v1/clients").json()["results"] == []
    assert w.carol.api.get("/api/v1/assignments").json()["results"] == []
