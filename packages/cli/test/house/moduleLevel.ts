/**
 * Finds what lives at the level of a module, where no scope closes it: processes, threads, runtimes, variables, and
 * collections that somebody writes to, which may grow for ever (weak ones forget what nobody else holds); and, anywhere in it, effects that are run past the runtime of who called.
 */
import { type Node, parseSync } from "oxc-parser"

const RUNS = /^run(Sync|Promise|Fork|Callback)(Exit)?(With)?$/
const STARTS = /^(spawn|fork|exec|execFile)(Sync)?$/
const CLASSES = /^(Worker|Instance|Memory|MessageChannel|Pool)$/
const COLLECTIONS = /^(Map|Set|Array|\w+Array|ArrayBuffer|SharedArrayBuffer)$/
const WRITES =
  /^(set|add|delete|clear|push|pop|shift|unshift|splice|fill|sort|reverse|copyWithin|getOrInsert|getOrInsertComputed)$/

type Tree = Node | ReadonlyArray<Tree> | null | undefined | string | number | boolean | bigint | RegExp

const isNode = (tree: unknown): tree is Node =>
  typeof tree === "object" && tree !== null && typeof (tree as { readonly type?: unknown }).type === "string"

/** The nodes right below a node. */
const below = (node: Node): ReadonlyArray<Node> =>
  Object.values(node as unknown as { readonly [key: string]: Tree }).flatMap((tree) =>
    Array.isArray(tree) ? (tree as ReadonlyArray<unknown>).filter(isNode) : isNode(tree) ? [tree] : []
  )

/** The last name of what is called, made or read: `Worker` of `threads.Worker`. */
const lastName = (node: Node): string | undefined => {
  if (node.type === "Identifier") return node.name
  if (node.type === "MemberExpression" && !node.computed && node.property.type === "Identifier") {
    return node.property.name
  }
  return undefined
}

/** The variable that an expression starts from: `x` of `x.y[0]`. */
const rootOf = (node: Node): string | undefined => {
  if (node.type === "Identifier") return node.name
  if (node.type === "MemberExpression") return rootOf(node.object)
  if (node.type === "TSAsExpression" || node.type === "TSNonNullExpression") return rootOf(node.expression)
  return undefined
}

/** The names that a pattern binds. */
const bound = (node: Node | null | undefined): ReadonlyArray<string> => {
  if (node === null || node === undefined) return []
  if (node.type === "Identifier") return [node.name]
  if (node.type === "Property") return bound(node.value)
  if (node.type === "AssignmentPattern") return bound(node.left)
  return below(node).flatMap(bound)
}

const isFunction = ({ type }: Node): boolean =>
  /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type)

/** The names that a function or block declares of its own. */
const declaredIn = (node: Node): ReadonlyArray<string> => {
  if (isFunction(node)) return (node as { readonly params?: ReadonlyArray<Node> }).params?.flatMap(bound) ?? []
  if (node.type === "CatchClause") return bound(node.param)
  return below(node).flatMap((one) => {
    if (one.type === "VariableDeclaration") return one.declarations.flatMap(({ id }) => bound(id))
    return (one.type === "FunctionDeclaration" || one.type === "ClassDeclaration") && node.type === "BlockStatement"
      ? bound(one.id)
      : []
  })
}

/** Something that holds what may grow, wherever it stands in an expression that a module evaluates. */
const isCollection = (node: Node): boolean => {
  if (node.type === "ArrayExpression" || node.type === "ObjectExpression") return true
  if (node.type === "NewExpression") return COLLECTIONS.test(lastName(node.callee) ?? "")
  if (node.type === "TSAsExpression" || node.type === "TSSatisfiesExpression") return isCollection(node.expression)
  return node.type === "CallExpression" && node.callee.type === "MemberExpression" && lastName(node.callee) === "from"
}

/** What is found in a file: each by what it is, and the first of its lines. */
export const find = (file: string, text: string): ReadonlyMap<string, number> => {
  const { program, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`)
  const found = new Map<string, number>()
  const note = (node: Node, what: string) => {
    if (!found.has(what)) found.set(what, text.slice(0, node.start).split("\n").length)
  }

  // What a module's classes and functions have of their own is written to by their names.
  const collections = new Set(
    program.body.flatMap((statement) => {
      const one = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement
      return one?.type === "ClassDeclaration" || one?.type === "FunctionDeclaration" ? bound(one.id) : []
    })
  )
  const owned = program.body.flatMap((statement) => {
    const one = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement
    return one?.type === "VariableDeclaration" ? [one] : []
  })
  for (const one of owned) {
    if (one.declare === true) continue
    if (one.kind !== "const") note(one, `${one.kind} ${one.declarations.flatMap(({ id }) => bound(id)).join(", ")}`)
    for (const { id, init } of one.declarations) {
      if (init !== null && isCollection(init)) for (const name of bound(id)) collections.add(name)
    }
  }

  const written = (node: Node, target: Node, scopes: ReadonlyArray<ReadonlySet<string>>) => {
    const name = target.type === "MemberExpression" ? rootOf(target) : undefined
    if (name === undefined || !collections.has(name) || scopes.some((scope) => scope.has(name))) return
    note(node, `${name} is written to`)
  }

  const visit = (node: Node, evaluated: boolean, scopes: ReadonlyArray<ReadonlySet<string>>): void => {
    if (/^TS(Type|Interface|Function|Union|Array|Indexed|Mapped)/.test(node.type)) return
    if (node.type === "MemberExpression" && RUNS.test(lastName(node) ?? "")) note(node, lastName(node)!)
    if (node.type === "CallExpression") {
      const name = lastName(node.callee) ?? ""
      const isMade = node.callee.type === "MemberExpression" && rootOf(node.callee) === "ManagedRuntime"
      if (evaluated && (STARTS.test(name) || name === "makeUnsafe" || isMade)) note(node, `${name} at module level`)
      if (WRITES.test(name)) written(node, node.callee, scopes)
    }
    if (evaluated && node.type === "NewExpression" && CLASSES.test(lastName(node.callee) ?? "")) {
      note(node, `new ${lastName(node.callee)} at module level`)
    }
    if (node.type === "AssignmentExpression") written(node, node.left, scopes)
    if (node.type === "UpdateExpression") written(node, node.argument, scopes)
    if (node.type === "UnaryExpression" && node.operator === "delete") written(node, node.argument, scopes)
    const inner = isFunction(node) || node.type === "BlockStatement" || /^(For|Catch)/.test(node.type)
    const deeper = inner ? [...scopes, new Set(declaredIn(node))] : scopes
    // Fields of objects of a class are evaluated when one is made; those of the class itself at once.
    const later = isFunction(node) || (node.type === "PropertyDefinition" && !node.static)
    for (const one of below(node)) visit(one, evaluated && !later, deeper)
  }
  visit(program, true, [])
  return found
}
