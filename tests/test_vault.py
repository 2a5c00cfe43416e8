"""The vault: what is sealed opens in its own place, with its own key, and nowhere else."""

import base64
import datetime
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core import serializers
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection, connections, models, transaction
from django.db.models import F, Subquery
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from clinic.models import Client, Clinic, DataKey, Membership, User
from clinic.models.data_key import KeyPurpose
from clinic.models.user import login_name
from clinic.tenancy.base import new_id
from clinic.tenancy.scope import NoScope, acting_as, current
from clinic.vault import keys, sealing
from clinic.vault.fields import Sealed, SealedField
from clinic.vault.keyring import Keyring
from clinic.vault.sealing import CannotOpen, Place
from exercises.models import Entry
from sessions.models import Summary
from sessions.summaries.writing import write_due
from tests.every_model import CANARY, fill
from tests.world import PASSWORD, World

PLACE = Place("notes", "text", new_id(), new_id(), new_id())
KEY, KEY_ID = os.urandom(32), new_id()

ids = st.uuids()
names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=30)
places = st.builds(Place, names, names, ids, st.none() | ids, st.none() | ids)


def sealed(content: bytes = b"words", place: Place = PLACE) -> bytes:
    return sealing.seal(content, key=KEY, key_id=KEY_ID, place=place)


def opens(value: bytes, place: Place = PLACE, key: bytes = KEY) -> bool:
    try:
        sealing.key_id_of(value)
        sealing.open_sealed(value, key=key, place=place)
    except CannotOpen:
        return False
    return True


# -- the format


@given(content=st.binary(max_size=2000), place=places)
def test_what_is_sealed_opens_in_its_place(content: bytes, place: Place) -> None:
    value = sealing.seal(content, key=KEY, key_id=KEY_ID, place=place)
    assert sealing.key_id_of(value) == KEY_ID
    assert sealing.open_sealed(value, key=KEY, place=place) == content


@given(content=st.binary(max_size=80), here=places, there=places)
def test_what_is_sealed_for_one_place_opens_in_no_other(
    content: bytes, here: Place, there: Place
) -> None:
    value = sealing.seal(content, key=KEY, key_id=KEY_ID, place=here)
    assert opens(value, there) == (here == there)


def test_each_part_of_a_place_counts() -> None:
    value = sealed()
    assert opens(value)
    for moved in (
        Place("other", PLACE.column, PLACE.row, PLACE.clinic, PLACE.client),
        Place(PLACE.table, "other", PLACE.row, PLACE.clinic, PLACE.client),
        Place(PLACE.table, PLACE.column, new_id(), PLACE.clinic, PLACE.client),
        Place(PLACE.table, PLACE.column, PLACE.row, new_id(), PLACE.client),
        Place(PLACE.table, PLACE.column, PLACE.row, None, PLACE.client),
        Place(PLACE.table, PLACE.column, PLACE.row, PLACE.clinic, new_id()),
        Place(PLACE.table, PLACE.column, PLACE.row, PLACE.clinic, None),
        Place("note", "stext", PLACE.row, PLACE.clinic, PLACE.client),
    ):
        assert not opens(value, moved), moved


def test_every_single_bit_counts() -> None:
    value = sealed(b"")
    assert opens(value)
    for bit in range(len(value) * 8):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not opens(bytes(flipped)), f"bit {bit}"


def test_a_value_cut_short_or_made_longer_does_not_open() -> None:
    value = sealed()
    for length in range(len(value)):
        assert not opens(value[:length]), length
    assert not opens(value + b"\0")
    assert not opens(b"\0" + value)


@given(garbage=st.binary(max_size=400))
def test_garbage_does_not_open_and_is_no_failure(garbage: bytes) -> None:
    assert not opens(garbage)


def test_another_key_does_not_open() -> None:
    assert not opens(sealed(), key=os.urandom(32))


def test_a_value_that_claims_another_key_does_not_open_even_with_the_right_one() -> None:
    value = sealed()
    assert not opens(value[:1] + new_id().bytes + value[17:])


def test_lengths_within_a_block_look_the_same() -> None:
    lengths = {len(sealed(b"x" * n)) for n in range(256)}
    assert len(lengths) == 1
    assert len(sealed(b"x" * 256)) == lengths.pop() + 256


