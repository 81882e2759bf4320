/** The errors of this room. Each names the file or folder and says in one line what is wrong with it. */
import { Schema } from "effect"

const fields = { path: Schema.String, problem: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }

/** A data set whose files are not laid out as they should be. */
export class DatasetError extends Schema.TaggedError<DatasetError>()("DatasetError", fields) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/** A problem of a data set with its place: a file, a line, and the part of the line. */
export const Fault = Schema.Struct({
  path: Schema.String,
  line: Schema.optionalKey(Schema.Int),
  column: Schema.optionalKey(Schema.String),
  problem: Schema.String,
  /** True if a sample's media are missing, which `skipMissing` leaves out. */
  missing: Schema.optionalKey(Schema.Boolean)
})
export type Fault = typeof Fault.Type

/** The place and the problem of a fault, in a line. */
export const faultText = ({ path, line, column, problem }: Fault): string =>
  `${path}${line === undefined ? "" : `:${line}`}: ${column === undefined ? "" : `${column}: `}${problem}`

/** Faults that are listed in a message. */
const LISTED = 10

/** All that is wrong with a data set. */
export class DatasetFaults extends Schema.TaggedError<DatasetFaults>()("DatasetFaults", {
  name: Schema.String,
  faults: Schema.Array(Fault)
}) {
  override get message(): string {
    const { faults, name } = this
    const [first, ...others] = faults.map(faultText)
    const missing = faults.filter((fault) => fault.missing === true).length
    const more = others.length === 0 ? "" : ` (and ${others.length} more; media are missing in ${missing})`
    const rest = faults.length > LISTED ? [`and ${faults.length - LISTED} more`] : []
    return [`${name}: ${first ?? "no fault"}${more}`, ...others.slice(0, LISTED - 1), ...rest].join("\n")
  }
}
