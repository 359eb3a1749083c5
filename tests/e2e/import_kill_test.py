"""kill -9 in the middle of an import: started again it goes on, and ends with every row exactly once."""
import os
import random
import subprocess
import threading
import unittest

from harness import ENVIRONMENT, PROGRAM, Server, main

KILLS = int(os.environ.get("ZHIYIN_KILLS", "3"))
ROWS = 60_000


class ImportKill(unittest.TestCase):
    def test_the_same_end_as_without_a_kill(self):
        server = Server('log_level = "warning"\n')
        self.addCleanup(server.close)
        csv = server.folder / "rows.csv"
        with open(csv, "w") as out:
            out.write("user,item,kind,time,value\n")
            for i in range(ROWS):
                out.write(f"u{i % 997},a{i % 101},read,{1767225600 + i},{i % 60}\n")
        rng = random.Random(7)
        server.start()
        for _ in range(KILLS):
            timer = threading.Timer(rng.uniform(0.02, 0.5), server.kill)
            timer.start()
            subprocess.run([PROGRAM, "import", csv, "--account", "shop", "--config", server.config], capture_output=True, timeout=300, env=ENVIRONMENT)
            timer.join()
            server.start()
        report = server.cli("import", csv, "--account", "shop", "--json")
        self.assertEqual(report["state"], "done")
        self.assertEqual(server.settled_total()[1], ROWS)
        again = server.cli("import", csv, "--account", "shop", "--json")
        self.assertEqual(again["quality"]["accepted"], 0)
        self.assertEqual(server.settled_total()[1], ROWS)


if __name__ == "__main__":
    main()
