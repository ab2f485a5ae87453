// A client of WebSockets over HTTP/2 that is Node's http2 with the frames of npm's ws. Usage: h2_client.mjs ORIGIN COUNT
//
// It opens COUNT WebSockets on one connection, has messages of many lengths echoed on each, and closes them. It prints one
// JSON value: how many came back, and the codes of the closes.
import http2 from 'node:http2'
import { once } from 'node:events'
import WebSocket from 'ws'

const [origin, count] = process.argv.slice(2)
const session = http2.connect(origin)
await once(session, 'remoteSettings')
if (!session.remoteSettings.enableConnectProtocol) throw new Error('the server takes no extended CONNECT')

// ws takes any stream for its frames once a handshake is done.
const open = async () => {
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/h2', 'sec-websocket-version': '13' })
  const [headers] = await once(stream, 'response')
  if (headers[':status'] !== 200) throw new Error(`status ${headers[':status']}`)
  const ws = new WebSocket(null, undefined, { closeTimeout: 30000 })
  ws._isServer = false // it masks
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 64 << 20, skipUTF8Validation: false, allowSynchronousEvents: true })
  return ws
}

const payloads = ['Hello', '你好，世界', '', ...[125, 126, 65535, 65536, 1 << 20].map(n => 'x'.repeat(n)), Buffer.alloc(100000, 7)]
const sockets = await Promise.all(Array.from({ length: Number(count) }, open))
let good = 0
const codes = new Set()
await Promise.all(sockets.map(async ws => {
  for (const p of payloads) {
    ws.send(p)
    const [data] = await once(ws, 'message')
    if (Buffer.from(p).equals(data)) good++
  }
  ws.close(3000, 'done')
  const [code] = await once(ws, 'close')
  codes.add(code)
}))
console.log(JSON.stringify({ open: sockets.length, good, codes: [...codes] }))
session.close()
