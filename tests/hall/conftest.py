"""A server of rooms alone, without Streamlit: in a thread, with a database of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from explorer.hall.database import FOLDER, named
from explorer.hall.routes import routes
from explorer.hall.store import Store


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of such a server."""
    with closing(named({FOLDER: str(folder)})) as database:
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes(store=lambda: Store.of(database))), port=0, log_level="warning"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """`serve()` starts one more server of the same rooms, as another process would be, and returns its address."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serving(tmp_path))


@pytest.fixture
def address(serve: Callable[[], str]) -> str:
    return serve()
