/**
 * Reads what a pickle describes, without any of it being done. A pickle is a program for a small machine with a stack; this
 * one knows the operations of protocols 2 to 5 that torch's files are written with, and refuses others. A name of Python's
 * that is on the caller's list becomes a token, a call of it a record of the call: nothing is looked up, made or run. A name
 * that is not on the list is an error which says what the pickle would have used.
 */
import { malformed } from "./Malformed.ts"
import { PickleBytes } from "./PickleBytes.ts"
import { type Saved, type Value, is, isTuple } from "./PickleValue.ts"

/** A pickle's value, where the pickle ends, and all that it has stored elsewhere. */
export interface Parsed {
  readonly value: Value
  readonly end: number
  readonly saved: ReadonlyArray<Saved>
}

/** The most operations of a pickle: a tensor takes about thirty. They bound its memory, as each makes one value at most. */
const MAX_OPERATIONS = 1_000_000

/** A text as an error may show it. */
const printable = (text: string): string => text.slice(0, 200).replaceAll(/\p{Cc}/gu, "?")

class Machine {
  readonly input: PickleBytes
  readonly allowed: ReadonlySet<string>
  readonly stack: Array<Value> = []
  readonly marks: Array<number> = []
  readonly memo = new Map<number, Value>()
  readonly saved: Array<Saved> = []
  /** The byte at which the operation at hand begins. */
  start = 0

  constructor(input: PickleBytes, allowed: ReadonlySet<string>) {
    this.input = input
    this.allowed = allowed
  }

  fail(reason: string): never {
    return malformed(`${reason}, at byte ${this.start} of the pickle`)
  }

  push(value: Value): void {
    this.stack.push(value)
  }

  pop(): Value {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) return this.fail("an operation finds nothing to work on")
    return this.stack.pop()!
  }

  top(): Value {
    const value = this.pop()
    this.stack.push(value)
    return value
  }

  popMark(): Array<Value> {
    const mark = this.marks.pop()
    return mark === undefined ? this.fail("an operation finds no mark") : this.stack.splice(mark)
  }

  tuple(length: number): void {
    this.push(Array.from({ length }, () => this.pop()).toReversed())
  }

  append(items: ReadonlyArray<Value>): void {
    const list = this.top()
    if (!is(list, "List")) return this.fail("an item is put in what is no list")
    for (const item of items) list.items.push(item)
  }

  set(items: ReadonlyArray<Value>): void {
    const target = this.top()
    if (!is(target, "Dict") && !is(target, "Call")) return this.fail("an entry is put in what is no dict")
    if (items.length % 2 !== 0) return this.fail("a key has no value")
    for (let i = 0; i < items.length; i += 2) target.entries.set(items[i]!, items[i + 1]!)
  }

  stackGlobal(): void {
    const name = this.pop()
    this.global(this.pop(), name)
  }

  setItem(): void {
    const value = this.pop()
    this.set([this.pop(), value])
  }

  global(module: Value, name: Value): void {
    // Before anything of them is told: what is no text may be as long as 2 to the power of its pickle's length.
    if (typeof module !== "string" || typeof name !== "string") {
      return this.fail("the pickle asks for something of Python's by what is no name")
    }
    const full = `${module}.${name}`
    if (!this.allowed.has(full)) {
      return this.fail(
        `the pickle asks for ${printable(full)}, which tables of weights do not need; nothing of it was run. ` +
          "If you trust the file, load it in Python and save its state_dict() alone. The name is"
      )
    }
    this.push({ _tag: "Global", name: full })
  }

  call(): void {
    const args = this.pop()
    const callee = this.pop()
    if (!is(callee, "Global") || !isTuple(args)) return this.fail("something that is no function is called")
    this.push({ _tag: "Call", callee: callee.name, args, entries: new Map() })
  }

  build(state: Value): void {
    const made = this.top()
    if (!is(made, "Call")) return this.fail("a state is given to what has none")
    made.state = state
  }

  get(index: number): void {
    const value = this.memo.get(index)
    if (value === undefined) return this.fail(`value ${index} is used before it is there`)
    this.push(value)
  }

  save(id: Value): void {
    const saved: Saved = { _tag: "Saved", id }
    this.saved.push(saved)
    this.push(saved)
  }
}

