#!/usr/bin/env python3
"""The current ClickHouse engine (chdb) behind ClickHouse's HTTP interface, for tests of the adapter.

usage: clickhouse_shim.py FOLDER [PORT]     prints `ready PORT` when it listens on 127.0.0.1
       clickhouse_shim.py with COMMAND…     runs the command with CLICKHOUSE_URL pointing to one; exit status 77 with the
                                            reason when there is no engine

Understands POST / with the statement in the body, or in `query` with the rows in the body; `database`; every other
parameter of the address as a setting. One statement at a time: what concurrency does is a matter of real servers."""
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse

try:
    from chdb import session
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

FOLDER = tempfile.TemporaryDirectory() if sys.argv[1] == "with" else None
ENGINE = session.Session(FOLDER.name if FOLDER else sys.argv[1])
LOCK = threading.Lock()
NAME = re.compile(r"^[a-z_0-9]+$")
# Of the HTTP interface, not of the engine; and what an embedded engine has no choice in.
NOT_SETTINGS = {"query", "database", "wait_end_of_query", "readonly", "async_insert", "default_format"}
CHANGES = re.compile(r"^\s*(?:insert|drop|create|alter|delete|truncate|rename|optimize|system|grant)\b", re.I)


def run(parameters, body):
    statement = parameters.get("query", "")
    text = f"{statement}\n{body}" if statement else body
    if parameters.get("readonly") in ("1", "2") and CHANGES.match(text):
        raise RuntimeError("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)")
    settings = ", ".join(f"{k} = '{v}'" for k, v in parameters.items() if NAME.match(k) and k not in NOT_SETTINGS)
    with LOCK:
        if settings:
            ENGINE.query("SET " + settings)
        if "database" in parameters:
            ENGINE.query(f'USE "{parameters["database"]}"')
        return ENGINE.query(text).bytes()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        parameters = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        code, answer = 0, b""
        try:
            answer = run(parameters, body) or b""
        except Exception as problem:  # the engine's errors are RuntimeErrors with its code in the text
            found = re.search(r"Code: (\d+)", str(problem))
            code, answer = int(found.group(1)) if found else 1000, str(problem).encode()
        self.send_response(200 if code == 0 else 500)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def run_with(command):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"clickhouse://127.0.0.1:{server.server_address[1]}"
    status = subprocess.run(command, env={**os.environ, "CLICKHOUSE_URL": url}).returncode
    ENGINE.close()
    FOLDER.cleanup()
    return status


if __name__ == "__main__":
    if FOLDER:
        sys.exit(run_with(sys.argv[2:]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
    print("ready", server.server_address[1], flush=True)
    server.serve_forever()
