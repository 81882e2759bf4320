/**
 * Benchmarks: `npm run bench -- NAME [options]`. Each is measured in turns against a named peer, and prints ratios of
 * medians with a 95 % interval; `--json` prints all times.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Clips from "./clips.ts"
import * as Decode from "./decode.ts"
import * as Encoders from "./encoders.ts"
import * as Heads from "./heads.ts"
import * as Memory from "./memory.ts"

const { defaults } = Heads
const text = (name: string, value: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withDefault(value))

const list = (value: string): ReadonlyArray<string> => value.split(",").filter((part) => part !== "")

const bench = Command.make(
  "bench",
  {
    name: Argument.Literals("name", ["heads", "encoders", "decode", "clips", "memory"]).pipe(
      Argument.withDescription("What to measure")
    ),
    engine: Flag.Literals("engine", ["onnx", "tfjs"]).pipe(Flag.withDefault(defaults.engine)),
    device: text("device", "", "cpu, cuda, webgpu, wasm, node or node-gpu; by default cpu, and of tfjs wasm and cpu"),
    features: text("features", defaults.features, "A safetensors file with audio, video and label"),
    python: text("python", defaults.python, "The Python of the peer, with PyTorch"),
    released: text("released", defaults.released, "A checkout of the released code"),
    repeats: Flag.Int("repeats").pipe(
      Flag.withDescription("30 of heads, 20 of encoders, 5 of their memory, 15 of decode and 1 of clips by default"),
      Flag.optional
    ),
    heads: text("heads", defaults.heads.join(","), "Numbers of heads to train at once"),
    lists: text("lists", "", "A folder with the public lists of Kinetics-Sounds, for clips"),
    i3d: text("i3d", Encoders.defaults.i3d, "A folder with the original of I3D"),
    networks: text("networks", Encoders.defaults.networks.join(","), "Which encoders"),
    threads: Flag.Int("threads").pipe(
      Flag.withDescription("Threads of encoders"),
      Flag.withDefault(Encoders.defaults.threads)
    ),
    parts: text(
      "parts",
      "",
      "Which parts of heads: step, transition, many; of encoders: model, files, memory; of decode: audio, image, video; by default all, and of tfjs the first two"
    ),
    json: Flag.Boolean("json").pipe(Flag.withDefault(false))
  },
  ({ name, json, heads, parts, device, lists, i3d, networks, threads, repeats: given, ...others }) => {
    if (name === "memory") return Memory.run
    if (name === "encoders") {
      const options: Encoders.Options = {
        python: others.python,
        i3d,
        repeats: Option.getOrElse(given, () => Encoders.defaults.repeats),
        memories: Option.getOrElse(given, () => Encoders.defaults.memories),
        parts: parts === "" ? Encoders.defaults.parts : list(parts),
        networks: list(networks),
        threads
      }
      return Encoders.run(options, json).pipe(Effect.provide(Encoders.layer))
    }
    if (name === "clips") return Clips.run({ lists, repeats: Option.getOrElse(given, () => 1) }, json)
    if (name === "decode") {
      const repeats = Option.getOrElse(given, () => Decode.defaults.repeats)
      const chosen = parts === "" ? Decode.defaults.parts : list(parts)
      return Decode.run({ python: others.python, repeats, parts: chosen }, json).pipe(Effect.provide(Decode.layer))
    }
    const rest = { ...others, repeats: Option.getOrElse(given, () => defaults.repeats) }
    const isTfjs = rest.engine === "tfjs"
    const devices = device === "" ? (isTfjs ? ["wasm", "cpu"] : [defaults.device]) : [device]
    const chosen = parts === "" ? (isTfjs ? ["step", "transition"] : defaults.parts) : list(parts)
    return Effect.forEach(devices, (one) => {
      const options: Heads.Options = { ...rest, device: one, heads: list(heads).map(Number), parts: chosen }
      return Heads.run(options, json).pipe(Effect.scoped, Effect.provide(Heads.layer(options)))
    })
  }
).pipe(Command.withDescription("Measure, against a named peer"))

bench.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
