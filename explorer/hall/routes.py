"""The addresses of a class that bets: `room` is the door, `room/CODE` a student's page, `room/CODE/lead` the one before the hall.

Every page works as a plain form, and its script only keeps it up to date. A student is a random cookie, of which the room keeps a digest of
its own; the lecturer is the secret that the room was opened with, in a cookie that no script reads and no other site sends along.
"""

import asyncio
import contextlib
import hashlib
import logging
import math
import re
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from explorer.core.ground import prose
from explorer.core.ground.parameters import experiment, strictly
from explorer.core.run.race import Race
from explorer.core.run.setup import Setup, parts
from explorer.hall.database import named
from explorer.hall.limits import Limit
from explorer.hall.store import DAY, LENGTH, LETTERS, MOST_BETS, Bet, Room, State, Store, Taken

PREFIX = "/room"  # where the routes begin
MOST_BYTES = 1024  # of the body of a request
FRESH = 0.5  # seconds for which what was read of a room is told to all who ask whether it has changed
KEPT = 64  # rooms, and results of rounds, that are kept in memory
LARGEST = 2**31 - 1  # number of a round or a bet

MOST_FIELDS = 20
ENOUGH = 10.0  # seconds in which a body has to arrive
CODE = re.compile(f"[{LETTERS}]{{{LENGTH}}}")


def typed_code(text: str) -> str:
    """Return a room's code as people type it, in a form or an address.

    >>> typed_code(" bcd-fgh")
    'BCDFGH'
    """
    return re.sub(r"[\s-]", "", text).upper()


P = ParamSpec("P")
Found = TypeVar("Found")
Turn = Callable[[float], AbstractContextManager[None]]


WRONG = "This did not work"


