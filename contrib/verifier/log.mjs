// log.mjs — the steps of docs/format.md section 8, in two passes over the leaves:
// the first does steps 1 to 20 and learns which erasures are in effect, the second
// (only where disclosures are given) does steps 21 to 25; step 26 needs a little of both.
import { sha256, checkpoint as readCheckpoint, goodKey, verifier } from './note.mjs'
import { opens } from './disclosures.mjs'
import { parseEntry, roles } from './entry.mjs'
import { parseBody, pathBytes } from './body.mjs'
import { parseBeat } from './beat.mjs'
import { Tree, leafHash } from './tiles.mjs'

// What became of a leaf: bits of `state`.
const PASSED = 1, DUPLICATE = 2, WITHOUT_EFFECT = 4

// verifyLog checks a log.
//   vkey         {text, name, key} of the log
//   checkpoint   bytes of the checkpoint, null when there is none
//   leaves(size) an iterable of the leaves, as far as they are there; called once a pass
//   faults(tree) optional: what is wrong with the files, once the leaves are read; the tree
//                is given where the leaves have the checkpoint's root
//   tiles(size)  optional: the tree that stored leaf hashes make, or null
//   believed     optional {size, root}: a checkpoint believed before, already verified
//   atHand       optional list of others
//   disclosures(source, seq, line)  optional: [{key, salt, body}]
// It returns {size, changes, disclosed, erased, duplicates, not_understood, recorded, sources,
// findings, contested}.
export function verifyLog(opt) {
  return new Verifier(opt).run()
}

class Verifier {
  constructor(opt) {
    this.opt = opt
    this.tree = new Tree()
    this.findings = []
    this.sources = new Map() // source -> see #enrol
    this.ids = new Set() // ids of entries that passed
    this.revoked = new Map() // source -> lowest `last`
    this.erasers = 0
    this.erases = new Map() // id of erase -> voids
    this.approvals = new Map() // id of erase -> set of persons
    this.voided = new Map() // id -> set of line names
    this.pending = [] // leaves waiting for the next recorder leaf (step 19)
    this.state = [] // by index, bits
    this.calls = new Map() // index -> roll call that names a source, for step 26
    this.alive = new Map() // source -> largest size its entries saw
    this.recorded = [] // {i, time} of the last 256 leaves of recorders
    this.claims = [] // entries that saw another tree
    this.approves = [] // {i, id, source} of approvals, for step 20
    this.contested = []
    this.changes = this.disclosed = this.erased = this.duplicates = this.notUnderstood = this.told = 0
  }

  find(step, code, accused, index, detail = '') {
    this.findings.push({ step, code, accused, index, detail })
  }

  run() {
    const cp = this.opt.checkpoint && readCheckpoint(this.opt.checkpoint, this.opt.vkey)
    // Without a checkpoint there is no log to speak of: nothing further is checked.
    if (!cp) this.find(1, 'bad-checkpoint', 'log', 0)
    else if (this.#first(cp)) {
      this.#gaps()
      this.#approvals()
      if (this.opt.disclosures) this.#second(cp)
      this.#rolls()
      this.#claims()
    } else this.findings = this.findings.filter((f) => f.accused === 'log')
    this.findings.sort((a, b) => a.index - b.index || a.step - b.step)
    return {
      size: this.tree.size, changes: this.changes, disclosed: this.disclosed, erased: this.erased,
      duplicates: this.duplicates, not_understood: this.notUnderstood, recorded: this.told, sources: this.sources.size,
      findings: this.findings, contested: this.contested,
    }
  }

  // --- pass 1: the log as a whole, each leaf -------------------------------

