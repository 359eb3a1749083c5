"""The whole loop tells the same story on the embedded stores and on the cluster's: same seed, same words, same figures.

State on a private PostgreSQL, warehouse on ClickHouse's engine (chdb) behind its HTTP interface, and the event log on Kafka where
KAFKA_BROKER names one (./dev test --cluster). What is not there is said and left embedded."""
import re
import subprocess
import unittest

from cluster import Cluster
from harness import ENVIRONMENT, PROGRAM, main


def story(environment):
    done = subprocess.run([PROGRAM, "demo", "--exit", "--people", "400", "--weeks", "4", "--port", "0"], capture_output=True, text=True,
                          timeout=500, env=ENVIRONMENT | environment)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    lines = [line for line in done.stdout.splitlines() if "http://" not in line and "用时" not in line]
    # Texts are read beside the story, sooner or later: a list may tell them or tags as its reason.
    return "\n".join(re.split("，因为|，与你", line)[0] if "recommended:" in line else line for line in lines)


class Stores(unittest.TestCase):
    def test_the_demo_is_the_same_everywhere(self):
        cluster = Cluster()
        self.addCleanup(cluster.close)
        if not cluster.stores:
            self.skipTest("no server of any kind is here")
        self.maxDiff = None
        expected = story({})
        self.assertIn("measured effect", expected)
        self.assertEqual(story(cluster.environment()), expected)


if __name__ == "__main__":
    main()