class Refused(Exception):
    """A request that is answered by a sentence and no more; `headers` are those of the answer."""

    def __init__(self, status: int, sentence: str, title: str = WRONG, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.title, self.headers = status, sentence, title, headers


NO_ROOM = Refused(404, "There is no room of that code, or it has ended. Look at the code on the screen again.", "No such room")
NO_PAGE = Refused(404, "There is no such page. Look at the address on the screen again.", "No such page")
NOT_YOURS = Refused(403, "This page belongs to who opened the room, in the browser where it was opened.", "Not your room")
SAID = {
    Taken.OLDER: "A later bet of yours holds. Bet again on this page to change it.",
    Taken.NAMED: "Somebody in this room has that nickname already: add a letter to yours.",
    Taken.FULL: f"This room has {MOST_BETS:,} bets, and takes no more. Those who have bet can still change theirs.",
}


def unhurried(wait: float) -> None:
    """Raise Refused, with the seconds that it takes, where an address has to wait."""
    if wait:
        seconds = math.ceil(wait)
        refusal = f"That is more than one address may ask for. Try again in {prose.counted(seconds, 'second')}."
        raise Refused(429, refusal, **{"retry-after": str(seconds)})


class Hall:
    """The rooms of this process's database, one statement at a time, and what each address may ask for.

    Per address and room: a hall has one address for all, so the limits are for some thousand phones at once.
    """

    def __init__(self, store: Callable[[], Store], turn: Turn) -> None:
        self._store, self.turn = lru_cache(maxsize=1)(store), turn
        self._thread = ThreadPoolExecutor(1, "rooms")  # SQLite writes one after the other anyway, and nobody waits for a lock
        self._rooms: OrderedDict[str, tuple[float, Room | None]] = OrderedDict()
        self._results: OrderedDict[tuple[Any, ...], asyncio.Task[str]] = OrderedDict()
        self.requests, self.bets = Limit(10_000, 1_000), Limit(3_000, 300)
        self.unknown, self.opened = Limit(200, 2), Limit(10, 0.1)

    async def kept(self, method: Callable[..., Found], *given: Any, **more: Any) -> Found:
        """Run a method of `Store` in the thread of the database. Raises Refused where the database cannot be used."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: method(self._store(), *given, **more))
        except (ValueError, Refused):
            raise
        except Exception as error:  # each database has errors of its own
            raise Refused(
                503,
                f"The rooms cannot be reached at the moment ({type(error).__name__}). Try again in a few seconds.",
                **{"retry-after": "5"},
            ) from error

    async def room(self, request: Request, *, fresh: bool = True) -> Room:
        """Return the room that the address names. Raises Refused where there is none, and where an address asks too often."""
        code, address = typed_code(request.path_params["code"]), _address(request)
        unhurried(self.requests.wait((address, code)))
        at, room = self._rooms.get(code, (-math.inf, None))
        if fresh or time.monotonic() - at > FRESH:
            if not CODE.fullmatch(code):
                raise NO_ROOM
            if room is None:
                unhurried(self.unknown.wait(address))
            room = await self.kept(Store.room, code)
            self._rooms[code] = (time.monotonic(), room)
            self._rooms.move_to_end(code)
            while len(self._rooms) > KEPT:
                self._rooms.popitem(last=False)
        if room is None:
            raise NO_ROOM
        return room

    async def result(self, room: Room, width: int) -> str:
        """Return what all see of a revealed round; empty for another. It is drawn once, however many ask for it at the same time."""
        if room.state is not State.REVEALED:
            return ""
        key = (room.code, room.round, room.edition, room.count, width)
        if key not in self._results:
            self._results[key] = asyncio.create_task(self._drawn(room, width))
            while len(self._results) > KEPT:
                self._results.popitem(last=False)
        try:
            return await asyncio.shield(self._results[key])  # from one who leaves
        except Refused:
            self._results.pop(key, None)
            raise

    async def _drawn(self, room: Room, width: int) -> str:
        from explorer.hall import pages  # here, as everywhere in this file: it brings figures, for which the first answers would wait

        problems, bets = await self.kept(Store.problems, room.code, room.round), await self.kept(Store.bets, room.code)
        return await asyncio.to_thread(pages.result, [_read(each) for each in problems], bets, room.round, width)


@lru_cache(maxsize=KEPT)
def _read(text: str) -> Any:
    from explorer.hall.problem import Problem

    return Problem.read(text)


async def forget(store: Callable[[], Store] = lambda: Store.of(named())) -> None:
    """Delete the rooms that are a day old, also where nobody asks for a room any more."""

    def old() -> None:
        with contextlib.suppress(Exception), contextlib.closing((found := store()).database):  # where it cannot be used there is no room
            found.forget()

    await asyncio.to_thread(old)


def routes(turn: Turn = lambda numbers: nullcontext(), store: Callable[[], Store] = lambda: Store.of(named())) -> list[BaseRoute]:
    """Return the routes.

    `turn(numbers)` is entered where that many numbers are computed; `store()` is called when a room is first asked for.
    """
    hall = Hall(store, turn)
    answers: dict[str, dict[str, Answers]] = {
        "": {"GET": door, "POST": opened},
        "/{code}": {"GET": student},
        "/{code}/state": {"GET": state},
        "/{code}/bet": {"GET": to_room, "POST": bet},
        "/{code}/lead": {"GET": leader, "POST": led},
        "/{code}/lead/state": {"GET": counted},
        "/{elsewhere:path}": {"GET": lost},
    }
    return [Route(PREFIX + path, Address(hall, methods)) for path, methods in answers.items()]


@dataclass(frozen=True)
class Address:
    """What is at one address, for every method: where none answers it, a sentence of these pages and not the server's."""

    hall: Hall
    answers: Mapping[str, "Answers"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        method = "GET" if request.method == "HEAD" else request.method
        answer = await _answered(partial(self.answers.get(method, partial(self._not_taken, method)), self.hall), request)
        await answer(scope, receive, send)

    async def _not_taken(self, method: str, hall: Hall, request: Request) -> Response:
        raise Refused(405, f"There is nothing at this address that answers {method[:20]}.", allow=", ".join(self.answers))


Answers = Callable[[Hall, Request], Awaitable[Response]]


async def _answered(handler: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """Answer, with a sentence where the handler refuses: a page for a browser, JSON for a script."""
    try:
        origin = request.headers.get("origin")
        if request.method == "POST" and origin and urlsplit(origin).netloc != request.headers.get("host"):
            raise Refused(403, "This form came from another site.")
        answer = await handler(request)
    except Refused as refused:
        answer = await _refusal(request, refused)
    except ValueError as error:
        answer = await _refusal(request, Refused(400, str(error)))
    except Exception:
        number = secrets.token_hex(3)
        logging.getLogger("explorer").exception("Number %s", number)
        answer = await _refusal(request, Refused(500, f"This page ran into a mistake of its own, number {number}. Please report it."))
    answer.headers.setdefault("cache-control", "no-store")
    return answer


async def _refusal(request: Request, refused: Refused) -> Response:
    from explorer.hall import pages

    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"said": prose.sentence(refused.sentence)}, refused.status, refused.headers)
    return HTMLResponse(pages.notice(refused.title, refused.sentence, *_back(request, refused)), refused.status, refused.headers)


def _back(request: Request, refused: Refused) -> tuple[str, str]:
    """Return where a refusal leads, and what that is called: to the room, or to its lecturer's page, or to where a code is typed."""
    code, base = typed_code(request.path_params.get("code", "")), _base(request)
    if refused is NO_ROOM or not CODE.fullmatch(code):
        return base, "Type the code of a room"
    leads = "/lead" in request.url.path and refused is not NOT_YOURS
    return (f"{base}/{code}/lead", "Back to the page before the hall") if leads else (f"{base}/{code}", "Back to the room")


async def lost(hall: Hall, request: Request) -> Response:
    """What is at no address of a room: its page, or the door, where the address is only too long by a slash; else a sentence."""
    code, _, more = request.path_params["elsewhere"].partition("/")
    request.path_params["code"] = code
    if more or not (code == "" or CODE.fullmatch(typed_code(code))):
        raise NO_PAGE
    return _see(f"{_base(request)}/{typed_code(code)}".rstrip("/"))


async def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises Refused where the body is too long, too slow or no text, or has too many of them."""
    body = b""
    try:
        async with asyncio.timeout(ENOUGH):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise Refused(413, f"That is too long: {MOST_BYTES:,} bytes at most.", connection="close")
    except TimeoutError:
        raise Refused(408, f"Not all of the form arrived in {ENOUGH:g} seconds. Send it again.", connection="close") from None
    except ClientDisconnect:
        raise Refused(400, "The connection ended before all was sent.") from None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except UnicodeDecodeError:
        raise Refused(400, "A form of these pages is text in UTF-8, and this one is not. Open the room’s page again.") from None
    except ValueError:
        raise Refused(400, f"A form of these pages has at most {MOST_FIELDS} fields. Open the room’s page again.") from None


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _base(request: Request) -> str:
    """Return the path of `room` as the browser has it, whatever prefix a proxy or Streamlit gives it."""
    return request.url.path[: request.url.path.index(PREFIX) + len(PREFIX)]


def _see(where: str) -> Response:
    return RedirectResponse(where, 303)


def _whole(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > LARGEST:
        raise Refused(400, f"The {name} of a bet is a whole number, got {text[:20]!r}. Open the room’s page again.")
    return int(text)


# ---- the door ---------------------------------------------------------------------------------------------------------


async def door(hall: Hall, request: Request) -> Response:
    """The page where a code is typed; with a problem in the link, the one where a room is opened."""
    from explorer.hall import pages

    query = dict(request.query_params)
    code = query.pop("code", None)
    if code is not None:
        if not CODE.fullmatch(code := typed_code(code)):
            raise NO_ROOM
        return _see(f"room/{code}")
    setup, notes = Setup.salvage(experiment(query)) if query else (None, [])
    elsewhere = ""
    if request.url.hostname in {"localhost", "127.0.0.1", "::1"}:
        elsewhere = f"{request.url.scheme}://{_own_address()}:{request.url.port or 80}{request.url.path}?{request.url.query}"
    return HTMLResponse(await asyncio.to_thread(pages.door, setup, notes, elsewhere))


def _own_address() -> str:
    """Return the address of this machine in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))
        except OSError:
            return socket.gethostname()
        return str(way.getsockname()[0])


