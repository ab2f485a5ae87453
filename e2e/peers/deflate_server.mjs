// A server that is npm's ws, with compression. Usage: node deflate_server.mjs. The query `options` of a request is its
// perMessageDeflate in JSON. It echoes, and prints a line for each connection that fails.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const http = createServer()
http.on('upgrade', (request, socket, head) => {
  const options = JSON.parse(new URL(request.url, 'http://localhost').searchParams.get('options'))
  const server = new WebSocketServer({ noServer: true, maxPayload: 64 << 20, perMessageDeflate: { threshold: 0, ...options } })
  server.handleUpgrade(request, socket, head, ws => {
    ws.on('message', (data, binary) => ws.send(data, { binary }))
    ws.on('error', err => console.log(err.message))
  })
})
http.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${http.address().port}`))
