// A server of WebSockets over HTTP/2 that is Node's http2 with the frames of npm's ws. Usage: h2_server.mjs
//
// It prints `listening on HOST:PORT`, echoes, and prints the code and reason of each close as a line of JSON.
import http2 from 'node:http2'
import WebSocket from 'ws'

const server = http2.createServer({ settings: { enableConnectProtocol: true } })
server.on('stream', (stream, headers) => {
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
    stream.respond({ ':status': 501 }, { endStream: true })
    return
  }
  stream.respond({ ':status': 200 })
  const ws = new WebSocket(null, undefined, { closeTimeout: 30000 })
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 64 << 20, skipUTF8Validation: false, allowSynchronousEvents: true })
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
  ws.on('close', (code, reason) => console.log(JSON.stringify({ code, reason: reason.toString() })))
})
server.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`))
