"""The signed context: nobody enters a clinic by saying so. Here it is forged in every way we know."""

import base64
import dataclasses
import datetime
import hashlib
import hmac
import os
import random
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import DatabaseError, ProgrammingError, connection, connections, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from clinic.models import ApiToken, Client, Clinic, Membership, User
from clinic.services.tokens import deactivate
from clinic.tenancy import context, database
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.base import new_id
from clinic.tenancy.entering import enter_by_token, memberships_of
from clinic.tenancy.scope import acting_as
from clinic.vault import keys
from tests.world import Person, World

EVERY_ROLE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "backup"])


def said() -> str:
    """The context as it stands in this transaction, true or not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting(%s, true), '')", [context.SETTING])
        return str(cursor.fetchone()[0])


def valid(person: Person) -> str:
    """A context as the product signs it."""
    with transaction.atomic():
        context.enter(person.actor)
        value = said()
        context.leave()
    return value


def opened(value: str | None, *, local: bool = True) -> tuple[UUID | None, UUID | None, int]:
    """Claim a context; return the clinic and the person that it is taken for, and the clients seen."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, %s)", [context.SETTING, value, local])
        cursor.execute(
            "SELECT kindwork.context_clinic(), kindwork.context_user(), "
            "(SELECT count(*) FROM clinic_client)"
        )
        found = cursor.fetchone()
        cursor.execute("SELECT set_config(%s, '', %s)", [context.SETTING, local])
    return found  # type: ignore[return-value]


NOTHING = (None, None, 0)


def test_a_signed_context_opens_its_own_clinic(w: World) -> None:
    clinic, user, clients = opened(valid(w.alice))
    assert (clinic, user, clients) == (w.clinic.pk, w.alice.user_id, 2)
    clinic, user, clients = opened(valid(w.charlie))
    assert (clinic, user, clients) == (w.elsewhere.pk, w.charlie.user_id, 1)


def test_a_tasks_context_names_no_person(w: World) -> None:
    with transaction.atomic():
        context.enter(TaskActor(w.clinic.pk, "jobs"))
        value = said()
    assert opened(value) == (w.clinic.pk, None, 2)


def _edited(place: int, value: str) -> Callable[[list[str]], str]:
    return lambda parts: "|".join([*parts[:place], value, *parts[place + 1 :]])


FORGERIES: dict[str, Callable[[list[str]], str | None]] = {
    "nothing": lambda parts: "",
    "NULL": lambda parts: None,
    "a bare clinic id": lambda parts: parts[0],
    "a clinic id and a separator": lambda parts: parts[0] + "|",
    "a clinic id and empty parts": lambda parts: parts[0] + "|" * (len(parts) - 1),
    "separators alone": lambda parts: "|" * (len(parts) - 1),
    "no signature": lambda parts: "|".join(parts[:-1]),
    "an empty signature": lambda parts: "|".join([*parts[:-1], ""]),
    "the word null for a signature": lambda parts: "|".join([*parts[:-1], "NULL"]),
    "the signature alone": lambda parts: parts[-1],
    "a part too few": lambda parts: "|".join([parts[0], *parts[2:]]),
    "a part too many": lambda parts: "|".join([*parts, "x"]),
    "an empty part too many": lambda parts: "|".join([*parts, ""]),
    "an empty part in front": lambda parts: "|".join(["", *parts]),
    "no clinic": _edited(0, ""),
    "no person": _edited(1, ""),
    "no kind": _edited(2, ""),
    "no expiry": _edited(3, ""),
    "another kind": _edited(2, "task"),
    "a later expiry": _edited(3, "99999999999"),
    "an endless expiry": _edited(3, "infinity"),
    "a clinic in capitals": lambda parts: "|".join([parts[0].upper(), *parts[1:]]),
    "a clinic without hyphens": lambda parts: "|".join([parts[0].replace("-", ""), *parts[1:]]),
    "a clinic in braces": lambda parts: "|".join(["{" + parts[0] + "}", *parts[1:]]),
    "a signature in capitals": lambda parts: "|".join([*parts[:-1], parts[-1].upper()]),
    "a signature cut short": lambda parts: "|".join(parts)[:-1],
    "a signature made longer": lambda parts: "|".join(parts) + "0",
    "a signature in base64": lambda parts: "|".join(
        [*parts[:-1], base64.b64encode(bytes.fromhex(parts[-1])).decode()]
    ),
    "a plain digest for a signature": lambda parts: "|".join(
        [*parts[:-1], hashlib.sha256("|".join(parts[:-1]).encode()).hexdigest()]
    ),
    "a signature with an empty key": lambda parts: "|".join(
        [*parts[:-1], hmac.new(b"", "|".join(parts[:-1]).encode(), "sha256").hexdigest()]
    ),
    "a space in front": lambda parts: " " + "|".join(parts),
    "a line end behind": lambda parts: "|".join(parts) + "\n",
    "another separator": ";".join,
    "the parts the other way round": lambda parts: "|".join(reversed(parts)),
    "full-width digits": lambda parts: "|".join(parts).translate(
        {ord(str(n)): chr(0xFF10 + n) for n in range(10)}
    ),
    "a wildcard": _edited(0, "%"),
    "an injected condition": _edited(0, "x' OR true --"),
}


