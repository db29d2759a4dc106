// tiles.mjs — the RFC 6962 tree (SHA-256) and C2SP tlog-tiles directories:
// hash tiles of height 8, entry bundles with big-endian 16-bit lengths.
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { EMPTY_ROOT } from './note.mjs'

const LEAF = Buffer.from([0]), NODE = Buffer.from([1])
export const leafHash = (b) => createHash('sha256').update(LEAF).update(b).digest()

// Tree keeps the hashes of all complete subtrees, level by level (64 bytes a leaf).
export class Tree {
  constructor() { this.levels = []; this.size = 0; this.roots = new Map() }

  append(hash) {
    this.#push(0, hash)
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

export class ReadError extends Error {}

// A checkpoint, a hash tile and an entry bundle are at most so long.
// What the errors say that find no file: none, below a file, a socket, a link to itself.
const ABSENT = ['ENOENT', 'ENOTDIR', 'ENXIO', 'ELOOP']
const MAX_CHECKPOINT = 1 << 20, MAX_TILE = 256 * 32, MAX_BUNDLE = 256 * (2 + 65535)

// TileDir reads the directory of a log. What is wrong with its files is gathered in
// `faults`, as text; where something cannot be read it throws a ReadError.
export class TileDir {
  constructor(dir) { this.dir = dir; this.faults = new Set() }

  // checkpoint gives the bytes of the checkpoint, null when there is none or no such file
  // can be one.
  checkpoint() {
    readdirOf(this.dir)
    const buf = this.#read('checkpoint', MAX_CHECKPOINT)
    return buf && buf.length <= MAX_CHECKPOINT ? buf : null
  }

  // read gives the bytes of a regular file, at most one more than the limit; else null.
  #read(name, limit) {
    let fd
    try {
      fd = openSync(join(this.dir, name), constants.O_RDONLY | constants.O_NONBLOCK)
      const info = fstatSync(fd)
      if (!info.isFile()) return null
      const buf = Buffer.alloc(Math.min(info.size, limit + 1))
      let n = 0
      for (let got; n < buf.length && (got = readSync(fd, buf, n, buf.length - n, n)) > 0;) n += got
      return buf.subarray(0, n)
    } catch (e) {
      if (ABSENT.includes(e.code)) return null
      throw new ReadError(`cannot read ${name}: ${e.code}`)
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }

  // tile reads tile n of a level ('entries' or a number), of which the first `width` items
  // are wanted; the full one will do in place of a partial one, and is then said to be
  // `longer`. Nothing, and a fault, where neither is there.
  #tile(level, n, width) {
    const limit = level === 'entries' ? MAX_BUNDLE : MAX_TILE
    const whole = tilePath(level, n), path = width === 256 ? whole : `${whole}.p/${width}`
    const buf = this.#read(path, limit)
    if (buf) return { buf, path, longer: false }
    const full = width < 256 && this.#read(whole, limit)
    if (full) return { buf: full, path: whole, longer: true }
    this.faults.add(`${path} is missing`)
  }

  // earlier holds the partial tiles of earlier sizes against the bytes they begin:
  // prefix(w) gives those of w items.
  #earlier(level, n, width, prefix) {
    const dir = `${tilePath(level, n)}.p`
    for (const name of readdirOf(join(this.dir, dir))) {
      const w = Number(name)
      if (String(w) !== name || !(w >= 1 && w < width && Number.isInteger(w))) continue
      const want = prefix(w), buf = this.#read(`${dir}/${name}`, want.length)
      if (buf && !buf.equals(want)) this.faults.add(`${dir}/${name} does not agree`)
    }
  }

  // leaves yields the first `size` leaves, one bundle in memory at a time, as far as
  // they are there.
  *leaves(size) {
    for (let start = 0; start < size; start += 256) {
      const want = Math.min(256, size - start)
      const tile = this.#tile('entries', start / 256, want)
      if (!tile) return
      const { buf, path } = tile, ends = [0]
      for (let i = 0, at = 0; i < want; i++) {
        at = at + 2 <= buf.length ? at + 2 + buf.readUInt16BE(at) : Infinity
        if (at > buf.length) break
        ends.push(at)
        yield buf.subarray(ends[i] + 2, at)
      }
      const got = ends.length - 1
      if (got < want) return void this.faults.add(`${path} breaks off after ${got} entries`)
      if (!tile.longer && ends[want] !== buf.length) this.faults.add(`${path} has bytes to spare`)
      this.#earlier('entries', start / 256, want, (w) => buf.subarray(0, ends[w]))
    }
  }

  // check holds every hash tile that a tree of its size has against the tree.
  check(tree) {
    for (let level = 0, span = 1; tree.size >= span; level++, span *= 256) {
      const count = Math.floor(tree.size / span)
      for (let start = 0; start < count; start += 256) {
        const want = Math.min(256, count - start)
        const hashes = Buffer.concat(Array.from({ length: want }, (_, i) => tree.at(8 * level, start + i)))
        const tile = this.#tile(level, start / 256, want)
        if (tile) {
          const buf = tile.longer ? tile.buf.subarray(0, hashes.length) : tile.buf
          if (!buf.equals(hashes)) this.faults.add(`${tile.path} does not agree`)
        }
        this.#earlier(level, start / 256, want, (w) => hashes.subarray(0, 32 * w))
      }
    }
  }

  // tree gives the tree that the hash tiles of level 0 make, null where one is missing or
  // has not the length it must have.
  tree(size) {
    const tree = new Tree()
    for (let start = 0; start < size; start += 256) {
      const want = Math.min(256, size - start)
      const tile = this.#tile(0, start / 256, want)
      if (!tile || (tile.longer ? tile.buf.length < 32 * want : tile.buf.length !== 32 * want)) return null
      for (let i = 0; i < want; i++) tree.append(tile.buf.subarray(32 * i, 32 * i + 32))
    }
    return tree
  }
}

// tilePath is the path of a full tile: 1234067 is x001/x234/067.
function tilePath(level, n) {
  let path = String(n % 1000).padStart(3, '0')
  for (let r = Math.floor(n / 1000); r > 0; r = Math.floor(r / 1000)) {
    path = `x${String(r % 1000).padStart(3, '0')}/${path}`
  }
  return `tile/${level}/${path}`
}

// readdirOf lists a directory; one that is not there is empty, but for a log's own.
function readdirOf(dir) {
  try {
    return readdirSync(dir)
  } catch (e) {
    if (dir.endsWith('.p') && ABSENT.includes(e.code)) return []
    throw new ReadError(`cannot read ${dir}: ${e.code}`)
  }
}
