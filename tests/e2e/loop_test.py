"""One turn of the whole loop, small: what `./dev demo` shows must come out of it."""
import re
import subprocess
import unittest

from harness import ENVIRONMENT, PROGRAM, main, own_state


class Loop(unittest.TestCase):
    def test_the_demo_tells_a_measured_effect_beside_the_true_one(self):
        state = own_state("loop")
        env = {**ENVIRONMENT, "ZHIYIN_STORAGE_STATE": state} if state else ENVIRONMENT
        done = subprocess.run([PROGRAM, "demo", "--exit", "--people", "600", "--weeks", "4", "--port", "0"], capture_output=True, text=True, timeout=500, env=env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        text = done.stdout
        quality = re.search(r"AUC 0\.\d+（95 % 区间 ([\d.]+) … ([\d.]+)）", text)
        self.assertTrue(quality, text)
        # A model that may be guessing is not used, and the demo says so.
        self.assertIn("模型已启用" if float(quality.group(1)) > 0.5 else "模型未启用", text)
        counts = [int(n) for n in re.findall(r"累计 (\d+) 个事件", text)]
        self.assertEqual(counts, sorted(counts), text)
        self.assertIn("推荐 / recommended", text)
        measured = re.search(r"measured effect: ([+-][\d.]+) .*interval ([+-][\d.]+) … ([+-][\d.]+)", text)
        true = re.search(r"true effect, known to the sandbox: ([+-][\d.]+)", text)
        self.assertTrue(measured and true, text)
        low, high = float(measured.group(2)), float(measured.group(3))
        self.assertTrue(0 < low < high, text)  # the effect is large enough to be seen
        # A 95 % interval misses one time in twenty; twice its width nearly never.
        half = (high - low) / 2
        self.assertLess(abs(float(measured.group(1)) - float(true.group(1))), 2 * half, text)


if __name__ == "__main__":
    main()
