// A client that is npm's ws. Usage: node client.mjs URL SCENARIO
import { once } from 'node:events'
import WebSocket from 'ws'

const [url, scenario] = process.argv.slice(2)
const ws = new WebSocket(url, 'echo.v1', { maxPayload: 64 << 20 })
const report = value => console.log(JSON.stringify(value))
const closed = once(ws, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }))
const message = async () => {
  const [data, binary] = await once(ws, 'message')
  return binary ? data : data.toString()
}

const scenarios = {
  async echo() {
    const sizes = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]
    const payloads = ['Hello', '你好，世界', '👩‍🚀🚀', 'a\0b']
    for (const n of sizes) payloads.push('x'.repeat(n), Buffer.alloc(n, i => i))
    let good = 0
    const bad = []
    for (const p of payloads) {
      const answer = message()
      ws.send(p)
      const got = await answer
      const same = typeof p === 'string' ? got === p : Buffer.isBuffer(got) && got.equals(p)
      if (same) good++
      else bad.push(`${typeof p} of ${p.length}`)
    }
    ws.close(1000)
    return { protocol: ws.protocol, good, bad, ...(await closed) }
  },
  async fragments() {
    const answer = message()
    const pong = once(ws, 'pong')
    const text = Buffer.from('ab🚀cd')
    ws.send(text.subarray(0, 4), { binary: false, fin: false }) // inside the emoji
    ws.ping('between')
    ws.send(text.subarray(4, 5), { binary: false, fin: false })
    ws.send(Buffer.alloc(0), { binary: false, fin: false })
    ws.send(text.subarray(5), { binary: false, fin: true })
    const [payload] = await pong
    const result = { pong: payload.toString(), text: await answer }
    ws.close(1000)
    await closed
    return result
  },
  async ping() {
    const pongs = []
    for (const p of ['', 'here?', 'x'.repeat(125)]) {
      const pong = once(ws, 'pong')
      ws.ping(p)
      pongs.push((await pong)[0].toString() === p)
    }
    ws.close(1000)
    await closed
    return { pongs }
  },
  async close() {
    ws.close(3000, 'that was 好')
    return closed
  },
  async wait() {
    const answer = message()
    ws.send('hello')
    await answer // the server knows this connection
    report('connected')
    return closed
  },
}

await once(ws, 'open')
report(await scenarios[scenario]())
