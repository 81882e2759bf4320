#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The command `igm`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { main } from "./Cli.ts"
import * as Failure from "./Failure.ts"
import * as Output from "./Output.ts"
import * as Parent from "./Parent.ts"
import { teardown } from "./Teardown.ts"

main.pipe(
  Parent.watched,
  Output.toProcess,
  Effect.onError(Failure.tell),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
