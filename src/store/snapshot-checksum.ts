import { readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

const CHUNK_BYTES = 1024 * 1024;

/** Where SQLite keeps `user_version`, a number that is the application's to use: ours is the checksum of the file. */
const CHECKSUM_OFFSET = 60;
const CHECKSUM_BYTES = 4;
const APPLICATION_ID_OFFSET = 68;
export const HEADER_BYTES = 100;

const MAGIC = "SQLite format 3\0";

export interface SnapshotHeader {
  readonly isSqlite: boolean;
  readonly applicationId: number;
  readonly checksum: number;
}

/** Of the first bytes of a file, however few. */
export function readHeader(bytes: Buffer): SnapshotHeader {
  if (bytes.length < HEADER_BYTES) {
    return { isSqlite: false, applicationId: 0, checksum: 0 };
  }
  return {
    isSqlite: bytes.toString("latin1", 0, MAGIC.length) === MAGIC,
    applicationId: bytes.readUInt32BE(APPLICATION_ID_OFFSET),
    checksum: bytes.readUInt32BE(CHECKSUM_OFFSET),
  };
}

/**
 * Reads an open file from its beginning and returns its header and the CRC-32 of all its bytes, those of the checksum
 * itself taken as zero: any one flipped bit shows, wherever it is. `copyTo` is given every byte that went into the
 * checksum, so that a copy is what was checked even if the file is written to meanwhile.
 */
export function checksumFile(fd: number, copyTo?: number): { readonly header: SnapshotHeader; readonly crc: number } {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let header: SnapshotHeader | undefined;
  let crc = 0;
  for (let position = 0; ; ) {
    const length = fillFrom(fd, buffer, position);
    const bytes = buffer.subarray(0, length);
    if (header === undefined) {
      header = readHeader(bytes);
      bytes.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_BYTES);
    }
    if (length === 0) {
      return { header, crc };
    }
    crc = crc32(bytes, crc);
    if (copyTo !== undefined) {
      writeWhole(copyTo, bytes, position);
    }
    position += length;
  }
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
