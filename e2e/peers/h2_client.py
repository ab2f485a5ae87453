"""A client of WebSockets over HTTP/2 that is Python's h2 with wsproto. Usage: h2_client.py HOST PORT COUNT

It opens COUNT WebSockets on one connection, has texts of many lengths echoed on each, and closes them. It prints one JSON value: how
many came back, and the codes of the closes.
"""

import json
import socket
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

TEXTS = ["Hello", "你好，世界", ""] + ["x" * n for n in [125, 126, 65535, 65536, 300000]]


class Socket:
    """One WebSocket on a stream."""

    def __init__(self, stream):
        self.stream = stream
        self.frames = Connection(ConnectionType.CLIENT)
        self.waiting = b""  # for the window
        self.open = False
        self.text = ""
        self.sent = 0
        self.good = 0
        self.code = None
        self.ended = False

    def next(self):
        if self.sent < len(TEXTS):
            self.waiting += self.frames.send(TextMessage(data=TEXTS[self.sent]))
            self.sent += 1
        else:
            self.waiting += self.frames.send(CloseConnection(code=3000, reason="done"))

    def receive(self, data):
        self.frames.receive_data(data)
        for event in self.frames.events():
            if isinstance(event, TextMessage):
                self.text += event.data
                if event.message_finished:
                    self.good += self.text == TEXTS[self.sent - 1]
                    self.text = ""
                    self.next()
            elif isinstance(event, Ping):
                self.waiting += self.frames.send(event.response())
            elif isinstance(event, CloseConnection):
                self.code = event.code
            elif isinstance(event, BytesMessage):
                raise SystemExit("a binary message came back")


def main(host, port, count):
    sock = socket.create_connection((host, int(port)))
    conn = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    conn.initiate_connection()
    sockets = {}

    def begin():
        for _ in range(int(count)):
            s = Socket(conn.get_next_available_stream_id())
            sockets[s.stream] = s
            conn.send_headers(s.stream, [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/h2"),
                (":authority", f"{host}:{port}"), ("sec-websocket-version", "13"),
            ])

    def flush():
        for s in sockets.values():
            while s.waiting and not s.ended:
                n = min(conn.local_flow_control_window(s.stream), conn.max_outbound_frame_size, len(s.waiting))
                if n <= 0:
                    break
                conn.send_data(s.stream, s.waiting[:n])
                s.waiting = s.waiting[n:]
        sock.sendall(conn.data_to_send())

    flush()
    while not sockets or not all(s.ended for s in sockets.values()):
        data = sock.recv(65536)
        if not data:
            break
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.RemoteSettingsChanged) and not sockets:
                if not conn.remote_settings.enable_connect_protocol:
                    raise SystemExit("the server takes no extended CONNECT")
                begin()
            elif isinstance(event, h2.events.ResponseReceived):
                s = sockets[event.stream_id]
                s.open = dict(event.headers)[":status"] == "200"
                s.next()
            elif isinstance(event, h2.events.DataReceived):
                conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.data:  # the end of a stream comes without any
                    sockets[event.stream_id].receive(event.data)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                sockets[event.stream_id].ended = True
        flush()
    print(json.dumps({
        "open": sum(s.open for s in sockets.values()),
        "good": sum(s.good for s in sockets.values()),
        "codes": sorted({s.code for s in sockets.values()}),
    }), flush=True)


main(*sys.argv[1:])