def test_a_forged_context_opens_nothing(w: World) -> None:
    parts = valid(w.alice).split("|")
    found = {how: opened(forge(parts)) for how, forge in FORGERIES.items()}
    assert {how: one for how, one in found.items() if one != NOTHING} == {}
    assert opened("|".join(parts)) != NOTHING  # unforged it does open


def test_no_part_of_one_clinics_context_fits_into_anothers(w: World) -> None:
    ours, theirs = valid(w.alice).split("|"), valid(w.charlie).split("|")
    differing = [place for place in range(len(ours)) if ours[place] != theirs[place]]
    assert {0, 1, len(ours) - 1} <= set(differing)
    for place in differing:
        mixed = [*ours[:place], theirs[place], *ours[place + 1 :]]
        assert opened("|".join(mixed)) == NOTHING, place
    assert opened("|".join([theirs[0], *ours[1:]])) == NOTHING


def test_a_forged_context_set_for_the_whole_session_opens_nothing(w: World) -> None:
    parts = valid(w.alice).split("|")
    assert opened("|".join([str(w.elsewhere.pk), *parts[1:]]), local=False) == NOTHING
    assert opened(str(w.elsewhere.pk), local=False) == NOTHING


def mutated(value: str, other: str, chance: random.Random) -> str:
    """A context changed at random in one to four ways."""
    for _ in range(chance.choice((1, 1, 2, 3, 4))):
        place = chance.randrange(len(value) or 1)
        match chance.randrange(8):
            case 0:
                value = value[:place] + chance.choice("0123456789abcdef") + value[place + 1 :]
            case 1:
                value = value[:place] + value[place + 1 :]
            case 2:
                value = value[:place] + chance.choice("0|-aF \n'\\é٣") + value[place:]
            case 3:
                value = value[:place] + value[place : place + 1].swapcase() + value[place + 1 :]
            case 4:
                parts = value.split("|")
                chance.shuffle(parts)
                value = "|".join(parts)
            case 5:
                parts, theirs = value.split("|"), other.split("|")
                at = chance.randrange(min(len(parts), len(theirs)))
                value = "|".join([*parts[:at], theirs[at], *parts[at + 1 :]])
            case 6:
                value = value[:place]
            case 7:
                end = chance.randrange(place, len(value) + 1)
                value = value[:place] + value[place:end][::-1] + value[end:]
    return value


def test_none_of_twenty_thousand_mutations_of_a_context_opens_anything(w: World) -> None:
    ours, theirs = valid(w.alice), valid(w.charlie)
    chance = random.Random(20_260_511)
    tried = {mutated(ours, theirs, chance) for _ in range(34_000)} - {ours, theirs}
    claims = sorted(tried)
    assert len(claims) > 20_000
    with connection.cursor() as cursor:
        # One statement: each row claims a context and asks at once what it opened.
        cursor.execute(
            "SELECT claim, set_config(%s, claim, true), kindwork.context_clinic(), "
            "kindwork.context_user() FROM unnest(%s) AS claim",
            [context.SETTING, [ours, *claims, theirs]],
        )
        found = {claim: clinic for claim, _, clinic, user in cursor if clinic or user}
    # The two that nobody changed show that the statement does ask.
    assert found == {ours: w.clinic.pk, theirs: w.elsewhere.pk}
    context.leave()


def test_an_expired_context_opens_nothing(w: World) -> None:
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=context.SECONDS + 1)
    with time_machine.travel(long_ago, tick=False):
        expired = valid(w.alice)
    assert opened(expired) == NOTHING
    soon = long_ago + datetime.timedelta(seconds=60)
    with time_machine.travel(soon, tick=False):
        assert opened(valid(w.alice))[0] == w.clinic.pk


