/** Sections that IGM alone has. */
export { type LedgerEpoch, ledger } from "./Ledger.ts"
export { type TurnModification, spectra } from "./Spectra.ts"
