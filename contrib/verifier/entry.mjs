// entry.mjs — parses one entry (docs/format.md sections 3 and 4) on its bytes,
// as a latin1 string. Checks form only: keys, signatures and the place in the
// log are for log.mjs.
import { NUM, DIGEST, SOURCE, TIME, EMPTY_ROOT, b64, sha256, number, time, vkey, isOrigin, sourceOf } from './note.mjs'

const compiled = new Map()
function re(s) {
  if (!compiled.has(s)) compiled.set(s, new RegExp(`^${s}$`))
  return compiled.get(s)
}
const reHead = re(`(${SOURCE}) (${NUM}) (${DIGEST})`)
const reSaw = re(`saw (${NUM}) (${DIGEST})`)
const reSeal = re(`(who|why|how|what) (${DIGEST})`)
const reSig = re(`\xe2\x80\x94 (${SOURCE}) ([A-Za-z0-9+/=]+)`)
const reVersion = re(`stele/entry/v(${NUM})`)
const LINE = '(?:who|why|how|(?:what|text) (?:0|[1-9][0-9]{0,2}))'
const reLine = re(LINE)
export const isLine = (s) => typeof s === 'string' && reLine.test(s)

const anyRole = ['watcher', 'receiver', 'importer', 'recorder', 'person', 'monitor']
export const roles = {
  enrol: ['recorder'],
  revoke: ['recorder', 'person'],
  change: ['watcher', 'receiver', 'importer'],
  gap: anyRole,
  remark: anyRole,
  rollcall: ['recorder'],
  erase: ['person'],
  finding: ['recorder', 'monitor'],
  access: ['recorder'],
}

// Cursor over the open lines: take(regexp) consumes one line, all(regexp) as many as fit.
class Lines {
  constructor(lines) { this.lines = lines; this.at = 0 }
  take(pattern) {
    const m = this.at < this.lines.length ? re(pattern).exec(this.lines[this.at]) : null
    if (m) this.at++
    return m && m.slice(1)
  }
  need(pattern) { return this.take(pattern) ?? fail() }
  all(pattern) {
    const out = []
    for (let m; (m = this.take(pattern));) out.push(m[0])
    return out
  }
}
class Malformed extends Error {}
const fail = () => { throw new Malformed() }
const must = (x) => (x === null || x === false || x === undefined ? fail() : x)

const kinds = {
  enrol(l) {
    const o = {}
    const log = l.take('log (\\S+)')
    if (log) o.log = must(vkey(log[0]))
    const er = l.take('erasers ([1-9][0-9]?)')
    if (er) o.erasers = Number(er[0])
    const f3 = l.take(`follows (\\S+) (${NUM}) (${DIGEST})`)
    if (f3) must(isOrigin(f3[0]) && number(f3[1]) !== null)
    // Only entry 0 may have these, and it has a log line and erasers.
    if (log ? !er : f3) fail()
    o.vkey = must(vkey(l.need('vkey (\\S+)')[0]))
    must(o.vkey.name === sourceOf(o.vkey.key))
    o.role = l.need(`role (${anyRole.join('|')})`)[0]
    const f1 = l.take(`follows (${SOURCE})`)
    if (f1) o.follows = f1[0]
    return o
  },
  revoke(l) {
    return { revoked: l.need(`source (${SOURCE})`)[0], last: must(number(l.need(`last (${NUM})`)[0])) }
  },
  change: () => ({}),
  gap: (l) => ({ since: must(time(l.need(`since (${TIME})`)[0])) }),
  remark(l) {
    const o = { about: [l.need(`about (${DIGEST})`)[0]], says: l.need('says (reason|approve|waive)')[0] }
    const until = l.take(`until (${TIME})`)
    if (until) o.until = must(time(until[0]))
    return o
  },
  rollcall(l) {
    const absent = l.all(`absent (${SOURCE})`), present = l.all(`present (${SOURCE})`)
    for (const a of [absent, present]) must(a.every((x, i) => i === 0 || a[i - 1] < x))
    const set = new Set(absent)
    must(!present.some((x) => set.has(x)))
    return { absent, present }
  },
  erase(l) {
    const voids = l.all(`void (${DIGEST} ${LINE})`)
    must(voids.length > 0)
    return { voids }
  },
  finding: (l) => ({ code: l.need('code ([a-z][a-z0-9-]{0,63})')[0], about: l.all(`about (${DIGEST})`) }),
  access: () => ({}),
}

// parseEntry returns {state: 'ok' | 'version' | 'malformed', ...fields}.
export function parseEntry(buf) {
  const s = buf.toString('latin1')
  const nl = s.indexOf('\n')
  const v = nl < 0 ? null : reVersion.exec(s.slice(0, nl)) // a line ends with LF
  if (v && number(v[1]) >= 2) return { state: 'version' }
  try {
    return parse(buf, s)
  } catch (e) {
    if (e instanceof Malformed) return { state: 'malformed' }
    throw e
  }
}

function parse(buf, s) {
  if (buf.length > 65535) fail()
  const end = s.indexOf('\n\n') // without one there is no signature line behind a first line
  const lines = s.slice(0, end).split('\n')
  const tail = s.slice(end + 2)
  if (!tail.endsWith('\n')) fail()
  const sigLine = must(reSig.exec(tail.slice(0, -1)))
  const sig = must(b64(sigLine[2]))
  if (sig.length !== 68 || lines.length < 8 || lines[0] !== 'stele/entry/v1') fail()
  const kind = lines[1]
  if (!Object.hasOwn(kinds, kind)) fail()
  const head = must(reHead.exec(lines[2]))
  if (head[1] !== sigLine[1]) fail()
  const saw = must(reSaw.exec(lines[4]))
  const e = {
    state: 'ok', kind, source: head[1], seq: must(number(head[2])), prev: head[3],
    time: must(time(lines[3])), saw: must(number(saw[1])), sawRoot: saw[2],
    keyHash: sig.subarray(0, 4), sig: sig.subarray(4), text: buf.subarray(0, end + 1),
  }
  if (e.saw === 0 && e.sawRoot !== EMPTY_ROOT) fail()
  // Seals stand last: who, why, how and, for a change, 1 to 1,000 of what.
  let n = 0
  while (n < lines.length && reSeal.exec(lines[lines.length - 1 - n])?.[1] === 'what') n++
  if (kind === 'change' ? n < 1 || n > 1000 : n > 0) fail()
  const first = lines.length - n - 3 // not among the lines above, which are no seals
  e.seals = ['who', 'why', 'how', ...Array(n).fill('what')].map((name, i) => {
    const m = reSeal.exec(lines[first + i])
    if (!m || m[1] !== name) fail()
    return { line: i < 3 ? name : `what ${i - 3}`, body: name, seal: m[2] }
  })
  const open = new Lines(lines.slice(5, first))
  Object.assign(e, kinds[kind](open))
  if (open.at !== open.lines.length) fail()
  e.id = sha256(e.text).toString('base64')
  return e
}
