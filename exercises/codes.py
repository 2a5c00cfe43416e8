"""The field's codes, as stored. Sources stand in the docstrings."""

from django.db import models


class Flow(models.TextChoices):
    """The three flows of compassion (CEAS, Gilbert et al. 2017)."""

    TO_OTHERS = "to_others"
    FROM_OTHERS = "from_others"
    SELF_TO_SELF = "self_to_self"
    NONE = "none"


class System(models.TextChoices):
    """The three emotion-regulation systems, the "three circles" of CFT."""

    THREAT = "threat"
    DRIVE = "drive"
    SOOTHING = "soothing"


class Skill(models.TextChoices):
    """The six skills of compassionate action in CFT."""

    ATTENTION = "attention"
    IMAGERY = "imagery"
    FEELING = "feeling"
    SENSORY = "sensory"
    REASONING = "reasoning"
    BEHAVIOUR = "behaviour"


class Attribute(models.TextChoices):
    """The six attributes of engagement in CFT."""

    CARE_FOR_WELLBEING = "care_for_wellbeing"
    SENSITIVITY = "sensitivity"
    SYMPATHY = "sympathy"
    DISTRESS_TOLERANCE = "distress_tolerance"
    EMPATHY = "empathy"
    NON_JUDGEMENT = "non_judgement"


class Level(models.TextChoices):
    BEGINNING = "beginning"
    MIDDLE = "middle"
    LATER = "later"


class Start(models.TextChoices):
    """Who may begin an exercise: in-session work is never handed out as a first attempt alone."""

    CLIENT_MAY_START = "client_may_start"
    AFTER_INTRODUCED = "after_introduced"
    IN_SESSION_FIRST = "in_session_first"


class InputType(models.TextChoices):
    TEXT = "text"
    LONG_TEXT = "long_text"
    SCALE_0_10 = "scale_0_10"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    TIMER = "timer"
    CHECKLIST = "checklist"


class Rating(models.TextChoices):
    """Asked before and after, 0 to 10."""

    DISTRESS = "distress"
    WARMTH = "warmth"
    SHAME = "shame"
    CRITIC = "critic"


class Rhythm(models.TextChoices):
    ONCE = "once"
    TIMES_PER_WEEK = "times_per_week"
    WEEKDAYS = "weekdays"
    WHEN_IT_COMES_UP = "when_it_comes_up"


class AssignmentState(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class EntryStatus(models.TextChoices):
    """How it went: six states, and no failure among them. Stopping is a skill."""

    DONE = "done", "Done"
    DONE_IN_PART = "done_in_part", "Done in part"
    ADAPTED = "adapted", "Adapted"
    TRIED_AND_STOPPED = "tried_and_stopped", "Tried and stopped"
    NOT_THIS_TIME = "not_this_time", "Not this time"
    REPLACED_BY_OTHER = "replaced_by_other", "Replaced by something else"


class ShareLevel(models.TextChoices):
    """What of an entry the therapist reads. Status and date are always seen; clients are told so."""

    PRIVATE = "private"
    RATINGS_ONLY = "ratings_only"
    SHARED = "shared"


SHARE_ORDER = (ShareLevel.PRIVATE, ShareLevel.RATINGS_ONLY, ShareLevel.SHARED)
"""From less to more."""


class Variant(models.TextChoices):
    FULL = "full"
    SMALLER = "smaller"
    ALTERNATIVE = "alternative"


class SupportReason(models.TextChoices):
    """Why support is shown at once and the therapist is told, whatever the sharing.

    Rules A3 and A4 of Kindwork's clinical brief: a marked option, or very high distress.
    """

    CRITICAL_OPTION = "critical_option"
    HIGH_DISTRESS = "high_distress"


HIGH_DISTRESS = 8
"""Distress afterwards, 0 to 10, from which support is shown (rule A4)."""

DISTRESS_RISE = 3
"""Rise of distress over the exercise from which support is shown (rule A4)."""
