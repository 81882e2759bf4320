/**
 * Execution providers: the requirements of each, advice if they are missing, and the name of its device. The CUDA
 * provider's library does not come with onnxruntime-node, and needs CUDA and cuDNN; WebGPU needs a Vulkan device (on
 * Windows and macOS the system's own API).
 */
import { Effect } from "effect"
import { listSupportedBackends } from "onnxruntime-node"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { cpus } from "node:os"
import { dirname, join } from "node:path"
import { wordsOf } from "./OnnxError.ts"

/** An execution provider. */
export type Provider = "cpu" | "cuda" | "webgpu"

const INSTALL_CUDA =
  "install it with `node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12`, " +
  "or put the libonnxruntime_providers_*.so of the same version beside libonnxruntime.so.1"

const FIND_CUDA =
  "put the folders of CUDA and cuDNN, of the version it was built for, on LD_LIBRARY_PATH; `nvidia-smi` lists devices"

const NO_VULKAN =
  "there is no WebGPU device: install a graphics driver and its Vulkan loader (Debian: libvulkan1), or name a driver's " +
  ".json in VK_DRIVER_FILES before the program starts; `vulkaninfo --summary` lists devices"

/** The file that holds the CUDA provider. */
const cudaLibrary = (): string => {
  const home = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"))
  const file = process.platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so"
  return join(home, "bin", "napi-v6", process.platform, process.arch, file)
}

/** Describes why a provider is not available, if that can be determined without trying it. */
export const missing = (provider: Provider): string | undefined => {
  if (!listSupportedBackends().some(({ name }) => name === provider)) {
    return `onnxruntime-node has no ${provider} provider for ${process.platform} ${process.arch}`
  }
  if (provider !== "cuda" || existsSync(cudaLibrary())) return undefined
  return `the library of onnxruntime's CUDA provider is missing: ${INSTALL_CUDA}`
}

/** Runs a command and returns its output, whatever its exit code; undefined if there is none, or no such command. */
const printed = (command: string, args: ReadonlyArray<string>) =>
  Effect.callback<string | undefined>((resume) => {
    const options = { timeout: 20_000, cwd: import.meta.dirname }
    const child = execFile(command, [...args], options, (_, stdout) => {
      resume(Effect.succeed(stdout.trim() === "" ? undefined : stdout.trim()))
    })
    return Effect.sync(() => child.kill())
  })

const missingLibraries = Effect.map(
  Effect.suspend(() => printed("ldd", [cudaLibrary()])),
  (lines = "") => [...lines.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name!)
)

/** Explains the error of a provider that did not start. */
export const explained = Effect.fn("Provider.explained")(function* (provider: Provider, cause: unknown) {
  if (provider === "webgpu") return /adapter/i.test(String(cause)) ? NO_VULKAN : wordsOf(cause)
  if (provider === "cpu") return wordsOf(cause)
  const libraries = yield* missingLibraries
  const lacking = libraries.length === 0 ? "" : `, it lacks ${libraries.join(", ")}`
  return `the CUDA provider does not start (${wordsOf(cause)})${lacking}: ${FIND_CUDA}`
})

/** The script that prints the name of Dawn's adapter; it runs in a child process, which Dawn may abort at its end. */
const ADAPTER = `
const { create } = await import("webgpu")
const adapter = await create([]).requestAdapter({ powerPreference: "high-performance" })
const { description, device, vendor } = adapter.info
process.stdout.write(description || device || vendor)
process.kill(process.pid, "SIGKILL")`

/** The name of the processor or graphics card. */
export const deviceName = Effect.fn("Provider.deviceName")(function* (provider: Provider) {
  if (provider === "cpu") return cpus()[0]?.model ?? "unknown"
  if (provider === "webgpu") {
    const name = yield* printed(process.execPath, ["--input-type=module", "--eval", ADAPTER])
    return name ?? "a WebGPU adapter (the package webgpu would tell its name)"
  }
  const [device] = (process.env["CUDA_VISIBLE_DEVICES"] ?? "").split(",")
  const chosen = device === undefined || device === "" ? [] : ["-i", device]
  const names = yield* printed("nvidia-smi", [...chosen, "--query-gpu=name", "--format=csv,noheader"])
  return names?.split("\n")[0] ?? "a CUDA device (nvidia-smi would tell its name)"
})