def test_the_same_words_are_never_sealed_the_same() -> None:
    values = {sealed() for _ in range(200)}
    assert len({value[17:29] for value in values}) == 200  # each has a nonce of its own


@given(content=st.binary(max_size=600))
def test_what_ends_in_padding_comes_back_whole(content: bytes) -> None:
    for tail in (b"", b"\x80", b"\0", b"\x80\0\0", b"\0\x80"):
        assert sealing._unpad(sealing._pad(content + tail)) == content + tail


# -- data keys


def test_a_wrapped_key_opens_with_its_own_row_alone() -> None:
    row = DataKey.fresh(clinic_id=new_id(), client_id=new_id(), purpose="care")
    assert len(row.unwrapped()) == 32
    for name, value in {
        "id": new_id(),
        "clinic_id": new_id(),
        "client_id": None,
        "purpose": "profile",
        "key_name": "k-other",
    }.items():
        kept = getattr(row, name)
        setattr(row, name, value)
        with pytest.raises(CannotOpen):
            row.unwrapped()
        setattr(row, name, kept)
    assert len(row.unwrapped()) == 32


def test_a_wrapped_key_that_was_altered_does_not_open_and_is_no_other_failure() -> None:
    row = DataKey.fresh(clinic_id=new_id(), client_id=None, purpose="staff")
    whole = row.wrapped
    altered = [
        *(whole[:length] for length in range(len(whole))),
        *(bytes(b ^ (place == n) for place, b in enumerate(whole)) for n in range(len(whole))),
        whole + b"\0",
    ]
    for wrapped in altered:
        row.wrapped = wrapped
        with pytest.raises(CannotOpen):
            row.unwrapped()


# -- fields: what stands in the table


def sealed_columns() -> list[tuple[type[models.Model], SealedField]]:
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SealedField)
    ]


EVERY_ROLE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "backup"])


def fill_every_column(w: World) -> None:
    """Write the canary into every sealed column there is."""
    fill(w)
    for person in (w.alice, w.charlie):
        with acting_as(person.actor):
            for model, field in sealed_columns():
                if model is not User:
                    for row in model._default_manager.all():
                        old = getattr(row, field.attname)
                        said = CANARY if isinstance(old, str) else {"said": CANARY}
                        setattr(row, field.attname, said if not isinstance(old, list) else [CANARY])
                        row.save(update_fields=[field.attname])
    for user in User.objects.all():
        user.address = CANARY
        user.save()


@EVERY_ROLE
def test_no_sealed_column_holds_a_word_in_clear(w: World) -> None:
    fill_every_column(w)
    assert len(sealed_columns()) >= 20
    words = {
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        base64.b64encode(CANARY.encode()).strip(b"="),
    }
    for model, field in sealed_columns():
        with connections["owner"].cursor() as cursor:
            cursor.execute(f'SELECT "{field.column}" FROM "{model._meta.db_table}"')
            values = [bytes(value) for (value,) in cursor if value]
        assert values, (model, field)
        for value in values:
            assert value[:1] == sealing.FORMAT, (model, field)
            assert not [word for word in words if word in value], (model, field)


@EVERY_ROLE
def test_nothing_in_the_whole_database_holds_a_word_in_clear(w: World) -> None:
    """Every column of every table, not those alone that we think of."""
    fill_every_column(w)
    found = []
    with connections["backup"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{CANARY}%"]
            )
            hexed = CANARY.encode().hex()
            found += [table] if cursor.fetchone()[0] else []
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{hexed}%"]
            )
            found += [f"{table}, as bytes"] if cursor.fetchone()[0] else []
    assert found == []


@EVERY_ROLE
def test_every_sealed_column_reads_back(w: World) -> None:
    fill_every_column(w)
    with acting_as(w.alice.actor):
        for model, field in sealed_columns():
            for row in model._default_manager.all():
                assert CANARY in str(getattr(row, field.attname)), (model, field)


@given(said=st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
))  # fmt: skip
def test_whatever_is_structured_comes_back_as_it_was(said: Any) -> None:
    field = Entry._meta.get_field("answers")
    assert isinstance(field, SealedField)
    assert field.from_bytes(field.to_bytes(said)) == said


