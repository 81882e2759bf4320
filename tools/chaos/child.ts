/** The command `igm`, as packages/cli/src/bin.ts has it, on a file system that may kill it. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { Effect, Layer, Stdio } from "effect"
import { igm } from "../../packages/cli/src/Cli.ts"
import * as Failure from "../../packages/cli/src/Failure.ts"
import * as Failpoint from "./Failpoint.ts"

Stdio.Stdio.use(({ args }) => Effect.flatMap(args, igm)).pipe(
  Effect.provide(
    Layer.merge(Progress.layer, MediaDecoder.layer).pipe(
      Layer.provideMerge(Failpoint.layer),
      Layer.provideMerge(NodeServices.layer)
    )
  ),
  Effect.onError(Failure.tell),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
