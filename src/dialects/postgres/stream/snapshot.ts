import { Visibility } from "../../../store/changes/visibility.ts";

/** True if the snapshot (`pg_snapshot`) shows all of these transactions, of which the lower 32 bits are given. */
export function showsAll(snapshot: string, transactions: readonly number[]): boolean {
  if (transactions.length === 0) return true;
  const visibility = new Visibility(snapshot);
  return transactions.every((transaction) => visibility.shows(transaction));
}
