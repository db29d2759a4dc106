// agree.mjs — runs a second verifier over tampered logs that were written down, and
// stops at the first that it judges otherwise.
import crypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'

// The logs have most entries in common: a signature is tried once in all of them.
const verify = crypto.verify, tried = new Map()
crypto.verify = (algorithm, text, key, sig) => {
  const name = [key.export({ format: 'jwk' }).x, text.toString('latin1'), sig.toString('latin1')].join('\0')
  if (!tried.has(name)) tried.set(name, verify(algorithm, text, key, sig))
  return tried.get(name)
}
syncBuiltinESMExports()

const [verifier, corpus] = process.argv.slice(2)
const { run } = await import(join(verifier, 'verify.mjs'))
for (const { args, status, said } of JSON.parse(readFileSync(join(corpus, 'corpus.json'), 'utf8'))) {
  let out = ''
  const got = run(args, (line) => { out += line }, () => {})
  if (got !== status || (said !== null && plain(JSON.parse(out || 'null')) !== plain(said))) {
    console.log(args.join(' '), got, out)
    process.exit(1)
  }
}

function plain(v) {
  if (v) for (const f of v.findings) delete f.detail
  return JSON.stringify(v)
}
