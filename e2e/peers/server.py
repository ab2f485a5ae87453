"""A server that is Python's websockets. Usage: server.py"""

import asyncio
import json

import websockets


async def fragments(ws):
    async def parts():  # the library cuts between characters only
        yield "ab🚀"
        await ws.ping(b"between")
        yield ""
        yield "cd"

    await ws.send(parts())


async def ping(ws):
    async def answer(pong):
        await pong  # done once the pong with this payload is there
        await ws.send("pong: here?")

    asyncio.create_task(answer(await ws.ping(b"here?")))


async def close(ws):
    await ws.close(3001, "that was 好")


ORDERS = {"fragments": fragments, "ping": ping, "close": close}


async def handle(ws):
    try:
        async for message in ws:
            if isinstance(message, str) and message in ORDERS:
                await ORDERS[message](ws)
            else:
                await ws.send(message)
    except websockets.ConnectionClosedError:
        pass  # what the peer closed with is reported below
    await ws.wait_closed()
    print(json.dumps({"code": ws.close_code, "reason": ws.close_reason}), flush=True)


async def main():
    async with websockets.serve(handle, "127.0.0.1", 0, subprotocols=["echo.v1"], max_size=64 << 20) as server:
        host, port = server.sockets[0].getsockname()[:2]
        print(f"listening on {host}:{port}", flush=True)
        await asyncio.Future()


asyncio.run(main())
