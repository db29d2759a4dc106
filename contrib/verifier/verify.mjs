#!/usr/bin/env node
// verify.mjs — the command line: verifies a tlog-tiles directory of a Stele log.
// Exit status: 0 sound, 1 something not understood or not readable, 2 usage,
// 3 the log or the vault is accused.
import { readFileSync } from 'node:fs'
import { checkpoint, goodKey, vkey } from './note.mjs'
import { fromFile } from './disclosures.mjs'
import { TileDir } from './tiles.mjs'
import { verifyLog, verdict } from './log.mjs'

const usage = (why) => {
  console.error(`${why}\nusage: verify.mjs --vkey VKEY [--disclosures FILE] [--believed FILE] [--json] LOGDIR`)
  process.exit(2)
}

function args() {
  const a = { dirs: [] }
  for (let av = process.argv.slice(2); av.length;) {
    const [, name, value] = /^--([a-z]+)(?:=(.*))?$/s.exec(av[0]) ?? []
    const arg = av.shift()
    if (['vkey', 'disclosures', 'believed'].includes(name)) a[name] = value ?? av.shift() ?? usage(`${arg} wants a value`)
    else if (arg === '--json') a.json = true
    else if (arg.startsWith('-')) usage(`unknown option ${arg}`)
    else a.dirs.push(arg)
  }
  if (a.dirs.length !== 1) usage('one LOGDIR is wanted')
  return { ...a, dir: a.dirs[0] }
}

function main() {
  const a = args()
  const vk = vkey(a.vkey ?? '')
  if (!vk || !goodKey(vk.key)) usage('--vkey is not a good Ed25519 vkey')
  const dir = new TileDir(a.dir)
  const opt = {
    vkey: vk, checkpoint: dir.checkpoint(),
    leaves: (size) => dir.leaves(size),
    disagreement: (tree, size) => dir.disagreement(tree, size),
  }
  if (a.believed !== undefined) {
    opt.believed = checkpoint(readFileSync(a.believed), vk)
    if (!opt.believed) throw new Error(`${a.believed}: no checkpoint of this log`)
  }
  if (a.disclosures !== undefined) opt.disclosures = fromFile(a.disclosures)
  const result = verifyLog(opt)
  if (a.json) {
    const findings = result.findings.map(({ code, accused, index }) => ({ code, accused, index }))
    console.log(JSON.stringify({ ...result, findings }))
  } else report(result, a.disclosures !== undefined)
  return verdict(result)
}

function report(r, disclosed) {
  console.log(`${r.size} entries of ${r.sources} sources: ${r.changes} changes, ${r.duplicates} duplicates, ` +
    `${r.notUnderstood} not understood, ${r.erased} lines erased`)
  if (!disclosed) console.log('no disclosures given: seals, bodies and histories were not checked')
  for (const f of r.findings) {
    console.log(`${f.step <= 3 ? 'log' : `entry ${f.index}`}: ${f.code} (accused: ${f.accused})${f.detail ? ' ' + f.detail : ''}`)
  }
  const status = verdict(r)
  console.log(status === 3 ? 'BAD EVIDENCE' : status === 1 ? 'entries of a later version were passed over' : 'the evidence is sound')
}

try {
  process.exitCode = main()
} catch (e) {
  console.error(`could not verify: ${e.message}`)
  process.exitCode = 1
}
