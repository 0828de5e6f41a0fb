import type { MessagePort } from "node:worker_threads";
import { asStoreError, encodeError } from "./protocol.ts";

/** Main waits, and runs nothing else: the answer goes where it can be read without the event loop. */
export function answerWaiting(port: MessagePort, signal: Int32Array<SharedArrayBuffer>, save: () => void): void {
  try {
    save();
  } catch (error) {
    port.postMessage(encodeError(asStoreError(error, "The snapshot file could not be written")));
  } finally {
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
    port.close();
  }
}
