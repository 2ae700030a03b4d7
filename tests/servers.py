"""Servers of this machine, in the place of those on the network."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def served(server: HTTPServer) -> Iterator[str]:
    """Let a server answer in the background, and yield its address.

    It ends with the block, also when a test in it fails: otherwise pytest would wait for it.
    """
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def folder_served(folder: Path) -> Iterator[str]:
    """Serve a folder, without a word for each request, and yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with served(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as address:
        yield address


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep quiet."""
