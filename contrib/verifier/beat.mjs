// beat.mjs — signs of life (docs/format.md section 7), on their bytes as latin1.
import { NUM, DIGEST, SOURCE, TIME, EMPTY_ROOT, b64, number, time, isOrigin } from './note.mjs'

const reBeat = new RegExp(`^stele/beat/v1\n(.+)\n(${SOURCE}) (${NUM}) (${NUM})\n(${TIME})\nsaw (${NUM}) (${DIGEST})\n\n` +
  `\xe2\x80\x94 (${SOURCE}) ([A-Za-z0-9+/=]+)\n$`)

// parseBeat returns the parts of a beat, or null when it is malformed.
export function parseBeat(buf) {
  if (buf.length > 1024) return null
  const s = buf.toString('latin1')
  const m = reBeat.exec(s)
  if (!m || !isOrigin(m[1]) || m[8] !== m[2] || !time(m[5])) return null
  const [next, kept, saw] = [m[3], m[4], m[6]].map(number)
  const sig = b64(m[9])
  if (next === null || kept === null || saw === null || kept > next || sig?.length !== 68) return null
  if (saw === 0 && m[7] !== EMPTY_ROOT) return null
  return {
    origin: m[1], source: m[2], next, kept, saw,
    keyHash: sig.subarray(0, 4), sig: sig.subarray(4), text: buf.subarray(0, s.indexOf('\n\n') + 1),
  }
}
