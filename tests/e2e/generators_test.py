"""Chat completions by the configured generator, for the official clients of others, unmodified but for their host."""
import json
import pathlib
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import ROOT, Server, http, main

SDKS = ROOT / "tests" / "sdks"
PYTHON = ROOT / "build" / "venv" / "bin" / "python"

CLIENT = r"""
import json, sys, openai
url, key = sys.argv[1:]
client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
ask = [{"role": "user", "content": "天气如何？"}]
whole = client.chat.completions.create(model="any", messages=ask, user="u1")
stream = client.chat.completions.create(model="any", messages=ask, stream=True, stream_options={"include_usage": True})
pieces, usage = [], None
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        pieces.append(chunk.choices[0].delta.content)
    usage = chunk.usage or usage
refused = None
try:
    client.chat.completions.create(model="any", messages=ask, n=2)
except openai.BadRequestError as error:
    refused = [error.status_code, error.param]
try:
    openai.OpenAI(base_url=url + "/v1", api_key="wrong", max_retries=0).chat.completions.create(model="any", messages=ask)
    key_refused = False
except openai.AuthenticationError:
    key_refused = True
schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
formed = client.chat.completions.create(model="any", messages=[{"role": "user", "content": "anything"}],
    response_format={"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}})
print(json.dumps({"whole": whole.choices[0].message.content, "model": whole.model, "finish": whole.choices[0].finish_reason,
    "pieces": pieces, "usage": usage.completion_tokens if usage else None, "refused": refused, "key_refused": key_refused,
    "formed": json.loads(formed.choices[0].message.content)}))
"""

NODE = r"""
import OpenAI from 'openai';
const [url, apiKey] = process.argv.slice(1);
const client = new OpenAI({ baseURL: url + '/v1', apiKey, maxRetries: 0 });
const messages = [{ role: 'user', content: '天气如何？' }];
const whole = await client.chat.completions.create({ model: 'any', messages });
const stream = await client.chat.completions.create({ model: 'any', messages, stream: true });
const pieces = [];
for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) pieces.push(chunk.choices[0].delta.content);
let refused = null;
try { await client.chat.completions.create({ model: 'any', messages, n: 2 }); } catch (e) { refused = [e.status, e.param]; }
console.log(JSON.stringify({ whole: whole.choices[0].message.content, pieces, refused }));
"""


class Endpoint(BaseHTTPRequestHandler):
    """A small endpoint in the OpenAI shape that streams in two halves of a character."""
    asked = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.headers["Authorization"], body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b'data: {"model":"far","choices":[{"index":0,"delta":{"content":"\xe7\x9f"}}]}\n\n')
        self.wfile.write(b'data: {"choices":[{"index":0,"delta":{"content":"\xa5"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')

    def log_message(self, *_):
        pass


