"""What passes between a page and the server."""

from __future__ import annotations

from playwright.sync_api import Page, WebSocket


class Traffic:
    """Bytes on the page's websocket."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.received: list[int] = []

    def watch(self, page: Page) -> None:
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self.sent.append(len(payload)))
        socket.on("framereceived", lambda payload: self.received.append(len(payload)))

    def reset(self) -> None:
        self.sent.clear()
        self.received.clear()
