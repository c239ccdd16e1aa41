"""What passes between a page and the server."""

from __future__ import annotations

from playwright.sync_api import Page, Response, WebSocket

from explorer.site.content import CONTENTS


class Traffic:
    """Bytes on the page's websocket, and the addresses of what its pictures show that were fetched."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.received: list[int] = []
        self.fetched: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("websocket", self._listen)
        page.on("response", self._note)

    def _note(self, answer: Response) -> None:
        if CONTENTS in answer.url:
            self.fetched.append(answer.url)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self.sent.append(len(payload)))
        socket.on("framereceived", lambda payload: self.received.append(len(payload)))

    def reset(self) -> None:
        self.sent.clear()
        self.received.clear()
        self.fetched.clear()
