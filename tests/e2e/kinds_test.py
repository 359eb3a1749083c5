"""The event catalogue over HTTP and the command line; refused events are sent again once the rule has changed; the pixel."""
import base64
import json
import unittest

from harness import ROOT, Server, http, main


def finished(person, **properties):
    return {"account": "school", "kind": "course_finish", "identities": [{"kind": "openid", "value": person}], "value": 80,
            "item": {"kind": "course", "id": "c1"}, "properties": properties}


class Kinds(unittest.TestCase):
    def start(self, settings=""):
        server = Server(settings).start()
        self.addCleanup(server.close)
        return server

    def test_declared_kinds_are_kept_to_and_changed_by_version(self):
        server = self.start()
        self.assertEqual(server.cli("kinds", "apply", ROOT / "examples/kinds-course.toml", "--json")["applied"][0], {"name": "course_finish", "version": 1})
        sent = server.ok("POST", "/v1/events", [finished("o1", level="初级"), finished("o2", level="中级"), finished("o3", level="中级")])
        self.assertEqual([e["status"] for e in sent["events"]], ["accepted", "quarantined", "quarantined"])
        self.assertEqual(sent["events"][1]["reason"], 'properties.level: "中级" is not one of 初级, 高级')

        kind = server.ok("GET", "/v1/kinds/course_finish")
        kind["properties"]["level"]["values"].append("中级")
        self.assertEqual(server.send("PUT", "/v1/kinds/course_finish", kind, headers={"If-Match": "7"}).status, 409)
        changed = server.send("PUT", "/v1/kinds/course_finish", kind, headers={"If-Match": "1"})
        self.assertEqual((changed.status, changed.json["version"], changed.headers["ETag"]), (200, 2, '"2"'))
        self.assertEqual(server.ok("GET", "/v1/kinds/course_finish?version=1")["properties"]["level"]["values"], ["初级", "高级"])

        listed = server.cli("quarantine", "list", "--field", "properties.level", "--json")["items"]
        self.assertEqual(len(listed), 2)
        self.assertEqual(server.cli("quarantine", "resubmit", "--kind", "dance", "--json")["accepted"], 0)
        self.assertEqual(server.ok("POST", "/v1/quarantine/resubmit", {"field": "properties.level"}),
                         {"accepted": 2, "duplicate": 0, "refused": 0, "reasons": []})
        server.settled_total()
        kinds = {k["kind"]: k for k in server.ok("GET", "/v1/kinds")["items"]}
        self.assertEqual((kinds["course_finish"]["events"], kinds["course_finish"]["version"], kinds["course_finish"]["declared"]), (3, 2, True))
        self.assertEqual(kinds["lesson_start"]["events"], 0)

    def test_unknown_kinds_are_counted_or_refused(self):
        event = {"account": "a", "kind": "dance", "identities": [{"kind": "openid", "value": "o"}]}
        open_server = self.start()
        self.assertEqual(open_server.ok("POST", "/v1/events", [event])["accepted"], 1)
        open_server.settled_total()
        kinds = {k["kind"]: k for k in open_server.ok("GET", "/v1/kinds")["items"]}
        self.assertEqual((kinds["dance"]["events"], kinds["dance"]["declared"]), (1, False))

        strict = self.start('[intake]\nunknown_kinds = "quarantine"\n')
        answer = strict.ok("POST", "/v1/events", [event, {**event, "kind": "read"}])
        self.assertEqual([e["status"] for e in answer["events"]], ["quarantined", "accepted"])
        # Kinds in the folder beside the settings are declared at the start.
        (strict.folder / "kinds").mkdir()
        (strict.folder / "kinds" / "dance.toml").write_text('[kinds.dance]\ndescription = "跳舞"\n')
        strict.restart()
        self.assertEqual(strict.ok("POST", "/v1/quarantine/resubmit", {})["accepted"], 1)

    def test_the_pixel_reports_and_answers_with_a_picture(self):
        server = self.start()
        key = server.ok("POST", "/v1/keys", {"name": "site", "role": "page", "accounts": ["shop"]})["key"]
        reader = {"User-Agent": "Mozilla/5.0 Chrome/126.0"}
        path = f"{server.url}/v1/pixel.gif?key={key}&account=shop&aid=reader1&item=article:9"
        answer = http("GET", path, headers=reader)
        self.assertEqual((answer.status, answer.headers["Content-Type"], answer.body[:6], len(answer.body)), (200, "image/gif", b"GIF89a", 43))
        self.assertEqual(http("GET", path.replace(key, "wrong"), headers=reader).status, 401)
        self.assertEqual(http("GET", path + "&kind=follow", headers=reader).status, 403)
        server.settled_total()
        events = server.ok("GET", "/v1/people/anonymous_id:shop:reader1/events")["items"]
        self.assertEqual([(e["kind"], e["item"]["id"]) for e in events], [("view", "9")])

    def test_segments_calls_come_as_pictures_too(self):
        server = self.start()
        key = server.ok("POST", "/v1/keys", {"name": "mail", "role": "page", "accounts": ["shop"]})["key"]
        reader = {"User-Agent": "Mozilla/5.0 Chrome/126.0"}

        def get(call, body, data=None):
            data = data or base64.urlsafe_b64encode(json.dumps(body, ensure_ascii=False).encode()).decode()
            return http("GET", f"{server.url}/v1/pixel/{call}?data={data}", headers=reader)

        opened = {"writeKey": key, "userId": "u1", "event": "Email Opened", "properties": {"subject": "新品？>~"}, "messageId": "m1"}
        answer = get("track", opened)
        self.assertEqual((answer.status, answer.headers["Content-Type"], answer.body[:6], len(answer.body)), (200, "image/gif", b"GIF89a", 43))
        plain = base64.b64encode(json.dumps(opened).encode()).decode()
        self.assertEqual(get("track", None, plain.replace("+", "%20")).status, 200, "the same call again, in the other alphabet")
        self.assertEqual(get("page.gif", {"writeKey": key, "userId": "u1", "properties": {"path": "/a"}}).status, 200)
        self.assertEqual(get("track", {**opened, "writeKey": "wrong"}).status, 401)
        self.assertEqual(get("track", None, "!!!").status, 400)
        self.assertEqual(http("GET", f"{server.url}/v1/pixel/track", headers=reader).status, 400)
        self.assertEqual(get("batch", {"writeKey": key, "batch": []}).status, 404)
        server.settled_total()
        events = server.ok("GET", "/v1/people/user_id:shop:u1/events")["items"]
        self.assertEqual(sorted(e["kind"] for e in events), ["email_opened", "view"])


if __name__ == "__main__":
    main()
