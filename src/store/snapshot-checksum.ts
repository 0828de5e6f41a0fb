import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { APPLICATION_ID } from "./store-file.ts";

const CHUNK_BYTES = 1024 * 1024;

/** Where SQLite keeps `user_version`, a number that is the application's to use: ours is the checksum of the file. */
const CHECKSUM_OFFSET = 60;
const CHECKSUM_BYTES = 4;
const APPLICATION_ID_OFFSET = 68;
const HEADER_BYTES = 100;

const MAGIC = Buffer.from("SQLite format 3\0");

/** The name of a meta table, as it stands in the schema at the beginning of each of our files. */
const OWN_TABLE = "sqlmem_meta";

/**
 * Whether a file may be replaced or removed: it is ours, in whatever state, or has nothing in it. A path that was set by
 * mistake may name someone's own data. `beginning` is up to a megabyte of it.
 */
function isOurs(beginning: Buffer): boolean {
  if (beginning.length < HEADER_BYTES) {
    const length = Math.min(beginning.length, MAGIC.length);
    return beginning.subarray(0, length).equals(MAGIC.subarray(0, length));
  }
  const isSqlite = beginning.subarray(0, MAGIC.length).equals(MAGIC);
  const applicationId = beginning.readUInt32BE(APPLICATION_ID_OFFSET);
  return (isSqlite && applicationId === APPLICATION_ID) || beginning.includes(OWN_TABLE);
}

/** The same of a file by its path; `true` if there is none. */
export function isOursOrMissing(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return true;
    }
    throw error;
  }
  try {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    return isOurs(buffer.subarray(0, fillFrom(fd, buffer, 0)));
  } finally {
    closeSync(fd);
  }
}

export interface CheckedFile {
  /** What the file says its checksum is. */
  readonly expected: number;
  readonly crc: number;
  readonly isOurs: boolean;
  readonly bytes: number;
}

/**
 * Reads an open file from its beginning to its end and computes the CRC-32 of all its bytes, those of the checksum itself
 * taken as zero: any one flipped bit shows, wherever it is. `copyTo` is given every byte that went into the checksum, so
 * that a copy is what was checked even if the file is written to meanwhile.
 */
export function checksumFile(fd: number, copyTo?: number): CheckedFile {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const first = buffer.subarray(0, fillFrom(fd, buffer, 0));
  const hasHeader = first.length >= HEADER_BYTES;
  const expected = hasHeader ? first.readUInt32BE(CHECKSUM_OFFSET) : 0;
  const ours = isOurs(first);
  if (hasHeader) {
    first.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_BYTES);
  }
  let crc = 0;
  let position = 0;
  for (let bytes = first; bytes.length > 0; bytes = buffer.subarray(0, fillFrom(fd, buffer, position))) {
    crc = crc32(bytes, crc);
    if (copyTo !== undefined) {
      writeWhole(copyTo, bytes, position);
    }
    position += bytes.length;
  }
  return { expected, crc, isOurs: ours, bytes: position };
}

export function writeChecksum(fd: number, crc: number): void {
  const bytes = Buffer.alloc(CHECKSUM_BYTES);
  bytes.writeUInt32BE(crc);
  writeWhole(fd, bytes, CHECKSUM_OFFSET);
}

/** Fewer bytes than the buffer holds only at the end of the file. */
function fillFrom(fd: number, buffer: Buffer, position: number): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(fd, buffer, length, buffer.length - length, position + length);
    if (read === 0) {
      break;
    }
    length += read;
  }
  return length;
}

function writeWhole(fd: number, bytes: Buffer, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}
