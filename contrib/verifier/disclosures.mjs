// disclosures.mjs — disclosures exchanged as lines of JSON (docs/format.md section 5).
// A file is indexed once by source, seq and line; bodies are read again when asked for,
// so that memory does not grow with what was disclosed.
import { openSync, readSync } from 'node:fs'
import { b64 } from './note.mjs'

// disclosure checks one parsed object; null when it is not of the form of section 5.
export function disclosure(o) {
  if (o === null || typeof o !== 'object' || !Number.isSafeInteger(o.seq) || o.seq < 0) return null
  if (typeof o.source !== 'string' || typeof o.line !== 'string') return null
  const salt = b64(o.salt), body = b64(o.body)
  return salt?.length === 32 && body ? { key: `${o.source} ${o.seq} ${o.line}`, salt, body } : null
}

// fromList gives the lookup log.mjs wants, from parsed objects.
export function fromList(list) {
  const map = new Map()
  for (const o of list) {
    const d = disclosure(o)
    if (!d) throw new Error('a disclosure is not of the form of section 5')
    add(map, d.key, d)
  }
  return (source, seq, line) => map.get(`${source} ${seq} ${line}`) ?? []
}

// fromFile gives the same lookup over a file.
export function fromFile(path) {
  const fd = openSync(path, 'r')
  const map = new Map()
  const chunk = Buffer.allocUnsafe(1 << 20)
  let rest = [], start = 0, at = 0, lineNo = 0
  const line = (end) => {
    const buf = Buffer.concat(rest)
    rest = []
    lineNo++
    const d = parse(buf)
    if (!d) throw new Error(`${path}: line ${lineNo} is not a disclosure`)
    add(map, d.key, { at: start, length: buf.length })
    start = end
  }
  for (let n; (n = readSync(fd, chunk, 0, chunk.length, at)) > 0; at += n) {
    let from = 0
    for (let nl; (nl = chunk.subarray(0, n).indexOf(10, from)) >= 0; from = nl + 1) {
      rest.push(chunk.subarray(from, nl))
      line(at + nl + 1)
    }
    if (from < n) rest.push(Buffer.from(chunk.subarray(from, n)))
  }
  if (rest.length) line(at)
  const load = ({ at, length }) => {
    const buf = Buffer.allocUnsafe(length)
    readSync(fd, buf, 0, length, at)
    return parse(buf)
  }
  return (source, seq, name) => (map.get(`${source} ${seq} ${name}`) ?? []).map(load)
}

function parse(buf) {
  try { return disclosure(JSON.parse(buf.toString('utf8'))) } catch { return null }
}

function add(map, key, value) {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
