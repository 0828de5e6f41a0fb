import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { wireTextOf } from "../wire-text.ts";

/** The settings under which plans ask for these texts; under others they are loaded instead of computed. */
const PLAIN_SETTINGS = { timeZone: "UTC", dateStyle: "ISO, MDY", extraFloatDigits: 1 };

function textOf(kind: Parameters<typeof wireTextOf>[0]["kind"], modifier = -1): (value: StoreValue) => StoreValue {
  const text = wireTextOf({ kind, modifier, precision: null }, PLAIN_SETTINGS);
  if (text === null) throw new TypeError(`${kind} has no text of its own`);
  return (value) => (value === null ? null : text(value));
}

/** What the origin sends for a value, for the kinds whose text SQLite cannot make. */
export function registerWireTexts(target: FunctionTarget): void {
  for (const kind of ["float8", "date"] as const) {
    const text = textOf(kind);
    target.function(`pg_${kind}_text`, { deterministic: true }, (value) => text(value));
  }
  for (const kind of ["timestamp", "timestamptz"] as const) {
    const text = textOf(kind);
    const options = { deterministic: true, useBigIntArguments: true };
    target.function(`pg_${kind}_text`, options, (value) => text(value));
  }
  const padded = new Map<StoreValue, (value: StoreValue) => StoreValue>();
  target.function("pg_char_text", { deterministic: true }, (value, length) => {
    let text = padded.get(length);
    if (text === undefined) {
      text = textOf("char", Number(length) + 4);
      padded.set(length, text);
    }
    return text(value);
  });
}
