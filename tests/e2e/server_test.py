"""The server as site operators meet it: TLS by files, health, metrics, the API document, sign-in, drain on SIGTERM."""
import ssl
import subprocess
import unittest
import urllib.request

from harness import Server, http, main


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
        self.assertEqual(bad.status, 403)
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
        self.assertEqual(server.settled_total()[0]["count"], 0)


if __name__ == "__main__":
    main()
