// A client that is npm's ws, with compression. Usage: node deflate_client.mjs URL. It connects to a server that echoes with
// each combination of the parameters that the library can offer, and prints a JSON array of what was agreed and how many
// messages came back as they were.
import { once } from 'node:events'
import WebSocket from 'ws'

const url = process.argv[2]
const combinations = []
for (const serverNoContextTakeover of [false, true])
  for (const clientNoContextTakeover of [undefined, true]) // false would forbid a server to ask for it
    for (const serverMaxWindowBits of [undefined, 8, 9, 12, 15])
      for (const clientMaxWindowBits of [true, 9, 12, 15])
        combinations.push({ serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits, threshold: 0 })

const words = ['context', 'window', 'distance', '好的', 'length', 'literal', '🚀', '"price":']
const message = n => {
  let s = ''
  for (let i = 0; s.length < n; i++) s += words[(i * i * 7 + n) % words.length] + i
  return s
}
const messages = [0, 1, 100, 3000, 40000, 3000, 100].map(message)

const results = []
for (const perMessageDeflate of combinations) {
  const ws = new WebSocket(url, { perMessageDeflate, maxPayload: 64 << 20 })
  await once(ws, 'open')
  let good = 0
  for (const m of messages) {
    const answer = once(ws, 'message')
    ws.send(m)
    if ((await answer)[0].toString() === m) good++
  }
  ws.close(1000)
  const [code] = await once(ws, 'close')
  results.push({ offered: perMessageDeflate, agreed: ws.extensions, good, of: messages.length, code })
}
console.log(JSON.stringify(results))