@given(said=st.text(st.characters(codec="utf-8")))
def test_whatever_is_written_comes_back_as_it_was(said: str) -> None:
    field = Entry._meta.get_field("note")
    assert isinstance(field, SealedField)
    assert field.from_bytes(field.to_bytes(said)) == said


def test_an_empty_text_is_empty_and_needs_no_key(w: World) -> None:
    with acting_as(w.alice.actor):
        client = Client.objects.get(pk=w.carol.actor.client_id)
        assert client.pronouns == ""
        assert client.emergency_contact == {}


def test_a_default_is_not_shared_between_rows() -> None:
    one, two = Client(), Client()
    one.caution_flags.append("x")
    assert two.caution_flags == []


def test_a_value_that_was_not_opened_is_written_back_as_it_is(w: World) -> None:
    with acting_as(w.alice.actor):
        before = bytes(Client.objects.values_list("full_name", flat=True).get(pk=_carol(w)))
        client = Client.objects.get(pk=_carol(w))
        client.phone = "0161 496 0000"
        client.save()
        assert bytes(Client.objects.values_list("full_name", flat=True).get(pk=_carol(w))) == before
        assert Client.objects.get(pk=_carol(w)).full_name == "Carol Quill"


def _carol(w: World) -> UUID:
    assert w.carol.actor.client_id is not None
    return w.carol.actor.client_id


# -- moved, altered, gone


def move(w: World, statement: str, *values: Any) -> None:
    """Change the table by hand, as somebody who can write to it would."""
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount > 0


MOVES: dict[str, Callable[[World], tuple[str, tuple[Any, ...]]]] = {
    "to another column of the row": lambda w: (
        "UPDATE clinic_client SET full_name = email WHERE id = %s",
        (_carol(w),),
    ),
    "to another row of the table": lambda w: (
        "UPDATE clinic_client a SET full_name = b.full_name FROM clinic_client b "
        "WHERE a.id = %s AND b.id = %s",
        (_carol(w), w.eve.actor.client_id),
    ),
    "to another table": lambda w: (
        "UPDATE clinic_client SET full_name = (SELECT name FROM clinic_membership "
        "WHERE user_id = %s) WHERE id = %s",
        (w.alice.user_id, _carol(w)),
    ),
    "replaced by plain text": lambda w: (
        "UPDATE clinic_client SET full_name = convert_to('Mallory', 'UTF8') WHERE id = %s",
        (_carol(w),),
    ),
    "replaced by a header alone": lambda w: (
        "UPDATE clinic_client SET full_name = substring(full_name FROM 1 FOR 17) WHERE id = %s",
        (_carol(w),),
    ),
    "of another format": lambda w: (
        "UPDATE clinic_client SET full_name = set_byte(full_name, 0, 2) WHERE id = %s",
        (_carol(w),),
    ),
    "of a key that is not there": lambda w: (
        "UPDATE clinic_client SET full_name = set_byte(full_name, 3, 255) WHERE id = %s",
        (_carol(w),),
    ),
}


@pytest.mark.parametrize("how", MOVES)
def test_a_value_that_was_moved_does_not_open_and_the_rest_does(w: World, how: str) -> None:
    statement, values = MOVES[how](w)
    move(w, statement, *values)
    with acting_as(w.alice.actor):
        client = Client.objects.get(pk=_carol(w))
        assert client.email == w.carol.email
        with pytest.raises(CannotOpen):
            _ = client.full_name
        with pytest.raises(CannotOpen):
            _ = client.full_name  # and not on the second look either
        assert Client.objects.get(pk=w.eve.actor.client_id).full_name == "Eve Ferris"


@EVERY_ROLE
def test_a_row_that_was_given_to_another_clinic_does_not_open(w: World) -> None:
    """Members have no key of a client: the clinic is in the additional data all the same."""
    name = Membership.objects.using("owner").get(pk=w.alice.actor.membership_id)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE clinic_membership SET name = %s WHERE id = %s",
            [name.__dict__["name"], w.charlie.actor.membership_id],
        )
    with acting_as(w.charlie.actor), pytest.raises(CannotOpen):
        _ = Membership.objects.get(pk=w.charlie.actor.membership_id).name