/** The operations by their code, but PROTO, which comes first, and STOP. */
const operations: ReadonlyMap<number, (m: Machine) => void> = new Map<number, (m: Machine) => void>([
  [0x28, (m) => void m.marks.push(m.stack.length)], // MARK
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x30, (m) => void (m.stack.length === m.marks.at(-1) ? m.popMark() : m.pop())], // POP
  [0x31, (m) => void m.popMark()], // POP_MARK
  [0x42, (m) => m.push(m.input.take(m.input.uint32()))], // BINBYTES
  [0x43, (m) => m.push(m.input.take(m.input.uint8()))], // SHORT_BINBYTES
  [0x47, (m) => m.push(m.input.float64())], // BINFLOAT
  [0x4a, (m) => m.push(m.input.int32())], // BININT
  [0x4b, (m) => m.push(m.input.uint8())], // BININT1
  [0x4d, (m) => m.push(m.input.uint16())], // BININT2
  [0x4e, (m) => m.push(null)], // NONE
  [0x51, (m) => m.save(m.pop())], // BINPERSID
  [0x52, (m) => m.call()], // REDUCE
  [0x54, (m) => m.push(m.input.string(m.input.uint32()))], // BINSTRING
  [0x55, (m) => m.push(m.input.string(m.input.uint8()))], // SHORT_BINSTRING
  [0x58, (m) => m.push(m.input.text(m.input.uint32()))], // BINUNICODE
  [0x5d, (m) => m.push({ _tag: "List", items: [] })], // EMPTY_LIST
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x62, (m) => m.build(m.pop())], // BUILD
  [0x63, (m) => m.global(m.input.line(), m.input.line())], // GLOBAL
  [0x65, (m) => m.append(m.popMark())], // APPENDS
  [0x68, (m) => m.get(m.input.uint8())], // BINGET
  [0x6a, (m) => m.get(m.input.uint32())], // LONG_BINGET
  [0x71, (m) => void m.memo.set(m.input.uint8(), m.top())], // BINPUT
  [0x72, (m) => void m.memo.set(m.input.uint32(), m.top())], // LONG_BINPUT
  [0x73, (m) => m.setItem()], // SETITEM
  [0x74, (m) => m.push(m.popMark())], // TUPLE
  [0x75, (m) => m.set(m.popMark())], // SETITEMS
  [0x7d, (m) => m.push({ _tag: "Dict", entries: new Map() })], // EMPTY_DICT
  [0x81, (m) => m.call()], // NEWOBJ
  [0x85, (m) => m.tuple(1)], // TUPLE1
  [0x86, (m) => m.tuple(2)], // TUPLE2
  [0x87, (m) => m.tuple(3)], // TUPLE3
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x8a, (m) => m.push(m.input.integer(m.input.uint8()))], // LONG1
  [0x8b, (m) => m.push(m.input.integer(m.input.uint32()))], // LONG4
  [0x8c, (m) => m.push(m.input.text(m.input.uint8()))], // SHORT_BINUNICODE
  [0x8d, (m) => m.push(m.input.text(m.input.uint64()))], // BINUNICODE8
  [0x8e, (m) => m.push(m.input.take(m.input.uint64()))], // BINBYTES8
  [0x8f, (m) => m.push({ _tag: "List", items: [] })], // EMPTY_SET
  [0x90, (m) => m.append(m.popMark())], // ADDITEMS
  [0x91, (m) => m.push(m.popMark())], // FROZENSET
  [0x93, (m) => m.stackGlobal()], // STACK_GLOBAL
  [0x94, (m) => void m.memo.set(m.memo.size, m.top())], // MEMOIZE
  [0x95, (m) => m.input.need(m.input.uint64())], // FRAME
  [0x96, (m) => m.push(m.input.take(m.input.uint64()))] // BYTEARRAY8
])

const PROTO = 0x80
const STOP = 0x2e

/**
 * Reads the pickle at a position in bytes; names that are not `allowed` are refused. Throws `Malformed`, with the offset in
 * the bytes, and its kind `EndsEarly` where more bytes are needed.
 */
export const parse = (bytes: Uint8Array, at: number, allowed: ReadonlySet<string>): Parsed => {
  const input = new PickleBytes(bytes, at)
  const machine = new Machine(input, allowed)
  machine.start = at
  const proto = input.uint8() === PROTO ? input.uint8() : undefined
  if (proto === undefined || proto < 2 || proto > 5) return machine.fail("this is no pickle of protocols 2 to 5")
  for (let count = 0; count < MAX_OPERATIONS; count++) {
    machine.start = input.at
    const code = input.uint8()
    if (code === STOP) {
      const value = machine.pop()
      if (machine.stack.length > 0 || machine.marks.length > 0) return machine.fail("the pickle leaves values over")
      return { value, end: input.at, saved: machine.saved }
    }
    const operation = operations.get(code)
    if (operation === undefined)
      return machine.fail(`operation 0x${code.toString(16).padStart(2, "0")} is not known here`)
    operation(machine)
  }
  return machine.fail(`the pickle has more than ${MAX_OPERATIONS} operations`)
}
