"""Vectors and analyses over HTTP: OpenAI's shape with its official clients, the rules, a classifier with its shadow."""
import base64
import json
import struct
import subprocess
import unittest

from harness import ROOT, Server, cli, main

PYTHON = ROOT / "build" / "venv" / "bin" / "python"
SDKS = ROOT / "tests" / "sdks"
ENCODERS = [*ROOT.glob("build/*/models/encoder.zyen"), ROOT / "build/deps/encoder/e5-small-q4.bin"]
NODE = """
import OpenAI from 'openai';
const client = new OpenAI({baseURL: process.argv[1] + '/v1', apiKey: process.argv[2], maxRetries: 0});
const made = await client.embeddings.create({model: 'any', input: ['今天天气很好', 'bus'], dimensions: 8});
const listed = [];
for await (const one of client.models.list()) listed.push(one.id);
const one = await client.models.retrieve(made.model);
console.log(JSON.stringify({lengths: made.data.map(d => d.embedding.length), tokens: made.usage.prompt_tokens, listed, one: one.id, model: made.model}));
"""
PYPI = """
import json, sys, openai
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key=sys.argv[2], max_retries=0)
made = client.embeddings.create(model="any", input=["今天天气很好", "bus"], dimensions=8)
try:
    client.embeddings.create(model="any", input=["x"], dimensions=100000)
except openai.BadRequestError as error:
    wrong = error.param
listed = [m.id for m in client.models.list()]
one = client.models.retrieve(made.model)
try:
    client.models.retrieve("nobody")
except openai.NotFoundError:
    absent = True
print(json.dumps({"lengths": [len(d.embedding) for d in made.data], "tokens": made.usage.prompt_tokens, "wrong": wrong, "model": made.model,
                  "listed": listed, "one": [one.id, one.object, one.owned_by], "created": one.created, "absent": absent}))
"""


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