@EVERY_ROLE
def test_swapping_two_clients_opens_neither_and_lists_go_on(w: World) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE clinic_client a SET full_name = b.full_name FROM clinic_client b "
            "WHERE a.clinic_id = b.clinic_id AND a.id <> b.id AND a.clinic_id = %s",
            [w.clinic.pk],
        )
        assert cursor.rowcount == 2
    answer = w.ada.api.get("/api/v1/clients")
    assert answer.status_code == 200
    found = answer.json()["results"]
    assert [(one["full_name"], one["unreadable"]) for one in found] == [(None, ["full_name"])] * 2
    assert {one["email"] for one in found} == {w.carol.email, w.eve.email}


@EVERY_ROLE
@pytest.mark.parametrize("wrapped", [b"", b"\0" * 7, b"\0" * 8, b"\0" * 60])
def test_a_damaged_key_takes_no_list_down(w: World, wrapped: bytes) -> None:
    with acting_as(w.alice.actor):
        DataKey.objects.filter(client_id=_carol(w)).update(wrapped=wrapped)
    answer = w.ada.api.get("/api/v1/clients")
    assert answer.status_code == 200
    by_id = {one["id"]: one for one in answer.json()["results"]}
    assert "full_name" in by_id[str(_carol(w))]["unreadable"]
    assert by_id[str(w.eve.actor.client_id)]["full_name"] == "Eve Ferris"


def damage_all(w: World) -> None:
    """Flip the last byte of every sealed value of our clinic."""
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        for model, field in sealed_columns():
            if model is not User:
                column = f'"{field.column}"'
                cursor.execute(
                    f'UPDATE "{model._meta.db_table}" SET {column} = set_byte({column}, '
                    f"length({column}) - 1, get_byte({column}, length({column}) - 1) # 1) "
                    f"WHERE length({column}) > 0"
                )


@EVERY_ROLE
def test_damaged_values_take_no_answer_down(w: World) -> None:
    """Every list and every single thing is still answered, with what is unreadable named."""
    fill_every_column(w)
    damage_all(w)
    for person, routes in (
        (w.alice, ("clients", "care-team", "assignments", "entries", "summaries", "members")),
        (w.ada, ("clients", "care-team", "members")),
        (w.carol, ("clients", "care-team", "assignments", "entries", "summaries")),
    ):
        for route in routes:
            listed = person.api.get(f"/api/v1/{route}")
            assert listed.status_code == 200, (route, listed.content)
            assert listed.json()["results"], route
            for one in listed.json()["results"]:
                assert one["unreadable"], route
                alone = person.api.get(f"/api/v1/{route}/{one['id']}")
                assert (alone.status_code, alone.json()["unreadable"]) == (200, one["unreadable"])
        assert person.api.get("/api/v1/me").status_code == 200


@EVERY_ROLE
def test_writing_beside_damaged_values_is_no_failure(w: World) -> None:
    """Kept as it is beside a change, or refused: never a failure, and never overwritten unread."""
    assignment = w.assignment()
    entry = w.entry(note="Slower today.", share_level="shared")
    damage_all(w)
    for person, path, change in (
        (w.alice, f"clients/{_carol(w)}", {"language": "de"}),
        (w.alice, f"assignments/{assignment.pk}", {"confidence": 3}),
        (w.carol, f"entries/{entry.pk}", {"helpful": 3}),
    ):
        api = person.api
        api.raise_request_exception = False
        before = api.get(f"/api/v1/{path}")
        answer = api.patch(f"/api/v1/{path}", change, headers={"if-match": before["ETag"]})
        assert answer.status_code in (200, 409), (path, answer.content)
        after = api.get(f"/api/v1/{path}").json()
        assert after["unreadable"] == before.json()["unreadable"], path


@EVERY_ROLE
def test_sealing_with_a_damaged_key_is_refused_and_no_failure(w: World) -> None:
    w.assignment()
    with acting_as(w.alice.actor):
        found = DataKey.objects.filter(client_id=_carol(w), purpose=KeyPurpose.CARE)
        assert found.update(wrapped=os.urandom(60)) == 1
    api = w.alice.api
    api.raise_request_exception = False
    answer = api.post(
        "/api/v1/assignments",
        {
            "client": str(_carol(w)),
            "exercise": str(w.exercise().pk),
            "reason": "It helped.",
            "rhythm": "once",
            "start_on": str(w.today),
        },
    )
    assert answer.status_code == 409, answer.content
    assert len(api.get("/api/v1/assignments").json()["results"]) == 1


