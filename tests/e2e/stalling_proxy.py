"""Forwards TCP connections to a port, until it is told to stop forwarding: bytes are then taken and go nowhere, as on a line that was cut
without anybody being told."""
import selectors
import socket
import threading


class StallingProxy:
    def __init__(self, target, port=0):
        self.target = ("127.0.0.1", target)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.flowing = threading.Event()
        self.flowing.set()
        self.ended = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.ended:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.forward, args=(client,), daemon=True).start()

    def forward(self, client):
        try:
            if not self.flowing.is_set():
                self.flowing.wait()  # neither refused nor answered
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        with client, server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            try:
                while not self.ended:
                    for key, _ in ready.select(0.2):
                        self.flowing.wait()
                        data = key.fileobj.recv(1 << 16)
                        if not data:
                            return
                        key.data.sendall(data)
            except OSError:
                return

    def stall(self):
        self.flowing.clear()

    def flow(self):
        self.flowing.set()

    def close(self):
        self.ended = True
        self.flowing.set()
        self.listener.close()
