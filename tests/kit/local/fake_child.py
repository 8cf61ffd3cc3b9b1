"""A stand-in for the model's process: the same words on stdin and stdout, and any trouble asked for."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

folder = Path(sys.argv[1])
with (folder / "pids").open("a") as file:
    file.write(f"{os.getpid()}\n")
(folder / "environment").write_text(repr(dict(os.environ)) + repr(sys.argv))
turn = len((folder / "pids").read_text().split())
script = (folder / "script").read_text().splitlines()
behaviour = script[min(turn, len(script)) - 1]
orders = json.loads(sys.stdin.readline())

if behaviour == "dies":
    sys.stderr.write("loading…\nno such model\n")
    sys.exit(3)
if behaviour == "hangs at start":
    time.sleep(60)

warmed = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if behaviour == "deaf":
            time.sleep(60)
        self.reply(200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "/slots/" in self.path:
            self.reply(400)
            return
        with (folder / "asked").open("ab") as file:
            file.write(body + b"\n")
        if behaviour == "dies when asked" and warmed.is_set():
            os._exit(9)
        warmed.set()
        self.reply(200 if self.headers["Authorization"] == f"Bearer {orders['key']}" else 401)

    def reply(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", orders["port"]), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}) + "\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
