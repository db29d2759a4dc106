#!/usr/bin/env node
// vectors.mjs — runs the test vectors of docs/format.md section 11 and names every difference,
// or with --first the first one only. Names of files say which to run, in which order.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { b64, checkpoint, goodKey, sha256, verifier, vkey } from './note.mjs'
import { parseEntry } from './entry.mjs'
import { parseBody } from './body.mjs'
import { disclosure, fromList, opens } from './disclosures.mjs'
import { verdict, verifyLog } from './log.mjs'

const first = process.argv[2] === '--first', [dir, ...chosen] = process.argv.slice(first ? 3 : 2)
let passed = 0, failed = 0
function expect(file, name, want, got) {
  const [w, g] = [JSON.stringify(want), JSON.stringify(got)]
  if (w === g) return void passed++
  failed++
  console.log(`${file}: ${name}\n  vector   ${w}\n  verifier ${g}`)
  if (first) process.exit(1)
}

const entry = (v) => {
  const e = parseEntry(b64(v.note))
  if (e.state !== 'ok') return { expect: e.state }
  for (const k of [e.log, e.vkey]) if (k && !goodKey(k.key)) return { expect: 'bad-key' }
  if (v.vkey) {
    const vk = vkey(v.vkey)
    if (!vk || !goodKey(vk.key)) return { expect: 'bad-key' }
    if (e.source !== vk.name || !verifier(vk.name, vk.key)(e.text, e.keyHash, e.sig)) return { expect: 'bad-signature' }
  }
  return { expect: 'ok', kind: e.kind, source: e.source, seq: e.seq, id: e.id }
}

const run = {
  'entries.json': (v) => {
    const keys = v.expect === 'ok' ? ['expect', 'kind', 'source', 'seq', 'id'] : ['expect']
    return [Object.fromEntries(keys.map((k) => [k, v[k]])), entry(v)]
  },
  'seals.json': (v) => {
    const d = disclosure(v)
    if (d && v.longer) d.body = Buffer.concat([d.body, Buffer.alloc(v.longer, 'x')])
    return [v.opens, d !== null && opens(d, v.seal)]
  },
  'bodies.json': (v) => [v.canonical, parseBody(v.kind, b64(v.body)) !== null],
  'checkpoints.json': (v) => {
    const vk = vkey(v.vkey), cp = vk && checkpoint(b64(v.checkpoint), vk)
    return [v.opens ? { size: v.size ?? 0, root: v.root } : null, cp]
  },
  'logs.json': (v) => {
    const leaves = v.entries.map(b64), vk = vkey(v.vkey)
    const read = (text) => checkpoint(Buffer.from(text), vk)
    const r = verifyLog({
      vkey: vk, checkpoint: Buffer.from(v.checkpoint), leaves: () => leaves,
      believed: v.believed ? read(v.believed) : undefined, atHand: v.at_hand?.map(read),
      disclosures: v.disclosures ? fromList(v.disclosures) : undefined,
    })
    const { changes, disclosed, erased, duplicates, not_understood, recorded, sources } = r
    const got = { findings: r.findings.map(({ code, accused, index }) => ({ code, accused, index })) }
    if (r.contested.length) got.contested = r.contested
    got.status = verdict(r)
    if (v.counts) got.counts = { changes, disclosed, erased, duplicates, not_understood, recorded, sources }
    const want = { findings: v.findings, contested: v.contested, status: v.status, counts: v.counts }
    return [want, got]
  },
}

if (!dir) {
  console.error('usage: vectors.mjs [--first] VECTORSDIR [FILE...]')
  process.exit(2)
}
for (const file of chosen.length ? chosen : Object.keys(run)) {
  const one = run[file]
  let vectors = []
  try {
    vectors = JSON.parse(readFileSync(join(dir, file), 'utf8'))
  } catch (e) {
    expect(file, 'the file', 'readable', e.message)
  }
  for (const v of vectors) {
    try {
      expect(file, v.name, ...one(v))
    } catch (e) {
      expect(file, v.name, 'no exception', e.stack)
    }
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed ? 1 : 0
