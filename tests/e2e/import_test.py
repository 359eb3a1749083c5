"""Imports over HTTP: what uploads leave behind, what they are called, and what a file that has grown adds."""
import json
import unittest
import urllib.parse

from harness import Server, gzipped, main

HEAD = "user,item,kind,time,value\n"
ROWS = ["u1,a,like,2026-01-01,1\n", "u2,a,like,2026-01-02,1\n", "u1,a,like,2026-01-01,1\n"]


class ImportOverHttp(unittest.TestCase):
    def upload(self, server, name, body):
        run = server.ok("POST", f"/v1/imports?account=shop&name={urllib.parse.quote(name)}", body)["run"]
        return server.run_ended(run)

    def test_uploads_of_a_killed_server_are_removed(self):
        server = Server().start()
        self.addCleanup(server.close)
        self.assertEqual(self.upload(server, "a.csv", HEAD + ROWS[0])["state"], "done")
        uploads = next(server.folder.rglob("uploads"))
        self.assertEqual(list(uploads.iterdir()), [])
        (uploads / "left-behind").write_text("u9,a,like,2026-01-01,1\n")
        server.kill()
        server.start()
        self.assertEqual(list(uploads.iterdir()), [])

    def test_a_long_name_keeps_its_endings_and_whole_characters(self):
        server = Server().start()
        self.addCleanup(server.close)
        packed = gzipped((HEAD + ROWS[0]).encode())
        for letters, shown in (("数" * 90, "数" * 37), ("x" + "数" * 90, "x" + "数" * 37), ("v1." + "n" * 300, "v1." + "n" * 110)):
            run = self.upload(server, letters + ".csv.gz", packed)
            self.assertEqual(run["state"], "done", run)
            self.assertEqual(run["result"]["quality"]["file"], shown + ".csv.gz")
        run = self.upload(server, "../../short.name.csv", HEAD + ROWS[1])
        self.assertEqual(run["result"]["quality"]["file"], "short.name.csv")

    def test_a_grown_file_adds_only_what_is_new(self):
        server = Server().start()
        self.addCleanup(server.close)
        first = self.upload(server, "day.csv", HEAD + "".join(ROWS))["result"]["quality"]
        self.assertEqual((first["events"], first["accepted"]), (3, 3))
        server.kill()  # nothing of it is left in memory
        server.start()
        grown = self.upload(server, "day.csv", HEAD + "".join(reversed(ROWS)) + "u3,a,like,2026-01-03,1\n")["result"]["quality"]
        self.assertEqual((grown["events"], grown["duplicates"], grown["accepted"]), (4, 3, 1))
        self.assertEqual(server.settled_total()[1], 4)

    def test_damaged_parquet_is_named_as_the_user_named_it(self):
        server = Server().start()
        self.addCleanup(server.close)
        run = self.upload(server, "people.parquet", b"PAR1 and nothing more")
        self.assertEqual(run["state"], "failed")
        text = str(run)
        self.assertIn("people.parquet", text)
        for inside in ("SELECT", "read_parquet", str(server.folder)):
            self.assertNotIn(inside, text)

    def test_a_file_that_is_cut_short_fails_and_keeps_its_report(self):
        server = Server().start()
        self.addCleanup(server.close)
        rows = HEAD + "".join(f"u{i},a{i * 7919 % 100003},like,2026-01-01,1\n" for i in range(40_000))
        cut = gzipped(rows.encode())
        cut = cut[: len(cut) * 2 // 3]
        run = self.upload(server, "cut.csv.gz", cut)
        self.assertEqual(run["state"], "failed")
        self.assertIn("too early", run["error"])
        report = run["result"]
        self.assertEqual((report["state"], report["error"]["code"]), ("failed", "data_loss"))
        quality = report["quality"]
        self.assertGreater(quality["accepted"], 1000)
        self.assertEqual((quality["rows_bad"], quality["rows_good"]), (0, quality["accepted"]))
        page = server.send("GET", f"/v1/imports/{run['id']}/report.html")
        self.assertEqual(page.status, 200)
        # The whole file adds only what the cut one lacked.
        whole = self.upload(server, "whole.csv.gz", gzipped(rows.encode()))["result"]["quality"]
        self.assertEqual((whole["duplicates"], whole["accepted"]), (quality["accepted"], 40_000 - quality["accepted"]))

    def test_the_command_says_so_by_its_exit_code(self):
        server = Server().start()
        self.addCleanup(server.close)
        for name, running in (("beside", True), ("alone", False)):
            if not running:
                server.kill()
            rows = HEAD + "".join(f"{name}{i},a{i * 7919 % 100003},like,2026-01-01,1\n" for i in range(5_000))
            path = server.folder / f"{name}.csv.gz"
            packed = gzipped(rows.encode())
            path.write_bytes(packed[: len(packed) // 2])
            done = server.cli("import", str(path), "--account", "shop", "--json", check=False)
            self.assertEqual(done.returncode, 9, done.stderr)
            self.assertEqual(json.loads(done.stdout)["state"], "failed")
            self.assertIn("too early", done.stderr)
            self.assertNotIn("100 %", done.stderr)
            path.write_bytes(packed)
            self.assertEqual(server.cli("import", str(path), "--account", "shop", check=False).returncode, 0)

    def test_rows_can_be_people_and_the_account_is_looked_at(self):
        server = Server().start()
        self.addCleanup(server.close)
        table = "likes,transfers,comments,time_spent,label\n3,1,0,420,loyal\n0,0,2,7分30秒,new\n"
        refused = self.upload(server, "t.csv", table)
        self.assertEqual(refused["state"], "failed")
        self.assertIn("rows_are_people", refused["error"])
        run = server.run_ended(server.ok("POST", "/v1/imports?account=shop&name=t.csv&rows_are_people=true", table)["run"])
        self.assertEqual(run["result"]["quality"]["accepted"], 7)
        self.assertTrue(any("no account 'shop' is connected" in note for note in run["result"]["quality"]["notes"]), run)
        again = server.folder / "t.csv"
        again.write_text(table)
        done = server.cli("import", str(again), "--account", "shop", "--rows-are-people", "--json")
        self.assertEqual(done["quality"]["duplicates"], 7)

    def test_contact_data_are_sealed_and_go_with_the_person(self):
        server = Server().start()
        self.addCleanup(server.close)
        run = self.upload(server, "p.csv", "openid,likes,手机号,city\noAAA,1,13800138000,上海\n")
        self.assertNotIn("13800138000", json.dumps(run))
        self.assertTrue(any("手机号" in note for note in run["result"]["quality"]["notes"]), run)
        server.settled_total()
        server.kill()
        for file in server.folder.rglob("*"):
            if file.is_file():
                self.assertNotIn(b"13800138000", file.read_bytes(), file)

    def test_a_wait_for_earlier_records_shows_itself_and_can_be_cancelled(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/projections", {"held": True})
        rows = HEAD + "".join(ROWS)
        first = self.upload(server, "day.csv", rows)
        self.assertEqual((first["state"], first["result"]["behind"]), ("done", 3))
        run = server.ok("POST", "/v1/imports?account=shop&name=day.csv", rows + "u9,b,like,2026-01-01,1\n")["run"]
        shown = server.ok("GET", f"/v1/runs/{run}")
        while shown["state"] == "running" and not shown["detail"]:
            shown = server.ok("GET", f"/v1/runs/{run}")
        self.assertEqual(shown["detail"], "等待入库，还有 3 条 / waiting: 3 records")
        server.ok("POST", f"/v1/runs/{run}/cancel", {})
        self.assertEqual(server.run_ended(run)["state"], "cancelled")
        run = server.ok("POST", "/v1/imports?account=shop&name=day.csv", rows + "u9,b,like,2026-01-01,1\n")["run"]
        server.ok("POST", "/v1/projections", {"held": False})
        quality = server.run_ended(run)["result"]["quality"]
        self.assertEqual((quality["duplicates"], quality["accepted"]), (3, 1))


if __name__ == "__main__":
    main()
