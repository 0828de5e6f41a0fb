import type { RegisterFunctions } from "../../store/contract.ts";
import { registerArrayFunctions } from "./functions-in-sqlite/array-functions.ts";
import { registerCaseFunctions } from "./functions-in-sqlite/case.ts";
import { registerDateFunctions } from "./functions-in-sqlite/dates.ts";
import { registerDecimals } from "./functions-in-sqlite/decimals.ts";
import { registerDocuments } from "./functions-in-sqlite/documents.ts";
import { registerFloats } from "./functions-in-sqlite/floats.ts";
import { registerIntegers } from "./functions-in-sqlite/integers.ts";
import { registerInterrupt } from "./functions-in-sqlite/interrupt.ts";
import { registerJson } from "./functions-in-sqlite/json.ts";
import { registerStep } from "./functions-in-sqlite/step.ts";
import { registerTextAggregates } from "./functions-in-sqlite/text-aggregates.ts";
import { registerTextFunctions } from "./functions-in-sqlite/text-functions.ts";
import { registerTextInput } from "./functions-in-sqlite/text-input.ts";
import { registerWireTexts } from "./functions-in-sqlite/wire-texts.ts";

/** URL of this module: threads import it to define the same functions on their connections. */
export const SQL_FUNCTIONS: string = import.meta.url;

/**
 * Defines the functions that plans call in SQLite, each in a file of its own subject. Their names begin with `pg_`; what
 * they cannot compute exactly they raise, and the statement goes to the origin.
 */
export const registerFunctions: RegisterFunctions = (target, resources) => {
  registerTextFunctions(target);
  registerCaseFunctions(target, resources);
  registerDateFunctions(target);
  registerStep(target);
  registerInterrupt(target);
  registerTextAggregates(target);
  registerArrayFunctions(target);
  registerDecimals(target);
  registerDocuments(target);
  registerFloats(target);
  registerIntegers(target);
  registerJson(target);
  registerTextInput(target);
  registerWireTexts(target);
};
