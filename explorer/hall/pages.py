"""The pages of a class that bets, as HTML: what a student sees, and what stands before the hall. All that somebody typed is escaped."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from explorer.core.ground.prose import counted, plain, sentence, told_apart
from explorer.core.run.setup import Setup
from explorer.core.verdict.verdict import Verdict
from explorer.figures import bets as drawing
from explorer.figures.theme import COLORS
from explorer.hall.problem import DECADES, Problem, Standing, still, typeable
from explorer.hall.store import DAY, LENGTH, Bet, Room, State
from explorer.site.casebook import Case
from explorer.site.glossary import glossary
from explorer.site.mark import ICON
from explorer.site.qr import qr

HERE = Path(__file__).parent
STYLE = (HERE.parent / "site" / "standalone.css").read_text("utf-8") + (HERE / "hall.css").read_text("utf-8")
SCRIPT = (HERE / "hall.js").read_text("utf-8")
FRAME = (HERE / "hall.html").read_text("utf-8").replace("{{icon}}", ICON).replace("{{style}}", STYLE).replace("{{script}}", SCRIPT)

QUESTION = "Above which learning rate do runs diverge?"
POSITIONS = 400  # where the range of a phone stops: a hundred places in each power of ten
NARROW, WIDE = 360, 900  # how wide the dots are drawn, on a phone and before the hall
MOST_NICKNAME, MOST_MARKS = 24, 2  # characters of a nickname, and how many accents and the like may follow one another in it
LISTED, BESIDE, NAMED = 10, 5, 100  # names in the tables of points, at most in each of them, and in the list from which names are hidden
SIDE = "A bet at the edge itself is on the safe side: what is above it diverges."
RULE = "A bet at the edge earns 100 points, one that is off by a factor of 2 earns 50, by a factor of 10 it is 10."


def page(title: str, main: str, **data: object) -> str:
    """Return a whole page; `data` are what its script knows."""
    told = "".join(f' data-{name}="{escape(str(value))}"' for name, value in data.items())
    return FRAME.replace("{{title}}", escape(title)).replace("{{data}}", told).replace("{{main}}", main)


def notice(title: str, refusal: str, way: str, back: str) -> str:
    """Return the page of a refusal: a sentence, and the way back with what it is called."""
    link = f'<p><a class="button" href="{escape(way)}">{back}</a></p>'
    return page(title, f'<h1>{escape(title)}</h1><p class="wrong">{escape(sentence(refusal))}</p>{link}')


def clean(nickname: str) -> str:
    r"""Return a nickname without control characters and piles of accents.

    Raises ValueError where it is too long, and where a word mixes alphabets that look alike, as "admin" with a Cyrillic а does (Unicode
    Technical Standard 39, section 5.1: a single script).

    >>> clean("  Ada \nLovelace\u202e "), clean("<b>x</b>"), clean("🦆")
    ('Ada Lovelace', '<b>x</b>', '🦆')
    """
    kept, marks = [], 0
    for letter in unicodedata.normalize("NFC", nickname):
        kind = unicodedata.category(letter)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if marks <= MOST_MARKS and (kind[0] != "C" or letter.isspace() or letter == "\N{ZERO WIDTH JOINER}"):
            kept.append(letter)
    name = " ".join("".join(kept).split())
    for word in name.split():
        if len(mixed := alphabets(word)) > 1:
            raise ValueError(f"a word of a nickname is written in one alphabet, got {' and '.join(mixed)} letters in {word!r}")
    if len(name) > MOST_NICKNAME:
        raise ValueError(f"a nickname has at most {MOST_NICKNAME} characters, got {len(name)}")
    return name


ALIKE = ("LATIN", "CYRILLIC", "GREEK")  # alphabets with letters that look alike


def alphabets(word: str) -> list[str]:
    """Return which of those that look alike a word is written in.

    >>> alphabets("Ада"), alphabets("\N{CYRILLIC SMALL LETTER A}dmin"), alphabets("🦆 8")
    (['Cyrillic'], ['Cyrillic', 'Latin'], [])
    """
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in unicodedata.normalize("NFKC", word) if letter.isalpha()}
    return sorted(script.capitalize() for script in scripts.intersection(ALIKE))


# ---- the student's ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Own:
    """What a student has bet in this round, None for nothing; the number of that bet; the nickname."""

    rate: float | None
    turn: int
    nickname: str


def student(room: Room, problem: Problem, own: Own, revealed: str) -> str:
    """Return a student's page; `revealed` is what all see of a round that is revealed."""
    if room.state is State.REVEALED:
        told = _result(problem, own)
    elif room.state is State.CLOSED:
        told = f"Bets are closed. {f'You bet {plain(own.rate)}.' if own.rate else 'You did not bet in this round.'}"
    else:
        told = f"You bet {plain(own.rate)}. You can change it until bets are closed." if own.rate else ""
    parts = [f'<p class="quiet">Room {room.code}, round {room.round}</p><h1>{QUESTION}</h1>']
    if room.state is State.REVEALED:
        parts += [f"<p class='own'>{told}</p>", revealed, _opened(problem, "../")]
    else:
        parts += [problem.shown, f"<p><strong>{told}</strong></p>" if told else ""]
        parts.append(_form(room, problem, own) if room.state is State.OPEN else "")
    parts.append(
        f'<noscript><p><a href="{room.code}">Look again</a>: this page does not follow the room by itself without scripts.</p></noscript>'
    )
    news = told or f"Round {room.round} is open: bet."
    return page(f"Room {room.code}", "".join(parts), **_followed(room, room.code, "student"), bet=f"{room.code}/bet", news=news)


