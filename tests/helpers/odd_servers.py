"""A small HTTP server in a process of its own that answers as servers do on bad days.

    python odd_servers.py PORT_FILE

Each path is a way to answer; ``/flaky/knn-service`` answers from the third request on.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROW = {"id": 7, "similarity": 0.5, "caption": "a fox", "url": "https://e.org/7.jpg"}
COUNTS: dict[str, int] = {}
PICTURE = Path(__file__).parents[2] / "docs/images/comes-back.jpg"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        way = self.path.removesuffix("/knn-service").strip("/")
        COUNTS[way] = COUNTS.get(way, 0) + 1
        self.answer(way, json.loads(body))

    def do_GET(self) -> None:
        way = self.path.removesuffix("/indices-list").strip("/")
        if way == "counts":
            self.send(200, json.dumps(COUNTS))
        elif way == "names":
            self.send(200, '["laion", "coyo"]')
        elif way.startswith("to/"):  # redirects to what follows
            self.send(302, "", Location=way.removeprefix("to/"))
        elif way == "loop":
            self.send(302, "", Location="/loop")
        elif way == "picture":
            self.send(200, PICTURE.read_bytes(), "image/jpeg")
        elif way == "cut":
            self.send(200, PICTURE.read_bytes(), length=10**7)
        else:
            self.answer(way, {})

    def answer(self, way: str, request: dict[str, Any]) -> None:
        if way == "good":
            self.send(200, json.dumps([ROW, {**ROW, "id": 8, "similarity": 0.4}]))
        elif way == "echo":
            self.send(200, json.dumps([{**ROW, "caption": json.dumps(request)}]))
        elif way == "flaky":
            if COUNTS[way] < 3:
                self.send(502, "<html>Bad Gateway</html>", "text/html")
            else:
                self.send(200, json.dumps([ROW]))
        elif way == "502":
            self.send(502, "<html>Bad Gateway</html>", "text/html")
        elif way == "busy":
            self.send(429, "slow down", **{"Retry-After": "7"})
        elif way == "html":
            self.send(200, "<!doctype html><title>Parked</title>", "text/html")
        elif way == "nothing":
            self.send(200, "")
        elif way == "hang":
            time.sleep(30)
        elif way == "drip":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            self.drip(b"[" + b" " * 1000)
        elif way == "drip-headers":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            self.drip(b"X-Odd: 1\r\n" * 100)
        elif way == "odd":
            self.send(200, '[{"id": 1}, 5, {"similarity": NaN}, {"similarity": 1, "id": null}]')
        elif way == "message":
            self.send(200, '{"message": "no such index"}')
        elif way == "deep":
            self.send(200, "[" * 200_000)
        elif way == "rows":
            row = json.dumps(ROW)
            self.send(200, "[" + ",".join([row] * 30_000) + "]")
        elif way == "endless":  # as ten million rows would come
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n[")
            row = json.dumps(ROW).encode() + b","
            for _ in range(10_000):
                self.wfile.write(row * 1000)
        elif way == "hang-up":
            self.close_connection = True
        else:
            self.send(404, "none")

    def drip(self, data: bytes) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.05)

    def send(
        self,
        status: int,
        content: str | bytes,
        kind: str = "application/json",
        length: int | None = None,
        **headers: str,
    ) -> None:
        data = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients of these tests hang up


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    partial = Path(sys.argv[1] + ".part")
    partial.write_text(str(server.server_address[1]))
    partial.rename(sys.argv[1])
    server.serve_forever()
