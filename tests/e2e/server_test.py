"""The server as site operators meet it: TLS by files, health, metrics, the API document, sign-in, drain on SIGTERM."""
import json
import signal
import socket
import ssl
import subprocess
import unittest
import urllib.request

from harness import Process, Server, cli, http, main


class ServerFromOutside(unittest.TestCase):
    def test_health_metrics_and_document(self):
        server = Server().start()
        self.addCleanup(server.close)
        self.assertEqual(http("GET", server.url + "/healthz").body, b"ok\n")
        self.assertEqual(http("GET", server.url + "/readyz").status, 200)
        server.ok("POST", "/v1/events", [{"account": "a", "identities": [{"kind": "openid", "value": "o"}], "kind": "read"}])
        metrics = http("GET", server.url + "/metrics").body.decode()
        self.assertIn('zhiyin_http_requests_total{method="POST",route="/v1/events",code="2xx"} 1', metrics)
        document = http("GET", server.url + "/openapi.json").json
        self.assertEqual(document["openapi"], "3.1.0")
        for path in ("/v1/events", "/v1/people/{person}", "/v1/campaigns/{id}/start", "/v1/segments/preview", "/v1/recommend/{person}"):
            self.assertIn(path, document["paths"])
        self.assertEqual(http("GET", server.url + "/v1/overview").status, 401)
        self.assertEqual(http("GET", server.url + "/v1/none", headers={"Authorization": "Bearer " + server.key}).status, 404)

    def test_a_browser_signs_in_and_needs_its_token(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/users", {"name": "anna", "role": "operator", "password": "correct horse"})
        bad = http("POST", server.url + "/v1/session", {"user": "anna", "password": "wrong horse"})
        self.assertEqual(bad.status, 401)
        good = http("POST", server.url + "/v1/session", {"user": "anna", "password": "correct horse"})
        cookie = good.headers["Set-Cookie"]
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Strict", cookie)
        headers = {"Cookie": cookie.split(";")[0]}
        self.assertTrue(http("GET", server.url + "/v1/session", headers=headers).json["signed_in"])
        segment = {"name": "x", "tree": {"all": True}}
        self.assertEqual(http("PUT", server.url + "/v1/segments/x", segment, headers).status, 401)
        headers["X-CSRF-Token"] = good.json["csrf"]
        self.assertEqual(http("PUT", server.url + "/v1/segments/x", segment, headers).status, 201)
        self.assertEqual(http("PUT", server.url + "/v1/segments/x", segment, headers).status, 409)
        self.assertEqual(http("PUT", server.url + "/v1/segments/x", segment, {**headers, "If-Match": "1"}).status, 200)
        self.assertEqual(http("GET", server.url + "/v1/keys", headers=headers).status, 403)
        audit = server.ok("GET", "/v1/audit")["items"]
        self.assertIn("PUT /v1/segments/x", [entry["what"] for entry in audit])

    def test_a_key_limited_to_an_account_sees_nothing_else(self):
        server = Server().start()
        self.addCleanup(server.close)
        for name, app in (("shop", "wx0123456789abcdef"), ("school", "wx0123456789abcde0")):
            server.ok("PUT", f"/v1/accounts/{name}", {"name": name, "app_id": app, "mode": "plain", "token": "abcdef", "verified": True, "app_secret": "s"})
            server.ok("POST", "/v1/events", [{"account": name, "identities": [{"kind": "openid", "value": "o" + name}], "kind": "read"}])
        server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"all": True}})
        campaign = {"name": "c", "segment": "all", "channel": "customer_service", "message": {"type": "text", "text": "hi"}}
        server.ok("PUT", "/v1/campaigns/ours", campaign | {"account": "shop"})
        server.ok("PUT", "/v1/campaigns/theirs", campaign | {"account": "school"})
        key = server.ok("POST", "/v1/keys", {"name": "shop", "role": "admin", "accounts": ["shop"]})["key"]
        limited = {"Authorization": "Bearer " + key}
        ask = lambda method, path, body=None: http(method, server.url + path, body, limited)

        for method, path, body in (
                ("GET", "/v1/campaigns/theirs", None), ("DELETE", "/v1/campaigns/theirs", None),
                ("GET", "/v1/campaigns/theirs/report", None), ("GET", "/v1/campaigns/theirs/touches.csv", None),
                ("POST", "/v1/campaigns/theirs/start", None), ("POST", "/v1/campaigns/theirs/dry-run", None),
                ("PUT", "/v1/campaigns/theirs", campaign | {"account": "shop"}),
                ("PUT", "/v1/campaigns/new", campaign | {"account": "school"}),
                ("GET", "/v1/accounts/school", None), ("DELETE", "/v1/accounts/school", None), ("POST", "/v1/accounts/school/sync", None),
                ("POST", "/v1/accounts/school/check", None), ("PUT", "/v1/accounts/school", {"name": "x", "app_id": "wx0123456789abcde0"}),
                ("POST", "/v1/keys", {"name": "more", "role": "admin"}), ("GET", "/v1/users", None), ("GET", "/v1/people", None),
                ("GET", "/v1/people/openid:school:oschool", None), ("DELETE", "/v1/people/openid:school:oschool", None),
                ("GET", "/v1/segments/all/members", None), ("GET", "/v1/overview", None), ("GET", "/v1/audit", None),
                ("GET", "/v1/quarantine", None), ("POST", "/v1/imports", "a,b"), ("PUT", "/v1/segments/all", {"name": "x", "tree": {"all": True}}),
                ("GET", "/v1/recommend/openid:school:oschool?account=school", None), ("GET", "/v1/recommend/openid:shop:oshop", None)):
            self.assertEqual(ask(method, path, body).status, 403, f"{method} {path}")
        self.assertEqual(ask("GET", "/v1/recommend/openid:school:oschool?account=shop").status, 404)

        self.assertEqual([c["id"] for c in ask("GET", "/v1/campaigns").json["items"]], ["ours"])
        self.assertEqual([a["id"] for a in ask("GET", "/v1/accounts").json["items"]], ["shop"])
        for path in ("/v1/campaigns/ours", "/v1/campaigns/ours/report", "/v1/accounts/shop", "/v1/segments", "/v1/features",
                     "/v1/recommend/openid:shop:oshop?account=shop"):
            self.assertEqual(ask("GET", path).status, 200, path)
        event = {"account": "school", "identities": [{"kind": "openid", "value": "o"}], "kind": "read"}
        self.assertEqual(ask("POST", "/v1/events", [event]).json["quarantined"], 1)
        server.ok("POST", "/v1/campaigns/theirs/start")
        self.assertEqual(ask("POST", "/v1/emergency-stop").json["stopped"], [])

    def sign_in(self, server, **who):
        answer = http("POST", server.url + "/v1/session", who)
        self.assertEqual(answer.status, 200, answer.body)
        return {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": answer.json["csrf"]}

    def test_a_session_may_what_its_owner_may_and_ends_with_it(self):
        server = Server().start()
        self.addCleanup(server.close)
        limited = server.ok("POST", "/v1/keys", {"name": "shop", "role": "admin", "accounts": ["shop"]})
        browser = self.sign_in(server, key=limited["key"])
        self.assertEqual(http("GET", server.url + "/v1/keys", headers=browser).status, 403)
        self.assertEqual(http("GET", server.url + "/v1/segments", headers=browser).status, 200)
        server.ok("DELETE", f"/v1/keys/{limited['id']}")
        self.assertEqual(http("GET", server.url + "/v1/segments", headers=browser).status, 401)
        server.ok("POST", "/v1/users", {"name": "bob", "role": "admin", "password": "correct horse"})
        browser = self.sign_in(server, user="bob", password="correct horse")
        self.assertEqual(http("GET", server.url + "/v1/keys", headers=browser).status, 200)
        server.ok("DELETE", "/v1/users/bob")
        self.assertEqual(http("GET", server.url + "/v1/keys", headers=browser).status, 401)

    def test_strangers_cannot_fill_disk_or_memory(self):
        server = Server().start()
        self.addCleanup(server.close)
        self.assertEqual(http("POST", server.url + "/v1/session", {"user": "x" * 900_000, "password": "y"}).status, 400)
        for _ in range(15):
            http("POST", server.url + "/v1/session", {"user": "x" * 80, "password": "y"})
        tries = [e for e in server.ok("GET", "/v1/audit")["items"] if e["what"] == "sign-in"]
        self.assertLessEqual(len(tries), 10)
        # A large body is refused by its header, before it is sent.
        for path, key in (("/v1/imports", "wrong"), ("/v1/imports", None), ("/v1/events", "wrong")):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as peer:
                authorization = f"Authorization: Bearer {key}\r\n" if key else ""
                peer.sendall(f"POST {path}?name=a.csv HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 20000000\r\n\r\n".encode())
                self.assertIn(b" 401 ", peer.recv(100))

    def test_a_page_speaks_for_one_reader(self):
        server = Server().start()
        self.addCleanup(server.close)
        key = server.ok("POST", "/v1/keys", {"name": "page", "role": "page"})["key"]
        openid = lambda value: {"kind": "openid", "value": value}
        collect = lambda event: http("POST", f"{server.url}/v1/collect?key={key}", [{"account": "shop"} | event]).status
        self.assertEqual(collect({"kind": "read", "identities": [openid("a"), {"kind": "anonymous_id", "value": "x"}]}), 200)
        self.assertEqual(collect({"kind": "read", "identities": [openid("a"), openid("b")]}), 403)
        self.assertEqual(collect({"kind": "read", "identities": [{"kind": "user_id", "value": "v1"}, {"kind": "user_id", "value": "v2"}]}), 403)
        for kind in ("template_result", "message", "scan", "menu_click", "wechat.raw", "touch.sent", "consent.grant"):
            self.assertEqual(collect({"kind": kind, "identities": [openid("a")]}), 403, kind)

    def test_the_audit_log_holds_no_identity(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/events", [{"account": "shop", "identities": [{"kind": "openid", "value": "oSECRETMARKER"}], "kind": "read"}])
        server.ok("DELETE", "/v1/people/openid:shop:oSECRETMARKER")
        self.assertEqual(server.send("DELETE", "/v1/people/openid:shop:oSECRETMARKER").status, 404)
        entries = [e for e in server.ok("GET", "/v1/audit")["items"] if "/people/" in e["what"]]
        self.assertEqual(len(entries), 2)
        self.assertNotIn("MARKER", str(entries))
        self.assertIn("openid:shop:oSEC", str(entries))

    def refused(self, answer, field, status=400):
        self.assertEqual((answer.status, answer.json.get("field")), (status, field), answer.body)

    def test_not_ready_says_why(self):
        server = Server()
        server.config.write_text(f'[server]\nport = {server.port}\nstop_notice = "30s"\n')
        server.start()
        self.addCleanup(server.close)
        ready = lambda: http("GET", server.url + "/readyz")
        self.assertEqual((ready().status, ready().body), (200, b"ready\n"))
        server.ok("POST", "/v1/projections", {"held": True})
        held = ready()
        self.assertEqual(held.status, 503)
        self.assertIn(b"projections: are held back", held.body)
        self.assertEqual(http("GET", server.url + "/healthz").status, 200)
        server.ok("POST", "/v1/projections", {"held": False})
        self.assertEqual(ready().status, 200)
        server.process.child.send_signal(signal.SIGTERM)
        while (stopping := ready()).status == 200:  # until the signal has arrived
            pass
        self.assertEqual((stopping.status, stopping.body), (503, b"not ready\nserver: is stopping\n"))
        server.kill()

    def test_people_are_exported_whole(self):
        server = Server().start()
        self.addCleanup(server.close)
        events = [{"event_id": f"e{i}", "account": "a", "identities": [{"kind": "openid", "value": f"o{i}"}], "kind": "read" if i % 3 else "like"}
                  for i in range(1100)]
        server.ok("POST", "/v1/events", events)
        server.ok("PUT", "/v1/segments/likers", {"name": "likers", "tree": {"event": "like"}})
        server.settled_total()
        rows = lambda query: server.ok("GET", "/v1/people?format=csv" + query).decode("utf-8-sig").splitlines()
        everybody = rows("&limit=7")
        self.assertEqual(everybody[0], "person,first_seen,last_seen,events,following,interests")
        self.assertEqual(len(set(everybody[1:])), 1100)
        self.assertEqual(len(rows("&segment=likers")), 1 + 367)
        self.assertEqual(len(rows("&q=openid:a:o5")), 1 + 1)
        seen, after = [], ""
        while after is not None:
            page = server.ok("GET", f"/v1/people?segment=likers&limit=100&after={after}")
            seen, after = seen + [p["id"] for p in page["items"]], page["next"]
            self.assertEqual(page["total"], 367)
        self.assertEqual((len(seen), len(set(seen))), (367, 367))

    def test_lists_take_what_they_gave(self):
        server = Server().start()
        self.addCleanup(server.close)
        for path in ("/v1/audit", "/v1/quarantine", "/v1/retention"):
            self.refused(server.send("GET", path + "?after=abc"), "after")
            self.assertEqual(server.send("GET", path + "?after=5").status, 200)
        nobody = server.ok("GET", "/v1/people?q=openid:a:nobody")
        self.assertEqual(nobody, {"items": [], "total": 0, "next": None})
        self.assertEqual(server.ok("GET", "/v1/people?q=p_00000000000000000000000000000000")["items"], [])

    def test_overview_counts_every_kind_and_shows_what_goes_on(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/events", [{"account": "a", "identities": [{"kind": "openid", "value": "o"}], "kind": f"kind_{i}"} for i in range(30)])
        self.assertEqual(server.settled_total()[1], 30)
        server.ok("PUT", "/v1/accounts/shop", {"name": "shop", "app_id": "wx0123456789abcdef", "mode": "plain", "token": "abcdef", "verified": True, "app_secret": "s"})
        server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"all": True}})
        campaign = {"name": "c", "account": "shop", "segment": "all", "channel": "customer_service", "message": {"type": "text", "text": "hi"}}
        for i in range(101):
            server.ok("PUT", f"/v1/campaigns/draft{i}", campaign)
        server.ok("PUT", "/v1/campaigns/zebra", campaign | {"at": "2099-01-01T00:00:00+08:00"})
        server.ok("POST", "/v1/campaigns/zebra/start")
        self.assertEqual([(c["id"], c["state"]) for c in server.ok("GET", "/v1/overview")["campaigns"]], [("zebra", "running")])

    def test_training_needs_no_body(self):
        server = Server().start()
        self.addCleanup(server.close)
        for what in ("recommend", "response"):
            for body in (None, "{}"):
                started = server.send("POST", f"/v1/train/{what}", body)
                self.assertEqual(started.status, 202, started.body)
                server.run_ended(started.json["run"])
            self.assertEqual(server.send("POST", f"/v1/train/{what}", {"none": 1}).status, 400)
            described = server.ok("GET", "/openapi.json")["paths"][f"/v1/train/{what}"]["post"]
            self.assertFalse(described["requestBody"]["required"])

    def test_what_cannot_be_is_refused_with_its_field(self):
        server = Server().start()
        self.addCleanup(server.close)
        shop = {"name": "shop", "app_id": "wx0123456789abcdef", "mode": "plain", "token": "abcdef", "verified": True, "app_secret": "s"}
        server.ok("PUT", "/v1/accounts/shop", shop)
        self.refused(server.send("PUT", "/v1/accounts/twin", shop), "app_id", 409)
        self.refused(server.send("PUT", "/v1/segments/s", {"name": "s", "tree": {"not": {"event": "READ"}}}), "tree.not.event")
        self.refused(server.send("POST", "/v1/segments/preview", {"tree": {"event": "READ"}}), "tree.event")
        server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"all": True}})
        campaign = {"name": "c", "account": "shop", "segment": "all", "channel": "customer_service", "message": {"type": "text", "text": "hi"}}
        self.refused(server.send("PUT", "/v1/campaigns/c", campaign | {"account": "none"}), "account")
        self.refused(server.send("PUT", "/v1/campaigns/c", campaign | {"segment": "none"}), "segment")
        self.assertEqual(server.send("PUT", "/v1/campaigns/c", campaign).status, 201)
        self.assertEqual(server.send("PUT", "/v1/campaigns/c", campaign | {"name": "d"}, headers={"If-Match": "1"}).status, 200)
        item = {"kind": "article", "id": "1", "title": "t"}
        for field, wrong in (("items[0].id", {"id": "a\nb"}), ("items[0].kind", {"kind": "Art\x01"}), ("items[0].title", {"title": " "})):
            self.refused(server.send("POST", "/v1/items", item | wrong), field)
        self.refused(server.send("POST", "/v1/items", [{"kind": "article", "id": "1"}]), "items[0].title")
        self.refused(server.send("POST", "/v1/keys", {"name": "k", "role": "ingest", "accounts": ["shop", "bad id"]}), "accounts[1]")
        self.refused(server.send("POST", "/v1/users", {"name": "u", "role": "ingest", "password": "correct horse"}), "role")
        answer = server.ok("POST", "/v1/events", [
            {"account": "shop", "identities": [{"kind": "openid", "value": "o"}], "kind": "read", "value": value} for value in (30, -1, 86_401)])
        self.assertEqual((answer["accepted"], answer["quarantined"]), (1, 2))
        self.assertEqual([q["field"] for q in server.ok("GET", "/v1/quarantine")["items"]], ["value", "value"])

    def test_flags_and_options_say_what_they_expect(self):
        server = Server()
        self.addCleanup(server.close)
        for arguments, words in ((("recommend", "--person", "openid:a:b", "--n", "5x"), "--n: '5x' is not a whole number"),
                                 (("train", "recommend", "--k", "many"), "--k: 'many' is not a whole number"),
                                 (("evaluate", "recommend", "--train", "a", "--test", "b", "--at", "0,x"), "--at: 'x' is not a whole number"),
                                 (("evaluate", "response", "--data", "a", "--label", "b", "--seed", "-1"), "--seed: '-1' is not a whole number"),
                                 (("serve", "--log_level", "loud"), "log_level: 'loud' is not one of debug, info, warning, error"),
                                 (("serve", "--server.public_url", "not a url"), "server.public_url: 'not a url' is no address")):
            done = server.cli(*arguments, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)

    def test_tls_needs_both_files(self):
        for name in ("server.tls_certificate", "server.tls_key"):
            server = Server()
            self.addCleanup(server.close)
            failed = cli("serve", "--config", server.config, f"--{name}", "some.pem", check=False)
            self.assertEqual(failed.returncode, 2, failed.stderr)
            self.assertIn("belong together", failed.stderr)

    def test_refusals_say_what_they_are(self):
        server = Server().start()
        self.addCleanup(server.close)
        key = {"Authorization": "Bearer " + server.key}
        for method, path, headers, status in (("GET", "/v1/people", {}, 401), ("POST", "/v1/people", key, 405),
                                              ("GET", "/v1/none", key, 404), ("POST", "/v1/none", key, 404), ("DELETE", "/people", {}, 404)):
            answer = http(method, server.url + path, headers=headers)
            self.assertEqual((answer.status, answer.json["status"]), (status, status), f"{method} {path}")
        self.assertEqual(http("POST", server.url + "/v1/people", headers=key).headers["Allow"], "GET")

    def test_an_account_is_changed_only_by_those_who_know_it(self):
        server = Server().start()
        self.addCleanup(server.close)
        account = {"name": "shop", "app_id": "wx0123456789abcdef", "mode": "plain", "token": "abcdef", "verified": True}
        self.assertEqual(server.send("PUT", "/v1/accounts/shop", account).status, 201)
        self.assertEqual(server.send("PUT", "/v1/accounts/shop", account).status, 409)
        self.assertEqual(server.send("PUT", "/v1/accounts/shop", account, headers={"If-Match": "7"}).status, 409)
        self.assertEqual(server.send("PUT", "/v1/accounts/shop", account, headers={"If-Match": "1"}).status, 200)
        file = server.folder / "account.json"
        file.write_text('{"id": "shop", "name": "The shop"}')
        applied = server.cli("account", "apply", file, "--json")
        self.assertEqual((applied["name"], applied["verified"], applied["app_id"]), ("The shop", True, "wx0123456789abcdef"))

    def test_what_is_stored_is_for_its_owner_only(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/events", [{"account": "a", "identities": [{"kind": "openid", "value": "o"}], "kind": "read"}])
        stored = list((server.folder / "data").rglob("*"))
        self.assertGreater(len(stored), 3)
        for path in stored:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_tls_by_files(self):
        server = Server()
        self.addCleanup(server.close)
        certificate, key = server.folder / "cert.pem", server.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        server.config.write_text(server.config.read_text() + f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n')
        server.start()
        context = ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(f"https://127.0.0.1:{server.port}/healthz", context=context) as response:
            self.assertEqual(response.read(), b"ok\n")
        with self.assertRaises(Exception):
            urllib.request.urlopen(f"https://127.0.0.1:{server.port}/healthz", context=ssl.create_default_context())

    def test_a_second_process_on_the_same_folder_is_refused(self):
        server = Server().start()
        self.addCleanup(server.close)
        second = server.cli("serve", "--server.port", "0", check=False)
        self.assertEqual(second.returncode, 4)
        self.assertIn("another zhiyin process", second.stderr)

    def test_it_stops_however_far_behind_the_projections_are(self):
        server = Server().start()
        self.addCleanup(server.close)
        table = server.folder / "events.csv"
        with open(table, "w") as out:
            out.write("user,item,kind,time\n")
            out.writelines(f"u{i % 1000},a{i % 50},read,{1767225600 + i}\n" for i in range(300_000))
        server.ok("POST", "/v1/projections", {"held": True})
        server.cli("import", table, "--account", "shop", "--json")
        server.ok("POST", "/v1/projections", {"held": False})
        self.assertGreater(server.ok("GET", "/v1/overview")["lag"], 200_000)
        server.restart()  # fails after 30 s; the projections need longer
        self.assertGreater(server.ok("GET", "/v1/overview")["lag"], 0)

    def test_the_page_of_the_data_says_what_came_in_and_what_it_takes(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/events", [{"account": "a", "identities": [{"kind": "openid", "value": f"o{i}"}], "kind": "read"} for i in range(5)]
                  + [{"account": "a", "identities": [{"kind": "openid", "value": "o"}], "kind": "Not A Kind"}])
        server.settled_total()
        data = server.ok("GET", "/v1/data")
        way = {one["way"]: one for one in data["ways"]}["api"]
        self.assertEqual((way["events"], way["quarantined"], way["late"], data["quarantined"]), (5, 1, 0, 1))
        self.assertEqual(sum(one["count"] for one in data["rate"] if one["way"] == "api"), 5)
        self.assertEqual({one["projection"]: one["records"] for one in data["lag"]}, {"state": 0, "warehouse": 0})
        self.assertEqual((data["reasons"][0]["field"], data["since_start"]["accepted"]), ("kind", 5))
        self.assertTrue(all(store["bytes"] > 0 for store in data["stores"]), data["stores"])

    def test_erasing_a_person_gives_a_certificate_and_leaves_nobody(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/events", [{"account": "a", "identities": [{"kind": "openid", "value": "oGone"}], "kind": "read",
                                          "properties": {"personal": {"phone": "13800138000"}}}])
        server.settled_total()
        raw = b"".join(p.read_bytes() for p in (server.folder / "data").iterdir() if p.is_file())
        self.assertNotIn(b"13800138000", raw)
        self.assertNotIn(b"oGone", raw)
        certificate = server.ok("DELETE", "/v1/people/openid:a:oGone")
        self.assertEqual(len(certificate["identities"]), 1)
        self.assertTrue(certificate["digest"])
        self.assertEqual(server.send("GET", "/v1/people/openid:a:oGone").status, 404)
        self.assertEqual(certificate["remains"], {"warehouse_events": 1, "warehouse_kept": "for ever", "log_kept": "for ever"})
        self.assertEqual(server.settled_total()[0]["count"], 0)

        server.ok("POST", "/v1/events", [{"account": "a", "identities": [{"kind": "openid", "value": "oAll"}], "kind": "read"} for _ in range(3)])
        self.assertEqual(server.settled_total()[1], 4)
        self.assertEqual(server.send("DELETE", "/v1/people/openid:a:oAll?events=some").status, 400)
        certificate = server.ok("DELETE", "/v1/people/openid:a:oAll?events=remove")
        self.assertEqual((certificate["warehouse_removed"], certificate["remains"]["warehouse_events"]), (3, 0))
        self.assertEqual(server.settled_total()[1], 1)

    def test_what_was_read_can_be_changed_and_sent_back(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/accounts", {"id": "shop", "app_id": "wx0123456789abcdef", "app_secret": "keep", "mode": "plain", "token": "abcdef",
                                           "verified": True})
        server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"all": True}})
        server.ok("PUT", "/v1/campaigns/hello", {"name": "hello", "account": "shop", "segment": "all", "channel": "customer_service",
                                                 "message": {"type": "text", "text": "hi"}})
        for path, wrong in (("/v1/accounts/shop", {"has_secret": False}), ("/v1/segments/all", {"updated_at": "2020-01-01T00:00:00+08:00"}),
                            ("/v1/campaigns/hello", {"state": "running"})):
            read = server.ok("GET", path)
            match = {"If-Match": str(read["version"])}
            for member, value in {**wrong, "version": 99, "nmae": "x", "id": "another"}.items():
                refused = server.send("PUT", path, {**read, member: value}, headers=match)
                self.assertEqual((refused.status, refused.json["field"]), (400, member), path)
            self.assertEqual(server.ok("PUT", path, {**read, "name": "changed"}, headers=match)["name"], "changed")
            self.assertEqual(server.ok("GET", path)["version"], read["version"] + 1)
        file = server.folder / "segment.json"
        file.write_text(json.dumps({**server.ok("GET", "/v1/segments/all"), "nmae": "x"}))
        self.assertIn("nmae", server.cli("segment", "apply", file, check=False).stderr)

    def test_a_server_of_its_own_without_workers_says_so(self):
        server = Server()
        self.addCleanup(server.close)
        server.process = Process(["serve", "--json", "--config", server.config, "--roles", "intake"], server.folder / "server.log")
        ready = http("GET", f"{server.url}/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn("without workers", ready.body.decode())
        self.assertIn("no_workers", (server.folder / "server.log").read_text())
        checks = {c["name"]: c for c in json.loads(server.cli("doctor", "--json", check=False).stdout)["checks"]}
        self.assertFalse(checks["workers"]["ok"])
        self.assertIn("server.roles", checks["workers"]["advice"])


if __name__ == "__main__":
    main()
