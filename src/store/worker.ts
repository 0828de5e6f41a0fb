/** The store worker's entry: the only thread that writes to the store. See `StoreWorker`. */
import { parentPort, workerData } from "node:worker_threads";
import type { Command, StoreWorkerData } from "./protocol.ts";
import { StoreWorker } from "./store-worker.ts";

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