@EVERY_ROLE
@pytest.mark.parametrize("what", ["name", "note", "key"])
def test_a_damaged_value_of_one_client_keeps_nobody_else_from_a_summary(
    w: World, what: str
) -> None:
    w.entry(note="Slower today.", share_level="shared")
    w.entry(by=w.eve, note="Slower today.", share_level="shared")
    if what == "name":
        move(w, "UPDATE clinic_client SET full_name = email WHERE id = %s", _carol(w))
    elif what == "key":
        with acting_as(w.alice.actor):
            key = DataKey.fresh(
                clinic_id=w.clinic.pk, client_id=_carol(w), purpose=KeyPurpose.SUMMARY
            )
            key.wrapped = os.urandom(60)
            key.save(force_insert=True)
    else:
        move(
            w,
            "UPDATE exercises_entry SET note = set_byte(note, 40, get_byte(note, 40) # 1) "
            "WHERE client_id = %s",
            _carol(w),
        )
    write_due(clinic_id=w.clinic.pk, now=timezone.now() + datetime.timedelta(days=9))
    with acting_as(w.bob.actor):
        assert Summary.objects.filter(client_id=w.eve.actor.client_id).exists()


def test_a_key_that_was_destroyed_leaves_nothing_to_read(w: World) -> None:
    with acting_as(w.alice.actor):
        DataKey.objects.filter(client_id=_carol(w), purpose=KeyPurpose.PROFILE).delete()
    with acting_as(w.alice.actor):
        client = Client.objects.get(pk=_carol(w))
        with pytest.raises(CannotOpen):
            _ = client.full_name
        assert client.state == "active"


def test_the_keys_of_two_clients_cannot_be_swapped(w: World) -> None:
    move(
        w,
        "UPDATE clinic_datakey a SET wrapped = b.wrapped FROM clinic_datakey b "
        "WHERE a.id <> b.id AND a.purpose = 'profile' AND b.purpose = 'profile' "
        "AND a.client_id = %s AND b.client_id = %s",
        _carol(w),
        w.eve.actor.client_id,
    )
    with acting_as(w.alice.actor), pytest.raises(CannotOpen):
        _ = Client.objects.get(pk=_carol(w)).full_name


def test_a_key_of_another_clinic_is_not_found(w: World) -> None:
    with acting_as(w.charlie.actor):
        theirs = DataKey.objects.filter(client__isnull=False).first()
        assert theirs is not None
        assert current().keyring.key(theirs.pk)
    with acting_as(w.alice.actor), pytest.raises(CannotOpen):
        current().keyring.key(theirs.pk)


def test_outside_of_every_scope_nothing_opens(w: World) -> None:
    with acting_as(w.alice.actor):
        client = Client.objects.get(pk=_carol(w))
    with pytest.raises(NoScope):
        _ = client.full_name


def test_nothing_is_sealed_outside_of_every_scope(w: World) -> None:
    with acting_as(w.alice.actor):
        client = Client.objects.get(pk=_carol(w))
    client.full_name = CANARY
    with pytest.raises(NoScope):
        client.save()


def test_a_keyring_is_not_carried_into_the_next_scope(w: World) -> None:
    with acting_as(w.alice.actor) as first:
        _ = Client.objects.get(pk=_carol(w)).full_name
        assert first.keyring._opened
    with acting_as(w.charlie.actor) as second:
        assert second.keyring is not first.keyring
        assert not second.keyring._opened


# -- how many statements


def test_the_first_opening_of_a_page_fetches_all_keys_in_one_query(w: World) -> None:
    for number in range(12):
        w.new_client(w.alice, full_name=f"Client {number}")
    with acting_as(w.alice.actor), CaptureQueriesContext(connection) as queries:
        clients = list(Client.objects.all())
        assert len(clients) >= 12
        fetched = len(queries)
        assert fetched == 1
        names = [client.full_name for client in clients]
        flags = [client.caution_flags for client in clients]
    assert len(queries) == fetched + 1
    assert len(names) == len(flags) == len(clients)


# -- what a sealed field refuses

