"""A model hub in a thread: the routes that `huggingface_hub` needs to fetch files, over a dict of repositories."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """`repositories` is {"owner/name": {file: bytes}}; `private` maps a repository to the token it wants."""

    def __init__(self):
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, str] = {}
        self.gated: set[str] = set()
        self.requests: list[str] = []

    def answer(self, method: str, path: str, token: str) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) of one request."""
        self.requests.append(f"{method} {path}")
        api = path.startswith("/api/models/")
        start, middle = ("/api/models/", "/revision/") if api else ("/", "/resolve/")
        name, _, rest = path.removeprefix(start).partition(middle)
        if name in self.gated:
            return 403, {"X-Error-Code": "GatedRepo"}, b""
        if name not in self.repositories or token != self.private.get(name, token):
            return 401, {"X-Error-Code": "RepoNotFound"}, b""
        files = self.repositories[name]
        revision, _, file = rest.partition("/")
        if revision and revision not in ("main", COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        if api:
            body = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
            return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()
        if file not in files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
        etag = hashlib.sha1(files[file]).hexdigest()
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}, files[file]


@contextmanager
def running_hub():
    """Yields (hub, its address)."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            token = self.headers.get("authorization", "").removeprefix("Bearer ")
            status, headers, body = hub.answer(self.command, self.path.partition("?")[0], token)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
