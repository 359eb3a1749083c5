#!/usr/bin/env python3
"""The current ClickHouse engine (chdb) behind ClickHouse's HTTP interface, for tests of the adapter.

usage: clickhouse_shim.py FOLDER [PORT]     prints `ready PORT` when it listens on 127.0.0.1

Understands POST / with the statement in the body, or in `query` with the rows in the body; `database`; every other
parameter of the address as a setting. One statement at a time: what concurrency does is a matter of real servers."""
import http.server
import re
import sys
import threading
import urllib.parse

from chdb import session

ENGINE = session.Session(sys.argv[1])
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


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
    print("ready", server.server_address[1], flush=True)
    server.serve_forever()
