"""A client that is Python's websockets. Usage: client.py URL SCENARIO"""

import asyncio
import json
import sys

import websockets


def report(value):
    print(json.dumps(value), flush=True)


async def closed(ws):
    await ws.wait_closed()
    return {"code": ws.close_code, "reason": ws.close_reason}


async def echo(ws):
    payloads = ["Hello", "你好，世界", "👩‍🚀🚀", "a\0b"]
    for n in [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]:
        payloads += ["x" * n, bytes(i % 251 for i in range(n))]
    good, bad = 0, []
    for p in payloads:
        await ws.send(p)
        if await ws.recv() == p:
            good += 1
        else:
            bad.append(f"{type(p).__name__} of {len(p)}")
    await ws.close(1000)
    return {"protocol": ws.subprotocol, "good": good, "bad": bad, **await closed(ws)}


async def fragments(ws):
    pongs = []

    async def parts():  # the library cuts between characters only
        yield "ab🚀"
        pongs.append(await ws.ping(b"between"))
        yield ""
        yield "cd"

    await ws.send(parts())
    text = await ws.recv()
    await pongs[0]  # done once the pong with this payload is there
    await ws.close(1000)
    return {"pong": "between", "text": text}


async def ping(ws):
    pongs = []
    for p in [b"", b"here?", b"x" * 125]:
        await asyncio.wait_for(await ws.ping(p), 10)  # done once the pong with this payload is there
        pongs.append(True)
    await ws.close(1000)
    return {"pongs": pongs}


async def close(ws):
    await ws.close(3000, "that was 好")
    return await closed(ws)


async def wait(ws):
    await ws.send("hello")
    await ws.recv()  # the server knows this connection
    report("connected")
    return await closed(ws)


async def main(url, scenario):
    async with websockets.connect(url, subprotocols=["echo.v1"], max_size=64 << 20) as ws:
        report(await globals()[scenario](ws))


asyncio.run(main(*sys.argv[1:]))
