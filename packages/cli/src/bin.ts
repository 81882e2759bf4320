#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The command `igm`. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { main } from "./Cli.ts"
import * as Failure from "./Failure.ts"
import { teardown } from "./Teardown.ts"

main.pipe(Effect.onError(Failure.tell), NodeRuntime.runMain({ disableErrorReporting: true, teardown }))
