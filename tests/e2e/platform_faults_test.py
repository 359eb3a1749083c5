"""The platform goes away in the middle of a send (its process is killed and another one started), and an access token is revoked in
the middle of one: everybody of the audience is asked for once, nobody is left over, and one forced refresh is enough."""
import collections
import datetime
import http.server as http_server
import json
import pathlib
import shutil
import tempfile
import threading
import unittest
import urllib.parse
from http.client import HTTPException

from harness import STEPPED, Sandbox, Server, http, main

PEOPLE = 200
MASS = "/cgi-bin/message/mass/send"
SINGLE = "/cgi-bin/message/custom/send"


class Way(http_server.BaseHTTPRequestHandler):
    """Between server and platform: notes what was asked for whom, and what the platform answered."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.pass_on(b"")

    def do_POST(self):
        self.pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def pass_on(self, body):
        world = self.server.world
        path, _, query = self.path.partition("?")
        answer = world.answer(self.command, path, query, body, self.headers.get("Content-Type", "application/json"))
        if answer is None:  # as when the peer has died: the question went out, nothing comes back
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class World:
    """A platform that can be killed and started anew, and the way to it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zhiyin-platform-")
        self.state = pathlib.Path(self.folder.name) / "state.jsonl"  # what the platform knows over its death
        self.start_platform()
        self.asked = collections.defaultdict(list)  # path: (body, answer or None)
        self.before = lambda path, number: None     # may kill
        self.after = lambda path, number: True      # false: the answer is lost
        self.revoked, self.forced = set(), 0
        self.way = http_server.ThreadingHTTPServer(("127.0.0.1", 0), Way)
        self.way.daemon_threads, self.way.world = True, self
        threading.Thread(target=self.way.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.way.server_address[1]}"

    def answer(self, method, path, query, body, kind):
        token = urllib.parse.parse_qs(query).get("access_token", [""])[0]
        self.forced += b'"force_refresh":true' in body
        number = len(self.asked[path]) + 1
        self.before(path, number)
        if token in self.revoked:
            return json.dumps({"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest"}).encode()
        try:
            answer = http(method, f"{self.sandbox.url}{path}?{query}", body or None, {"Content-Type": kind}).body if self.sandbox else None
        except (OSError, HTTPException):
            answer = None
        self.asked[path].append((json.loads(body) if body else {}, json.loads(answer) if answer else None))
        return answer if self.after(path, number) else None

    def kill_platform(self):
        self.sandbox.process.kill()
        shutil.rmtree(self.sandbox.folder, ignore_errors=True)
        self.sandbox = None

    def start_platform(self):
        self.sandbox = Sandbox(PEOPLE, seed=3, state=self.state)

    def delivered(self, channel):
        """Every message that reached people, before and after the death: its id of ours, and whom."""
        lines = [json.loads(line) for line in self.state.read_text().splitlines()]
        return [(line["client_id"], line["reached"]) for line in lines if line.get("channel") == channel]

    def close(self):
        self.way.shutdown()
        self.way.server_close()
        if self.sandbox:
            self.sandbox.close()
        self.folder.cleanup()


