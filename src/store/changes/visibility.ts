import { StoreError } from "../../errors.ts";

const TWO_31 = 1n << 31n;
const TWO_32 = 1n << 32n;
const LOW_32 = TWO_32 - 1n;

/** The transactions that a snapshot shows (`pg_snapshot` in src/backend/utils/adt/xid8funcs.c). */
export class Visibility {
  readonly #xmin: bigint;
  /** All transactions from this one on began later. */
  readonly xmax: bigint;
  readonly #running: ReadonlySet<bigint>;

  /** Reads `xmin:xmax:xip,xip…`. */
  constructor(transactions: string) {
    const match = /^(\d+):(\d+):((?:\d+(?:,\d+)*)?)$/.exec(transactions);
    if (match === null) throw new StoreError(`'${transactions}' is no snapshot of transactions`);
    const [, xmin = "", xmax = "", running = ""] = match;
    this.#xmin = BigInt(xmin);
    this.xmax = BigInt(xmax);
    this.#running = new Set(running === "" ? [] : running.split(",").map(BigInt));
  }

  /** `transaction`: the lower 32 bits of its id. */
  shows(transaction: number): boolean {
    const id = widened(transaction, this.xmax);
    return id < this.#xmin || (id < this.xmax && !this.#running.has(id));
  }
}

/** The 64-bit id with these lower bits that is nearest to another one: ids that are in use at once lie within 2^31. */
export function widened(transaction: number, near: bigint): bigint {
  const id = (near & ~LOW_32) | BigInt(transaction);
  if (id - near > TWO_31 && id >= TWO_32) return id - TWO_32;
  return near - id > TWO_31 ? id + TWO_32 : id;
}
