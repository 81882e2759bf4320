/** Repeats the step at which a training diverged, to see which of the two records it reproduces. */
import { type Features, Ops } from "@igm/gradient"
import { HeadTrainer, StepFingerprints } from "@igm/training"
import { Effect, Stream } from "effect"
import * as Training from "../training/Training.ts"
import * as Divergence from "./Divergence.ts"

/** The result of repeating the step at which a training diverged from the recorded one. */
export interface Again {
  /** The side whose recorded state the repeated step reproduces. */
  readonly agrees: "recorded" | "replayed" | "both" | "neither"
  /** The largest absolute change that the step makes, for each tensor that differs. */
  readonly moved: { readonly [tensor: string]: number }
}

/** Repeats the step at which two traced trainings diverge, from the replay's state before it. */
export const again = Effect.fn("Replay.again")(function* (
  task: Training.Task<Features.Dims>,
  { epoch, tensors }: Divergence.Divergence,
  step: number,
  recorded: Divergence.Record,
  own: Divergence.Record
) {
  const trainer = yield* HeadTrainer
  const { method } = task
  const job = Training.jobOf(task)
  const cursors = yield* trainer.train(method, job).pipe(
    Stream.filter((event) => event.kind === "checkpoint" && event.cursor.epoch === epoch - 1),
    Stream.take(epoch === 1 ? 0 : 1),
    Stream.runCollect
  )
  const cursor = cursors.flatMap((event) => (event.kind === "checkpoint" ? [event.cursor] : []))[0] ?? method.start(job)
  const before = yield* trainer.steps(method, job, cursor, step - 1)
  const after = yield* trainer.steps(method, job, cursor, step)
  const prints = StepFingerprints.fingerprints(after, trainer.info.precision)
  const agreesWith = ({ steps }: Divergence.Record) =>
    tensors.every((name) => steps[Training.traceName(epoch, name)]?.data[step - 1] === prints[name])
  const [one, other] = [agreesWith(recorded), agreesWith(own)]
  const found: Again = {
    agrees: one ? (other ? "both" : "recorded") : other ? "replayed" : "neither",
    moved: Object.fromEntries(
      tensors.map((name) => [name, Divergence.largest(Ops.get(before, name).data, Ops.get(after, name).data)])
    )
  }
  return found
})