class PlatformFaults(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.server = Server(STEPPED + f'[wechat]\nbase_url = "{self.world.url}"\n').start()
        self.addCleanup(self.server.close)
        account = self.world.sandbox.ok("GET", "/sandbox/account")
        self.account = account["id"]
        # Small batches, so that a mass send is many calls; all of them by our way.
        self.server.ok("POST", "/v1/accounts", account | {"base_url": self.world.url, "policy": {"mass_openids_max": 8}})
        ingest = self.server.ok("POST", "/v1/keys", {"name": "pages", "role": "ingest"})["key"]
        self.world.sandbox.ok("POST", "/sandbox/connect", {
            "url": self.server.url, "admin_key": self.server.key, "ingest_key": ingest, "account": self.account})
        self.server.run_ended(self.server.ok("POST", f"/v1/accounts/{self.account}/sync")["run"])
        self.world.sandbox.ok("POST", "/sandbox/advance", {"by": "10h"})
        self.server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"following": self.account}})

    def pass_time(self, **by):
        now = datetime.datetime.fromisoformat(self.server.ok("GET", "/v1/session")["now"])
        self.server.ok("POST", "/v1/clock", {"to": (now + datetime.timedelta(**by)).isoformat()})

    def run_campaign(self, channel):
        """Until it has ended; the platform comes back, where it went, after some minutes."""
        self.server.ok("PUT", f"/v1/campaigns/{channel}", {
            "name": channel, "account": self.account, "segment": "all", "holdout": 0.1, "channel": channel,
            "message": {"type": "text", "text": "新书到店"}})
        self.server.ok("POST", f"/v1/campaigns/{channel}/start")
        for step in range(30):
            self.pass_time(minutes=2)
            if step == 1 and not self.world.sandbox:
                self.world.start_platform()
            campaign = self.server.ok("GET", f"/v1/campaigns/{channel}")
            if campaign["state"] == "done":
                return campaign["progress"]
            self.assertEqual(campaign["state"], "running", campaign)
        self.fail(f"it does not end: {campaign}")

    def kill_at(self, path, number, lose_answer):
        """The platform dies with that call: before it could take it, or after it has."""
        def before(asked, n):
            if asked == path and n == number and self.world.sandbox and not lose_answer:
                self.world.kill_platform()

        def after(asked, n):
            if asked == path and n == number and self.world.sandbox and lose_answer:
                self.world.kill_platform()
                return False
            return True
        self.world.before, self.world.after = before, after

    def check_mass(self, progress):
        batches = {}
        for body, answer in self.world.asked[MASS]:
            batches.setdefault(body["clientmsgid"], [set(body["touser"]), False])
            self.assertEqual(batches[body["clientmsgid"]][0], set(body["touser"]), "the same id is the same message to the same people")
            batches[body["clientmsgid"]][1] |= answer is not None and answer["errcode"] in (0, 45065)
        asked = collections.Counter(openid for people, _ in batches.values() for openid in people)
        self.assertEqual(max(asked.values()), 1, "somebody is in two messages")
        self.assertTrue(all(taken for _, taken in batches.values()), "a batch was never taken")
        self.assertEqual((progress["planned"], progress["sending"], progress["unknown"]), (0, 0, 0), progress)
        self.assertEqual(progress["sent"] + progress["failed"], len(asked), progress)
        self.assertGreater(len(batches), 10)
        # What people got, on both sides of the death.
        delivered = self.world.delivered("mass")
        self.assertEqual(sorted(client_id for client_id, _ in delivered), sorted(batches), "each batch goes out exactly once")
        reached = collections.Counter(openid for _, people in delivered for openid in people)
        self.assertEqual(max(reached.values()), 1, "somebody got it twice")
        self.assertLessEqual(set(reached), set(asked))
        self.assertGreater(len(reached), 0.9 * len(asked), "the platform loses a few on the way, no more")

    def test_mass_send_goes_on_when_the_platform_died_with_a_call_that_it_had_taken(self):
        self.kill_at(MASS, 5, lose_answer=True)
        self.check_mass(self.run_campaign("mass"))

    def test_mass_send_goes_on_when_the_platform_died_before_it_took_the_call(self):
        self.kill_at(MASS, 5, lose_answer=False)
        self.check_mass(self.run_campaign("mass"))

    def test_a_token_revoked_in_the_middle_of_a_mass_send_is_replaced_once(self):
        def revoke(path, number):
            if path == MASS and number == 5 and not self.world.revoked:
                tokens = self.world.sandbox.ok("POST", "/cgi-bin/stable_token", {
                    "grant_type": "client_credential", "appid": self.credentials["app_id"], "secret": self.credentials["app_secret"]})
                self.world.revoked.add(tokens["access_token"])
        self.credentials = self.world.sandbox.ok("GET", "/sandbox/account")
        self.world.before = revoke
        self.check_mass(self.run_campaign("mass"))
        self.assertTrue(self.world.revoked)
        self.assertEqual(self.world.forced, 1)
        metrics = self.server.ok("GET", "/metrics").decode()
        self.assertIn(f'zhiyin_wechat_token_forces_total{{account="{self.account}"}} 1', metrics)

    def test_customer_service_messages_are_never_repeated(self):
        followers = self.server.ok("POST", "/v1/segments/preview", {"tree": {"following": self.account}})["count"]
        self.assertGreater(followers, 50)
        for openid in self.openids()[:60]:
            answer = http("POST", self.world.sandbox.url + "/sandbox/act", {"openid": openid, "kind": "message", "text": "在吗"})
            self.assertIn(answer.status, (200, 409), answer.body)  # 409: follows no more
        self.kill_at(SINGLE, 7, lose_answer=True)
        progress = self.run_campaign("customer_service")
        asked = collections.Counter(body["touser"] for body, _ in self.world.asked[SINGLE])
        self.assertGreater(len(asked), 30)
        self.assertEqual(max(asked.values()), 1, "somebody was written to twice")
        reached = collections.Counter(people[0] for _, people in self.world.delivered("customer_service"))
        self.assertEqual(max(reached.values()), 1, "somebody got it twice")
        self.assertEqual(len(reached), sum(a["errcode"] == 0 for _, a in self.world.asked[SINGLE] if a))
        self.assertEqual((progress["planned"], progress["sending"]), (0, 0), progress)
        self.assertEqual(progress["sent"] + progress["failed"] + progress["unknown"], len(asked), progress)
        answered = [answer for _, answer in self.world.asked[SINGLE][:6]]
        self.assertEqual(progress["sent"], sum(a["errcode"] == 0 for _, a in self.world.asked[SINGLE] if a) - 1, "one answer was lost")
        self.assertEqual(len(answered), 6)
        quota = self.server.ok("GET", f"/v1/quota?account={self.account}")["items"][0]["channels"]
        used = {c["channel"]: c for c in quota}["customer_service"]
        self.assertEqual((used["reserved"], used["unknown"]), (0, progress["unknown"]))
        self.assertEqual(used["used"], progress["sent"] + progress["unknown"], used)

    def openids(self):
        account = self.world.sandbox.ok("GET", "/sandbox/account")
        token = self.world.sandbox.ok("POST", "/cgi-bin/stable_token", {
            "grant_type": "client_credential", "appid": account["app_id"], "secret": account["app_secret"]})
        return self.world.sandbox.ok("GET", f"/cgi-bin/user/get?access_token={token['access_token']}")["data"]["openid"]


if __name__ == "__main__":
    main()