def _followed(room: Room, below: str, pace: str) -> dict[str, str]:
    """What the script needs to follow a room."""
    return {"room": room.code, "state": f"{below}/state", "version": version(room), "pace": pace}


def version(room: Room) -> str:
    """Return what changes whenever a page of the room must be fetched again."""
    return f"{room.round}.{room.state}.{room.edition}"


def _form(room: Room, problem: Problem, own: Own) -> str:
    low, high = problem.ends
    tens = "".join(f"<span>{each}</span>" for each in [*(typeable(problem.low * 10.0**k) for k in range(DECADES)), high])
    rate = "" if own.rate is None else f"{own.rate:.4g}"
    ends = f'data-low="{problem.low!r}" data-high="{problem.high!r}"'
    return (
        f'<form class="bet" method="post" action="{room.code}/bet">'
        f'<div class="dial js"><label for="range">Learning rate</label> <output for="range"></output>'
        f'<input id="range" type="range" min="0" max="{POSITIONS}" value="{POSITIONS // 2}" {ends}>'
        f'<div class="ends" aria-hidden="true">{tens}</div></div>'
        f"<label>As a number, from {low} to {high}"
        f' <input name="rate" inputmode="decimal" autocomplete="off" required value="{rate}"></label>'
        f'<label>Nickname, if you want your points to add up <input name="nickname" maxlength="{MOST_NICKNAME}" autocomplete="off"'
        f' value="{escape(own.nickname)}"></label>'
        f'<input type="hidden" name="round" value="{room.round}"><input type="hidden" name="turn" value="{own.turn + 1}">'
        f'<p><button class="first">{"Change my bet" if own.rate else "Bet"}</button></p></form>'
    )


def _result(problem: Problem, own: Own) -> str:
    if own.rate is None:
        return f"The edge is {plain(problem.edge)}. You did not bet in this round."
    factor, (rate, edge) = problem.distance(own.rate), told_apart(own.rate, problem.edge)
    side = f"{plain(factor)} times too {'high' if own.rate > problem.edge else 'low'}" if plain(factor) != "1" else "right at the edge"
    what = f"{side} (the edge is {edge}); a run at your rate: {problem.verdict(own.rate)}"
    return f"You bet {rate}, {what}. That is {counted(problem.points(own.rate), 'point')}."


def _opened(problem: Problem, app: str) -> str:
    return f'<p><a class="button" href="{app}?{escape(urlencode(problem.query))}">Drag it yourself</a></p>'


# ---- what a round was -------------------------------------------------------------------------------------------------


