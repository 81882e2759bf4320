/** The artifacts of a run as the rows of a table, where those of one stage that are many share a row. */
import type { RunHistory } from "@igm/experiment"
import * as Words from "./Words.ts"

/** An artifact with its size in the store in bytes; 0 if it is not stored. */
export interface Sized extends RunHistory.Work {
  readonly bytes: number
}

/** The largest number of artifacts of one stage that have a row each. */
const SEPARATE = 3

const howOf = ({ how, madeBy }: RunHistory.Work): string =>
  madeBy === undefined ? how : `${how} (other code: ${madeBy})`

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0)

const sizeOf = (works: ReadonlyArray<Sized>): string => {
  const gone = works.filter(({ bytes }) => bytes === 0).length
  if (gone === works.length) return "not stored"
  return `${Words.bytes(sum(works.map(({ bytes }) => bytes)))}${gone === 0 ? "" : `, ${gone} not stored`}`
}

/** The header and the rows: stage, name, origin, time and size; `all` gives each artifact a row. */
export const rows = (works: ReadonlyArray<Sized>, { all }: { readonly all: boolean }) => {
  const kindOf = (work: Sized) => JSON.stringify([work.stage, howOf(work)])
  const kinds = all ? works.map((work) => [work]) : [...Map.groupBy(works, kindOf).values()]
  const groups = kinds.flatMap((own) => (own.length > SEPARATE ? [own] : own.map((work) => [work])))
  const table = groups.map((own): ReadonlyArray<string> => {
    const [first] = own as [Sized]
    const name = own.length === 1 ? first.name : `${own.length} artifacts`
    const time = first.how === "reused" ? "" : Words.duration(sum(own.map(({ spent }) => spent)))
    return [first.stage, name, howOf(first), time, sizeOf(own)]
  })
  const isFolded = groups.some((own) => own.length > 1)
  return { rows: [["stage", "name", "", "time", "size"], ...table], isFolded }
}
