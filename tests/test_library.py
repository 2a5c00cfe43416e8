"""The catalogue is whole, kind and true to the brief; the library keeps what it once gave."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import DatabaseError, connection, connections, transaction
from django.urls import reverse

from clinic.kind_words import banned_in, words_of
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
from exercises.codes import Level
from exercises.library import catalogue
from exercises.library.catalogue import FOLDER, BadCatalogue, CatalogueExercise
from exercises.models import Assignment, Exercise, ExerciseVersion
from exercises.services.library import load_catalogue
from tests.world import World

# --- What the brief says, written out ------------------------------------------------------

# Number, tradition, flows, systems, skills, attributes, start, minutes, modality, ratings, inputs.
BRIEF: dict[str, tuple[int, str, str, str, str, str, str, int, str, str, str]] = {
    "tricky_brain_map": (
        1, "CFT", "self_to_self", "threat", "reasoning attention", "non_judgement empathy",
        "client_may_start", 15, "read write", "distress",
        "upset:text old_brain:multi_choice new_brain:multi_choice loop:long_text "
        "care_point:text not_my_fault:scale_0_10",
    ),
    "three_circles_map": (
        2, "CFT", "self_to_self", "threat drive soothing", "reasoning attention",
        "sensitivity empathy", "client_may_start", 15, "read write rating", "",
        "threat_size:scale_0_10 drive_size:scale_0_10 soothing_size:scale_0_10 "
        "threat_feeds:long_text drive_feeds:long_text soothing_feeds:long_text "
        "one_small_thing:text",
    ),
    "three_circles_checkin": (
        3, "CFT", "self_to_self", "threat drive soothing", "attention", "sensitivity",
        "client_may_start", 1, "rating", "",
        "threat_now:scale_0_10 drive_now:scale_0_10 soothing_now:scale_0_10 "
        "situation:choice line:text",
    ),
    "soothing_rhythm_breathing": (
        4, "CFT", "self_to_self", "soothing threat", "sensory attention", "distress_tolerance",
        "client_may_start", 5, "breathe_timer audio_script", "distress warmth",
        "pace:choice eyes:choice practice:timer",
    ),
    "body_face_voice": (
        5, "CFT", "self_to_self", "soothing", "sensory feeling", "care_for_wellbeing",
        "after_introduced", 6, "audio_script breathe_timer", "warmth",
        "felt_most:choice tone_warmth:scale_0_10 greeting:text",
    ),
    "supportive_touch": (
        6, "MSC", "self_to_self", "soothing", "sensory behaviour", "care_for_wellbeing",
        "client_may_start", 1, "breathe_timer", "distress", "touch:choice practice:timer",
    ),
    "mindful_attention": (
        7, "shared", "self_to_self", "threat soothing", "attention", "non_judgement",
        "client_may_start", 7, "audio_script breathe_timer", "distress",
        "anchor:choice practice:timer noticed:text",
    ),
    "grounding_soles": (
        8, "MSC", "self_to_self", "threat", "attention sensory", "distress_tolerance",
        "client_may_start", 3, "audio_script read", "distress",
        "steadier:scale_0_10 next_step:choice",
    ),
    "safe_place": (
        9, "CFT", "from_others self_to_self", "soothing", "imagery sensory", "care_for_wellbeing",
        "after_introduced", 10, "imagery audio_script write", "distress warmth",
        "place:long_text senses:checklist cue_word:text safeness:scale_0_10",
    ),
    "self_compassion_break": (
        11, "MSC", "self_to_self", "threat soothing", "attention feeling reasoning",
        "sensitivity sympathy care_for_wellbeing", "client_may_start", 3,
        "audio_script read write", "distress warmth",
        "hard_moment:text own_words:checklist need:choice",
    ),
}  # fmt: skip

OPTION_CODES = {
    "emotion": "anxious angry sad ashamed disgusted guilty lonely numb envious hurt hopeless calm "
    "safe warm proud relieved excited",
    "new_brain": "worry replay self_judge compare imagine_worst mind_read plan_over_and_over",
    "urge": "hide attack_self attack_other work_harder please give_up avoid eat_or_drink check "
    "reach_out hurt_self",
    "critic_intention": "improve_me stop_mistakes keep_me_in_line protect_from_others punish_me "
    "get_rid_of_me not_sure",
    "need": "rest company quiet food_or_drink movement fresh_air comfort help_from_someone a_limit "
    "to_finish_something nothing_more",
    "needs_now": "rest company quiet food_or_drink movement fresh_air comfort help_from_someone "
    "a_limit to_finish_something nothing_more",
    "anchor": "feet hands breath sounds object sight",
    "eyes": "open softly_down closed",
    "pace": "own slow_10s slow_12s",
    "touch": "chest upper_arms hands_together cheek belly object none",
    "situation": "home work_or_study with_others alone online travelling night",
    "felt_most": "posture face voice_tone nothing_yet",
    "next_step": "rest go_on contact_someone open_support_page smaller same_size a_bit_more",
    "senses": "seen heard felt_on_skin smelled tasted body_position",
    "not_yet_reason": "forgot no_time_or_energy did_not_see_the_point unsure_how felt_too_much "
    "felt_silly_or_fake not_private_enough boring part_did_not_want_to unwell",
}

FILES = sorted((FOLDER / "catalogue").glob("*.yaml"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def spoken_to_clients(item: CatalogueExercise) -> list[str]:
    """Every text of an exercise that its client reads, options aside."""
    content = item.content
    return [
        item.codes["title"],
        content["purpose"],
        content["before"],
        *(step[part] for step in content["steps"] for part in ("title", "text")),
        *(
            one[part]
            for one in content["inputs"]
            for part in ("label", "low", "high")
            if part in one
        ),
        content["smaller_version"]["text"],
        content["alternative"]["suits"],
        content["alternative"]["text"],
        content["closing"],
    ]


# --- The catalogue's files -----------------------------------------------------------------


def test_there_are_ten_exercises_in_the_order_of_the_brief() -> None:
    assert [(one.position, one.catalogue_id) for one in catalogue.catalogue()] == [
        (said[0], catalogue_id) for catalogue_id, said in BRIEF.items()
    ]


@every_file
def test_each_file_can_be_read(path: Path) -> None:
    assert catalogue.read(path).catalogue_id == path.stem


@every_file
def test_each_exercise_has_the_codes_of_the_brief(path: Path) -> None:
    item = catalogue.read(path)
    inputs = " ".join(f"{one['key']}:{one['type']}" for one in item.content["inputs"])

    found = (
        item.position,
        item.codes["tradition"],
        *(" ".join(item.codes[name]) for name in ("flows", "systems", "skills", "attributes")),
        item.codes["start"],
        item.codes["minutes"],
        " ".join(item.codes["modality"]),
        " ".join(item.codes["ratings"]),
    )
    said = BRIEF[path.stem]
    assert found == said[:-1]
    assert set(inputs.split()) == set(said[-1].split())


@every_file
def test_each_exercise_is_for_beginners_and_in_english(path: Path) -> None:
    codes = catalogue.read(path).codes

    assert (codes["level"], codes["language"]) == (Level.BEGINNING, "en")


@every_file
def test_a_client_reads_150_to_400_words_of_each(path: Path) -> None:
    words = " ".join(spoken_to_clients(catalogue.read(path))).split()

    assert 150 <= len(words) <= 400


@every_file
def test_nothing_that_a_client_reads_shames(path: Path) -> None:
    texts = spoken_to_clients(catalogue.read(path))

    assert {text: banned_in(text) for text in texts if banned_in(text)} == {}


@every_file
def test_each_exercise_tells_how_to_leave_it(path: Path) -> None:
    item = catalogue.read(path)
    read = " ".join(spoken_to_clients(item)).lower()

    assert any(word in read for word in ("stop", "leave", "skip", "rest"))
    assert item.content["smaller_version"]["minutes"] <= 2
    assert item.content["alternative"]["text"]


@every_file
def test_no_client_is_given_what_is_written_for_therapists(path: Path) -> None:
    item = catalogue.read(path)
    read = " ".join(words_of(item.content))

    assert not [text for text in words_of(item.for_therapist) if text in read]


@every_file
def test_each_rating_that_is_asked_has_its_question(path: Path) -> None:
    asked = catalogue.questions()["ratings"]

    for rating in catalogue.read(path).codes["ratings"]:
        assert asked[rating]["question"].endswith("?")
        assert asked[rating]["low"]
        assert asked[rating]["high"]


# --- Options and questions -----------------------------------------------------------------


@pytest.mark.parametrize("name", OPTION_CODES)
def test_a_set_of_answers_has_the_codes_of_the_brief(name: str) -> None:
    codes = [one["code"] for one in catalogue.options()[name]]

    assert set(codes) == {*OPTION_CODES[name].split(), "other", "rather_not_say"}


@pytest.mark.parametrize("name", sorted(catalogue.options()))
def test_every_set_of_answers_ends_with_something_else_and_rather_not(name: str) -> None:
    codes = [one["code"] for one in catalogue.options()[name]]

    assert codes[-2:] == ["other", "rather_not_say"]


def test_two_answers_are_marked_and_each_says_so_beside_it() -> None:
    marked = [
        (name, one["code"])
        for name, choices in catalogue.options().items()
        for one in choices
        if one.get("critical")
    ]
    notices = [
        one["notice"]
        for choices in catalogue.options().values()
        for one in choices
        if one.get("critical")
    ]

    assert marked == [("urge", "hurt_self"), ("critic_intention", "get_rid_of_me")]
    for notice in notices:
        assert "Your therapist is told" in notice
        assert "keep the rest private" in notice
        assert "Nobody is watching" in " ".join(notice.split())
        assert "support page" in notice


def test_no_answer_to_choose_from_shames() -> None:
    texts = [
        text
        for choices in catalogue.options().values()
        for one in choices
        for text in (one["label"], one.get("notice", ""))
    ]

    assert {text: banned_in(text) for text in texts if banned_in(text)} == {}


def test_no_question_shames() -> None:
    found = {text: banned_in(text) for text in words_of(catalogue.questions()) if banned_in(text)}

    assert found == {}


def test_the_common_close_asks_in_the_order_of_the_brief() -> None:
    assert list(catalogue.questions()["close"]) == [
        "helpful",
        "embodied",
        "unwanted",
        "needs_now",
        "note",
        "share_level",
    ]


def test_clients_are_told_what_each_way_of_sharing_shows_and_what_the_exception_is() -> None:
    asked = catalogue.questions()["close"]["share_level"]

    assert [one["code"] for one in asked["levels"]] == ["private", "ratings_only", "shared"]
    assert all("therapist sees" in one["line"] for one in asked["levels"])
    assert "distress is very high or rises a lot" in asked["always"]
    assert "until your therapist has read it" in asked["change"]


# --- A faulty file -------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "catalogue_id": "kind_wave",
    "n": 1,
    "language": "en",
    "title": "A kind wave",
    "purpose": "To greet yourself.",
    "tradition": "CFT",
    "flows": ["self_to_self"],
    "systems": ["soothing"],
    "skills": ["attention"],
    "attributes": ["sympathy"],
    "level": "beginning",
    "start": "client_may_start",
    "minutes": 2,
    "modality": ["read"],
    "ratings": ["distress"],
    "before": "You can stop at any point.",
    "steps": [
        {"title": "Wave", "text": "Lift a hand.", "inputs": ["how"]},
        {"title": "Rest", "text": "Let it sink.", "inputs": ["line", "time", "anchor"]},
    ],
    "inputs": [
        {"key": "how", "type": "scale_0_10", "label": "How warm?", "low": "Not", "high": "Very"},
        {"key": "line", "type": "text", "label": "A line"},
        {"key": "time", "type": "timer", "label": "How long?", "seconds": 60},
        {"key": "anchor", "type": "choice", "label": "Where?", "options": "anchor"},
    ],
    "smaller_version": {"minutes": 1, "text": "Lift one finger."},
    "alternative": {"suits": "If waving is not for you", "text": "Nod."},
    "closing": "Come back when you want.",
    "for_therapist": {"cautions": "None known.", "frequency": "At will.", "evidence": "None."},
}


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    """A fault: this place holds that value."""

    def at(data: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        data[path[-1]] = value

    return at


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    """A fault: this place is missing."""

    def at(data: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        del data[path[-1]]

    return at


FAULTS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    *((drop(name), name) for name in GOOD),
    (put("colour", value="green"), "colour"),
    (put("catalogue_id", value="Kind Wave"), "catalogue_id"),
    (put("catalogue_id", value="kind_nod"), "catalogue_id"),
    (put("n", value=0), "$.n"),
    (put("n", value="1"), "$.n"),
    (put("language", value="English"), "$.language"),
    (put("title", value=""), "$.title"),
    (put("title", value="x" * 121), "$.title"),
    (put("purpose", value=None), "$.purpose"),
    (put("before", value="x" * 1201), "$.before"),
    (put("tradition", value="ACT"), "$.tradition"),
    (put("flows", value=[]), "$.flows"),
    (put("flows", value=["sideways"]), "$.flows[0]"),
    (put("flows", value=["none", "none"]), "$.flows"),
    (put("systems", value=["calm"]), "$.systems[0]"),
    (put("skills", value=["juggling"]), "$.skills[0]"),
    (put("attributes", value=["patience"]), "$.attributes[0]"),
    (put("level", value="expert"), "$.level"),
    (put("start", value="at_once"), "$.start"),
    (put("minutes", value=0), "$.minutes"),
    (put("minutes", value=61), "$.minutes"),
    (put("minutes", value=2.5), "$.minutes"),
    (put("modality", value=["dance"]), "$.modality[0]"),
    (put("ratings", value=["mood"]), "$.ratings[0]"),
    (put("steps", value=[]), "$.steps"),
    (put("steps", value=GOOD["steps"][:1] * 13), "$.steps"),
    (drop("steps", 0, "text"), "$.steps[0]"),
    (put("steps", 0, "picture", value="wave.png"), "$.steps[0]"),
    (put("steps", 0, "inputs", value=["how", "how"]), "$.steps[0].inputs"),
    (put("steps", 0, "inputs", value=[]), "stands on one step"),
    (put("steps", 0, "inputs", value=["how", "line"]), "stands on one step"),
    (put("steps", 0, "inputs", value=["how", "where"]), "stands on one step"),
    (put("inputs", 1, "key", value="how"), "one key"),
    (put("inputs", 1, "key", value="A line"), "$.inputs[1].key"),
    (put("inputs", 1, "type", value="essay"), "$.inputs[1].type"),
    (put("inputs", 1, "options", value="anchor"), "$.inputs[1]"),
    (put("inputs", 1, "critical", value=True), "$.inputs[1]"),
    (drop("inputs", 1, "label"), "$.inputs[1]"),
    (drop("inputs", 0, "low"), "$.inputs[0]"),
    (drop("inputs", 0, "high"), "$.inputs[0]"),
    (drop("inputs", 2, "seconds"), "$.inputs[2]"),
    (put("inputs", 2, "seconds", value=4), "$.inputs[2].seconds"),
    (drop("inputs", 3, "options"), "$.inputs[3]"),
    (put("inputs", 3, "options", value="harbours"), "harbours"),
    (put("smaller_version", "minutes", value=3), "$.smaller_version.minutes"),
    (drop("smaller_version", "text"), "$.smaller_version"),
    (drop("alternative", "suits"), "$.alternative"),
    (drop("for_therapist", "cautions"), "$.for_therapist"),
    (put("for_therapist", "price", value="none"), "$.for_therapist"),
]


def test_the_example_that_the_faults_are_made_in_is_good_itself() -> None:
    assert (
        catalogue.parse(copy.deepcopy(GOOD), name="kind_wave.yaml").codes["title"] == GOOD["title"]
    )


@pytest.mark.parametrize(
    ("spoil", "fault"), FAULTS, ids=[f"{n}: {f[1]}" for n, f in enumerate(FAULTS)]
)
def test_a_faulty_file_is_refused_with_its_name_and_the_fault(
    spoil: Callable[[dict[str, Any]], None], fault: str
) -> None:
    data = copy.deepcopy(GOOD)
    spoil(data)

    with pytest.raises(BadCatalogue) as refused:
        catalogue.parse(data, name="kind_wave.yaml")

    assert str(refused.value).startswith("kind_wave.yaml: ")
    assert fault in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"title: [", b"- a\n- list\n", b"", b"one line of text", b"title: caf\xe9\n"],
    ids=["not YAML", "a list", "empty", "a text", "not UTF-8"],
)
def test_a_file_that_is_no_mapping_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kind_wave.yaml"
    path.write_bytes(content)

    with pytest.raises(BadCatalogue, match=r"kind_wave\.yaml"):
        catalogue.read(path)


def test_a_file_called_otherwise_than_its_exercise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wave.yaml"
    path.write_text(yaml.safe_dump(GOOD))

    with pytest.raises(BadCatalogue, match=r"wave\.yaml.*catalogue_id"):
        catalogue.read(path)


def test_other_words_give_another_digest_and_the_same_words_the_same() -> None:
    changed = {**copy.deepcopy(GOOD), "closing": "Go well."}
    cautious = copy.deepcopy(GOOD)
    cautious["for_therapist"]["cautions"] = "Not with wrist pain."
    first = catalogue.parse(copy.deepcopy(GOOD), name="kind_wave.yaml").digest

    assert catalogue.parse(copy.deepcopy(GOOD), name="kind_wave.yaml").digest == first
    assert catalogue.parse(changed, name="kind_wave.yaml").digest != first
    assert catalogue.parse(cautious, name="kind_wave.yaml").digest != first


def test_options_are_written_out_in_what_a_client_gets() -> None:
    item = catalogue.parse(copy.deepcopy(GOOD), name="kind_wave.yaml")

    labels = [one["label"] for one in item.content["inputs"][3]["options"]]
    assert "Something I can hold" in labels
    assert labels[-2:] == ["Something else", "I'd rather not say"]


# --- The clinic's library ------------------------------------------------------------------

BREATHING = "soothing_rhythm_breathing"
NEW_CLOSING = "The window stays open for you."


def with_other_words(closing: str = NEW_CLOSING) -> CatalogueExercise:
    """The breathing exercise as a later edition of the catalogue might say it."""
    data = yaml.safe_load((FOLDER / "catalogue" / f"{BREATHING}.yaml").read_text())
    return catalogue.parse({**data, "closing": closing}, name=f"{BREATHING}.yaml")


def load(w: World, *items: CatalogueExercise) -> tuple[int, int]:
    with acting_as(TaskActor(w.clinic.pk, "library")):
        return load_catalogue(clinic_id=w.clinic.pk, exercises=list(items) or None)


def versions(w: World) -> list[tuple[str, int]]:
    with acting_as(w.alice.actor):
        return list(
            ExerciseVersion.objects.visible_to(w.alice.actor)
            .order_by("exercise__position", "number")
            .values_list("exercise__catalogue_id", "number")
        )


def test_each_clinic_has_its_own_copy_of_the_catalogue(w: World) -> None:
    here = w.exercise(by=w.alice)
    there = w.exercise(by=w.charlie)

    assert here.pk != there.pk
    assert (here.clinic_id, there.clinic_id) == (w.clinic.pk, w.elsewhere.pk)
    assert here.catalogue_id == there.catalogue_id


def test_loading_twice_changes_nothing(w: World) -> None:
    before = versions(w)

    assert load(w) == (0, 0)
    assert versions(w) == before == [(catalogue_id, 1) for catalogue_id in BRIEF]


def test_other_words_make_a_new_version_of_that_exercise_alone(w: World) -> None:
    assert load(w, with_other_words()) == (0, 1)

    assert [one for one in versions(w) if one[1] > 1] == [(BREATHING, 2)]
    current = w.exercise(BREATHING).current
    assert current is not None
    assert (current.number, current.content["closing"]) == (2, NEW_CLOSING)


def test_words_that_come_back_are_a_version_of_their_own(w: World) -> None:
    load(w, with_other_words())
    load(w)

    assert [number for name, number in versions(w) if name == BREATHING] == [1, 2, 3]


def test_a_new_exercise_of_the_catalogue_comes_in(w: World) -> None:
    item = catalogue.parse(copy.deepcopy(GOOD), name="kind_wave.yaml")

    assert load(w, item) == (1, 1)
    assert w.exercise("kind_wave").current is not None


def test_what_was_assigned_keeps_its_words(w: World) -> None:
    assignment = w.assignment(exercise=BREATHING)
    load(w, with_other_words())

    with acting_as(w.alice.actor):
        kept = Assignment.objects.select_related("exercise_version").get(pk=assignment.pk)
    assert kept.exercise_version.number == 1
    assert kept.exercise_version.content["closing"] != NEW_CLOSING


def test_what_is_assigned_from_now_on_has_the_new_words(w: World) -> None:
    load(w, with_other_words())

    assert w.assignment(exercise=BREATHING).exercise_version.content["closing"] == NEW_CLOSING


def test_a_client_reads_the_words_that_they_were_given(w: World) -> None:
    assignment = w.assignment(exercise=BREATHING)
    given = assignment.exercise_version.content["closing"]
    load(w, with_other_words())

    api = w.carol.api
    shown = api.get(reverse("api:assignments-detail", args=[assignment.pk])).json()
    exercise = api.get(reverse("api:exercises-detail", args=[shown["exercise"]])).json()
    assert given in [*words_of(shown), *words_of(exercise)]


def test_an_answer_goes_to_the_words_that_it_was_asked_in(w: World) -> None:
    assignment = w.assignment(exercise=BREATHING)
    load(w, with_other_words())

    assert w.entry(assignment=assignment).exercise_version_id == assignment.exercise_version_id
    assert w.entry(exercise=BREATHING).exercise_version.number == 2


def test_another_clinic_keeps_its_words_until_it_loads_them_itself(w: World) -> None:
    load(w, with_other_words())

    current = w.exercise(BREATHING, by=w.charlie).current
    assert current is not None
    assert current.number == 1


CHANGES = [
    "UPDATE exercises_exerciseversion SET title = 'Other' WHERE id = %s",
    "UPDATE exercises_exerciseversion SET content = '{}' WHERE id = %s",
    "DELETE FROM exercises_exerciseversion WHERE id = %s",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_product_can_neither_change_nor_delete_a_version(w: World, statement: str) -> None:
    version = w.exercise().current_id

    with acting_as(w.alice.actor), connection.cursor() as cursor:
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(statement, [version])
    with acting_as(w.alice.actor):
        assert ExerciseVersion.objects.get(pk=version).title == w.exercise().current.title  # type: ignore[union-attr]


def test_the_product_cannot_empty_the_table_of_versions(w: World) -> None:
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute("TRUNCATE exercises_exerciseversion CASCADE")


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize("statement", CHANGES)
def test_the_owner_can_neither_change_nor_delete_a_version(w: World, statement: str) -> None:
    version = w.exercise().current
    assert version is not None

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM exercises_exerciseversion")
        assert cursor.fetchone() == ("kindwork_owner", 2 * len(BRIEF))
        with pytest.raises(DatabaseError, match="never change"):
            cursor.execute(statement, [version.pk])
    with acting_as(w.alice.actor):
        kept = ExerciseVersion.objects.get(pk=version.pk)
    assert (kept.title, kept.content) == (version.title, version.content)


def test_an_exercise_can_be_taken_off_offer(w: World) -> None:
    exercise = w.exercise()
    with acting_as(w.alice.actor):
        Exercise.objects.filter(pk=exercise.pk).update(is_offered=False)

    assert w.carol.api.get(reverse("api:exercises-detail", args=[exercise.pk])).status_code == 404
