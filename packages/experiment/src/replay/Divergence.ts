/**
 * The first difference of two trainings: the first epoch whose record differs, and the first step in it, according to
 * the traces of both. Without fingerprints only the losses of the steps are known, and a loss differs at the earliest
 * one step after the state does.
 */
import type { Tensor } from "@igm/tensor"
import type * as Events from "../training/Events.ts"
import { STATE, traceName } from "../training/Training.ts"

/** The part of a training's record that is compared. */
export interface Record {
  readonly events: ReadonlyArray<Events.Event>
  readonly steps: { readonly [name: string]: Tensor.Tensor }
}

/** The location of the first difference of two trainings; epochs and steps count from 1. */
export interface Divergence {
  readonly epoch: number
  /** The method's turn, from 1, and the head that it trains. */
  readonly turn: number
  readonly head: string
  /** The first step that differs; null if the epoch differs but none of its steps does. */
  readonly step: number | null
  /** The tensors whose fingerprints differ after that step; empty if only losses were recorded. */
  readonly tensors: ReadonlyArray<string>
  /** The losses of that step. */
  readonly losses: readonly [number, number] | null
  /**
   * For each tensor, the largest absolute difference of the states at the end of that turn, if states were recorded.
   */
  readonly size: { readonly [tensor: string]: number }
}

const LOSS = "loss"

/** The traces of an epoch by name. */
const tracesOf = ({ steps }: Record, epoch: number): ReadonlyMap<string, ArrayLike<number>> => {
  const prefix = traceName(epoch, "")
  return new Map(
    Object.entries(steps).flatMap(([name, { data }]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), data as ArrayLike<number>] as const] : []
    )
  )
}

const firstDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; i++) if (!Object.is(a[i], b[i])) return i
  return -1
}

/** The largest absolute difference of two lists of numbers. */
export const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = a.length === b.length ? 0 : Infinity
  for (let i = 0; i < Math.min(a.length, b.length); i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

/** For each tensor, the largest difference of the first states that both recorded from an epoch on. */
const sizesAfter = (a: Record, b: Record, epoch: number): Divergence["size"] => {
  const last = Math.max(0, ...a.events.map((event) => (event.kind === "epoch" ? event.epoch : 0)))
  for (let at = epoch; at <= last; at++) {
    const [these, those] = [tracesOf(a, at), tracesOf(b, at)]
    const names = [...these.keys()].filter((name) => name.startsWith(STATE) && those.has(name))
    if (names.length === 0) continue
    const sizes = names.map((name) => [name.slice(STATE.length), largest(these.get(name)!, those.get(name)!)] as const)
    return Object.fromEntries(sizes.filter(([, most]) => most > 0))
  }
  return {}
}

/** Finds the first difference of two trainings; null if their records are equal. */
export const between = (a: Record, b: Record): Divergence | null => {
  const epochs = (record: Record) => record.events.filter((event) => event.kind === "epoch")
  const [left, right] = [epochs(a), epochs(b)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [one, other] = [left[i], right[i]]
    const { epoch, turn, head } = (one ?? other)!
    const [these, those] = [tracesOf(a, epoch), tracesOf(b, epoch)]
    const names = [...these.keys()].filter((name) => those.has(name) && !name.startsWith(STATE))
    const firsts = names.flatMap((name) => {
      const at = firstDifference(these.get(name)!, those.get(name)!)
      return at < 0 ? [] : [{ name, at }]
    })
    if (firsts.length === 0 && one?.chain === other?.chain) continue
    const at = Math.min(...firsts.map((first) => first.at))
    const size = sizesAfter(a, b, epoch)
    return {
      epoch,
      turn,
      head,
      step: firsts.length === 0 ? null : at + 1,
      tensors: firsts.flatMap((first) => (first.at === at && first.name !== LOSS ? [first.name] : [])),
      losses: firsts.length === 0 ? null : [these.get(LOSS)?.[at] ?? NaN, those.get(LOSS)?.[at] ?? NaN],
      size
    }
  }
  return null
}