REFUSED: dict[str, Callable[[], Any]] = {
    "filter": lambda: Client.objects.filter(full_name="Carol Quill"),
    "filter by bytes": lambda: Client.objects.filter(full_name=b"Carol Quill"),
    "filter by a part": lambda: Client.objects.filter(full_name__icontains="carol"),
    "filter by several": lambda: Client.objects.filter(full_name__in=["Carol Quill"]),
    "exclude": lambda: Client.objects.exclude(full_name=""),
    "filter from another table": lambda: Entry.objects.filter(client__full_name="Carol Quill"),
    "filter structured content": lambda: Client.objects.filter(caution_flags__contains=["x"]),
    "get": lambda: Client.objects.get(full_name="Carol Quill"),
    "order": lambda: list(Client.objects.order_by("full_name")),
    "order downwards": lambda: list(Client.objects.order_by("-full_name")),
    "order from another table": lambda: list(Entry.objects.order_by("client__full_name")),
    "order by an expression": lambda: list(Client.objects.order_by(F("full_name").desc())),
    "update to text": lambda: Client.objects.update(full_name="Mallory"),
    "update to nothing": lambda: Client.objects.update(full_name=""),
    "update to bytes": lambda: Client.objects.update(full_name=b"Mallory"),
    "update structured content": lambda: Client.objects.update(caution_flags=["x"]),
    "update many": lambda: Client.objects.bulk_update(
        [Client(pk=new_id(), full_name="Mallory")], ["full_name"]
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_sealed_field_refuses_to(w: World, what: str) -> None:
    with pytest.raises(FieldError), acting_as(w.alice.actor):
        REFUSED[what]()


WRITES: dict[str, Callable[[World, Any], Any]] = {
    "update()": lambda w, said: Client.objects.filter(pk=_carol(w)).update(full_name=said),
    "save()": lambda w, said: _renamed(Client.objects.get(pk=_carol(w)), said).save(),
    "bulk_update()": lambda w, said: Client.objects.bulk_update(
        [_renamed(Client.objects.get(pk=_carol(w)), said)], ["full_name"]
    ),
    "bulk_create()": lambda w, said: Client.objects.bulk_create(
        [Client(clinic=w.clinic, full_name=said, time_zone="UTC", care_started_on=w.today)]
    ),
}


def _renamed(client: Client, said: Any) -> Client:
    client.full_name = said
    return client


@pytest.mark.parametrize(
    "said", ["Mallory", b"Mallory", bytearray(b"Mallory"), memoryview(b"Mall")]
)
@pytest.mark.parametrize("way", WRITES)
def test_no_way_of_writing_puts_a_word_into_the_table_in_clear(
    w: World, way: str, said: Any
) -> None:
    """It is sealed, or it is refused."""
    with acting_as(w.alice.actor):
        try:
            with transaction.atomic():
                WRITES[way](w, said)
        except (FieldError, TypeError):
            pass
        raw = [bytes(value) for value in Client.objects.values_list("full_name", flat=True)]
    assert [value for value in raw if value[:1] != sealing.FORMAT or b"Mall" in value] == []


def test_what_is_sealed_may_be_asked_for_being_there(w: World) -> None:
    with acting_as(w.alice.actor):
        assert Client.objects.filter(full_name__isnull=False).count() == 2


def test_a_sealed_field_is_not_serialised(w: World) -> None:
    with pytest.raises(FieldError), acting_as(w.alice.actor):
        serializers.serialize("json", Client.objects.all())


# -- what is shown where something goes wrong


def test_what_is_printed_shows_nothing(w: World) -> None:
    with acting_as(w.alice.actor) as scope:
        client = Client.objects.get(pk=_carol(w))
        assert "Carol" not in repr(client) + str(client) + repr(client.__dict__)
        _ = client.full_name
        assert "Carol" not in repr(client) + str(client) + f"{client!r:>9}"
        printed = repr(scope) + repr(scope.keyring) + repr(current())
        opened = scope.keyring._opened.values()
        assert opened
        for key in opened:
            assert repr(key) not in printed
            assert key.hex() not in printed
    assert repr(Sealed(b"x")) == "<sealed>"
    assert "Carol" not in repr(w.client(w.carol))


def test_printing_the_key_file_shows_no_key() -> None:
    held = keys.load()
    printed = repr(held) + str(held)
    for key in (*held.wrapping.values(), held.lookup, held.context):
        assert repr(key) not in printed
        assert key.hex() not in printed


def test_a_refusal_to_open_names_ids_and_nothing_else(w: World) -> None:
    move(w, "UPDATE clinic_client SET full_name = email WHERE id = %s", _carol(w))
    with acting_as(w.alice.actor), pytest.raises(CannotOpen) as refused:
        _ = Client.objects.get(pk=_carol(w)).full_name
    assert str(refused.value) == f"clinic_client.full_name of row {_carol(w)}"


# -- the key file


@pytest.fixture
def key_file(tmp_path: Path, settings: Any) -> Path:
    """A key file of this test's own, in force."""
    path = tmp_path / "keys.json"
    path.write_text(keys.generate())
    path.chmod(0o600)
    settings.KINDWORK_KEYS = str(path)
    return path


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    keys._read.cache_clear()


def add_wrapping_key(path: Path, name: str) -> None:
    def change(content: dict[str, Any]) -> None:
        content["wrapping"][name] = base64.b64encode(os.urandom(32)).decode()
        content["current"] = name

    rewrite(path, change)


def test_with_a_newer_key_old_rows_open_and_new_rows_use_it(key_file: Path) -> None:
    old = DataKey.fresh(clinic_id=new_id(), client_id=None, purpose="staff")
    unwrapped = old.unwrapped()
    add_wrapping_key(key_file, "k-newer")
    new = DataKey.fresh(clinic_id=new_id(), client_id=None, purpose="staff")
    assert (old.key_name == "k-newer", new.key_name) == (False, "k-newer")
    assert old.unwrapped() == unwrapped
    assert len(new.unwrapped()) == 32
    rewrite(key_file, lambda content: content["wrapping"].pop(old.key_name))
    with pytest.raises(CannotOpen):
        old.unwrapped()
    assert len(new.unwrapped()) == 32


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_text(""),
    "no JSON": lambda path: path.write_text("{"),
    "a list": lambda path: path.write_text("[]"),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
    "binary": lambda path: path.write_bytes(os.urandom(64)),
    "no wrapping keys": lambda path: rewrite(path, lambda c: c.pop("wrapping")),
    "wrapping keys that are none": lambda path: rewrite(path, lambda c: c.update(wrapping={})),
    "wrapping keys of another kind": lambda path: rewrite(path, lambda c: c.update(wrapping=[1])),
    "no current key": lambda path: rewrite(path, lambda c: c.pop("current")),
    "a current key that is not there": lambda path: rewrite(path, lambda c: c.update(current="x")),
    "no look-up key": lambda path: rewrite(path, lambda c: c.pop("lookup")),
    "no context key": lambda path: rewrite(path, lambda c: c.pop("context")),
    "a short key": lambda path: rewrite(path, lambda c: c.update(context="AAAA")),
    "a key that is a number": lambda path: rewrite(path, lambda c: c.update(lookup=7)),
    "a key that is no base64": lambda path: rewrite(path, lambda c: c.update(lookup="é" * 44)),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_key_file_is_told_in_one_sentence_without_its_content(
    key_file: Path, how: str
) -> None:
    held = keys.load()
    DAMAGES[how](key_file)
    keys._read.cache_clear()
    with pytest.raises(ImproperlyConfigured) as refused:
        keys.load()
    told = str(refused.value)
    assert str(key_file) in told
    assert re.search("backup|make run", told)
    for key in (*held.wrapping.values(), held.lookup, held.context):
        assert base64.b64encode(key).decode() not in told


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o660])
def test_in_production_a_key_file_that_others_can_read_is_refused(
    key_file: Path, settings: Any, mode: int
) -> None:
    settings.PRODUCTION = True
    assert keys.load().current
    key_file.chmod(mode)
    keys._read.cache_clear()
    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        keys.load()
    settings.PRODUCTION = False
    keys._read.cache_clear()
    assert keys.load().current


