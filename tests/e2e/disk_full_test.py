"""A full disk: reported, nothing acknowledged lost, goes on when space returns. Needs to mount a small file system."""
import contextlib
import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import Server, main


class DiskFull(unittest.TestCase):
    def test_goes_on_when_space_returns(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-full-"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], capture_output=True, text=True)
        if mounted.returncode != 0:
            raise unittest.SkipTest(f"cannot mount a small file system here: {mounted.stderr.strip()}")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(folder)]))
        server = Server('log_level = "error"\n', folder=folder).start()
        self.addCleanup(server.close)
        filler = folder / "filler"
        acknowledged, n, refused = 0, 0, None
        text = "x" * 3000
        for _ in range(400):
            batch = [{"event_id": f"d{n + i}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{i % 20}"}], "kind": "read",
                      "value": 1, "properties": {"note": text}} for i in range(50)]
            answer = server.send("POST", "/v1/events", batch)
            if answer.status == 200:
                acknowledged += answer.json["accepted"]
                n += 50
                if n == 500:  # leave little room
                    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
                    # The server writes meanwhile, and may get there first: then the disk is full already.
                    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as out:
                        for _ in range(max(0, free - (3 << 20)) >> 16):
                            out.write(b"\0" * (1 << 16))
                continue
            refused = answer
            break
        self.assertIsNotNone(refused, "the disk never became full")
        self.assertEqual(refused.status, 503, refused.body)
        self.assertEqual(refused.json["code"], "unavailable")
        filler.unlink()
        again = server.ok("POST", "/v1/events", [{"event_id": "after", "account": "shop", "identities": [{"kind": "openid", "value": "o1"}], "kind": "read"}])
        self.assertEqual(again["accepted"], 1)
        self.assertEqual(server.settled_total()[1], acknowledged + 1)
        server.kill()
        server.start()
        self.assertEqual(server.settled_total()[1], acknowledged + 1)


if __name__ == "__main__":
    main()
