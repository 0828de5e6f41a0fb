import type { FunctionTarget } from "./contract.ts";

/** Two words that a scan thread and the main thread share. */
export type ScanState = Int32Array<SharedArrayBuffer>;
/** Not 0: the thread is to give up what it is at. */
export const STOP = 0;
/** Not 0: it has a scan. */
export const BUSY = 1;

export function createScanState(): ScanState {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Functions that raise once the thread is to stop. A thread must not be terminated while SQLite is in one of them: node
 * (24.21) then ends the whole process.
 */
export function stoppable(target: FunctionTarget, state: ScanState): FunctionTarget {
  const checked = <Values extends unknown[], Result>(call: (...values: Values) => Result) => {
    const wrapped = (...values: Values): Result => {
      if (Atomics.load(state, STOP) !== 0) throw new Error("the scan is given up");
      return call(...values);
    };
    // SQLite is told the number of arguments by it.
    return Object.defineProperty(wrapped, "length", { value: call.length });
  };
  return {
    function: (name, options, implementation) => target.function(name, options, checked(implementation)),
    aggregate: (name, options) => {
      const { step, inverse } = options;
      const inverted = inverse === undefined ? {} : { inverse: checked(inverse) };
      target.aggregate(name, { ...options, step: checked(step), ...inverted });
    },
  };
}
