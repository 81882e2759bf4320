/**
 * JSON files that notice damage: the last member, `digest`, is the SHA-256 of the rest as canonical JSON, and the text is
 * written in one way only. A file of which any byte is another is not taken for what was written.
 */
import { Digest } from "@igm/tensor"
import { Option, Result, Schema } from "effect"

type Members = { readonly [name: string]: Digest.Json }

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))

/** The text of a file with these members. */
export const text = (members: Members): string => {
  // What JSON leaves out is no member.
  const json = JSON.parse(JSON.stringify(members)) as Members
  return `${JSON.stringify({ ...json, digest: Digest.ofJson(json) }, null, 2)}\n`
}

/** The members that a text was made of; none if it is another than was written. */
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
