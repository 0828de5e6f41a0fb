/** The transactions that a snapshot does not show, read from the text of a `pg_snapshot`. */
interface SnapshotText {
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly running: ReadonlySet<bigint>;
}

function readSnapshot(text: string): SnapshotText {
  const match = /^(\d+):(\d+):([\d,]*)$/.exec(text);
  if (match === null) throw new Error(`A snapshot "${text}" of the origin`);
  const running = match[3] === undefined || match[3] === "" ? [] : match[3].split(",").map(BigInt);
  return { xmin: BigInt(match[1] ?? "0"), xmax: BigInt(match[2] ?? "0"), running: new Set(running) };
}

const EPOCH = 1n << 32n;

/**
 * True if the snapshot shows all of these transactions, of which the lower 32 bits are given: each is taken for the one
 * of that number that is nearest to the snapshot, as the server does (FullTransactionIdFromAllowableAt).
 */
export function showsAll(snapshot: string, transactions: readonly number[]): boolean {
  if (transactions.length === 0) return true;
  const { xmin, xmax, running } = readSnapshot(snapshot);
  return transactions.every((low) => {
    let transaction = (xmax & ~(EPOCH - 1n)) | BigInt(low);
    if (transaction >= xmax + EPOCH / 2n) transaction -= EPOCH;
    else if (transaction < xmax - EPOCH / 2n) transaction += EPOCH;
    return transaction < xmin || (transaction < xmax && !running.has(transaction));
  });
}
