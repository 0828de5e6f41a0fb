/** Cuts a stream of chunks into typed protocol messages; chunk borders fall anywhere. */
export function messageReader(onMessage: (type: string, body: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let needed = 5;
  return (chunk) => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < needed) return;
    const bytes = pending.length === 1 ? chunk : Buffer.concat(pending);
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      needed = left < 5 ? 5 : 1 + bytes.readInt32BE(at + 1);
      if (left < needed) break;
      onMessage(String.fromCharCode(bytes[at] ?? 0), bytes.subarray(at + 5, at + needed));
      at += needed;
    }
    pending = at < bytes.length ? [bytes.subarray(at)] : [];
    pendingBytes = bytes.length - at;
  };
}

/** The zero-terminated text that starts at `start`. */
export function textAt(body: Buffer, start: number): string {
  return body.toString("utf8", start, body.indexOf(0, start));
}