async def opened(hall: Hall, request: Request) -> Response:
    """Open a room with the problem of the link."""
    await _fields(request)
    unhurried(hall.opened.wait(_address(request)))
    code, secret = await hall.kept(Store.open, await _posed(hall, strictly(Setup.salvage(experiment(dict(request.query_params))))))
    answer = _see(f"room/{code}/lead")
    _bake(answer, request, f"leads-{code}", secret)
    return answer


async def _posed(hall: Hall, setup: Setup) -> str:
    """Return the problem of a setup, written; it is computed in a thread, when it is its turn."""
    from explorer.hall.problem import Problem

    def computed() -> str:
        with hall.turn(math.inf):
            return Problem.of(setup).written()

    return await asyncio.to_thread(computed)


def _bake(answer: Response, request: Request, name: str, value: str) -> None:
    """Set a cookie for a day that no script reads, and that no form of another site brings along."""
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=DAY, path=_base(request), httponly=True, samesite="lax", secure=secure)


# ---- the student ------------------------------------------------------------------------------------------------------

WHO = "bets"


def _who(request: Request, code: str) -> str:
    """Return who asks, by a name that no other room has for them, and that nobody can guess; empty without a cookie."""
    cookie = request.cookies.get(WHO, "")
    return hashlib.sha256(f"{code} {cookie}".encode()).hexdigest()[:32] if cookie else ""


