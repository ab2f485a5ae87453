"""An ASGI application that echoes, for hypercorn, and tells the version of HTTP on standard error."""

import sys


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    print("version", scope["http_version"], file=sys.stderr, flush=True)
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
        else:
            return
