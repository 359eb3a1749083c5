"""Drives the real program from outside: starts servers and sandboxes on loopback, speaks HTTP, kills and restarts."""
import gzip
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("ZHIYIN_PROGRAM", str(ROOT / "build/dev/src/app/zhiyin"))
# What steers the tests is none of the program's options.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("ZHIYIN_PROGRAM", "ZHIYIN_SHARED", "ZHIYIN_KILLS")}
SHARED = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared"))


def shared_data(relative):
    """A file of the development data, or the test is skipped with the reason."""
    path = SHARED / "data" / relative
    if not path.exists():
        raise unittest.SkipTest(f"{relative} is not here (folder `shared` beside the checkout, or ZHIYIN_SHARED)")
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def http(method, url, body=None, headers=None, timeout=120):
    if isinstance(body, (dict, list)):
        body = json.dumps(body, ensure_ascii=False).encode()
    elif isinstance(body, str):
        body = body.encode()
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with OPENER.open(request, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


def cli(*arguments, cwd=None, check=True, env=None, timeout=600):
    """Runs a command; returns its JSON when it was asked for, else its text."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=env or ENVIRONMENT, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"zhiyin {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    if not check:
        return done
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


class Process:
    """A child that says it is ready with one JSON line."""

    def __init__(self, arguments, log, env=None):
        self.log = open(log, "ab")
        self.child = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=self.log, env=env or ENVIRONMENT)
        line = self.child.stdout.readline()
        if not line:
            self.child.wait()
            raise AssertionError(f"{arguments} ended with {self.child.returncode}: {pathlib.Path(log).read_text()[-2000:]}")
        self.ready = json.loads(line)
        if "error" in self.ready:
            self.child.wait()
            raise AssertionError(f"{arguments}: {self.ready['error']}")

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.child.stdout.close()
        self.log.close()

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the process did not stop within 30 s of SIGTERM")
        self.child.stdout.close()
        self.log.close()


def own_state(name):
    """Under `tests/servers/postgres.sh with`: the URL of a schema on that server, for one installation; else nothing."""
    server = os.environ.get("POSTGRES_URL")
    if not server:
        return None
    schema = "s_" + "".join(c if c.isalnum() else "_" for c in name.lower())
    subprocess.run(["psql", "-q", server, "-c", f"CREATE SCHEMA IF NOT EXISTS {schema}"], check=True, stderr=subprocess.DEVNULL, timeout=60)
    return f"{server}?options=-csearch_path%3D{schema}"


class Server:
    """An installation in a folder of its own, with an admin key; started, killed and restarted at will."""

    def __init__(self, settings="", folder=None):
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="zhiyin-test-"))
        self.port = free_port()
        self.config = self.folder / "zhiyin.toml"
        state = None if "[storage]" in settings else own_state(self.folder.name)
        if state:
            settings += f'\n[storage]\nstate = "{state}"\n'
        head, _, sections = settings.partition("[")
        # Texts are read in the background and change lists when they have been: a test that wants it says so.
        quiet = "" if "[catalogue]" in settings else "[catalogue]\nread_texts = false\n"
        self.config.write_text(f"{head}\n{quiet}[server]\nport = {self.port}\n" + (f"[{sections}" if sections else ""))
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = None
        self.process = None

    def start(self):
        self.process = Process(["serve", "--json", "--config", self.config], self.folder / "server.log")
        self.key = self.process.ready["admin_key"] or self.key
        return self

    def kill(self):
        self.process.kill()
        self.process = None

    def restart(self):
        if self.process:
            self.process.stop()
        return self.start()

    def close(self):
        if self.process:
            self.process.stop()
            self.process = None
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, method, path, body=None, key=None, headers=None):
        all_headers = {"Authorization": f"Bearer {key or self.key}"}
        all_headers.update(headers or {})
        return http(method, self.url + path, body, all_headers)

    def ok(self, method, path, body=None, headers=None):
        answer = self.send(method, path, body, headers=headers)
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body[:1000]}")
        return answer.json if answer.body[:1] in b"{[" and answer.body else answer.body

    def cli(self, *arguments, **keywords):
        return cli(*arguments, "--config", self.config, **keywords)

    def run_ended(self, run):
        """Waits for a run by asking; the server answers at once, so this loop is bounded by the run itself."""
        while True:
            state = self.ok("GET", f"/v1/runs/{run}")
            if state["state"] != "running":
                return state

    def settled_total(self):
        """Distinct events that state and warehouse agree on, after everything acknowledged was dealt with."""
        return self.ok("POST", "/v1/segments/preview", {"tree": {"all": True}}), self.ok("GET", "/v1/overview")["events_total"]


class Sandbox:
    def __init__(self, people=200, seed=1, effect=1.0, log_folder=None, state=None):
        self.folder = pathlib.Path(log_folder or tempfile.mkdtemp(prefix="zhiyin-sandbox-"))
        self.process = Process(["sandbox", "--json", "--port", 0, "--people", people, "--seed", seed, "--effect", effect]
                               + (["--state", state] if state else []), self.folder / "sandbox.log")
        self.url = f"http://127.0.0.1:{self.process.ready['port']}"

    def ok(self, method, path, body=None):
        answer = http(method, self.url + path, body)
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body[:1000]}")
        return answer.json

    def close(self):
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


STEPPED = 'clock = "stepped"\nclock_start = "2026-01-05T00:00:00+08:00"\n'


def connected(people=200, seed=1, effect=1.0):
    """A sandbox and a server that know each other. The caller closes both."""
    sandbox = Sandbox(people, seed, effect)
    server = Server(STEPPED + f'[wechat]\nbase_url = "{sandbox.url}"\n').start()
    account = sandbox.ok("GET", "/sandbox/account")
    server.ok("POST", "/v1/accounts", account)
    ingest = server.ok("POST", "/v1/keys", {"name": "pages", "role": "ingest"})["key"]
    sandbox.ok("POST", "/sandbox/connect",
               {"url": server.url, "admin_key": server.key, "ingest_key": ingest, "account": account["id"]})
    server.account = account
    return sandbox, server


def gzipped(data):
    return gzip.compress(data if isinstance(data, bytes) else json.dumps(data).encode())


def main():
    unittest.main(argv=[sys.argv[0], "-v"], module="__main__")