def result(problems: Sequence[Problem], bets: Iterable[Bet], round: int, width: int) -> str:
    """Return the bets of a round over what really happens, in a drawing and in words, and the points of all rounds up to it."""
    problem, bets = problems[round - 1], [*bets]
    rates = [bet.rate for bet in bets if bet.round == round]
    standing = problem.standing(rates)
    marks = {"edge": problem.edge} | ({"median" if standing.count > 1 else "bet": standing.median} if standing else {})
    zones = [*zip(problem.words, problem.begins, strict=True)]
    told = _told(problem, standing, [bet for bet in bets if bet.round == round])
    from_where = zip(problem.words, told_apart(*problem.begins), strict=True)
    happens = ", ".join(f"{word} above {begin}" for word, begin in from_where)
    alt = f"{told} What really happens: {happens}."
    strip = drawing.strip(zones, (problem.low, problem.high), rates, marks, alt=alt, width=width)
    return (
        f"{strip}<p>{escape(told)}</p>{_table(problems, bets, round)}<p class='quiet'>The edge is {plain(problem.edge, 4)}."
        f" {escape(problem.reason)} {SIDE} What really happens: {happens}.</p>{_explained(problem.words)}"
    )


def _explained(words: Iterable[str]) -> str:
    """What the words of the ruler mean, once each, with the color of their zones: a narrow one has no room for its word."""
    lines = {word.term: word.line for word in glossary()}
    rows = (
        f"<dt style='border-color:{COLORS[Verdict(word)]}'>{escape(word)}</dt><dd>{escape(lines[word])}</dd>"
        for word in dict.fromkeys(words)
    )
    return f"<dl class='words'>{''.join(rows)}</dl>"


def _told(problem: Problem, found: Standing | None, bets: list[Bet]) -> str:
    """The standing of a round in words."""
    if found is None:
        return "Nobody has bet in this round."
    nearest = next(bet for bet in bets if problem.distance(bet.rate) == found.nearest)
    names = dict.fromkeys(bet.nickname for bet in bets if bet.nickname and not bet.hidden and problem.distance(bet.rate) == found.nearest)
    named = f" by {', '.join([*names][:3])}{' and others' if len(names) > 3 else ''}" if names else ""
    safe = f"{found.safe} of them ({plain(100 * found.safe / found.count, 2)} %) on the safe side"
    return (
        f"{counted(found.count, 'bet')}, {safe}."
        f" The median is {plain(found.median, 4)}, {plain(found.median / problem.edge, 4)} × the edge;"
        f" the nearest is {plain(nearest.rate)}{named}, {plain(nearest.rate / problem.edge)} × the edge."
    )


def points(problems: Sequence[Problem], bets: Iterable[Bet], rounds: int) -> list[tuple[str, int, int]]:
    """Return nickname, points and rounds of all who gave a nickname that is not hidden, the best first."""
    found: dict[str, tuple[str, int, int]] = {}
    for bet in bets:
        if bet.round <= rounds and bet.nickname and not bet.hidden:
            _, had, played = found.get(bet.who, ("", 0, 0))
            found[bet.who] = (bet.nickname, had + problems[bet.round - 1].points(bet.rate), played + 1)
    return sorted(found.values(), key=lambda each: (-each[1], natural(each[0])))


def natural(name: str) -> list[Any]:
    """Return what puts names in the order of people, who count.

    >>> sorted(["Team 10", "team 2", "Ada"], key=natural)
    ['Ada', 'team 2', 'Team 10']
    """
    return [int(part) if i % 2 else part.casefold() for i, part in enumerate(re.split("([0-9]+)", name))]


