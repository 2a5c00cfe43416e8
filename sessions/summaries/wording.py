"""How a week is put into words: plain rules, no guessing, and every line linked to its sources.

The rules are those of Kindwork's clinical brief, sections 6.1 and 6.2. To a client: no
percentages, nothing measured against an ideal week, no praise of the amount; stopping is
a skill; an empty week is met as warmly as a full one. To a therapist: n beside each
number, no middle value of fewer than three, silence is not read as anything.
"""

from typing import Any
from uuid import UUID

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exercises.codes import EntryStatus
from sessions.summaries.figures import Practice, Quote, WeekOfClient
from sessions.summaries.weeks import Week

COMPOSER = "1"
LONGEST_QUOTE = 280

Paragraph = dict[str, Any]


def _paragraph(text: str, entries: list[UUID] | None = None, *, quotes: bool = False) -> Paragraph:
    return {
        "text": text,
        "sources": [{"type": "entry", "id": str(entry)} for entry in entries or []],
        "quotes": quotes,
    }


def _from(practices: list[Practice], *kinds: str) -> list[UUID]:
    return [entry for one in practices for entry in one.of(*kinds)]


def _dates(week: Week) -> str:
    same_month = week.monday.month == week.sunday.month
    first = formats.date_format(week.monday, "j" if same_month else "j F")
    last = formats.date_format(week.sunday, "j F")
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def _times(n: int) -> str:
    words = {1: _("once"), 2: _("twice")}
    return words.get(n) or ngettext("%(n)d time", "%(n)d times", n) % {"n": n}


