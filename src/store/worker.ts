/** The store worker's entry: the only thread that writes to the store. See `StoreWorker`. */
import { constants, setPriority } from "node:os";
import { platform } from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import type { Command, StoreWorkerData } from "./protocol.ts";
import { StoreWorker } from "./store-worker.ts";

// Queries come before loads. On Linux a priority is a thread's own; elsewhere it would be the whole process's.
if (platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const port = parentPort;
if (port === null) {
  throw new Error("store/worker runs as a worker thread only");
}
const worker = new StoreWorker(
  workerData as StoreWorkerData,
  (notice, transfer) => port.postMessage(notice, transfer),
  () => port.close(),
);
port.on("message", (command: Command) => worker.receive(command));
