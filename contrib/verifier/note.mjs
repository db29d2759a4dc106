// note.mjs — the small change of the format (docs/format.md sections 1 and 2):
// strict base64, numbers, times, Ed25519 keys, vkeys, signed notes and checkpoints.
// Written from the specification alone; shares no code with the Go implementation.
import { createHash, createPublicKey, verify } from 'node:crypto'

export const sha256 = (...parts) => {
  const h = createHash('sha256')
  for (const p of parts) h.update(p, 'latin1')
  return h.digest()
}

// Strict base64: decoding and encoding again must give the same characters.
// That refuses white space, missing padding, spare bits and the URL alphabet.
export function b64(s) {
  if (typeof s !== 'string') return null
  const b = Buffer.from(s, 'base64')
  return b.toString('base64') === s ? b : null
}

// Grammar of section 1, as sources of regular expressions over latin1 strings.
export const NUM = '(?:0|[1-9][0-9]{0,15})'
export const DIGEST = '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]='
export const SOURCE = '[0-9a-f]{32}'
export const ORIGIN = '[!-*,-~]{1,255}'
export const TIME = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z'
const full = (re) => new RegExp(`^(?:${re})$`)
const reNum = full(NUM), reDigest = full(DIGEST), reSource = full(SOURCE), reOrigin = full(ORIGIN)
const reTime = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{9})Z$/

export const number = (s) => {
  const n = reNum.test(s) ? Number(s) : NaN
  return n <= Number.MAX_SAFE_INTEGER ? n : null
}
export const isDigest = (s) => typeof s === 'string' && s.length === 44 && reDigest.test(s)
export const isSource = (s) => typeof s === 'string' && reSource.test(s)
export const isOrigin = (s) => reOrigin.test(s)
export const sourceOf = (key) => sha256(key).toString('hex', 0, 16)
export const EMPTY_ROOT = sha256('').toString('base64')

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const leap = (y) => (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0
// time returns {sec, ns} (seconds since 0000-03-01, only differences matter) or null.
export function time(s) {
  const m = reTime.exec(s)
  if (!m) return null
  const [y, mo, d, h, mi, se, ns] = m.slice(1).map(Number)
  if (y < 1 || mo < 1 || mo > 12 || h > 23 || mi > 59 || se > 59) return null
  if (d < 1 || d > monthDays[mo - 1] + (mo === 2 && leap(y) ? 1 : 0)) return null
  const yy = mo > 2 ? y : y - 1, mp = (mo + 9) % 12
  const days = 365 * yy + Math.floor(yy / 4) - Math.floor(yy / 100) + Math.floor(yy / 400) +
    Math.floor((153 * mp + 2) / 5) + d - 1
  return { sec: days * 86400 + h * 3600 + mi * 60 + se, ns }
}

// A key as section 1 wants it: y below 2^255 - 19 and not of small order.
const P = (1n << 255n) - 19n
const le = (b) => BigInt('0x' + Buffer.from(b).reverse().toString('hex'))
const smallOrder = new Set([0n, 1n, P - 1n,
  le(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
  le(Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex'))])
export function goodKey(key) {
  const y = le(key) & ((1n << 255n) - 1n)
  return y < P && !smallOrder.has(y)
}

export const keyHash = (name, key) => sha256(name, '\n\x01', key).subarray(0, 4)

// vkey parses `<name>+<hash>+<base64>`; null when the form or the hash is wrong.
// Whether the key itself is good (bad-key) is for the caller to ask of goodKey.
export function vkey(s) {
  const m = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(s)
  const raw = m && b64(m[3])
  if (!raw || raw.length !== 33 || raw[0] !== 1 || !isOrigin(m[1])) return null
  const key = raw.subarray(1)
  return keyHash(m[1], key).toString('hex') === m[2] ? { text: s, name: m[1], key } : null
}

// verifier makes a function (text, key hash, signature) that tells whether the signature
// is good. OpenSSL checks the cofactorless equation with S below the order and compares R
// as bytes.
export function verifier(name, key) {
  const hash = keyHash(name, key)
  let obj
  return (text, kh, sig) => {
    if (!hash.equals(kh) || sig.length !== 64) return false
    try {
      obj ??= createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') }, format: 'jwk' })
      return verify(null, text, obj, sig)
    } catch { /* a key under which nothing is good */ }
  }
}

// signedNote splits a note at its last empty line (C2SP signed-note); null when broken.
// text is a Buffer, sigs are {name, hash, sig}.
export function signedNote(buf) {
  try { new TextDecoder('utf-8', { fatal: true }).decode(buf) } catch { return null }
  if (buf.some((c) => c < 0x20 && c !== 0x0a)) return null
  const at = buf.lastIndexOf('\n\n')
  if (at < 0 || buf[buf.length - 1] !== 0x0a) return null
  const sigs = []
  for (const line of buf.toString('utf8', at + 2, buf.length - 1).split('\n')) {
    const m = /^— ([^\p{White_Space}+]+) (.+)$/u.exec(line)
    const raw = m && b64(m[2])
    if (!raw || raw.length < 5) return null
    sigs.push({ name: m[1], hash: raw.subarray(0, 4), sig: raw.subarray(4) })
  }
  return sigs.length <= 100 ? { text: buf.subarray(0, at + 1), sigs } : null
}

// checkpoint parses and verifies a tlog-checkpoint under the log's vkey; null when it fails.
export function checkpoint(buf, vk) {
  const n = signedNote(buf)
  if (!n || !goodKey(vk.key)) return null
  const [origin, size, root, ...ext] = n.text.toString('utf8').slice(0, -1).split('\n')
  if (origin !== vk.name || number(size ?? '') === null || !isDigest(root) || ext.includes('')) return null
  if (size === '0' && root !== EMPTY_ROOT) return null
  const check = verifier(vk.name, vk.key), hash = keyHash(vk.name, vk.key)
  const ours = n.sigs.filter((s) => s.name === vk.name && s.hash.equals(hash))
  if (!ours.length || !ours.every((s) => check(n.text, s.hash, s.sig))) return null
  return { size: number(size), root }
}