def _table(problems: Sequence[Problem], bets: Iterable[Bet], round: int) -> str:
    listed = points(problems, bets, round)
    if not listed:
        return ""
    rows = [
        f'<tr><td>{escape(name)}</td><td class="number">{had}</td><td class="number">{played}</td></tr>'
        for name, had, played in listed[:LISTED]
    ]
    head = '<tr><th scope="col">Nickname</th><th scope="col" class="number">Points</th><th scope="col" class="number">Rounds</th></tr>'
    high = math.ceil(len(rows) / math.ceil(len(rows) / BESIDE))  # as few tables as hold them, of one height
    tables = (f"<table class='points'>{head}{''.join(rows[i : i + high])}</table>" for i in range(0, len(rows), high))
    more = f" And {len(listed) - LISTED:,} more." if len(listed) > LISTED else ""
    return f"<div class='tables'>{''.join(tables)}</div><p class='quiet'>{more} {RULE}</p>"


# ---- the lecturer's ---------------------------------------------------------------------------------------------------


def leader(
    room: Room,
    problems: Sequence[Problem],
    bets: Sequence[Bet],
    revealed: str,
    address: str,
    cases: Sequence[Case],
    asked: Mapping[str, str] | None = None,
    refusal: str = "",
) -> str:
    """Return the page before the hall: `problems` are those of all rounds, `address` is the room's, `cases` what may come next.

    `asked` is what was asked for as the next round, and is kept in its form beside the `refusal`.
    """
    problem, done = problems[-1], room.state is State.REVEALED
    join, going = _join(room, address), _next(room, problem, cases, asked or {}, refusal)
    looked = '<noscript><p><a href="lead">Look again</a>: without scripts the number of bets does not count by itself.</p></noscript>'
    rest = f"{_names(room, problems, bets)}{_end(room)}{looked}"
    if done:  # what the lecturer needs next stands above the answer, whose words go on below the fold
        main = f'<div class="ahead">{join}{going}</div><h2>{escape(problem.recipe)}</h2>{revealed}{_opened(problem, "../../")}{rest}'
    else:
        row = "".join(_button(room, *each) for each in BUTTONS[room.state])
        main = f'<div class="asked"><div>{join}<div class="row">{row}</div></div><div>{problem.shown}</div></div>{going}{rest}'
    data = _followed(room, "lead", "leader")
    return page(f"Room {room.code}, before the hall", f"<h1>{QUESTION}</h1>{main}", **data)


BUTTONS = {
    State.OPEN: [("close", "Close bets", "first"), ("reveal", "Reveal", "")],
    State.CLOSED: [("reveal", "Reveal", "first"), ("open", "Open again", "")],
}
"""What can be done with a round: what it is called in a form, on a button, and which button comes first."""


def _join(room: Room, address: str) -> str:
    closed = "" if room.state is State.OPEN else f" ({room.state})"
    picture = "" if room.state is State.REVEALED else f"<figure>{code(address)}</figure>"
    return (
        f'<div class="join">{picture}<div>'
        f'<p>Join at <strong>{escape(address.rpartition("/")[0])}</strong> with the code</p><p class="code">{room.code}</p>'
        f'<p class="count">Bets in round {room.round}{closed}: <b id="count">{room.count:,}</b></p></div></div>'
    )


def _next(room: Room, problem: Problem, cases: Sequence[Case], asked: Mapping[str, str], refusal: str) -> str:
    """The form for the next round, which offers the case after this one first; folded as long as this round has not been revealed."""
    this = next((i for i, case in enumerate(cases) if case.setup.to_query() == problem.query), -1)
    turned = [*cases[this + 1 :], *cases[: this + 1]]
    chosen = {asked.get("case"): " selected"}
    options = "".join(f'<option value="{escape(case.name)}"{chosen.get(case.name, "")}>{escape(case.title)}</option>' for case in turned)
    done = room.state is State.REVEALED
    button = '"next" class="first">Next round' if done else '"skip">Next round without revealing'
    why = f'<p class="wrong" id="refusal" role="alert">{escape(sentence(refusal))}</p>' if refusal else ""
    wrong = ' aria-invalid="true" aria-describedby="refusal" autofocus' if refusal else ""
    form = (
        f'<form class="row" method="post"><label>A problem <select name="case">{options}</select></label>'
        '<label>or any link of the app <input name="link" type="text" autocomplete="off" placeholder="https://…/?loss=…"'
        f' value="{escape(asked.get("link", ""))}"{wrong}></label>{_hidden(room)}<button name="do" value={button}</button>{why}</form>'
    )
    if done:
        return form
    told = f"If you go on now, nobody sees the answer of round {room.round}. Its points count all the same."
    return f"<details{' open' * bool(refusal)}><summary>Next round</summary><p>{told}</p>{form}</details>"


