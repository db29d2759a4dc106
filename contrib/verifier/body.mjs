// body.mjs — bodies (docs/format.md section 6): is this run of bytes a JSON object in
// RFC 8785 form, and do its known fields have their types? A text is parsed, written
// again in canonical form and compared with itself: that catches duplicate names,
// order, white space, escapes and every other spelling of a number at once.
import { b64, isDigest } from './note.mjs'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_DEPTH = 32

class NotCanonical extends Error {}
const refuse = () => { throw new NotCanonical() }

const str = (s) => (/\p{Surrogate}/u.test(s) ? refuse() : JSON.stringify(s))
function canon(v, depth) {
  if (v === null || typeof v === 'boolean') return String(v)
  if (typeof v === 'string') return str(v)
  if (typeof v === 'number') return Number.isSafeInteger(v) ? String(v) : refuse()
  if (depth > MAX_DEPTH) refuse()
  if (Array.isArray(v)) return '[' + v.map((x) => canon(x, depth + 1)).join(',') + ']'
  // The default sort compares UTF-16 code units, as RFC 8785 asks.
  return '{' + Object.keys(v).sort().map((k) => str(k) + ':' + canon(v[k], depth + 1)).join(',') + '}'
}

// canonical returns the object the bytes stand for, or null.
export function canonical(buf) {
  try {
    const text = utf8.decode(buf)
    const v = JSON.parse(text)
    if (v === null || typeof v !== 'object' || Array.isArray(v)) return null
    return canon(v, 1) === text ? v : null
  } catch (e) {
    if (e instanceof NotCanonical || e instanceof SyntaxError || e instanceof TypeError) return null
    throw e
  }
}

// Types of known fields.
const S = (v) => typeof v === 'string'
const N = (v) => typeof v === 'number' && v >= 0
const U = (v) => N(v) && v < 2 ** 32
const B = (v) => typeof v === 'boolean'
const L = (v) => Array.isArray(v) && v.every(S)
const X = (v) => b64(v) !== null // the bytes of a `…64` field
const O = (fields) => (v) => v !== null && typeof v === 'object' && !Array.isArray(v) && fits(v, fields)
const A = (fields) => (v) => Array.isArray(v) && v.every(O(fields))

const own = (v, k) => Object.hasOwn(v, k)
function fits(v, fields) {
  for (const k in fields) {
    if (own(v, k) && !fields[k](v[k])) return false
    if (fields[k] === X && own(v, k) && own(v, k.slice(0, -2))) return false
  }
  return true
}

const owner = O({ uid: U, gid: U, user: S, group: S })
const attributes = A({ name: S, name64: X, value: S, fingerprint: S, size: N })
const schema = {
  who: {
    user: S, uid: U, euid: U, gid: U, login_user: S, login_uid: U, pid: N, started: S,
    exe: S, exe64: X, command: L, tty: S, unit: S, container: S,
    ancestors: A({ pid: N, exe: S, exe64: X, command: L, uid: U, user: S }),
    session: O({ id: S, kind: S, address: S }), author: S, claimed: B, named_by: S, unproved: L,
  },
  why: { reason: S, ticket: S, learnt: S, given_by: O({ user: S, uid: U }) },
  how: {
    layer: S, confidence: S, version: S, detail: S, set: O({ id: S, part: N, of: N }),
    claimed: O({ time: S, author_time: S, repository: S, commit: S }),
    import: O({ file: S, first: N, rows: N }), host: O({ name: S, machine: S, os: S }), signals: L, beats: L,
    package: O({ manager: S, name: S, action: S, from: S, to: S }),
  },
  what: {
    host: S, agent: S, path: S, path64: X, action: S, time: S, since: S, from: S, from64: X,
    format: S, mode: S, owner, size: N, digest: S, target: S, target64: X, attributes, links: N,
    names: A({ path: S, path64: X }), was: O({ mode: S, owner, target: S, target64: X, attributes, links: N }),
    after: isDigest, before: O({ entry: isDigest, what: N }), marks: L, secrets: L, observed: N,
  },
}
// parseBody returns the body of a kind of line (who, why, how, what), or null when malformed.
export function parseBody(kind, buf) {
  const v = canonical(buf)
  if (!v || !fits(v, schema[kind])) return null
  return kind === 'what' && !(own(v, 'action') && v.action) ? null : v
}

// pathBytes gives field `name` (or name64) as a latin1 string of its bytes, or undefined.
export const pathBytes = (v, name) =>
  own(v, name) ? Buffer.from(v[name]).toString('latin1')
    : own(v, name + '64') ? b64(v[name + '64']).toString('latin1') : undefined
