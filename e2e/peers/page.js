// Runs in a browser, in a page of the echo server. The value of this expression is an object of scenarios, each of which
// takes a URL and returns a promise.
(() => {
  const once = (ws, type) =>
    new Promise((resolve, reject) => {
      ws.addEventListener(type, resolve, { once: true })
      if (type !== 'close') ws.addEventListener('close', e => reject(new Error(`closed with ${e.code} ${e.reason}`)), { once: true })
    })
  const open = async (url, ...protocols) => {
    const ws = new WebSocket(url, ...protocols)
    ws.binaryType = 'arraybuffer'
    await once(ws, 'open')
    return ws
  }
  const exchange = async (ws, payload) => {
    const answer = once(ws, 'message')
    ws.send(payload)
    return (await answer).data
  }
  // Waits for a text, whatever comes before it.
  const heard = (ws, text) =>
    new Promise((resolve, reject) => {
      ws.addEventListener('message', e => { if (e.data === text) resolve(text) })
      ws.addEventListener('close', e => reject(new Error(`closed with ${e.code} ${e.reason}`)), { once: true })
    })
  const closed = async (ws, ...how) => {
    const event = once(ws, 'close')
    if (how.length > 0) ws.close(...how)
    const { code, reason, wasClean } = await event
    return { code, reason, wasClean }
  }
  const equal = (a, b) => {
    if (typeof a === 'string' || typeof b === 'string') return a === b
    const x = new Uint8Array(a), y = new Uint8Array(b)
    return x.length === y.length && x.every((v, i) => v === y[i])
  }

  return {
    async echo(url) {
      const payloads = ['Hello', '你好，世界', '👩‍🚀🚀', 'a\0b']
      for (const n of [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]) {
        payloads.push('x'.repeat(n), Uint8Array.from({ length: n }, (_, i) => i % 251).buffer)
      }
      const ws = await open(url)
      let good = 0
      const bad = []
      for (const p of payloads) {
        if (equal(p, await exchange(ws, p))) good++
        else bad.push(`${typeof p} of ${p.length ?? p.byteLength}`)
      }
      ws.binaryType = 'blob'
      const blob = await exchange(ws, new Blob(['你好', new Uint8Array([0, 255])]))
      return { good, bad, blob: blob.size, close: await closed(ws, 1000, 'done') }
    },

    async states(url) {
      const ws = new WebSocket(url, ['other', 'echo.v1'])
      const states = [ws.readyState]
      await once(ws, 'open')
      states.push(ws.readyState)
      const answer = once(ws, 'message')
      ws.send('x'.repeat(1 << 20))
      const buffered = [ws.bufferedAmount]
      await answer
      buffered.push(ws.bufferedAmount)
      const close = closed(ws, 3000, 'that was 好')
      states.push(ws.readyState)
      await close
      states.push(ws.readyState)
      return { states, buffered, protocol: ws.protocol, extensions: ws.extensions, close: await close }
    },

    async noStatus(url) {
      const ws = await open(url)
      const event = once(ws, 'close')
      ws.close()
      const { code, reason, wasClean } = await event
      return { code, reason, wasClean }
    },

    // Opens 20 sockets at once. How many bring their own message back?
    async many(url) {
      const sockets = await Promise.all(Array.from({ length: 20 }, () => open(url)))
      const answers = await Promise.all(sockets.map((ws, i) => exchange(ws, `socket ${i}`)))
      await Promise.all(sockets.map(ws => closed(ws, 1000)))
      return answers.filter((text, i) => text === `socket ${i}`).length
    },

    async broadcast(url) {
      const sockets = await Promise.all([open(url), open(url), open(url)])
      // A client is open sooner than the server has it in its list. What it has said comes back once it is in there.
      await Promise.all(sockets.map((ws, i) => {
        const back = heard(ws, `here is ${i}`)
        ws.send(`here is ${i}`)
        return back
      }))
      const got = sockets.map(ws => heard(ws, 'to all 🚀'))
      sockets[1].send('to all 🚀')
      const texts = await Promise.all(got)
      await Promise.all(sockets.map(ws => closed(ws, 1000)))
      return texts
    },

    // Leaves a promise behind, because the server goes away only after this has returned.
    async wait(url) {
      const ws = await open(url)
      await exchange(ws, 'hello')
      globalThis.goneAway = closed(ws)
      return 'connected'
    },
  }
})()