def test_a_new_key_file_is_its_owners_alone_and_an_old_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "below" / "keys.json"
    assert keys.create(path) is True
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_text()
    assert keys.create(path) is False
    assert path.read_text() == content
    assert json.loads(keys.generate())["context"] != json.loads(keys.generate())["context"]


@EVERY_ROLE
def test_the_key_file_and_the_database_have_no_key_in_common(w: World) -> None:
    """But for the signing key of the context, of which PostgreSQL keeps two derived blocks."""
    held = keys.load()
    secrets = {*held.wrapping.values(), held.lookup, held.context}
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname IN ('public', 'kindwork')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t")
            rows = "\n".join(row for (row,) in cursor.fetchall())
            for key in secrets:
                assert key.hex() not in rows, table
                assert base64.b64encode(key).decode() not in rows, table
    text = Path(os.environ["KINDWORK_KEYS"]).read_text()
    with acting_as(w.alice.actor):
        for row in DataKey.objects.all():
            assert base64.b64encode(row.unwrapped()).decode() not in text


# -- logins


def test_a_login_is_found_by_its_address_and_never_by_its_digest(w: World) -> None:
    user = User.objects.get(pk=w.alice.user_id)
    assert authenticate(username=w.alice.email, password=PASSWORD) == user
    assert authenticate(username=f" {w.alice.email.upper()} ", password=PASSWORD) == user
    assert authenticate(username=user.email, password=PASSWORD) is None
    assert authenticate(username=user.email.partition("@")[0], password=PASSWORD) is None
    assert authenticate(username=str(user.pk), password=PASSWORD) is None
    assert authenticate(username="", password=PASSWORD) is None


