#!/usr/bin/env node
// verify.mjs — the command line: verifies a tlog-tiles directory of a Stele log.
// Exit status: 0 sound, 1 something contested, not understood or not readable, 2 usage,
// 3 the log or the vault is accused.
import { readFileSync, realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { checkpoint, goodKey, vkey } from './note.mjs'
import { fromFile } from './disclosures.mjs'
import { TileDir } from './tiles.mjs'
import { verifyLog, verdict } from './log.mjs'

class UsageError extends Error {}
const usage = (why) => {
  throw new UsageError(`${why}\nusage: verify.mjs --vkey VKEY [--disclosures FILE] [--believed FILE] [--checkpoint FILE]... [--json] LOGDIR`)
}

function args(argv) {
  const a = { dirs: [], checkpoint: [] }
  for (let av = [...argv]; av.length;) {
    const [, name, value] = /^--([a-z]+)(?:=(.*))?$/s.exec(av[0]) ?? []
    const arg = av.shift()
    const taken = () => value ?? av.shift() ?? usage(`${arg} wants a value`)
    if (name === 'checkpoint') a.checkpoint.push(taken())
    else if (['vkey', 'disclosures', 'believed'].includes(name)) a[name] = taken()
    else if (arg === '--json') a.json = true
    else if (arg.startsWith('-')) usage(`unknown option ${arg}`)
    else a.dirs.push(arg)
  }
  if (a.dirs.length !== 1) usage('one LOGDIR is wanted')
  return { ...a, dir: a.dirs[0] }
}

// notes takes a text of signed notes apart: a note ends behind its signatures, and empty
// lines may follow.
function notes(buf) {
  const list = []
  for (let text = buf.toString('latin1'), at = 0; ;) {
    while (text[at] === '\n') at++
    if (at === text.length) return list
    let end = text.indexOf('\n\n', at)
    end = end < 0 ? text.length : end + 2
    while (text.startsWith(DASH, end)) end = (text.indexOf('\n', end) + 1) || text.length
    list.push(buf.subarray(at, end))
    at = end
  }
}
const DASH = Buffer.from('— ').toString('latin1')

function main(argv, print) {
  const a = args(argv)
  const vk = vkey(a.vkey ?? '')
  if (!vk || !goodKey(vk.key)) usage('--vkey is not a good Ed25519 vkey')
  const given = (file) => {
    const list = notes(readFileSync(file)).map((note) => checkpoint(note, vk))
    if (!list.length) throw new Error(`${file}: no checkpoint is in it`)
    if (list.includes(null)) throw new Error(`${file}: note ${list.indexOf(null) + 1} is no checkpoint of this log`)
    return list
  }
  const one = (file) => {
    const list = given(file)
    if (list.length !== 1) throw new Error(`${file}: one checkpoint is wanted, it has ${list.length}`)
    return list[0]
  }
  const dir = new TileDir(a.dir)
  const opt = {
    vkey: vk, checkpoint: dir.checkpoint(),
    leaves: (size) => dir.leaves(size),
    faults: (tree) => {
      if (tree) dir.check(tree)
      return dir.faults
    },
    tiles: (size) => dir.tree(size),
    believed: a.believed === undefined ? undefined : one(a.believed),
    atHand: a.checkpoint.flatMap(given),
    disclosures: a.disclosures === undefined ? undefined : fromFile(a.disclosures),
  }
  const result = verifyLog(opt), status = verdict(result)
  result.passed_over = opt.disclosures?.passedOver ?? []
  if (a.json) {
    const findings = result.findings.map(({ code, accused, index, detail }) => ({ code, accused, index, detail }))
    print(JSON.stringify({ ...result, findings, status }))
  } else report(result, status, a, print)
  return status
}

function report(r, status, a, print) {
  for (const f of shown(r.findings)) {
    const where = f.step < 4 ? 'the log' : `entry ${f.index}`
    print(`${f.accused} ${f.code} ${where}${f.detail ? ': ' + f.detail : ''}${f.count > 1 ? ` (${f.count} such findings)` : ''}`)
  }
  for (const c of r.contested) {
    print(`contested: a tree of ${c.size} leaves with root ${c.root}, which this log has not, was seen by ` +
      c.saw.map((s) => `source ${s.source} in entry ${s.index}`).join(', '))
    print('  ask them for the checkpoint that they saw, and give it with --checkpoint')
  }
  for (const n of r.passed_over) print(`${a.disclosures}: line ${n} is no disclosure and was passed over`)
  print(`${r.size} entries of ${r.sources} sources: ${r.changes} changes, ${r.duplicates} duplicates, ` +
    `${r.not_understood} not understood, ${r.erased} lines erased, ${r.passed_over.length} lines of disclosures passed over`)
  if (r.recorded) print(`on the record: ${r.recorded} findings`)
  if (a.disclosures === undefined) print('no disclosures given: seals, bodies and histories were not checked')
  print(status === 3 ? 'BAD EVIDENCE' : r.contested.length ? 'CONTESTED' : status === 1 ? 'entries of a later version were passed over' : 'the evidence is sound')
}

// shown gives the findings to show: beside a tree-mismatch, the cause, one of each other
// code with how many there are.
function shown(findings) {
  const causes = findings.filter((f) => f.code === 'tree-mismatch')
  if (!causes.length) return findings
  const kinds = new Map()
  for (const f of findings) {
    if (f.code === 'tree-mismatch') continue
    if (kinds.has(f.code)) kinds.get(f.code).count++
    else kinds.set(f.code, { ...f, count: 1 })
  }
  return [...causes, ...kinds.values()]
}

// run runs one command line, prints by line and returns the exit status.
export function run(argv, print, complain) {
  try {
    return main(argv, print)
  } catch (e) {
    complain(e instanceof UsageError ? e.message : `could not verify: ${e.message}`)
    return e instanceof UsageError ? 2 : 1
  }
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) process.exitCode = run(process.argv.slice(2), console.log, console.error)