def _end(room: Room) -> str:
    told = f"All its bets and nicknames are deleted. Otherwise that happens {DAY // 3600} hours after it was opened."
    return f"<details><summary>End the room</summary><p>{told}</p>{_button(room, 'end', 'End it now')}</details>"


def _hidden(room: Room) -> str:
    return f'<input type="hidden" name="round" value="{room.round}">'


def _button(room: Room, does: str, label: str, kind: str = "", more: str = "") -> str:
    return f'<form method="post">{more}{_hidden(room)}<button name="do" value="{does}" class="{kind}">{label}</button></form>'


def _names(room: Room, problems: Sequence[Problem], bets: Sequence[Bet]) -> str:
    """The nicknames, folded, each with the button that takes it off the screen; the best first, by what has been revealed."""
    revealed = room.round - (room.state is not State.REVEALED)
    had = {name: most for name, most, _ in points(problems, bets, revealed)}
    names = sorted({(bet.nickname, bet.hidden) for bet in bets if bet.nickname}, key=lambda each: (-had.get(each[0], 0), natural(each[0])))
    if not names:
        return ""
    rows = []
    for name, hidden in names[:NAMED]:
        does, said = "show" if hidden else "hide", escape(name)
        more = f'<span>{said}</span><input type="hidden" name="nickname" value="{said}">'
        rows.append(f"<li>{_button(room, does, f'{does.capitalize()}<span class=heard> {said}</span>', more=more)}</li>")
    rest = ""
    if len(names) > NAMED:
        buttons = "".join(f'<button name="do" value="{does}">{does.capitalize()}</button>' for does in ("hide", "show"))
        box = f'<label>Another nickname <input name="nickname" required maxlength="{MOST_NICKNAME}" autocomplete="off"></label>'
        rest = f'<p>And {len(names) - NAMED:,} more.</p><form class="row" method="post">{box}{_hidden(room)}{buttons}</form>'
    return f"<details><summary>Nicknames</summary><ul class='names'>{''.join(rows)}</ul>{rest}</details>"


def code(address: str) -> str:
    """Return the QR code of an address, as SVG, dark on light in both themes."""
    return qr(address).replace("<svg ", f'<svg role="img" aria-label="QR code of {escape(address)}" ', 1)


# ---- the door ---------------------------------------------------------------------------------------------------------


def door(setup: Setup | None, notes: Sequence[str], elsewhere: str) -> str:
    """Return the page where a code is typed, and where a room is opened with the problem that it shows, if there is one in the link."""
    parts = [
        f'<h1>{QUESTION}</h1><form class="row" action="room"><label>The code of your room'
        f' <input name="code" required maxlength="12" size="8" autocomplete="off" autocapitalize="characters" spellcheck="false"></label>'
        f"<button{'' if setup else ' class=first'}>Join</button></form>"
    ]
    if setup is not None:
        parts.append("<div class='asked'><div><h2>Open a room for your class</h2>")
        parts += [f'<p class="wrong">{escape(sentence(note))}</p>' for note in notes]
        if elsewhere:
            there = f'<a href="{escape(elsewhere)}">{escape(elsewhere.partition("?")[0])}</a>'
            told = f"You came as localhost, which no phone finds. Come by an address that students reach, perhaps {there}."
            parts.append(f'<p class="wrong">{told}</p>')
        told = f"Students get a code of {LENGTH} letters. Only this browser can lead the room. It is deleted a day later."
        parts.append(
            f'<form method="post" action="room?{escape(urlencode(setup.to_query()))}"><button class="first">Open the room</button></form>'
        )
        parts.append(f"<p class='quiet'>{told}</p></div><div>{still(setup)}</div></div>")
    else:
        parts.append('<p><a href="class">Open a room for your class</a></p>')
    return page("Join a room", "".join(parts))
