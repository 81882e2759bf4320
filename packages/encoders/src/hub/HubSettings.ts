/**
 * The address of the Hugging Face Hub and the folder of its files, by the environment variables of its own libraries. Its
 * client reads only those of the cache, and only from the process: all are read here, and passed on to it.
 */
import { Config, Effect, Option, Path, Redacted } from "effect"
import { homedir } from "node:os"

/** Settings of reaching the hub. */
export interface HubSettings {
  /** HF_ENDPOINT, without a slash at its end. */
  readonly endpoint: string
  /** HF_HUB_CACHE, or `hub` in HF_HOME, or `huggingface/hub` in XDG_CACHE_HOME or `~/.cache`. */
  readonly cache: string
  /** HF_TOKEN. */
  readonly token: Redacted.Redacted | undefined
  /** HF_HUB_OFFLINE: the network is not asked, and what is not in the cache is an error. */
  readonly offline: boolean
  /** HF_HUB_DOWNLOAD_TIMEOUT: for how many seconds a connection may be silent. */
  readonly silence: number
}

/** As in the hub's library for Python. */
const SILENCE = 10

/** A variable; one that is empty counts as not set. */
const text = (name: string) =>
  Config.String(name).pipe(
    Config.option,
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (text) => text.trim() !== ""))?.trim())
  )

const variables = Config.all({
  endpoint: text("HF_ENDPOINT"),
  cache: text("HF_HUB_CACHE"),
  olderCache: text("HUGGINGFACE_HUB_CACHE"),
  home: text("HF_HOME"),
  caches: text("XDG_CACHE_HOME"),
  token: text("HF_TOKEN"),
  offline: text("HF_HUB_OFFLINE"),
  silence: text("HF_HUB_DOWNLOAD_TIMEOUT")
})

const yes = new Set(["1", "true", "yes", "on"])
const no = new Set(["0", "false", "no", "off"])

/** The settings of this environment, or a sentence about the variable that is wrong. */
export const read: Effect.Effect<HubSettings, string, Path.Path> = Effect.gen(function* () {
  const path = yield* Path.Path
  const found = yield* Effect.mapError(variables, ({ message }) => message)
  const under = (folder: string) => path.resolve(folder.replace(/^~(?=\/|$)/, homedir()))

  const endpoint = (found.endpoint ?? "https://huggingface.co").replace(/\/+$/, "")
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    return yield* Effect.fail(`HF_ENDPOINT is ${endpoint}, which is not an address like https://huggingface.co`)
  }
  // An address is named in messages, and a password in it would be.
  const { username, password, search, hash } = new URL(endpoint)
  if (username + password + search + hash !== "") {
    return yield* Effect.fail("HF_ENDPOINT has more in it than an address, such as a password: set HF_TOKEN to a token")
  }
  if (found.token !== undefined && !/^hf_[!-~]+$/.test(found.token)) {
    return yield* Effect.fail("HF_TOKEN is not a token of the hub: those begin with hf_, and are letters and digits")
  }
  const offline = (found.offline ?? "0").toLowerCase()
  if (!yes.has(offline) && !no.has(offline)) {
    return yield* Effect.fail(`HF_HUB_OFFLINE is ${offline}: set it to 1 or 0`)
  }
  const silence = found.silence === undefined ? SILENCE : Number(found.silence)
  if (!(silence > 0 && silence <= 86_400)) {
    return yield* Effect.fail(`HF_HUB_DOWNLOAD_TIMEOUT is ${found.silence}: set it to a number of seconds, such as 30`)
  }
  const home = found.home ?? path.join(found.caches ?? path.join(homedir(), ".cache"), "huggingface")
  const settings: HubSettings = {
    endpoint,
    cache: under(found.cache ?? found.olderCache ?? path.join(home, "hub")),
    token: found.token === undefined ? undefined : Redacted.make(found.token),
    offline: yes.has(offline),
    silence
  }
  return settings
})