def test_a_logins_address_is_sealed_with_its_own_key(w: World) -> None:
    alice, bob = (User.objects.get(pk=person.user_id) for person in (w.alice, w.bob))
    assert alice.address == w.alice.email  # needs no scope: the key is the row's own
    assert bytes(alice.wrapped_key) != bytes(bob.wrapped_key)
    assert w.alice.email not in repr(alice) + str(alice) + alice.email + alice.get_full_name()
    User.objects.filter(pk=bob.pk).update(address=F("address"), wrapped_key=alice.wrapped_key)
    with pytest.raises(CannotOpen):
        _ = User.objects.get(pk=bob.pk).address


def test_an_address_moved_to_another_login_does_not_open(w: World) -> None:
    raw = dict(User.objects.values_list("pk", "address"))
    User.objects.filter(pk=w.bob.user_id).update(address=raw[w.alice.user_id])
    with pytest.raises(CannotOpen):
        _ = User.objects.get(pk=w.bob.user_id).address


def test_a_digest_of_an_address_needs_the_key(key_file: Path) -> None:
    before = login_name("alice@tidewater.example")
    assert login_name(" Alice@Tidewater.Example ") == before
    assert login_name("alice@tidewater.exampl") != before
    rewrite(key_file, lambda c: c.update(lookup=base64.b64encode(os.urandom(32)).decode()))
    assert login_name("alice@tidewater.example") != before


def test_fingerprints_of_different_purposes_differ() -> None:
    held = keys.load()
    assert held.fingerprint("a", b"x") != held.fingerprint("b", b"x")
    assert held.fingerprint("a", b"x") == held.fingerprint("a", b"x")
    assert held.fingerprint("a", b"x") != held.fingerprint("a", b"y")


# -- making keys


def test_two_makers_of_the_same_key_end_up_with_one(w: World) -> None:
    """What the second one made is dropped, and it uses the first one's."""
    with acting_as(w.alice.actor):
        client_id = w.new_client(w.alice).pk
        holder = (client_id, KeyPurpose.PRACTICE)
        first, second = Keyring(), Keyring()
        assert first.key_for(w.clinic.pk, holder) == second.key_for(w.clinic.pk, holder)
        assert DataKey.objects.filter(client_id=client_id, purpose=KeyPurpose.PRACTICE).count() == 1


def test_each_purpose_of_a_client_has_a_key_of_its_own(w: World) -> None:
    fill(w)
    with acting_as(w.alice.actor):
        rows = list(DataKey.objects.filter(client_id=_carol(w)))
        assert {row.purpose for row in rows} == {"profile", "care", "practice", "summary"}
        assert len({row.unwrapped() for row in rows}) == 4


def test_what_is_read_without_its_row_stays_sealed(w: World) -> None:
    """values() and sub-selects give sealed bytes: useless, and harmless."""
    with acting_as(w.alice.actor):
        found = [
            *Client.objects.values_list("full_name", flat=True),
            *(row["email"] for row in Client.objects.values("email")),
            Clinic.objects.annotate(found=Subquery(Client.objects.values("full_name")[:1]))
            .get(pk=w.clinic.pk)
            .found,
        ]
    assert len(found) == 5
    assert all(isinstance(value, Sealed) for value in found)
