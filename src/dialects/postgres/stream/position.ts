import { readToken, writeToken } from "../token.ts";

/** Positions in the write-ahead log, as numbers and as the server writes them (`16/B374D848`). */

export function readPosition(text: string): bigint | null {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  return match === null ? null : (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

export function positionText(position: bigint): string {
  return `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/** Sizes that the write-ahead log is made of, in bytes. */
export interface LogSizes {
  readonly block: bigint;
  readonly segment: bigint;
}

/** SQL of two members of a JSON object: a `LogSizesRow`. */
export const LOG_SIZES = `'block', pg_catalog.current_setting('wal_block_size'),
  'segment', pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))::pg_catalog.text`;

export interface LogSizesRow {
  readonly block: string;
  readonly segment: string;
}

export function logSizes({ block, segment }: LogSizesRow): LogSizes {
  return { block: BigInt(block), segment: BigInt(segment) };
}

/** SizeOfXLogShortPHD and SizeOfXLogLongPHD of src/include/access/xlog_internal.h: at each page, at each segment. */
const PAGE_HEADER = 24n;
const SEGMENT_HEADER = 40n;

/**
 * The end of the last record before the position where the next one will be inserted. They differ where a record ends
 * with its page: the next one comes after the header of the next page (XLogBytePosToRecPtr and XLogBytePosToEndRecPtr in
 * src/backend/access/transam/xlog.c). The stream knows ends only: on a quiet server it would never reach the other.
 */
export function endOfLog(insert: bigint, sizes: LogSizes): bigint {
  if (insert % sizes.segment === SEGMENT_HEADER) return insert - SEGMENT_HEADER;
  return insert % sizes.block === PAGE_HEADER ? insert - PAGE_HEADER : insert;
}

export function tokenText(system: string, position: bigint): string {
  return writeToken({ system, position: positionText(position) });
}

/** `null` for what is no token, and for one of another cluster. */
export function readPositionOf(token: string, system: string): bigint | null {
  const read = readToken(token);
  return read?.system === system ? readPosition(read.position) : null;
}