class Language(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def embed(self, **body):
        return self.server.send("POST", "/v1/embeddings", body)

    def need_encoder(self):
        if not any(path.exists() for path in ENCODERS):
            self.skipTest("no encoder in build/deps/encoder (./dev setup)")

    def test_vectors(self):
        self.need_encoder()
        made = self.embed(input=["今天天气很好", "天气不错", "股票大跌"], model="any").json
        vectors = [d["embedding"] for d in made["data"]]
        self.assertAlmostEqual(dot(vectors[0], vectors[0]), 1, 4)
        self.assertGreater(dot(vectors[0], vectors[1]), dot(vectors[0], vectors[2]))
        self.assertGreater(made["usage"]["prompt_tokens"], 6)
        packed = self.embed(input="今天天气很好", encoding_format="base64").json["data"][0]["embedding"]
        numbers = struct.unpack(f"<{len(vectors[0])}f", base64.b64decode(packed))
        self.assertTrue(all(abs(a - b) < 1e-7 for a, b in zip(numbers, vectors[0])))  # alone and in a batch
        short = self.embed(input="今天天气很好", dimensions=16).json["data"][0]["embedding"]
        self.assertEqual(len(short), 16)
        self.assertAlmostEqual(dot(short, short), 1, 4)
        tokens = self.embed(input=[[0, 5, 2], [0, 6, 7, 2]]).json
        self.assertEqual(tokens["usage"]["total_tokens"], 7)
        other = self.embed(input="今天天气很好", prefix="query").json["data"][0]["embedding"]
        self.assertNotEqual(other, vectors[0])

    def test_whoever_refuses_does_so_in_the_form_of_openai(self):
        for path, most in (("/v1/embeddings", 8 << 20), ("/v1/chat/completions", 2 << 20)):
            answers = [(self.server.send("POST", path, {"input": "x" * most}), 413, "invalid_request_error"),
                       (self.server.send("DELETE", path), 405, "invalid_request_error"),
                       (self.server.send("GET", path), 404, "invalid_request_error"),
                       (self.server.send("POST", path, {}, key="none"), 401, "authentication_error")]
            for answer, status, kind in answers:
                self.assertEqual(answer.status, status)
                self.assertEqual(set(answer.json), {"error"})
                self.assertEqual(set(answer.json["error"]), {"message", "type", "param", "code"})
                self.assertEqual(answer.json["error"]["type"], kind)
        self.assertIn("detail", self.server.send("DELETE", "/v1/similarity").json)  # elsewhere as before

    def test_mistakes_in_requests_for_vectors_are_named(self):
        self.need_encoder()
        for body, param in (({"input": []}, "input"), ({"input": ["a", ""]}, "input[1]"), ({"input": [[0, 99999999]]}, "input[0]"),
                            ({"input": "a", "dimensions": 0}, "dimensions"), ({"input": "字" * 3000, "truncate": False}, "input[0]")):
            answer = self.embed(**body)
            self.assertEqual(answer.status, 400, answer.body)
            self.assertEqual(answer.json["error"]["param"], param)
            self.assertEqual(answer.json["error"]["type"], "invalid_request_error")
        self.assertEqual(self.server.send("POST", "/v1/embeddings", {"input": "a"}, key="wrong").status, 401)

    def test_the_official_clients(self):
        self.need_encoder()
        ran = 0
        if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import openai"], capture_output=True).returncode == 0:
            done = subprocess.run([PYTHON, "-c", PYPI, self.server.url, self.server.key], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            out = json.loads(done.stdout)
            self.assertEqual((out["lengths"], out["wrong"]), ([8, 8], "dimensions"))
            self.assertEqual((out["listed"], out["one"], out["absent"]), (["grounded", out["model"]], [out["model"], "model", "zhiyin"], True))
            self.assertGreater(out["created"], 1_600_000_000)
            ran += 1
        if (SDKS / "node_modules" / "openai").exists():
            done = subprocess.run(["node", "--input-type=module", "-e", NODE, "--", self.server.url, self.server.key], cwd=SDKS,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            out = json.loads(done.stdout)
            self.assertEqual((out["lengths"], out["listed"], out["one"]), ([8, 8], ["grounded", out["model"]], out["model"]))
            ran += 1
        if ran < 2:
            self.skipTest(f"{ran} of 2 openai clients are installed (./dev setup test)")

    def test_rules_of_an_analysis_and_faults_of_single_texts(self):
        out = self.server.ok("POST", "/v1/analyze", {"texts": ["张先生在北京的电话是13800138000", "", "The bus is late today, and nobody knows why"],
                                                     "tasks": ["language", "keywords", "entities", "masked"], "keywords": 3})
        first, empty, english = out["items"]
        self.assertEqual(first["language"]["name"], "zh-Hans")
        self.assertNotIn("13800138000", first["masked"])
        sure = {one["kind"]: one["confidence"] for one in first["entities"]}
        self.assertTrue(sure["phone"] > 0.9 > 0.7 > sure["name"] > 0.5 > sure["place"] > 0.3, sure)
        self.assertEqual({one["kind"]: one["confidence"] for one in first["masked_spans"]}, {k: sure[k] for k in ("phone", "name")})
        card = self.server.ok("POST", "/v1/analyze", {"texts": ["11010519491231002X"], "tasks": ["entities"]})["items"][0]["entities"][0]
        self.assertEqual((card["kind"], card["confidence"]), ("id_number", None))
        kinds = {e["kind"]: e for e in first["entities"]}
        self.assertEqual(kinds["phone"]["text"], "13800138000")
        self.assertEqual(kinds["place"]["text"], "北京")
        self.assertLessEqual(len(first["keywords"]), 3)
        self.assertEqual(empty["error"]["field"], "texts[1]")
        self.assertEqual(english["language"]["name"], "en")
        missing = self.server.send("POST", "/v1/analyze", {"texts": ["a"], "tasks": ["language", "nobody"]})
        self.assertEqual((missing.status, missing.json["field"]), (404, "tasks[1]"))
        self.assertEqual(self.server.send("POST", "/v1/analyze", {"texts": []}).status, 400)
        self.assertEqual(self.server.send("POST", "/v1/analyze", {"texts": ["a"] * 513}).status, 400)
        self.assertIn("versions", self.server.ok("POST", "/v1/analyze", {"texts": ["不带任务"]}))

    def test_every_word_with_its_kind_for_who_asks(self):
        text = "张先生在北京买了保温杯"
        item = self.server.ok("POST", "/v1/analyze", {"texts": [text], "tasks": ["words"]})["items"][0]
        self.assertEqual("".join(w["word"] for w in item["words"]), text)
        self.assertEqual({w["word"]: w["tag"] for w in item["words"]}["北京"], "ns")
        self.assertEqual([w["span"][0] for w in item["words"][1:]], [w["span"][1] for w in item["words"][:-1]])
        self.assertNotIn("words", self.server.ok("POST", "/v1/analyze", {"texts": [text]})["items"][0])

    def test_what_comes_with_the_program_is_listed(self):
        plain = self.server.ok("GET", "/v1/models")
        self.assertEqual(set(plain), {"items", "next", "object", "data"})
        self.assertEqual(set(self.server.ok("GET", "/v1/models?kind=topic")), {"items", "next"})
        listed = self.server.ok("GET", "/v1/models?with=all")
        shipped = {one["kind"]: one for one in listed["shipped"]}
        self.assertLessEqual({"topic", "emotion", "intent"}, set(shipped))
        topic = shipped["topic"]
        self.assertEqual((topic["source"], len(topic["classes"])), ("shipped", 10))
        self.assertGreater(topic["metrics"]["metrics"]["accuracy"], 0.8)
        self.assertIn("| accuracy |", topic["card"])
        asked = self.server.ok("POST", "/v1/analyze", {"texts": ["国足赢球"], "tasks": ["topic"]})
        self.assertEqual(asked["items"][0]["topic"]["version"], topic["id"])
        # One by one, and as clients of the OpenAI shape list them.
        for name in ("topic", topic["id"]):
            one = self.server.ok("GET", f"/v1/models/{name}")
            self.assertEqual((one["id"], one["object"], one["source"], one["classes"]), (topic["id"], "model", "shipped", topic["classes"]))
        self.assertEqual(plain["object"], "list")
        served = {one["path"]: one for one in plain["data"]}
        self.assertEqual((served["/v1/chat/completions"]["id"], served["/v1/chat/completions"]["object"]), ("grounded", "model"))
        self.assertEqual("/v1/embeddings" in served, any(path.exists() for path in ENCODERS))
        for one in plain["data"]:
            self.assertEqual(self.server.ok("GET", f"/v1/models/{one['id']}"), one)
        for name in ("nobody", "Qwen/Qwen2.5"):
            missing = self.server.send("GET", f"/v1/models/{name}")
            self.assertEqual(missing.status, 404)
        if any(path.exists() for path in ENCODERS):
            self.assertEqual((listed["encoder"]["width"], listed["encoder"]["tokens_max"]), (384, 512))
        else:
            self.assertIsNone(listed["encoder"]["id"])
            self.assertIn("encoder", listed["encoder"]["problem"])
        self.assertEqual(self.server.send("GET", "/v1/models?with=some").json["field"], "with")

    def test_a_classifier_answers_with_its_reasons_and_a_shadow_beside_it(self):
        good, bad = ["很好吃", "味道很好", "非常满意", "很喜欢"], ["太难吃", "味道很差", "非常失望", "不喜欢"]
        for n, bad_name in ((1, "差评"), (2, "投诉")):
            data = self.server.folder / f"{n}.tsv"
            data.write_text("".join(f"{label}\t{text}{tail}\n" for label, texts in (("好评", good), (bad_name, bad)) for text in texts
                                    for tail in ("", "。", "！", "啊", "呀")))
            model = self.server.folder / f"{n}.zym"
            cli("train", "text", "--task", "classify", "--features", "ngram", "--train", data, "--output", model, "--json")
            self.server.cli("model", "install", model, "--name", "tried", "--json", *(["--inactive"] if n == 2 else []))
        ask = {"texts": ["味道很好", "非常失望"], "tasks": ["tried"], "explain": 5}
        items = self.server.ok("POST", "/v1/analyze", ask)["items"]
        self.assertEqual([i["tried"]["label"] for i in items], ["好评", "差评"])
        self.assertEqual(items[0]["tried"]["version"], "tried-1")
        self.assertTrue(items[0]["tried"]["why"]["terms"])
        self.assertTrue(items[0]["tried"]["why"]["evidence"])
        self.server.ok("POST", "/v1/models/tried-2/shadow", {})
        for _ in range(5):
            self.server.ok("POST", "/v1/analyze", ask)
        report = self.server.ok("GET", "/v1/models/tried/shadow")
        self.assertEqual((report["version"], report["shadow"]), ("tried-1", "tried-2"))
        self.assertEqual((report["agreement"]["texts"], report["agreement"]["same"]), (10, 5))
        listed = self.server.ok("GET", "/v1/models?with=all")
        self.assertEqual(listed["shadows"], [report])
        stored = next(one for one in listed["items"] if one["id"] == "tried-1")
        self.assertEqual((stored["source"], sum(map(sum, stored["metrics"]["confusion"]))), ("installed", 40))
        self.assertEqual(self.server.send("POST", "/v1/models/tried-1/shadow", {}).status, 409)
        self.server.ok("DELETE", "/v1/models/tried/shadow")
        self.assertEqual(self.server.send("GET", "/v1/models/tried/shadow").status, 404)
        drift = self.server.ok("GET", "/v1/models/tried/drift")
        self.assertEqual((drift["version"], drift["texts"], set(drift["psi"])), ("tried-1", 12, {"confidence", "labels", "ngrams"}))
        self.server.ok("POST", "/v1/models/tried-2/activate", {})
        self.assertEqual(self.server.ok("POST", "/v1/models/tried/rollback", {})["id"], "tried-1")

    def test_near_duplicates_are_found_in_a_request(self):
        text = "今天的外卖送得很快，味道也很不错，下次还会再来这家店"
        found = self.server.ok("POST", "/v1/duplicates", {"texts": [text, "手机屏幕非常清晰，电池耐用", text + "！"]})
        self.assertEqual(found["items"][2]["near"], [{"text": 0, "similarity": 1}])
        self.assertEqual(found["groups"], [[0, 2]])
        self.assertEqual(self.server.send("POST", "/v1/duplicates", {"texts": []}).json["field"], "texts")

    def test_attributions_are_complete(self):
        """What the words are given adds up to the decision, of every classifier that comes with the program."""
        items = self.server.ok("POST", "/v1/analyze", {"texts": ["味道很好，下次再来", "快递太慢了"], "explain": 100})["items"]
        checked = 0
        for item in items:
            for task in ("sentiment", "emotion", "topic", "category", "intent"):
                if task not in item:
                    continue
                why = item[task]["why"]
                self.assertAlmostEqual(why["intercept"] + why["encoder"] + sum(t["weight"] for t in why["terms"]), why["decision"], 6)
                if "encoder_pieces" in why:
                    self.assertAlmostEqual(why["encoder_base"] + sum(p["weight"] for p in why["encoder_pieces"]), why["encoder"], 4)
                checked += 1
        self.assertGreaterEqual(checked, 6)

    def test_an_index_of_near_duplicates_stays(self):
        text = "今天的外卖送得很快，味道也很不错，下次还会再来这家店"
        base = "/v1/duplicates/indexes"
        server = Server().start()
        try:
            self.assertEqual(server.send("POST", base, {"name": "reviews"}).status, 201)
            self.assertEqual(server.send("POST", base, {"name": "reviews"}).status, 409)
            self.assertEqual(server.send("POST", base, {"name": "Re views"}).json["field"], "name")
            added = server.ok("POST", f"{base}/reviews/texts", {"texts": [{"id": "1", "text": text}, {"id": "2", "text": "手机屏幕非常清晰"}]})
            self.assertEqual(added, {"added": 2, "replaced": 0, "texts": 2})
            server.kill()
            server.start()  # as acknowledged
            found = server.ok("POST", f"{base}/reviews/search", {"texts": [text + "！", "别的"]})["items"]
            self.assertEqual(found, [{"near": [{"id": "1", "similarity": 1}]}, {"near": []}])
            again = server.ok("POST", f"{base}/reviews/texts", {"texts": [{"id": "3", "text": text}], "find": True})
            self.assertEqual((again["texts"], again["items"][0]["near"][0]["id"]), (3, "1"))
            wrong = server.send("POST", f"{base}/reviews/texts", {"texts": [{"id": "4", "text": text}, {"id": "", "text": text}]})
            self.assertEqual((wrong.status, wrong.json["field"]), (400, "texts[1].id"))
            self.assertEqual(server.ok("POST", f"{base}/reviews/forget", {"ids": ["1", "nobody"]}), {"removed": 1})
            found = server.ok("POST", f"{base}/reviews/search", {"texts": [text]})["items"][0]["near"]
            self.assertEqual([one["id"] for one in found], ["3"])
            key = server.ok("POST", "/v1/keys", {"name": "looks", "role": "analyst"})["key"]
            self.assertEqual(server.send("POST", f"{base}/reviews/search", {"texts": [text]}, key=key).status, 200)
            for method, path, body in (("POST", "/reviews/texts", {"texts": [{"id": "x", "text": "y"}]}), ("POST", "/reviews/forget", {"ids": ["3"]}),
                                       ("DELETE", "/reviews", None), ("POST", "", {"name": "other"})):
                self.assertEqual(server.send(method, base + path, body, key=key).status, 403, path)
            self.assertEqual([one["name"] for one in server.ok("GET", base)["items"]], ["reviews"])
            server.ok("DELETE", f"{base}/reviews")
            self.assertEqual(server.send("POST", f"{base}/reviews/search", {"texts": [text]}).status, 404)
        finally:
            server.close()

    def test_drift_is_kept_over_a_restart(self):
        data = "".join(f"{label}\t{text}{tail}\n" for label, texts in (("好评", ["很好吃", "味道很好", "非常满意"]), ("差评", ["太难吃", "味道很差", "非常失望"]))
                       for text in texts for tail in ("", "。", "！", "啊", "呀"))
        server = Server().start()
        try:
            (server.folder / "d.tsv").write_text(data)
            cli("train", "text", "--task", "classify", "--features", "ngram", "--train", server.folder / "d.tsv", "--output", server.folder / "d.zym", "--json")
            server.cli("model", "install", server.folder / "d.zym", "--name", "mood", "--json")
            server.ok("POST", "/v1/analyze", {"texts": ["味道很好"] * 300, "tasks": ["mood"]})
            self.assertEqual(server.ok("GET", "/v1/models/mood/drift?window=last")["texts"], 300)
            server.restart()
            report = server.ok("GET", "/v1/models/mood/drift?window=1d")
            self.assertEqual((report["texts"], report["verdict"], len(report["days"])), (300, "shifted", 1))
            self.assertEqual(server.ok("GET", "/v1/models/mood/drift?window=last")["texts"], 0)
            self.assertEqual(server.send("GET", "/v1/models/mood/drift?window=soon").json["field"], "window")
        finally:
            server.close()

    def test_a_file_of_texts_is_analysed_over_a_kill(self):
        rows = "".join(f"{n},第{n}条评论，电话1380013{n:04}\n" for n in range(10000))
        body = ("nr,评论\n" + rows + "10000,\n").encode()
        path = "/v1/analyze/files?name=reviews.csv&column=%E8%AF%84%E8%AE%BA&id=nr&tasks=language,keywords,masked"
        server = Server().start()
        try:
            wrong = server.send("POST", path.replace("nr", "number"), body, headers={"Content-Type": "application/octet-stream"})
            self.assertEqual((wrong.status, wrong.json["field"]), (400, "id"))
            started = server.send("POST", path, body, headers={"Content-Type": "application/octet-stream"})
            self.assertEqual(started.status, 202, started.body)
            run = started.json["run"]
            while server.ok("GET", f"/v1/runs/{run}")["state"] == "running" and server.ok("GET", f"/v1/runs/{run}")["progress"] in (None, 0):
                pass  # until some rows are done
            server.kill()
            server.start()
            ended = server.run_ended(run)
            self.assertEqual(ended["state"], "done", ended)
            self.assertEqual((ended["result"]["rows"], ended["result"]["faulty"]), (10001, 1))
            answer = server.send("GET", f"/v1/analyze/files/{run}/result.jsonl")
            lines = [json.loads(line) for line in answer.body.decode().splitlines()]
            self.assertEqual([line["row"] for line in lines], list(range(1, 10002)))
            self.assertEqual(lines[7]["id"], "7")
            self.assertEqual(lines[7]["masked"], "第7条评论，电话138****0007")
            self.assertEqual(lines[10000]["error"]["message"], "is empty")
            self.assertEqual(server.ok("GET", "/v1/analyze/files")["items"][0]["rows"], 10001)
            server.ok("DELETE", f"/v1/analyze/files/{run}")
            self.assertEqual(server.send("GET", f"/v1/analyze/files/{run}/result.jsonl").status, 404)
        finally:
            server.close()


if __name__ == "__main__":
    main()
