"""Records that no projection can deal with: into the quarantine with the reason, the partition goes on, and they can be replaced."""
import base64
import struct
import unittest

import event_log_file
from harness import Server, main


def events(first, count):
    return [{"event_id": f"p{i}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{i % 40}"}], "kind": "read", "value": 2}
            for i in range(first, first + count)]


def with_checksum(body):
    return body + struct.pack("<I", event_log_file.xxh64(body) & 0xFFFFFFFF)


def text(value):
    return bytes([len(value)]) + value


class Poison(unittest.TestCase):
    def test_the_partitions_go_on(self):
        server = Server("[storage]\nwarehouse_memory_mb = 64\n").start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/events", events(0, 500))
        server.process.stop()
        # Into every partition: noise, a record cut short, and an event whose texts are no texts.
        no_text = with_checksum(b"\x01\x00" + b"\x80\x80\x80\x80\x80\x80\x40" + b"\x00" + text(b"id-\xff") + text(b"shop") + text(b"read") + text(b"api") +
                                b"\x01" + b"\x07" * 16)
        foreign = [b"\xff\xfenoise", b"\x01", no_text, b"", b"{}" * 20000]
        event_log_file.append(server.folder / "data/log.db", [(p, record) for p in range(64) for record in foreign])
        server.start()
        server.ok("POST", "/v1/events", events(500, 500))

        self.assertEqual(server.settled_total()[1], 1000)
        metrics = server.send("GET", "/metrics").body.decode().splitlines()
        self.assertIn('zhiyin_records_refused_total{consumer="events"} 320', metrics)
        self.assertEqual([line.split()[1] for line in metrics if line.startswith("zhiyin_projection_lag_records ")], ["0"])
        entries = server.ok("GET", "/v1/quarantine?limit=400")["items"]
        self.assertEqual(len(entries), 320)
        self.assertEqual({e["source"] for e in entries}, {"log", "api"})
        by_reason = {e["reason"]: e for e in entries}
        self.assertEqual(len(by_reason), 3, list(by_reason))
        self.assertTrue(all(r.startswith("events: event record: ") for r in by_reason))
        noise = next(e for e in entries if base64.b64decode(e["event"]["record"]["bytes"]) == foreign[0])
        self.assertIn(noise["event"]["record"]["partition"], range(64))

        # As it is it stays; an event in its place is taken.
        again = server.send("POST", f"/v1/quarantine/{noise['id']}/resubmit")
        self.assertEqual(again.status, 400, again.body)
        corrected = server.send("POST", f"/v1/quarantine/{noise['id']}/resubmit", events(2000, 1)[0])
        self.assertLess(corrected.status, 300, corrected.body)
        self.assertEqual(server.settled_total()[1], 1001)
        self.assertEqual(len(server.ok("GET", "/v1/quarantine?limit=400")["items"]), 319)

        # Nothing of it comes back after a kill.
        server.kill()
        server.start()
        self.assertEqual(server.settled_total()[1], 1001)
        self.assertEqual(len(server.ok("GET", "/v1/quarantine?limit=400")["items"]), 319)


if __name__ == "__main__":
    main()
