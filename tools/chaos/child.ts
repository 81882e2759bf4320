/** The command `igm`, as packages/cli/src/bin.ts has it, on a file system that may kill it. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Progress } from "@igm/io"
import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { cli } from "../../packages/cli/src/Cli.ts"
import * as Failure from "../../packages/cli/src/Failure.ts"
import * as Failpoint from "./Failpoint.ts"

cli.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(Progress.layer.pipe(Layer.provideMerge(Failpoint.layer), Layer.provideMerge(NodeServices.layer))),
  Effect.onError(Failure.tell),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