class Generators(unittest.TestCase):
    def start(self, **options):
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        server = Server("\n".join(["[generate]", *lines, ""])).start()
        self.addCleanup(server.close)
        return server

    def scripted(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "scripts.json"
        path.write_text(json.dumps({"scripts": [{"match": "天气", "answer": "晴，二十度。", "pieces": [4]}]}))
        return self.start(backend="scripted", scripts=str(path))

    def test_the_python_client(self):
        if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import openai"], capture_output=True).returncode:
            self.skipTest("needs openai in build/venv (./dev setup test)")
        server = self.scripted()
        done = subprocess.run([PYTHON, "-c", CLIENT, server.url, server.key], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual((told["whole"], told["model"], told["finish"]), ("晴，二十度。", "scripted", "stop"))
        self.assertEqual("".join(told["pieces"]), "晴，二十度。")
        self.assertGreater(len(told["pieces"]), 2)
        self.assertGreater(told["usage"], 0)
        self.assertEqual((told["refused"], told["key_refused"]), ([400, "n"], True))
        self.assertIsInstance(told["formed"]["n"], int)

    def test_the_node_client(self):
        if not (SDKS / "node_modules" / "openai").exists():
            self.skipTest("needs tests/sdks/node_modules/openai (./dev setup test)")
        server = self.scripted()
        done = subprocess.run(["node", "--input-type=module", "-e", NODE, "--", server.url, server.key], cwd=SDKS, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual((told["whole"], "".join(told["pieces"]), told["refused"]), ("晴，二十度。", "晴，二十度。", [400, "n"]))

    def test_without_settings_facts_become_copy(self):
        server = self.start()
        text = server.ok("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "品名：保温杯\n容量：500毫升"}]})
        self.assertIn("500毫升", text["choices"][0]["message"]["content"])
        self.assertEqual(text["model"], "grounded")

    def test_an_endpoint_and_its_budget(self):
        endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        self.addCleanup(endpoint.server_close)
        self.addCleanup(endpoint.shutdown)
        url = f"http://127.0.0.1:{endpoint.server_address[1]}/v1"
        server = self.start(backend="openai", url=url, key="sk-far", model="far", tokens_a_day=600)
        ask = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 500}
        self.assertEqual(server.ok("POST", "/v1/chat/completions", ask)["choices"][0]["message"]["content"], "知")
        self.assertEqual(Endpoint.asked[0][0], "Bearer sk-far")
        ask["max_tokens"] = 700
        refused = http("POST", server.url + "/v1/chat/completions", ask, {"Authorization": f"Bearer {server.key}"})
        self.assertEqual(refused.status, 429)
        self.assertIn("tokens of today", refused.json["error"]["message"])
        self.assertEqual(len(Endpoint.asked), 1)
        told = server.ok("GET", "/v1/generators")["items"][0]
        self.assertEqual((told["backend"], told["name"], told["instead"]), ("openai", "far", False))
        self.assertEqual(told["endpoints"], [{"host": url.split("/")[2], "model": "far"}])
        self.assertNotIn("sk-far", json.dumps(told))
        fared = told["since_start"]
        self.assertEqual((fared["texts"], fared["failed"], fared["last_failure"]["code"]), (1, 1, "limit_reached"))

    def test_an_endpoint_with_a_slash_in_its_name_refuses_and_that_is_passed_on(self):
        class Declining(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                events = [{"delta": {"role": "assistant", "refusal": "抱歉，"}}, {"delta": {"refusal": "不能写。"}}, {"delta": {}, "finish_reason": "stop"}]
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for event in events:
                    self.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, **event}]})}\n\n".encode())
                self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Declining)
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        self.addCleanup(endpoint.server_close)
        self.addCleanup(endpoint.shutdown)
        server = self.start(backend="openai", url=f"http://127.0.0.1:{endpoint.server_address[1]}/v1", key="sk-far", model="Qwen/Qwen2.5")
        ask = {"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}}
        message = server.ok("POST", "/v1/chat/completions", ask)["choices"][0]["message"]
        self.assertEqual((message["content"], message["refusal"]), (None, "抱歉，不能写。"))
        streamed = server.send("POST", "/v1/chat/completions", ask | {"stream": True}).body.decode()
        self.assertIn('"delta":{"refusal":"抱歉，不能写。"}', streamed)
        self.assertTrue(streamed.rstrip().endswith("[DONE]"))
        self.assertEqual(server.ok("GET", "/v1/models")["data"][0]["id"], "Qwen/Qwen2.5")
        self.assertEqual(server.ok("GET", "/v1/models/Qwen/Qwen2.5")["path"], "/v1/chat/completions")
        self.assertEqual(server.ok("GET", "/v1/models/Qwen%2FQwen2.5")["object"], "model")

    def test_a_small_limit_of_tokens_cuts_the_grounded_writers_text(self):
        server = self.start()
        ask = {"messages": [{"role": "user", "content": "品名：保温杯\n容量：500毫升\n材质：不锈钢"}], "max_tokens": 8}
        cut = server.ok("POST", "/v1/chat/completions", ask)
        self.assertEqual(cut["choices"][0]["finish_reason"], "length")
        self.assertLessEqual(cut["usage"]["completion_tokens"], 8)

    def test_a_model_that_is_not_there_is_logged_and_the_grounded_writer_writes(self):
        server = self.start(backend="gguf", gguf="absent.gguf")
        text = server.ok("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "品名：保温杯"}]})
        self.assertEqual(text["model"], "grounded")
        told = server.ok("GET", "/v1/generators")["items"][0]
        self.assertEqual((told["backend"], told["name"], told["instead"], told["file"]), ("gguf", "grounded", True, "absent.gguf"))
        self.assertEqual(told["since_start"]["texts"], 1)

    def test_a_text_is_held_against_its_evidence(self):
        server = self.start()
        found = server.ok("POST", "/v1/generators/check", {"text": "保温杯只要99元。容量500毫升，请打13800138000。", "evidence": ["容量：500毫升", "电话：13800138000"]})
        self.assertEqual([one["text"] for one in found["removed"]], ["保温杯只要99元。"])
        self.assertEqual([(one["kind"], one["text"]) for one in found["personal"]], [("phone", "13800138000")])
        self.assertIsNone(found["leak"])
        self.assertEqual(server.send("POST", "/v1/generators/check", {"evidence": []}).json["field"], "text")


if __name__ == "__main__":
    main()
