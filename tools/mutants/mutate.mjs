// mutate.mjs — breaks JavaScript modules: each statement left out, each condition
// negated. Reads the names of files from its arguments after the directories FROM and
// TO, writes them with all mutants in them, and prints what they are as JSON.
// ACORN is where the parser lies.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRequire } from 'node:module'

const [from, to, acornDir, ...files] = process.argv.slice(2)
const acorn = createRequire(join(acornDir, 'x.js'))('acorn')
const mutants = []
const declares = new Set(['VariableDeclaration', 'FunctionDeclaration', 'ClassDeclaration', 'ImportDeclaration', 'EmptyStatement', 'ExportNamedDeclaration', 'BlockStatement'])
// What prints for people is no part of a verdict.
const printing = new Set(['report', 'shown', 'usage'])

for (const name of files) {
  const src = readFileSync(join(from, name), 'utf8')
  const tree = acorn.parse(src, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true, locations: true })
  const edits = [], alone = new Set()
  const add = (node, kind) => {
    mutants.push({ file: name, line: node.loc.start.line, kind, text: src.slice(node.start, node.end) })
    return mutants.length
  }
  const around = (node, before, behind) => edits.push({ at: node.start, text: before, open: true }, { at: node.end, text: behind, open: false })
  const leaveOut = (node) => {
    if (!node || declares.has(node.type) || alone.has(node)) return
    around(node, `{ if (!mutant(${add(node, 'left out')})) { `, ' } }')
  }
  const negate = (node) => {
    if (!node) return
    const id = add(node, 'negated')
    around(node, `(mutant(${id}) ? !(${src.slice(node.start, node.end)}) : (`, '))')
  }
  const visit = (node) => {
    if (node.type === 'FunctionDeclaration' && printing.has(node.id.name)) return
    if (node.type === 'VariableDeclarator' && printing.has(node.id.name)) return
    switch (node.type) {
      case 'Program': case 'BlockStatement': node.body.forEach(leaveOut); break
      case 'SwitchCase': node.consequent.forEach(leaveOut); break
      case 'IfStatement':
        // What stands alone behind an if is left out with it.
        if (node.alternate) leaveOut(node.consequent)
        else if (node.consequent.type === 'BlockStatement' && node.consequent.body.length === 1) alone.add(node.consequent.body[0])
        leaveOut(node.alternate)
        negate(node.test)
        break
      case 'ForStatement': case 'WhileStatement': leaveOut(node.body); negate(node.test); break
      case 'ForOfStatement': case 'ForInStatement': leaveOut(node.body); break
      case 'ConditionalExpression': negate(node.test); break
      case 'LogicalExpression': if (node.operator !== '??') { negate(node.left); negate(node.right) } break
    }
    for (const key in node) {
      const v = node[key]
      for (const n of Array.isArray(v) ? v : [v]) if (n && typeof n.type === 'string') visit(n)
    }
  }
  visit(tree)
  // Edits of an inner node lie within those of an outer one, which came first.
  const order = edits.map((e, i) => ({ ...e, i })).sort((a, b) => a.at - b.at || a.open - b.open || (a.open ? a.i - b.i : b.i - a.i))
  let out = '', at = 0
  for (const e of order) {
    out += src.slice(at, e.at) + e.text
    at = e.at
  }
  out += src.slice(at)
  const live = 'const mutant = (id) => id === Number(process.env.STELE_MUTANT); '
  writeFileSync(join(to, name), out.startsWith('#!') ? out.replace('\n', '\n' + live) : live + out)
}
console.log(JSON.stringify(mutants))
