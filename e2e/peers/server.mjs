// A server that is npm's ws. Usage: node server.mjs
import { WebSocketServer } from 'ws'

const report = value => console.log(JSON.stringify(value))
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 64 << 20,
  handleProtocols: offered => (offered.has('echo.v1') ? 'echo.v1' : false),
})

server.on('listening', () => console.log(`listening on 127.0.0.1:${server.address().port}`))
server.on('connection', ws => {
  const orders = {
    fragments() {
      const text = Buffer.from('ab🚀cd')
      ws.send(text.subarray(0, 4), { binary: false, fin: false }) // inside the emoji
      ws.ping('between')
      ws.send(Buffer.alloc(0), { binary: false, fin: false })
      ws.send(text.subarray(4), { binary: false, fin: true })
    },
    ping() {
      ws.once('pong', payload => ws.send(`pong: ${payload}`))
      ws.ping('here?')
    },
    close() {
      ws.close(3001, 'that was 好')
    },
  }
  ws.on('message', (data, binary) => {
    const order = binary ? undefined : orders[data.toString()]
    if (order) order()
    else ws.send(data, { binary })
  })
  ws.on('close', (code, reason) => report({ code, reason: reason.toString() }))
  ws.on('error', err => report({ error: err.message }))
})