async def student(hall: Hall, request: Request) -> Response:
    """The page of who bets, whom a cookie tells from others."""
    from explorer.hall import pages

    room = await hall.room(request)
    who = _who(request, room.code)
    own = pages.Own(*(await hall.kept(Store.own, room.code, room.round, who) if who else (None, 0, "")))
    answer = HTMLResponse(pages.student(room, _read(room.problem), own, await hall.result(room, pages.NARROW)))
    if not who:
        _bake(answer, request, WHO, secrets.token_urlsafe(18))
    return answer


async def state(hall: Hall, request: Request) -> Response:
    """Whether a student's page has changed; the same answer as before has no body."""
    from explorer.hall import pages

    room = await hall.room(request, fresh=False)
    return _unless(request, pages.version(room), {"version": pages.version(room)})


def _unless(request: Request, tag: str, found: Mapping[str, Any]) -> Response:
    headers = {"etag": f'"{tag}"', "cache-control": "no-cache"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return JSONResponse(found, headers=headers)


async def bet(hall: Hall, request: Request) -> Response:
    """Take a bet, or say in a sentence why not."""
    from explorer.hall.pages import clean

    code = typed_code(request.path_params["code"])
    given = await _fields(request)
    unhurried(hall.bets.wait((_address(request), code)))
    room, who = await hall.room(request, fresh=False), _who(request, code)
    if not who:
        raise Refused(400, "Open the room’s page first, in a browser that takes cookies: by one it knows your bet again.")
    round, turn = _whole(given.get("round", ""), "round"), _whole(given.get("turn", ""), "number")
    nickname = clean(given.get("nickname", ""))
    if round != room.round and round != (room := await hall.room(request)).round:
        raise _late(round, room)
    rate = _read(room.problem).check(number(given.get("rate", "")))
    taken = await hall.kept(Store.bet, code, round, who, rate, turn, nickname)
    if taken is Taken.GONE:
        raise NO_ROOM
    if taken is Taken.LATE:
        raise _late(round, await hall.room(request))
    if taken is not Taken.HOLDS:
        raise Refused(409, SAID[taken])
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"said": f"Your bet of {prose.plain(rate)} is in."})
    return _see(f"../{code}")


async def to_room(hall: Hall, request: Request) -> Response:
    """The address that a form is sent to, opened by itself: the page of the room has the form."""
    return _see(f"{_base(request)}/{(await hall.room(request, fresh=False)).code}")


def _late(round: int, room: Room) -> Refused:
    """What is said of a bet for a round that takes none."""
    if round > room.round:
        return Refused(409, f"Round {round} has not begun: round {room.round} is {room.state}.")
    now = "its bets are closed" if round == room.round else f"round {room.round} is {room.state}"
    return Refused(409, f"Your bet for round {round} came too late; {now}.")


