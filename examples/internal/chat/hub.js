// HubClient is the other end of a hub with a JSON envelope (docs/scaling.md). It comes back when the connection is lost, and
// goes on in each topic where it was: nothing is missed, nothing comes twice, and where that cannot be, onsubscribed says so.
class HubClient {
  onconnect() {}                            // a connection is being made
  onopen() {}                               // there is a connection; what is sent now goes ahead of the subscriptions
  onmessage(topic, data) {}                 // data: a value if JSON was published, otherwise a string or a Uint8Array
  onsubscribed(topic, recovered, missed) {} // everything of before has come; missed is 0 if that is not known
  onother(value) {}                         // the server has said something that is not about a topic
  onclose(event, wait) {}                   // the next try is in wait milliseconds; null: there is none
  heard = 0           // when something has come last, in milliseconds
  #ws = null          // the connection, or the one that is being made
  #topics = new Map() // by name: last, at (of the last message), since (where to go on), due (an answer to a subscription)
  #tries = 0; #timer
  constructor(url) { this.url = url } // replace the functions above, then call connect
  get idle() { return this.#ws === null }
  get open() { return this.#ws?.readyState === WebSocket.OPEN }
  connect() { // at once, also if the next try is later
    clearTimeout(this.#timer); this.#ws?.close()
    const ws = this.#ws = new WebSocket(this.url)
    this.onconnect()
    ws.onopen = () => { this.onopen(); for (const topic of this.#topics.keys()) this.#ask(topic) }
    ws.onmessage = e => { if (ws === this.#ws) this.#receive(JSON.parse(e.data)) }
    ws.onclose = e => { if (ws === this.#ws) this.#lost(e) }
  }
  drop() { const ws = this.#ws; if (ws) { this.#lost({}); ws.close() } } // a link that seems to be dead
  send(value) { if (this.open) this.#ws.send(JSON.stringify(value)) }
  subscribe(topic, last = 0, since = undefined) { // last: how many messages of before, if there is no position to go on from
    if (this.#topics.has(topic)) return
    this.#topics.set(topic, { last, since, at: since })
    this.#ask(topic)
  }
  unsubscribe(topic) { // returns from where to subscribe again
    const since = this.#topics.get(topic)?.since
    if (this.#topics.delete(topic)) this.send({ unsubscribe: topic })
    return since
  }
  #ask(topic) {
    const s = this.#topics.get(topic)
    s.due = true // until then since stays: who has got half of what was missed would not be told that the rest is gone
    this.send({ subscribe: topic, last: s.last, ...s.since })
  }
  #receive(i) {
    this.heard = Date.now(); this.#tries = 0
    if (i.topic === undefined) return this.onother(i)
    const s = this.#topics.get(i.topic), at = i.epoch && { epoch: i.epoch, offset: i.offset }
    const answer = i.recovered !== undefined
    if (!s || !answer && at?.epoch === s.at?.epoch && at?.offset <= s.at?.offset) return // it has left, or has had this
    if (answer || at) s.at = at
    if (answer) s.due = false
    if (!s.due) s.since = s.at
    if (answer) this.onsubscribed(i.topic, i.recovered, i.missed ?? 0)
    else this.onmessage(i.topic, 'binary' in i ? Uint8Array.from(atob(i.binary), c => c.charCodeAt(0)) : i.text ?? i.data)
  }
  #lost(e) {
    this.#ws = null
    const wait = e.code === 1008 ? null : Math.random() * Math.min(30, 2 ** this.#tries++) * 1000 // not all at once
    if (wait !== null) this.#timer = setTimeout(() => this.connect(), wait) // after 1008 the same would happen again
    this.onclose(e, wait)
  }
}
