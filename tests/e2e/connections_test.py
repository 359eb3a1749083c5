"""Too many connections and too large bodies: memory stays bounded, and whoever behaves is still served."""
import gzip
import pathlib
import resource
import socket
import time
import unittest

from harness import Server, http, main

WANTED = 10_000


def memory_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def own_files():
    """As many sockets as this process may have, at most WANTED."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = hard if hard != resource.RLIM_INFINITY else 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(limit, WANTED + 500)), hard))
    return min(WANTED, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 300)


class Connections(unittest.TestCase):
    def setUp(self):
        self.sockets = []
        self.addCleanup(lambda: [s.close() for s in self.sockets])

    def server(self, settings=""):
        server = Server('log_level = "warning"\n[storage]\nwarehouse_memory_mb = 64\n' + settings).start()
        self.addCleanup(server.close)
        return server

    def slow(self, server, count, text):
        for _ in range(count):
            s = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            s.sendall(text)
            self.sockets.append(s)

    def served(self, server, n):
        started = time.monotonic()
        for i in range(n):
            answer = server.ok("POST", "/v1/events", [{"account": "shop", "identities": [{"kind": "openid", "value": f"o{i}"}], "kind": "read"}])
            self.assertEqual(answer["accepted"], 1)
        return (time.monotonic() - started) / n

    def test_ten_thousand_slow_ones(self):
        count = own_files()
        if count < 1000:
            self.skipTest(f"only {count} files may be open here")
        server = self.server()
        self.served(server, 5)
        before = memory_mb(server.process.child.pid)
        # Half of them never finish their header, half their body.
        self.slow(server, count // 2, b"POST /v1/events HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        self.slow(server, count - count // 2, b"POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.key.encode() +
                  b"\r\nContent-Length: 20000\r\n\r\n[" + b" " * 1000)
        each = self.served(server, 50)
        after = memory_mb(server.process.child.pid)
        print(f"{count} slow connections: {after - before:.0f} MB more, {each * 1000:.0f} ms for a healthy call")
        self.assertLess(after - before, 400)
        self.assertLess(each, 2)

    def test_above_the_limit_those_go_that_have_waited_longest(self):
        server = Server('log_level = "error"\n')
        server.config.write_text(server.config.read_text().replace("[server]\n", "[server]\nconnections = 200\n"))
        server.start()
        self.addCleanup(server.close)
        self.slow(server, 150, b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        time.sleep(1.2)  # from then on they count as slow
        for _ in range(10):
            with self.subTest():
                try:
                    self.slow(server, 60, b"GET /healthz HTTP/1.1\r\nX-Slow: ")
                except OSError:
                    pass  # refused: that is what the limit is for
                deadline = time.monotonic() + 20
                while True:  # a refused one is told to come again
                    try:
                        status = http("GET", server.url + "/healthz").status
                    except OSError:
                        status = 0
                    if status == 200:
                        break
                    self.assertLess(time.monotonic(), deadline, "healthy clients are not served")
                    time.sleep(0.1)
        shed = [line for line in http("GET", server.url + "/metrics").body.decode().splitlines() if line.startswith("zhiyin_http_connections_shed_total")]
        self.assertGreater(float(shed[0].split()[-1]), 0)

    def test_a_body_of_100_mb_is_refused_unread(self):
        server = self.server()
        self.served(server, 5)
        before = memory_mb(server.process.child.pid)
        for head in (b"Content-Length: 104857600", b"Transfer-Encoding: chunked"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as s:
                s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.key.encode() + b"\r\n" + head + b"\r\n\r\n")
                sent = 0
                piece = b" " * 65536 if b"Length" in head else b"10000\r\n" + b" " * 65536 + b"\r\n"
                try:
                    while sent < 100 << 20:
                        s.sendall(piece)
                        sent += 65536
                except OSError:
                    pass  # it has stopped listening
                answer = b""
                try:
                    while b"\r\n\r\n" not in answer and (more := s.recv(4096)):
                        answer += more
                except OSError:
                    pass
                self.assertIn(b" 413 ", answer.split(b"\r\n")[0] + b" ", answer[:200])
        after = memory_mb(server.process.child.pid)
        print(f"100 MB bodies: {after - before:.0f} MB more")
        self.assertLess(after - before, 100)
        self.served(server, 5)

    def test_a_small_body_that_unpacks_to_100_mb_is_refused(self):
        server = self.server()
        self.served(server, 5)
        before = memory_mb(server.process.child.pid)
        bomb = gzip.compress(b" " * (100 << 20))
        answer = server.send("POST", "/v1/events", bomb, headers={"Content-Encoding": "gzip"})
        self.assertEqual(answer.status, 413)
        self.assertLess(memory_mb(server.process.child.pid) - before, 150)


if __name__ == "__main__":
    main()
