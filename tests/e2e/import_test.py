"""Imports over HTTP: what uploads leave behind, what they are called, and what a file that has grown adds."""
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


if __name__ == "__main__":
    main()