  // Steps 1 to 3 and 4 to 20; returns whether the leaves have the checkpoint's root.
  #first(cp) {
    for (const leaf of this.opt.leaves(cp.size)) {
      this.tree.append(leafHash(leaf))
      this.#leaf(this.tree.size - 1, leaf)
    }
    this.count = this.tree.size
    const whole = this.count === cp.size && this.tree.root(cp.size) === cp.root
    const faults = [...this.opt.faults?.(whole ? this.tree : null) ?? []]
    if (!whole && !faults.length) faults.push('the leaves have not the root of the checkpoint')
    if (faults.length) this.find(2, 'tree-mismatch', 'log', this.count, faults.join('; '))
    this.#atHand(cp, whole)
    return whole
  }

  // Step 3. `convicted` has those that the log signed and does not stand by.
  #atHand(cp, whole) {
    this.convicted = new Set()
    let tree = whole ? this.tree : undefined
    const treeAt = (size) => {
      if (size === cp.size) return cp.root
      if (tree === undefined) {
        tree = this.opt.tiles?.(cp.size) ?? null
        if (tree && tree.root(cp.size) !== cp.root) tree = null
      }
      return tree?.root(size)
    }
    const { believed, atHand = [] } = this.opt
    for (const old of believed ? [believed, ...atHand] : atHand) {
      const key = `${old.size} ${old.root}`
      if (this.convicted.has(key)) continue
      if (old.size > cp.size) this.find(3, 'shrunk', 'log', this.count)
      else if ((treeAt(old.size) ?? old.root) !== old.root) this.find(3.5, 'fork', 'log', this.count)
      else continue
      this.convicted.add(key)
    }
  }

  #leaf(i, leaf) {
    const e = parseEntry(leaf)
    if (e.state === 'version') return void this.notUnderstood++
    const bad = (step, code) => this.find(step, code, 'log', i)
    if (e.state === 'malformed') return bad(5, 'malformed')
    if (i === 0 ? !this.#genesis(e) : e.log) return bad(6, 'bad-genesis')
    if (e.vkey && !goodKey(e.vkey.key)) return bad(7, 'bad-key')
    const src = i === 0 ? this.#source(e) : this.sources.get(e.source)
    if (!src) return bad(8, 'unknown-key')
    if (!src.check(e.text, e.keyHash, e.sig)) return bad(9, 'bad-signature')
    if (!roles[e.kind].includes(src.role)) return bad(10, 'wrong-role')
    const before = e.kind === 'enrol' && this.sources.get(e.vkey.name)
    if (before && before.enrolment !== e.id) return bad(11, 'bad-enrolment')
    this.#passed(i, e, src)
  }

  #genesis(e) {
    return e.kind === 'enrol' && e.log && e.erasers !== undefined && e.log.text === this.opt.vkey.text &&
      e.source === e.vkey.name && e.role === 'recorder' && e.seq === 0 && e.saw === 0 &&
      e.prev === sha256(this.opt.vkey.name).toString('base64')
  }

  #source(e) {
    return {
      role: e.role, enrolment: e.id, check: verifier(e.vkey.name, e.vkey.key),
      seqs: new Map(), // seq -> [{id, index, saw}]
      follows: e.follows,
      host: undefined, lastGap: -1, // for step 25
    }
  }

  #passed(i, e, src) {
    const find = (step, code) => this.find(step, code, 'source', i, e.source)
    this.state[i] = PASSED
    if (e.kind === 'change') this.changes += e.seals.length - 3
    if (e.kind === 'finding') this.told++
    if (src.role === 'recorder') this.#recorderTime(e.time)
    const late = e.seq > (this.revoked.get(e.source) ?? Infinity)
    if (late) this.state[i] |= WITHOUT_EFFECT
    const peers = src.seqs.get(e.seq) ?? []
    if (peers.some((p) => p.id === e.id)) {
      this.duplicates++
      this.state[i] |= DUPLICATE
    } else {
      if (peers.length) find(12, 'forked-source')
      else this.#examine(i, e, src, late, find)
      peers.push({ id: e.id, index: i, saw: e.saw })
      src.seqs.set(e.seq, peers)
    }
    this.ids.add(e.id)
    if (!late) this.#effects(i, e, src)
  }

  // Steps 13 to 20 but 14, for a leaf that is neither a duplicate nor a fork.
  #examine(i, e, src, late, find) {
    const before = e.seq > 0 ? src.seqs.get(e.seq - 1) : undefined
    if (e.seq === 0 ? i > 0 && e.prev !== src.enrolment : before && !before.some((p) => p.id === e.prev)) find(13, 'bad-chain')
    if (late) find(15, 'after-revoke')
    const claim = (step, code) => this.claims.push({ step, code, i, e, counts: !late, recorder: src.role === 'recorder' })
    if (e.saw > i) claim(16, 'saw-future')
    else if (this.tree.root(e.saw) !== e.sawRoot) claim(17, 'saw-mismatch')
    if (before && e.saw < before[0].saw) find(18, 'saw-rollback')
    this.pending.push({ i, time: e.time, source: e.source })
    // Step 20: one finding for each id that is not there.
    if (e.says === 'approve') this.approves.push({ i, id: e.about[0], source: e.source })
    else {
      for (const id of new Set([...(e.about ?? []), ...(e.voids ?? []).map((v) => v.slice(0, 44))])) {
        if (!this.ids.has(id)) find(20, 'unknown-reference')
      }
    }
    if (e.kind === 'revoke' && !this.sources.has(e.revoked)) find(20, 'unknown-reference')
    this.#lived(i, e, src)
  }

  // Step 20 of approvals, at the end: what they approve may stand after them.
  #approvals() {
    for (const { i, id, source } of this.approves) if (!this.ids.has(id)) this.find(20, 'unknown-reference', 'source', i, source)
  }

  // Whom steps 16 and 17 accuse, at the end.
  #claims() {
    const accuse = (list) => { for (const c of list) this.find(c.step, c.code, 'source', c.i, c.e.source) }
    const groups = new Map() // `<size> <root>` -> claims
    for (const c of this.claims) {
      const key = `${c.e.saw} ${c.e.sawRoot}`
      if (this.convicted.has(key)) continue
      if (!c.counts) accuse([c])
      else if (groups.has(key)) groups.get(key).push(c)
      else groups.set(key, [c])
    }
    const host = this.#hosts()
    const { believed: b } = this.opt
    const decides = b && !this.convicted.has(`${b.size} ${b.root}`)
    for (const list of groups.values()) {
      const { saw: size, sawRoot: root, source } = list[0].e
      const several = list.some((c) => c.recorder || host(c.e.source) !== host(source))
      if (several && !(decides && b.size >= size)) {
        this.contested.push({ size, root, saw: list.map((c) => ({ index: c.i, source: c.e.source })) })
      } else accuse(list)
    }
  }

  // hosts gives a function that names the host of a source: sources on one host have one name.
  #hosts() {
    const parent = new Map()
    const find = (a) => {
      while (parent.has(a)) a = parent.get(a)
      return a
    }
    const join = (a, b) => {
      const [x, y] = [find(a), find(b)]
      if (x !== y) parent.set(x, y)
    }
    for (const [name, src] of this.sources) {
      if (src.follows) join(name, src.follows)
      if (src.host !== undefined) join(name, 'host ' + src.host)
    }
    return find
  }

  // What step 26 needs of a fresh leaf. A roll call keeps what was known before it.
  #lived(i, e, src) {
    if (e.kind === 'rollcall' && e.absent.length + e.present.length > 0) {
      const lately = (t) => {
        const sec = e.time.sec - t.sec, ns = e.time.ns - t.ns
        return (sec > 0 || (sec === 0 && ns >= 0)) && (sec < 30 || (sec === 30 && ns < 0))
      }
      const absent = e.absent.map((source) => ({ source, saw: this.alive.get(source) ?? -1 }))
      this.calls.set(i, { absent, present: e.present, recorded: this.recorded.filter((r) => lately(r.time)), beats: null })
    }
    if (src.role === 'recorder') {
      this.recorded.push({ i, time: e.time })
      if (this.recorded.length > 256) this.recorded.shift()
    } else if (e.saw <= i) this.alive.set(e.source, Math.max(e.saw, this.alive.get(e.source) ?? -1))
  }

  // Step 26, once it is known which beats the roll calls show.
  #rolls() {
    const absentAt = new Map() // source -> index of the last roll call that lists it absent
    for (const [i, c] of this.calls) {
      const bad = (source) => this.find(26, 'bad-rollcall', 'source', i, source)
      const beats = this.#beats(i, c)
      for (const a of c.absent) {
        const size = Math.max(a.saw, beats.get(a.source) ?? -1)
        if (c.recorded.some((r) => r.i < size)) bad(a.source)
      }
      for (const s of c.present) {
        const saw = beats.get(s)
        if (c.beats && (saw === undefined || saw <= (absentAt.get(s) ?? -1))) bad(s)
      }
      for (const a of c.absent) absentAt.set(a.source, i)
    }
  }

  // source -> largest size seen, of the sound beats a roll call shows.
  #beats(i, c) {
    const saw = new Map()
    for (const text of c.beats ?? []) {
      const b = parseBeat(Buffer.from(text))
      const src = b && this.sources.get(b.source)
      if (!src || src.index >= i || b.origin !== this.opt.vkey.name || b.saw > i || !src.check(b.text, b.keyHash, b.sig)) continue
      saw.set(b.source, Math.max(b.saw, saw.get(b.source) ?? -1))
    }
    return saw
  }

  // Step 19: settles the leaves that waited for a recorder.
  #recorderTime(t) {
    for (const p of this.pending) {
      const late = p.time.sec - t.sec
      if (late > 300 || (late === 300 && p.time.ns > t.ns)) this.find(19, 'clock-skew', 'source', p.i, p.source)
    }
    this.pending.length = 0
  }

  // What an entry that passed changes for those after it (forks and duplicates too).
  #effects(i, e, src) {
    if (e.kind === 'enrol') {
      if (!this.sources.has(e.vkey.name)) {
        this.sources.set(e.vkey.name, i === 0 ? src : this.#source(e))
        this.sources.get(e.vkey.name).index = i
      }
      this.erasers = Math.max(this.erasers, e.erasers ?? 0)
    } else if (e.kind === 'revoke') {
      this.revoked.set(e.revoked, Math.min(e.last, this.revoked.get(e.revoked) ?? Infinity))
    } else if (e.kind === 'erase') {
      if (!this.erases.has(e.id)) this.erases.set(e.id, e.voids)
      this.#approve(e.id, e.source)
    } else if (e.kind === 'remark' && e.says === 'approve' && src.role === 'person') {
      this.#approve(e.about[0], e.source)
    }
  }

  #approve(id, person) {
    const persons = this.approvals.get(id) ?? new Set()
    this.approvals.set(id, persons.add(person))
    if (persons.size < this.erasers) return
    for (const v of this.erases.get(id) ?? []) {
      const [entry, line] = [v.slice(0, 44), v.slice(45)]
      if (!this.voided.has(entry)) this.voided.set(entry, new Set())
      this.voided.get(entry).add(line)
    }
  }

  // Step 14, at the end.
  #gaps() {
    for (const [source, src] of this.sources) {
      const seqs = [...src.seqs.keys()].sort((a, b) => a - b)
      let lowest = Infinity
      for (let k = seqs.length - 1; k >= 0; k--) {
        lowest = Math.min(lowest, src.seqs.get(seqs[k])[0].index)
        const from = k > 0 ? seqs[k - 1] + 1 : 0
        if (from < seqs[k]) this.find(14, 'sequence-gap', 'source', lowest, `${source} ${from} to ${seqs[k] - 1}`)
      }
    }
  }

  // --- pass 2: disclosures --------------------------------------------------

  #second(cp) {
    this.latest = new Map() // subject -> {id, k, index}
    this.blind = new Set() // hosts
    let i = 0
    for (const leaf of this.opt.leaves(cp.size)) {
      if (this.state[i] & PASSED) this.#disclosed(i, parseEntry(leaf))
      i++
    }
  }

  #disclosed(i, e) {
    const src = this.sources.get(e.source)
    const bodies = [], opened = new Set()
    for (const { line, body, seal } of e.seals) {
      const text = this.#open(i, e, line, seal, opened)
      let v = null
      if (text) {
        v = parseBody(body, text)
        if (!v) this.find(24, 'malformed-body', 'source', i, `${e.source} ${line}`)
      }
      if (v && body === 'what' && v.after !== undefined) this.#open(i, e, `text ${line.slice(5)}`, v.after, opened)
      bodies.push(v)
    }
    const how = bodies[2], changes = bodies.slice(3)
    if (e.kind === 'enrol' && !(this.state[i] & WITHOUT_EFFECT) && how?.host) this.sources.get(e.vkey.name).host = how.host.name ?? ''
    if (e.kind === 'gap') src.lastGap = i
    if (e.kind === 'rollcall' && how && this.calls.has(i)) this.calls.get(i).beats = how.beats ?? []
    if (this.state[i] & DUPLICATE) return
    for (const line of this.voided.get(e.id) ?? []) {
      const k = /^(?:what|text) (.*)$/.exec(line)?.[1]
      if (!opened.has(line) && (k === undefined || Number(k) < changes.length)) this.erased++
    }
    if (e.kind === 'change') this.#judge(i, e, src, changes)
  }

  // Steps 21 to 23 for one line; returns the body that opens the seal, if any.
  #open(i, e, line, seal, opened) {
    const given = this.opt.disclosures(e.source, e.seq, line)
    const hit = given.find((d) => opens(d, seal))
    if (hit) {
      this.disclosed++
      opened.add(line)
    }
    const accuse = (step, code) => this.find(step, code, 'vault', i, line)
    const voided = this.voided.get(e.id)?.has(line)
    // after a fork, what is given may be the disclosure of the other entry
    const forked = this.sources.get(e.source).seqs.get(e.seq).length > 1
    if (!hit && !voided && (!given.length || forked)) accuse(21, 'missing-disclosure')
    if (!hit && given.length && !forked) accuse(22, 'seal-mismatch')
    if (voided && hit) accuse(23, 'unerased')
    return hit?.body
  }

  // Step 25.
  #judge(i, e, src, whats) {
    const told = src.role !== 'watcher'
    if (!told && src.host === undefined) return
    whats.forEach((w, k) => {
      if (!w) return void this.blind.add(told ? 'told' : 'host ' + src.host)
      const path = pathBytes(w, 'path')
      if (!path) return
      const host = told ? 'told ' + (w.host ?? '') : 'host ' + src.host
      if (this.blind.has(told ? 'told' : host)) return
      const from = w.action === 'rename' ? pathBytes(w, 'from') || undefined : undefined
      const subject = (p) => host + '\0' + p
      const prev = this.latest.get(subject(from ?? path))
      const ok = w.before
        ? prev && prev.id === (w.before.entry ?? e.id) && prev.k === (w.before.what ?? 0)
        : !prev || src.lastGap > prev.index
      if (!ok) this.find(25, 'before-mismatch', 'source', i, `${e.source} what ${k}`)
      const now = { id: e.id, k, index: i }
      this.latest.set(subject(path), now)
      if (from !== undefined) this.latest.set(subject(from), now)
    })
  }
}

// verdict gives the exit status of section 8.
export function verdict(result) {
  if (result.findings.some((f) => f.accused === 'log' || f.accused === 'vault')) return 3
  return result.contested.length > 0 || result.not_understood > 0 ? 1 : 0
}
