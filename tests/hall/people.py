"""Lecturers and students who speak plain HTTP, each with their own cookies, as browsers without scripts do."""

from __future__ import annotations

import html
import http.client
import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

RAVINE = "v=1&loss=ravine&learning_rate=0.1"


class Person:
    """A browser that follows redirects; `page` is what it shows, `status` how it was answered."""

    def __init__(self, address: str) -> None:
        self.address, self.cookies = address, dict[str, str]()
        self.status, self.page, self.headers, self.url = 0, "", dict[str, str](), ""

    def ask(self, path: str, fields: dict[str, object] | None = None, *, body: bytes | None = None, **headers: str) -> str:
        """Ask for a page, or send a form; return what is shown."""
        self.url = urljoin(self.address, path)
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if fields is not None:
            body = urlencode(fields).encode()
        if body is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", f"{parts.path}?{parts.query}", body, sent | named)
        answer = connection.getresponse()
        self.status, self.page, self.headers = answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.getheaders()}
        connection.close()
        for name, morsel in SimpleCookie(self.headers.get("set-cookie", "")).items():
            self.cookies[name] = morsel.value
        return self.ask(urljoin(self.url, self.headers["location"])) if self.status == 303 else self.page

    @property
    def refusal(self) -> str:
        """The sentence of a refusal."""
        return "".join(re.findall(r'<p class="wrong"[^>]*>(.*?)</p>', self.page))

    def refuses(self, sentence: str) -> bool:
        """Whether that is the sentence of a refusal; what `.*` stands for may be anything."""
        return re.fullmatch(re.escape(sentence).replace(r"\.\*", ".*"), html.unescape(self.refusal)) is not None


class Student(Person):
    """One who joins by a code and bets with the form that the page has."""

    def join(self, code: str) -> Student:
        self.code = code
        self.ask(f"/room?{urlencode({'code': code})}")
        return self

    def form(self) -> dict[str, object]:
        """What the form on the page holds."""
        return dict(re.findall(r'name="(round|turn|nickname|rate)"[^>]* value="([^"]*)"', self.page))

    def bet(self, rate: object, nickname: str = "", **other: object) -> str:
        return self.ask(f"/room/{self.code}/bet", self.form() | {"rate": rate, "nickname": nickname} | other)


class Lecturer(Person):
    """One who opens a room and leads it."""

    def open(self, query: str = RAVINE) -> Lecturer:
        self.ask(f"/room?{query}", {})
        self.code = re.findall(r'class="code">(\w+)<', self.page)[0]
        return self

    def does(self, what: str, **more: object) -> str:
        round = re.findall(r'name="round" value="(\d+)"', self.page)
        return self.ask(f"/room/{self.code}/lead", {"do": what, "round": round[0] if round else 1} | more)