def _listed(parts: list[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return _("%(some)s and %(last)s") % {"some": ", ".join(parts[:-1]), "last": parts[-1]}


def quoted(text: str) -> str:
    """The beginning of what somebody wrote, cut between words where it is long."""
    line = " ".join(text.split())
    if len(line) <= LONGEST_QUOTE:
        return line
    return line[:LONGEST_QUOTE].rsplit(" ", 1)[0] + " …"


# --- The client's own week ---------------------------------------------------------------


def client_week(*, called: str, week: Week, found: WeekOfClient) -> list[Paragraph]:
    """Word a client's week for the client, from all of their own entries, private ones too."""
    if not found.own:
        return _empty_client_week(called, week)
    practised = [one for one in found.own if one.practised]
    paragraphs = [_paragraph(_opening(called, week, found.own))]
    paragraphs += [_paragraph(_what_was_done(one), one.entries) for one in practised]
    if stopped := [one for one in found.own if one.stopped]:
        paragraphs.append(
            _paragraph(
                _(
                    "There was a moment when you stopped part-way. Stopping was a way of looking "
                    "after yourself, and what you noticed then is useful."
                ),
                _from(stopped, "stopped"),
            )
        )
    if hard := [one for one in found.own if one.hard or one.critical]:
        paragraphs.append(
            _paragraph(
                _(
                    "One of these moments was a lot. You noticed it, and you do not have to carry "
                    "it alone: it is worth talking about together."
                ),
                _from(hard, "hard", "critical"),
            )
        )
    if unwanted := [one for one in found.own if one.unwanted]:
        paragraphs.append(
            _paragraph(
                _(
                    "You said that something came up that you did not want. Thank you for saying "
                    "so: it helps to find what suits you."
                ),
                _from(unwanted, "unwanted"),
            )
        )
    if eased := _what_eased(found.own):
        paragraphs.append(eased)
    if declined := [one for one in found.own if EntryStatus.NOT_THIS_TIME in one.counts]:
        paragraphs.append(
            _paragraph(
                _("You also said “not today”. That is a choice, and it is welcome here."),
                _from(declined, "declined"),
            )
        )
    if found.own_quotes:
        paragraphs.append(_own_words(found.own_quotes[0]))
    paragraphs.append(_paragraph(_client_closing(practised)))
    return paragraphs


def _empty_client_week(called: str, week: Week) -> list[Paragraph]:
    return [
        _paragraph(_greeting(called, week)),
        _paragraph(
            _(
                "There are no entries from these days, and that is fine. Weeks have their own "
                "weight, and some ask for all we have. Getting through one counts, whether or not "
                "anything is written down."
            )
        ),
        _paragraph(
            _(
                "If you like, here is one breath to take now: let the air go slowly, and feel what "
                "is holding you up. That can be all."
            )
        ),
        _paragraph(
            _(
                "For the coming days you could try something small, or rest. You choose. Everything "
                "is here when you are ready, and the people to turn to are on your support page."
            )
        ),
    ]


def _greeting(called: str, week: Week) -> str:
    about = _("This is about %(dates)s.") % {"dates": _dates(week)}
    hello = _("Hello %(name)s.") % {"name": called} if called else _("Hello.")
    return f"{hello} {about}"


def _opening(called: str, week: Week, practices: list[Practice]) -> str:
    hello = _greeting(called, week)
    ways = sum(1 for one in practices if one.practised)
    if ways == 0:
        turned = _("You opened the door a little and chose to leave it for another day.")
    elif ways == 1:
        turned = _("You turned towards yourself.")
    else:
        turned = _("You turned towards yourself in a few different ways.")
    return f"{hello} {turned}"


def _what_was_done(one: Practice) -> str:
    counts = one.counts
    forms = [
        (EntryStatus.DONE, _("all the way through")),
        (EntryStatus.DONE_IN_PART, _("in part")),
        (EntryStatus.ADAPTED, _("in your own way")),
        (EntryStatus.TRIED_AND_STOPPED, _("up to where you stopped")),
        (EntryStatus.REPLACED_BY_OTHER, _("with something else in its place")),
    ]
    parts = [f"{_times(counts[status])} {words}" for status, words in forms if counts.get(status)]
    return _("You tried “%(exercise)s” %(times)s.") % {
        "exercise": one.title,
        "times": _listed(parts),
    }


def _what_eased(practices: list[Practice]) -> Paragraph | None:
    """One line on what helped, or on what was a lot. In words, from three entries on."""
    eased: list[UUID] = []
    stirred: list[UUID] = []
    for one in practices:
        change = one.change("distress")
        if change is None or change.before is None or change.after is None:
            continue
        if change.after < change.before:
            eased += one.entries
        elif change.after > change.before:
            stirred += one.entries
    if eased:
        return _paragraph(_("Afterwards you usually felt a little less stirred up."), eased)
    if stirred:
        return _paragraph(
            _(
                "Some of it stirred things up. That can happen when kindness is new, and it is "
                "worth talking about together."
            ),
            stirred,
        )
    return None


def _own_words(quote: Quote) -> Paragraph:
    return _paragraph(
        _("You wrote: “%(words)s” We kept that for you.") % {"words": quoted(quote.text)},
        [quote.entry],
        quotes=True,
    )


def _client_closing(practised: list[Practice]) -> str:
    """One thing to stay with, if there was one without anything hard about it; or rest."""
    if gentle := [one for one in practised if one.is_gentle]:
        return _(
            "For the coming days you could stay with “%(exercise)s”, or rest. You choose. If "
            "things get heavy, the people to turn to are on your support page."
        ) % {"exercise": gentle[0].title}
    return _(
        "For the coming days you could try something small, or rest. You choose. Everything is "
        "here when you are ready, and the people to turn to are on your support page."
    )


# --- The therapist's week ---------------------------------------------------------------


def therapist_week(*, called: str, week: Week, found: WeekOfClient) -> list[Paragraph]:
    """Word a client's week for the therapist, from what is theirs to read.

    Private entries are counted and never quoted; their numbers do not enter.
    """
    heading = f"{called}, {_dates(week)}." if called else f"{_dates(week)}."
    if not found.shared:
        return [
            _paragraph(heading),
            _paragraph(
                _("No entries this week. Nothing is read into that: no data is not a decline.")
            ),
            _paragraph(_("Nothing was flagged. This is not a risk assessment.")),
        ]
    paragraphs = [_paragraph(heading), _needs_attention(found.shared)]
    for quote in found.shared_quotes:
        day = formats.date_format(quote.day, "D j F")
        paragraphs.append(
            _paragraph(
                _("In their own words (shared, %(day)s): “%(words)s”")
                % {"day": day, "words": quoted(quote.text)},
                [quote.entry],
                quotes=True,
            )
        )
    paragraphs += [_paragraph(_practice_line(one), one.entries) for one in found.shared]
    if private := sum(one.private for one in found.shared):
        paragraphs.append(
            _paragraph(
                ngettext(
                    "%(n)d entry was kept private: it is counted above and not read.",
                    "%(n)d entries were kept private: they are counted above and not read.",
                    private,
                )
                % {"n": private}
            )
        )
    return paragraphs


def _needs_attention(practices: list[Practice]) -> Paragraph:
    parts = [
        text % {"n": n}
        for text, n in (
            (_("a marked answer was chosen (n = %(n)d)"), sum(one.critical for one in practices)),
            (
                _("distress was very high or rose by 3 or more (n = %(n)d)"),
                sum(one.hard for one in practices),
            ),
            (
                _("unwanted effects were reported (n = %(n)d)"),
                sum(one.unwanted for one in practices),
            ),
        )
        if n
    ]
    if not parts:
        return _paragraph(_("Nothing was flagged. This is not a risk assessment."))
    return _paragraph(
        _("Needs attention: %(what)s. This is not a risk assessment.") % {"what": _listed(parts)},
        _from(practices, "critical", "hard", "unwanted"),
    )


def _practice_line(one: Practice) -> str:
    states = ", ".join(
        f"{EntryStatus(status).label.lower()} {n}" for status, n in one.counts.items()
    )
    figures = []
    for change in one.changes:
        if change.before is None or change.after is None:
            figures.append(
                _("%(what)s: too few to summarise (n = %(n)d)")
                % {"what": change.rating, "n": change.n}
            )
        else:
            figures.append(
                _("%(what)s %(before)s → %(after)s (median, n = %(n)d)")
                % {
                    "what": change.rating,
                    "before": _number(change.before),
                    "after": _number(change.after),
                    "n": change.n,
                }
            )
    for what, value, n in (
        (_("helpful"), one.helpful, one.helpful_n),
        (_("showed up in the day"), one.embodied, one.embodied_n),
    ):
        if value is not None:
            figures.append(
                _("%(what)s %(value)s (median, n = %(n)d)")
                % {"what": what, "value": _number(value), "n": n}
            )
    return "; ".join([f"{one.title}: {states}", *figures]) + "."


def _number(value: float) -> str:
    return f"{value:g}"


def figures_as_json(practices: list[Practice]) -> list[dict[str, Any]]:
    """The figures behind a text, to be kept beside it."""
    return [
        {
            "exercise": one.title,
            "states": one.counts,
            "changes": [
                {"rating": c.rating, "before": c.before, "after": c.after, "n": c.n}
                for c in one.changes
            ],
            "helpful": {"median": one.helpful, "n": one.helpful_n},
            "embodied": {"median": one.embodied, "n": one.embodied_n},
        }
        for one in practices
    ]
