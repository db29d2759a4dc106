// disclosures.mjs — disclosures exchanged as lines of JSON (docs/format.md section 5).
// A file is indexed once by source, seq and line; bodies are read again when asked for,
// so that memory does not grow with what was disclosed.
import { openSync, readSync } from 'node:fs'
import { b64, isSource, sha256 } from './note.mjs'
import { isLine } from './entry.mjs'

// disclosure checks one parsed object; null when it is not of the form of section 5.
export function disclosure(o) {
  if (o === null || typeof o !== 'object' || !Number.isSafeInteger(o.seq) || o.seq < 0) return null
  if (!isSource(o.source) || !isLine(o.line)) return null
  const salt = b64(o.salt), body = b64(o.body)
  return salt?.length === 32 && body ? { key: `${o.source} ${o.seq} ${o.line}`, salt, body } : null
}

// opens tells whether a disclosure opens a seal: its body is within the limits and
// hashes to it.
export function opens(d, seal) {
  const limit = d.key.includes(' text ') ? 16 << 20 : 1 << 20
  return d.body.length <= limit && sha256(`stele/seal/v1\n${d.key}\n`, d.salt, d.body).toString('base64') === seal
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

// fromFile gives the same lookup over a file. Lines that are no disclosure are passed
// over; their numbers, from 1, are in its `passedOver`.
export function fromFile(path) {
  const fd = openSync(path, 'r')
  const map = new Map(), passedOver = []
  const chunk = Buffer.allocUnsafe(1 << 20)
  let rest = [], start = 0, at = 0, lineNo = 0
  const line = (end) => {
    const buf = Buffer.concat(rest)
    rest = []
    lineNo++
    const d = parse(buf)
    if (d) add(map, d.key, { at: start, length: buf.length })
    else passedOver.push(lineNo)
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
  const lookup = (source, seq, name) => (map.get(`${source} ${seq} ${name}`) ?? []).map(load).filter((d) => d)
  return Object.assign(lookup, { passedOver })
}

function parse(buf) {
  try { return disclosure(JSON.parse(buf.toString('utf8'))) } catch { /* it is none */ }
}

function add(map, key, value) {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
