"""The command line as others call it: beside a server and without, JSON for programs, exit codes, mistakes."""
import json
import pathlib
import subprocess
import tempfile
import unittest

from harness import ENVIRONMENT, PROGRAM, Server, cli, main


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-cli-"))

    def test_version_help_and_mistakes(self):
        self.assertIn("zhiyin ", cli("--version"))
        self.assertIn("Example:", cli("campaign", "start", "--help"))
        wrong = cli("recomend", check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("did you mean 'recommend'", wrong.stderr)

    def test_each_emulated_platform_has_a_description_of_its_own(self):
        described = {name: json.loads(cli("sandbox", "--describe", name)) for name in ("official", "wecom", "ads")}
        for document in described.values():
            self.assertEqual(document["openapi"], "3.1.0")
        path = "/cgi-bin/media/upload"
        self.assertIn("thumb", json.dumps(described["official"]["paths"][path]))
        self.assertNotIn("thumb", json.dumps(described["wecom"]["paths"][path]))
        self.assertEqual(cli("sandbox", "--describe", "qq", check=False).returncode, 2)

    def test_init_writes_settings_once_and_unknown_keys_stop_the_start(self):
        cli("init", self.folder)
        config = self.folder / "zhiyin.toml"
        self.assertIn("# Port to listen on", config.read_text())
        self.assertEqual(cli("init", self.folder, check=False).returncode, 4)
        config.write_text(config.read_text() + "\n[servre]\nport = 1\n")
        stopped = cli("serve", "--config", config, check=False)
        self.assertEqual(stopped.returncode, 2)
        self.assertIn("did you mean 'server.port'", stopped.stderr)

    def table(self):
        path = self.folder / "people.csv"
        path.write_text("user,likes,transfers,comments,time_spent,city\n" +
                        "".join(f"u{i},{i % 5},{i % 3},{i % 2},{i * 10},{'上海' if i % 2 else '北京'}\n" for i in range(1, 101)))
        return path

    def test_the_marketers_table_works_without_a_server(self):
        cli("init", self.folder)
        config = ["--config", self.folder / "zhiyin.toml"]
        report = cli("import", self.table(), "--account", "shop", "--json", *config)
        self.assertEqual(report["quality"]["rows"], 100)
        preview = cli("segment", "preview", "--tree", json.dumps({"event": "like", "sum": {">=": 3}}), "--json", *config)
        self.assertEqual(preview["count"], 40)
        preview = cli("segment", "preview", "--tree", json.dumps({"trait": "city", "is": {"=": "上海"}}), "--json", *config)
        self.assertEqual(preview["count"], 50)
        again = cli("import", self.table(), "--account", "shop", "--json", *config)
        self.assertEqual(again["quality"]["accepted"], 0)
        missing = cli("import", self.folder / "none.csv", *config, check=False)
        self.assertEqual(missing.returncode, 3)
        listed = cli("recommend", "--person", "user_id:shop:u7", "--json", *config)
        self.assertIn("items", listed)

    def test_beside_a_server_the_same_command_runs_in_it(self):
        server = Server().start()
        self.addCleanup(server.close)
        report = server.cli("import", self.table(), "--account", "shop", "--json")
        self.assertEqual(report["quality"]["rows"], 100)
        self.assertEqual(server.cli("segment", "preview", "--tree", '{"all":true}', "--json")["count"], 100)
        self.assertEqual(server.ok("GET", "/v1/runs")["items"][0]["kind"], "import")
        unknown = server.cli("report", "campaign", "none", check=False)
        self.assertEqual(unknown.returncode, 3)
        self.assertTrue(server.cli("doctor", "--json")["checks"])

    def test_what_commands_change_is_in_the_audit_log(self):
        server = Server().start()
        self.addCleanup(server.close)
        segment = server.folder / "all.json"
        segment.write_text('{"id": "all", "name": "all", "tree": {"all": true}}')
        server.cli("segment", "apply", segment)
        server.cli("segment", "list")
        server.cli("campaign", "start", "nothing", check=False)
        server.ok("POST", "/v1/segments/preview", {"tree": {"all": True}})
        entries = [(entry["who"], entry["what"], entry["status"]) for entry in server.ok("GET", "/v1/audit")["items"]]
        self.assertEqual(entries, [("command line", "campaign start nothing", 404), ("command line", "segment apply all", 200)])

    def test_no_installation_appears_by_mistake(self):
        for arguments in (("serve", "--config", self.folder / "zhiyn.toml"), ("doctor", "--config", self.folder / "zhiyn.toml")):
            failed = cli(*arguments, check=False)
            self.assertEqual(failed.returncode, 3, failed.stderr)
            self.assertIn("zhiyn.toml", failed.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])
        bare = subprocess.run([PROGRAM, "segment", "list"], cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True)
        self.assertEqual(bare.returncode, 3, bare.stderr)
        self.assertIn("zhiyin init", bare.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_account_that_cannot_be(self):
        cli("init", self.folder)
        failed = cli("import", self.table(), "--account", "my shop", "--config", self.folder / "zhiyin.toml", check=False)
        self.assertEqual(failed.returncode, 2)
        self.assertIn("account", failed.stderr)

    def test_a_mapping_that_names_a_missing_column(self):
        cli("init", self.folder)
        mapping = self.folder / "m.toml"
        mapping.write_text('identity = "uid"\n[[event]]\nkind = "read"\n')
        failed = cli("import", self.table(), "--mapping", mapping, "--account", "shop", "--config", self.folder / "zhiyin.toml", check=False)
        self.assertEqual(failed.returncode, 2)
        self.assertIn("uid", failed.stderr)
        self.assertIn("time_spent", failed.stderr)

    def test_stats_compare_gives_the_checked_example(self):
        arms = self.folder / "arms.json"
        arms.write_text(json.dumps({"metric": "m", "effect": "relative", "arms": [
            {"name": "A", "n": 3407, "sum": 1396.87, "sum_squares": 52377.9767},
            {"name": "B", "n": 3461, "sum": 2422.7, "sum_squares": 134698.29}]}))
        out = cli("stats", "compare", "--arms", arms, "--json")
        self.assertAlmostEqual(out["estimate"], 0.70732, 5)
        self.assertAlmostEqual(out["p"], 0.06191, 5)


if __name__ == "__main__":
    main()