def test_a_context_signed_with_another_key_opens_nothing(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = keys.load()
    stranger = keys.Keys(held.wrapping, held.current, held.lookup, context=b"\1" * keys.BYTES)
    with monkeypatch.context() as patch:
        patch.setattr(context.keys, "load", lambda: stranger)
        forged = valid(w.alice)
    assert opened(forged) == NOTHING


@pytest.mark.django_db(databases=["default", "owner"])
@given(messages=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_postgresql_signs_as_python_does(messages: list[str]) -> None:
    key = keys.load().context
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT kindwork.context_mac(m) FROM unnest(%s::text[]) WITH ORDINALITY AS t (m, n) "
            "ORDER BY n",
            [messages],
        )
        theirs = [mac for (mac,) in cursor]
    assert theirs == [hmac.new(key, m.encode(), "sha256").hexdigest() for m in messages]


FORBIDDEN = {
    "sign a context": "SELECT kindwork.context_mac('x')",
    "read a context's parts": "SELECT kindwork.context_part(1)",
    "read the key": "SELECT * FROM kindwork.context_key",
    "count the keys": "SELECT count(*) FROM kindwork.context_key",
    "replace the key": "UPDATE kindwork.context_key SET inner_block = outer_block",
    "delete the key": "DELETE FROM kindwork.context_key",
    "add a key": "INSERT INTO kindwork.context_key VALUES (true, '', '')",
    "copy the key out": "COPY kindwork.context_key TO STDOUT",
    "become the owner": "SET ROLE kindwork_owner",
    "become the backup": "SET ROLE kindwork_backup",
    "become a predefined role": "SET ROLE pg_read_all_data",
    "sign in as the owner": "SET SESSION AUTHORIZATION kindwork_owner",
    "give itself BYPASSRLS": "ALTER ROLE kindwork_app BYPASSRLS",
    "make a role": "CREATE ROLE another",
    "take the owner's role": "GRANT kindwork_owner TO kindwork_app",
    "switch row security off": "ALTER TABLE clinic_client DISABLE ROW LEVEL SECURITY",
    "switch FORCE off": "ALTER TABLE clinic_client NO FORCE ROW LEVEL SECURITY",
    "drop a policy": "DROP POLICY tenant ON clinic_client",
    "widen a policy": "ALTER POLICY tenant ON clinic_client USING (true)",
    "add a policy": "CREATE POLICY mine ON clinic_client TO kindwork_app USING (true)",
    "own a table": "ALTER TABLE clinic_client OWNER TO kindwork_app",
    "drop a key": "ALTER TABLE exercises_entry DROP CONSTRAINT entry_client",
    "switch triggers off": "ALTER TABLE exercises_exerciseversion DISABLE TRIGGER ALL",
    "skip triggers": "SET session_replication_role = replica",
    "add a trigger": "CREATE TRIGGER mine BEFORE INSERT ON clinic_client FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "add a rule": "CREATE RULE mine AS ON INSERT TO clinic_client DO INSTEAD NOTHING",
    "empty a table": "TRUNCATE clinic_client",
    "drop a table": "DROP TABLE clinic_client",
    "make a table": "CREATE TABLE mine (a int)",
    "make a table beside the functions": "CREATE TABLE kindwork.mine (a int)",
    "make a view": "CREATE VIEW mine AS SELECT 1",
    "make a function": "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "replace a function": "CREATE OR REPLACE FUNCTION kindwork.context_clinic() RETURNS uuid "
    "LANGUAGE sql AS 'SELECT NULL::uuid'",
    "unpin a function": "ALTER FUNCTION kindwork.context_clinic() RESET search_path",
    "make a schema": "CREATE SCHEMA mine",
    "drop an extension": "DROP EXTENSION plpgsql",
    "make an event trigger": "CREATE EVENT TRIGGER mine ON ddl_command_end "
    "EXECUTE FUNCTION kindwork.context_clinic()",
    "run a program": "COPY clinic_client TO PROGRAM 'cat'",
    "write a file": "COPY clinic_client TO '/tmp/mine'",
    "read a file": "SELECT pg_read_file('PG_VERSION')",
    "read statistics": "SELECT * FROM pg_statistic LIMIT 1",
    "read passwords": "SELECT * FROM pg_authid LIMIT 1",
    "show what others ask": "SET track_activities = on",
    "have it shown from now on": "ALTER ROLE kindwork_app SET track_activities = on",
    "have it forgotten": "ALTER ROLE kindwork_app RESET track_activities",
    "make a temporary table": "CREATE TEMPORARY TABLE mine (a int)",
    "make a temporary function": "CREATE FUNCTION pg_temp.mine() RETURNS int "
    "LANGUAGE sql AS 'SELECT 1'",
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_role_that_serves_requests_may_not(what: str) -> None:
    with connection.cursor() as cursor, pytest.raises(DatabaseError) as refused:
        cursor.execute(FORBIDDEN[what])
    code = refused.value.__cause__.pgcode  # type: ignore[union-attr]
    assert code == "42501", f"{what}: {refused.value}"  # insufficient privilege, and nothing else


def test_row_security_cannot_be_switched_off_for_a_session(w: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL row_security = off")
        with pytest.raises(ProgrammingError, match="row-level security"):
            cursor.execute("SELECT * FROM clinic_client")


@EVERY_ROLE
def test_a_table_of_the_same_name_does_not_stand_in_for_a_real_one(w: World) -> None:
    """What one request left on a connection must not serve the next one, of another clinic."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE clinic_client (LIKE public.clinic_client)")
    except ProgrammingError:
        pass  # as it should be
    response = w.charlie.api.get("/api/v1/clients")
    connection.close()
    assert [one["id"] for one in response.json()["results"]] == [str(w.dora.actor.client_id)]


def _planted(w: World, digest: str) -> list[str]:
    """Statements that shadow all that the two functions read with what an attacker would like."""
    tables = ("apitoken", "membership", "user", "clinic", "client")
    return [
        *(f"CREATE TEMPORARY TABLE clinic_{t} (LIKE public.clinic_{t})" for t in tables),
        "CREATE TEMPORARY TABLE context_key (LIKE kindwork.context_key)",
        "INSERT INTO pg_temp.context_key VALUES "
        "(true, decode(repeat('00', 64), 'hex'), decode(repeat('00', 64), 'hex'))",
        "INSERT INTO pg_temp.clinic_clinic SELECT * FROM public.clinic_clinic",
        "INSERT INTO pg_temp.clinic_user SELECT * FROM public.clinic_user",
        "INSERT INTO pg_temp.clinic_membership SELECT * FROM public.clinic_membership",
        "INSERT INTO pg_temp.clinic_apitoken SELECT * FROM public.clinic_apitoken LIMIT 1",
        f"UPDATE pg_temp.clinic_apitoken SET digest = '{digest}'",
        "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT $1 $$",
        "CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
        "$$ SELECT '1990-01-01'::timestamptz $$",
        "SET LOCAL search_path = pg_temp, public, pg_catalog",
    ]


@EVERY_ROLE
def test_shadowed_tables_and_functions_do_not_reach_into_ours(w: World) -> None:
    """Tried by the owner, who may make temporary objects: the functions look where they were told."""
    digest = "ab" * 64
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT kindwork.context_mac('x')")
        before = cursor.fetchone()
        for statement in _planted(w, digest):
            cursor.execute(statement, None)
        cursor.execute("SELECT count(*) FROM clinic_apitoken WHERE digest = %s", [digest])
        assert cursor.fetchone() == (1,)  # outside of the functions the planted one is found
        cursor.execute("SELECT * FROM kindwork.enter_by_token(%s, 60)", [digest])
        assert cursor.fetchall() == []
        cursor.execute("SELECT kindwork.context_mac('x')")
        assert cursor.fetchone() == before
        cursor.execute("DELETE FROM pg_temp.clinic_membership")
        until = int(time.time()) + 60
        proof = context.mac(f"memberships|{w.alice.user_id}|{until}")
        cursor.execute(
            "SELECT count(*) FROM kindwork.memberships_of(%s, %s, %s)",
            [w.alice.user_id, until, proof],
        )
        assert cursor.fetchone() == (1,)
        transaction.set_rollback(True, using="owner")


def _replayed(statements: list[str]) -> list[str]:
    """Which of these statements, said again here, open a clinic."""
    found = []
    for statement in statements:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, None)
                cursor.execute("SELECT kindwork.context_clinic()")
                if cursor.fetchone()[0] is not None:
                    found.append(statement[:60])
        except DatabaseError:
            continue  # cut short, or refused
    return found


@EVERY_ROLE
@pytest.mark.parametrize("door", ["a signed context", "a token"])
def test_a_statement_read_from_another_connection_opens_nothing(w: World, door: str) -> None:
    """Connections of one role see each other's statements: what an injection reads there is no key."""

    def enters() -> None:
        if door == "a token":
            enter_by_token(w.charlie.token)
        else:
            context.enter(w.charlie.actor)

    beside = connection.copy()
    try:
        with transaction.atomic():
            enters()
            with beside.cursor() as cursor:
                cursor.execute("SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
                seen = [text for (text,) in cursor if text and "pg_stat_activity" not in text]
        connection.close()  # the attacker has a connection of their own
        assert _replayed(seen) == []
    finally:
        beside.close()


def test_knowing_a_persons_memberships_opens_nothing(w: World) -> None:
    with transaction.atomic():
        rows = memberships_of(w.charlie.user_id)
        assert [row[1] for row in rows] == [w.elsewhere.pk]
        assert (said(), Client.objects.count(), Membership.objects.count()) == ("", 0, 0)


def test_who_is_where_is_not_told_to_whoever_asks_in_sql(w: World) -> None:
    """Logins are of no clinic: an injection in one could ask for the memberships of all of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(format_type(t, NULL)) FROM pg_proc p, unnest(p.proargtypes) AS t "
            "WHERE p.proname = 'memberships_of' AND p.pronamespace = 'kindwork'::regnamespace"
        )
        first, *others = cursor.fetchone()[0]
    assert first == "uuid"
    told = 0
    for guess in ("NULL", "'0'", "'99999999999'"):  # whatever else is asked for
        rest = "".join(f", {guess}::{kind}" for kind in others)
        with acting_as(w.alice.actor):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT count(*) FROM clinic_user u, "
                        f"LATERAL kindwork.memberships_of(u.id{rest}) m WHERE m.clinic_id = %s",
                        [w.elsewhere.pk],
                    )
                    told += cursor.fetchone()[0]
            except DatabaseError:
                continue
    assert told == 0


@pytest.mark.django_db
def test_resetting_all_of_its_own_settings_does_not_show_what_others_ask() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE kindwork_app RESET ALL")
        cursor.execute("SELECT rolconfig FROM pg_roles WHERE rolname = current_user")
        assert "track_activities=off" in (cursor.fetchone()[0] or [])


def test_memberships_that_ended_are_not_told(w: World) -> None:
    with acting_as(w.alice.actor):
        deactivate(membership=Membership.objects.get(pk=w.alice.actor.membership_id))
    assert memberships_of(w.alice.user_id) == []
    User.objects.filter(pk=w.bob.user_id).update(is_active=False)
    assert memberships_of(w.bob.user_id) == []
    Clinic.objects.filter(pk=w.elsewhere.pk).update(is_active=False)
    assert memberships_of(w.charlie.user_id) == []
    assert memberships_of(new_id()) == []
    assert len(memberships_of(w.ada.user_id)) == 1


def _entered(token: str) -> bool:
    """Whether a token finds somebody; what is set in the transaction must agree."""
    with transaction.atomic():
        actor = enter_by_token(token)
        opens = opened(said())
        context.leave()
    assert (actor is None) == (opens == NOTHING)
    return actor is not None


def test_a_token_enters_its_own_clinic(w: World) -> None:
    with transaction.atomic():
        actor = enter_by_token(w.charlie.token)
        assert actor is not None
        assert (actor.clinic_id, opened(said())[0]) == (w.elsewhere.pk, w.elsewhere.pk)


def _token_row(w: World, **values: Any) -> None:
    with acting_as(w.alice.actor):
        assert ApiToken.objects.filter(membership=w.alice.actor.membership_id).update(**values)


DEAD_TOKENS: dict[str, Callable[[World], Any]] = {
    "expired": lambda w: _token_row(w, expiry=timezone.now()),
    "without an expiry": lambda w: _token_row(w, expiry=None),
    "with another digest": lambda w: _token_row(w, digest="0" * 128),
    "of another person's membership": lambda w: _token_row(w, membership=w.bob.actor.membership_id),
    "of another person": lambda w: _token_row(w, user=w.charlie.user_id),
    "of a person who may not sign in": lambda w: User.objects.filter(pk=w.alice.user_id).update(
        is_active=False
    ),
    "of a clinic that closed": lambda w: Clinic.objects.filter(pk=w.clinic.pk).update(
        is_active=False
    ),
}


@pytest.mark.parametrize("kind", DEAD_TOKENS)
def test_a_dead_token_enters_nothing(w: World, kind: str) -> None:
    assert _entered(w.alice.token)
    DEAD_TOKENS[kind](w)
    assert not _entered(w.alice.token)
    assert w.alice.api.get("/api/v1/me").status_code == 401


def test_a_token_of_a_membership_that_ended_enters_nothing(w: World) -> None:
    with acting_as(w.alice.actor):
        Membership.objects.filter(pk=w.alice.actor.membership_id).update(is_active=False)
    assert not _entered(w.alice.token)


def test_what_is_no_token_enters_nothing(w: World) -> None:
    claims = ["", "%", "kw_", "NULL", "kw_" + "0" * 61, "' OR true --", "é", w.alice.token[:-1]]
    assert [claim for claim in claims if _entered(claim)] == []


def test_a_digest_that_is_null_enters_nothing(w: World) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM kindwork.enter_by_token(NULL, 60)")
        assert (cursor.fetchall(), said()) == ([], "")


def test_a_digest_does_not_sign_in_as_a_token(w: World) -> None:
    """Who read the table has digests, and no token."""
    with acting_as(w.alice.actor):
        digest = ApiToken.objects.get(membership=w.alice.actor.membership_id).digest
    assert not _entered(digest)
    assert not _entered(f"kw_{digest}")


def test_a_clinics_digests_are_not_seen_from_another(w: World) -> None:
    with acting_as(w.charlie.actor):
        seen = set(ApiToken.objects.values_list("clinic_id", flat=True))
    assert seen == {w.elsewhere.pk}


@pytest.mark.parametrize("clinic", ["clinic", "elsewhere"])
def test_a_token_cannot_be_planted_for_another_clinics_member(w: World, clinic: str) -> None:
    """Neither with the clinic's own id nor with the other's: row security or the key refuses it."""
    with pytest.raises(DatabaseError, match=r"row-level security|token_membership"):
        with acting_as(w.charlie.actor):
            ApiToken.objects.create(
                clinic_id=getattr(w, clinic).pk,
                membership_id=w.alice.actor.membership_id,
                user_id=w.alice.user_id,
                digest="c" * 128,
                token_key="kw_cccc",
                expiry=timezone.now() + datetime.timedelta(days=1),
            )


def test_a_token_enters_for_an_hour_at_most_and_for_a_second_at_least(w: World) -> None:
    with acting_as(w.alice.actor):
        digest = ApiToken.objects.get(membership=w.alice.actor.membership_id).digest
    for asked, got in (
        *((seconds, 3600) for seconds in (2**31 - 1, 3601, 3600)),
        (900, 900),
        *((seconds, 1) for seconds in (1, 0, -1, -(2**31), None)),
    ):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            now = float(cursor.fetchone()[0])
            cursor.execute("SELECT count(*) FROM kindwork.enter_by_token(%s, %s)", [digest, asked])
            assert cursor.fetchone() == (1,)
            expiry = next(int(one) for one in said().split("|") if one.isdigit() and len(one) == 10)
        assert expiry == pytest.approx(now + got, abs=3), asked


ROLES = {
    "a role is missing": {"APP_ROLE": "kindwork_nobody"},
    "the app bypasses row security": {"APP_ROLE": "kindwork_backup", "BACKUP_ROLE": "kindwork_app"},
    "the backup does not": {"BACKUP_ROLE": "kindwork_app", "APP_ROLE": "kindwork_owner"},
    # pg_monitor, which every server has, is a member of other roles and can become them.
    "the app can become somebody else": {"APP_ROLE": "pg_monitor"},
}


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("fault", ROLES)
def test_setup_refuses_roles_with_other_rights_than_they_need(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    database.check_roles()  # as they are they are right
    for name, role in ROLES[fault].items():
        monkeypatch.setattr(database, name, role)
    with pytest.raises(database.RolesMissing):
        database.check_roles()


@pytest.mark.django_db(databases=["default", "owner"])
def test_setting_up_twice_changes_nothing_and_keeps_contexts_valid(w: World) -> None:
    before = valid(w.alice)
    database.set_up()
    assert opened(before)[0] == w.clinic.pk


@pytest.mark.django_db(databases=["default", "owner"])
def test_setting_up_with_another_key_file_is_refused_unless_it_is_meant(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = valid(w.alice)
    other = dataclasses.replace(keys.load(), context=os.urandom(32))
    monkeypatch.setattr(keys, "load", lambda: other)
    with pytest.raises(database.OtherKeyFile, match="another key file"):
        database.set_up()
    assert opened(before)[0] == w.clinic.pk