POWER = re.compile(r"(?<!\s)\s*[·×]\s*10(?:\^([+-]?[0-9]+)|([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))")
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def number(text: str) -> float:
    """Return a rate as people type it, and as these pages write it; `hall.js` reads it the same way. Raises Refused for what is none.

    A comma is a decimal point, but not where it may as well stand between thousands.

    >>> number("0,5"), number("2.5 × 10⁻⁵"), number("1e3"), number("0,125")
    (0.5, 2.5e-05, 1000.0, 0.125)
    >>> number("1,000")
    Traceback (most recent call last):
    ...
    explorer.hall.routes.Refused: 1,000 can be read as 1000 and as 1.000: write it without a comma.
    """
    typed = POWER.sub(lambda power: f"e{power[1] or power[2].translate(SUPERSCRIPTS)}", text.strip().replace("−", "-"))
    if re.fullmatch(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", typed):
        raise Refused(400, f"{typed} can be read as {typed.replace(',', '')} and as {typed.replace(',', '.')}: write it without a comma.")
    typed = typed.replace(",", ".")
    if not re.fullmatch(r"[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(e[+-]?[0-9]{1,3})?", typed, re.IGNORECASE):
        raise Refused(400, f"A bet is a number such as 0.05, got {text[:20]!r}.")
    return float(typed)


# ---- the lecturer -----------------------------------------------------------------------------------------------------


async def _leads(hall: Hall, request: Request, *, fresh: bool = True) -> Room:
    room = await hall.room(request, fresh=fresh)
    if not room.led_by(request.cookies.get(f"leads-{room.code}", "")):
        raise NOT_YOURS
    return room


async def leader(hall: Hall, request: Request) -> Response:
    """The page before the hall."""
    return await _before(hall, request, await _leads(hall, request))


async def _before(hall: Hall, request: Request, room: Room, asked: Mapping[str, str] | None = None, refusal: str = "") -> Response:
    """The same of a room; with a refusal of what was asked for as its next round beside it."""
    from explorer.hall import pages

    bets: list[Bet] = await hall.kept(Store.bets, room.code)
    problems = [_read(each) for each in await hall.kept(Store.problems, room.code, room.round)]
    address = f"{request.url.scheme}://{request.url.netloc}{_base(request)}/{room.code}"
    revealed, cases = await hall.result(room, pages.WIDE), await asyncio.to_thread(offered)
    page = await asyncio.to_thread(pages.leader, room, problems, bets, revealed, address, cases, asked, refusal)
    return HTMLResponse(page, 400 if refusal else 200)


async def counted(hall: Hall, request: Request) -> Response:
    """How many have bet, and whether the page before the hall has changed."""
    from explorer.hall import pages

    room = await _leads(hall, request, fresh=False)
    return _unless(request, f"{pages.version(room)}.{room.count}", {"version": pages.version(room), "count": room.count})


async def led(hall: Hall, request: Request) -> Response:
    """Do what a button before the hall says."""
    room = await _leads(hall, request)
    try:
        given = await _fields(request)
    except Refused as refused:
        if refused.status != 413:
            raise
        answer = await _before(hall, request, room, refusal=refused.sentence)  # only a link is that long
        answer.status_code, answer.headers["connection"] = refused.status, "close"
        return answer
    round, code = _whole(given.get("round", ""), "round"), room.code
    match given.get("do"):
        case "close" | "reveal" | "open" as does:
            to = {"close": State.CLOSED, "reveal": State.REVEALED, "open": State.OPEN}[does]
            if room.state is not State.REVEALED:  # what was shown is not bet on again
                await hall.kept(Store.turn, code, round, to)
        case "next" if room.round == round and room.state is not State.REVEALED:
            raise Refused(409, f"Round {round} has not been revealed. Reveal it first, or choose “Next round without revealing”.")
        case "next" | "skip":
            try:
                posed = await _posed(hall, _chosen(given))
            except ValueError as error:
                return await _before(hall, request, room, given, str(error))
            await hall.kept(Store.go_on, code, round, posed)
        case "hide" | "show" as does:
            await hall.kept(Store.hide, code, given.get("nickname", ""), hidden=does == "hide")
        case "end":
            await hall.kept(Store.end, code)
            hall._rooms.pop(code, None)
            return _see("../../room")
        case other:
            raise Refused(400, f"There is no such button: {str(other)[:20]!r}.")
    hall._rooms.pop(code, None)
    return _see("lead")


OF_FRAMES = {"embed", "embed_options"}  # parts of a link by which Streamlit shows a page within another one's frame


def _chosen(given: Mapping[str, str]) -> Setup:
    """Return the problem of a pasted link, or of the case that was chosen.

    Raises ValueError for a link that names no setup, or several, or has a part that cannot be read: nobody bets on another problem than was
    meant.
    """
    from explorer.site.casebook import RECORDS, by_name

    link = given.get("link", "").strip()
    if link:
        query = parts(link)
        if "loss" not in query:
            raise ValueError(f"a link of the app names a loss, as in …/?loss=quadratic&optimizer=momentum, got {link[:60]!r}")
        record = RECORDS.get(link.partition("?")[0].rpartition("/")[2], Setup)
        said = {name: text for name, text in query.items() if name not in OF_FRAMES}
        posed = record.from_query(experiment(said))
        if isinstance(posed, Setup):
            return posed
        if not isinstance(posed, Race):
            raise ValueError(
                "a room bets on the edge of one setup, and a map runs another one in each pixel:"
                " click the one you mean, which opens it on the page Step size, and paste the link of that"
            )
        if len(posed.racers) > 1:
            raise ValueError(
                f"a room bets on one edge, and this race has {len(posed.racers)} optimizers, each with its own:"
                " choose one of them on the page Step size, and paste the link of that"
            )
        return posed.setups()[0]
    found = by_name().get(given.get("case", ""))
    if found is None or not isinstance(found.record, Setup):
        raise ValueError("choose a problem for the next round, or paste a link of the app")
    return found.setup


@lru_cache(maxsize=1)
def offered() -> list[Any]:
    """Return the cases that have an edge to bet on."""
    from explorer.hall.problem import Problem
    from explorer.site.casebook import casebook

    offered = []
    for case in casebook():
        if case.page == "step_size":
            try:
                Problem.of(case.setup)
            except ValueError:
                continue
            offered.append(case)
    return offered
