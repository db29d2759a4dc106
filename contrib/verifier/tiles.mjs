// tiles.mjs — the RFC 6962 tree (SHA-256) and C2SP tlog-tiles directories:
// hash tiles of height 8, entry bundles with big-endian 16-bit lengths.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EMPTY_ROOT } from './note.mjs'

const LEAF = Buffer.from([0]), NODE = Buffer.from([1])
const leafHash = (b) => createHash('sha256').update(LEAF).update(b).digest()

// Tree keeps the hashes of all complete subtrees, level by level (64 bytes a leaf).
export class Tree {
  constructor() { this.levels = []; this.size = 0; this.roots = new Map() }

  append(leaf) {
    this.#push(0, leafHash(leaf))
    this.size++
  }

  #push(k, hash) {
    const l = (this.levels[k] ??= { buf: Buffer.allocUnsafe(32 * 64), n: 0 })
    if (l.n * 32 === l.buf.length) l.buf = Buffer.concat([l.buf, Buffer.allocUnsafe(l.buf.length)])
    hash.copy(l.buf, 32 * l.n++)
    if (l.n % 2 === 0) this.#push(k + 1, this.#node(l.buf.subarray(32 * (l.n - 2), 32 * l.n)))
  }

  #node(pair) { return createHash('sha256').update(NODE).update(pair).digest() }

  // at gives the hash of the i-th complete subtree of 2^k leaves.
  at(k, i) { return this.levels[k].buf.subarray(32 * i, 32 * i + 32) }

  // root gives the root of the first n leaves, in base64.
  root(n) {
    let known = this.roots.get(n)
    if (known) return known
    let h = null
    for (let k = 0, m = n; m > 0; k++, m = Math.floor(m / 2)) {
      if (m % 2) h = h ? this.#node(Buffer.concat([this.at(k, m - 1), h])) : this.at(k, m - 1)
    }
    known = h ? h.toString('base64') : EMPTY_ROOT
    this.roots.set(n, known)
    return known
  }
}

// BundleFault: an entry bundle does not hold what it must; index is the first leaf at fault.
export class BundleFault extends Error {
  constructor(index, why) { super(why); this.index = index }
}
export class ReadError extends Error {}

export class TileDir {
  constructor(dir) { this.dir = dir }

  checkpoint() { return this.#read('checkpoint') ?? missing('checkpoint') }

  #read(name) {
    try {
      return readFileSync(join(this.dir, name))
    } catch (e) {
      if (e.code === 'ENOENT' || e.code === 'ENOTDIR') return null
      throw new ReadError(`cannot read ${name}: ${e.code}`)
    }
  }

  // tile reads tile n of a level ('entries' or a number), of which the first `width`
  // items are wanted; a wider one will do. Returns {buf, width: items it holds}.
  #tile(level, n, width) {
    let path = String(n % 1000).padStart(3, '0')
    for (let r = Math.floor(n / 1000); r > 0; r = Math.floor(r / 1000)) {
      path = `x${String(r % 1000).padStart(3, '0')}/${path}`
    }
    path = `tile/${level}/${path}`
    const whole = () => this.#read(path)
    if (width === 256) return { buf: whole() ?? missing(path), width, path }
    const part = (w) => this.#read(`${path}.p/${w}`)
    let buf = part(width)
    if (buf) return { buf, width, path }
    if ((buf = whole())) return { buf, width: 256, path }
    for (let w = width + 1; w < 256; w++) if ((buf = part(w))) return { buf, width: w, path }
    return missing(`${path}.p/${width}`)
  }

  // leaves yields the first `size` leaves, one bundle in memory at a time.
  *leaves(size) {
    for (let start = 0; start < size; start += 256) {
      const want = Math.min(256, size - start)
      const { buf, width, path } = this.#tile('entries', start / 256, want)
      let at = 0
      for (let i = 0; i < width; i++) {
        const end = at + 2 <= buf.length ? at + 2 + buf.readUInt16BE(at) : Infinity
        if (end > buf.length) throw new BundleFault(start + Math.min(i, want - 1), `${path} is cut short`)
        if (i < want) yield buf.subarray(at + 2, end)
        at = end
      }
      if (at !== buf.length) throw new BundleFault(start + want - 1, `${path} has bytes to spare`)
    }
  }

  // disagreement compares every hash tile a tree of this size has with the tree built from
  // the leaves; the lowest level first. Returns {index of the first leaf, why} or null.
  disagreement(tree, size) {
    for (let level = 0, span = 1; size >= span; level++, span *= 256) {
      const count = Math.floor(size / span)
      for (let start = 0; start < count; start += 256) {
        const want = Math.min(256, count - start)
        const { buf, width, path } = this.#tile(level, start / 256, want)
        for (let i = 0; i < want; i++) {
          if (!tree.at(8 * level, start + i).equals(buf.subarray(32 * i, 32 * i + 32))) {
            return { index: (start + i) * span, why: `${path}, hash ${i}` }
          }
        }
        if (buf.length !== 32 * width) return { index: (start + want - 1) * span, why: `${path} has a wrong length` }
      }
    }
    return null
  }
}

function missing(path) { throw new ReadError(`${path} is missing`) }
