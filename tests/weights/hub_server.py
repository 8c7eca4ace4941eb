"""A model hub in a thread: the routes by which `huggingface_hub` fetches and uploads, over a dict of repositories."""

import base64
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
        self.commits: list[list[str]] = []
        self.address = ""

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

    def take(self, path: str, token: str, body: bytes) -> tuple[int, dict]:
        """(status, answer) of one upload request: making a repository, asking how to send files, sending them."""
        self.requests.append(f"POST {path}")
        if not token:
            return 401, {"error": "a token is needed"}
        if path == "/api/repos/create":
            content = json.loads(body)
            name = f"{content.get('organization') or 'someone'}/{content['name']}"
            self.repositories.setdefault(name, {})
            return 200, {"url": f"{self.address}/{name}", "name": name}
        name, _, rest = path.removeprefix("/api/models/").partition("/")
        owner, (name, _, action) = name, rest.partition("/")
        name = f"{owner}/{name}"
        if action.startswith("preupload/"):
            files = json.loads(body)["files"]
            return 200, {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]}
        self.commits.append([])
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.repositories[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.commits[-1].append(line["value"].get("summary") or line["value"].get("path"))
        return 200, {"success": True, "commitOid": COMMIT, "commitUrl": f"{self.address}/{name}/commit/{COMMIT}"}


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

        def do_POST(self):
            if self.headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
            token = self.headers.get("authorization", "").removeprefix("Bearer ")
            status, answer = hub.take(self.path.partition("?")[0], token, body)
            answer = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        yield hub, hub.address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
