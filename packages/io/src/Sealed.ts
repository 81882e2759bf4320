/**
 * JSON files with a checksum: the last member, `digest`, is the SHA-256 of the rest as canonical JSON, and the text has
 * one valid form only, so that a change of any byte is detected.
 */
import { Digest } from "@igm/tensor"
import { Option, Result, Schema } from "effect"

type Members = { readonly [name: string]: Digest.Json }

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))

/** Formats a file with these members. */
export const text = (members: Members): string => {
  // What JSON leaves out is no member.
  const json = JSON.parse(JSON.stringify(members)) as Members
  return `${JSON.stringify({ ...json, digest: Digest.ofJson(json) }, null, 2)}\n`
}

/** Parses a file; none if it is damaged. */
export const members = (file: string): Option.Option<Members> =>
  // What is nested so deep that it cannot be walked was not written here.
  Option.flatten(
    Result.getSuccess(
      Result.try(() =>
        Option.filterMap(decode(file), ({ digest, ...rest }) => {
          const found = rest as Members
          return digest !== undefined && text(found) === file ? Result.succeed(found) : Result.failVoid
        })
      )
    )
  )
