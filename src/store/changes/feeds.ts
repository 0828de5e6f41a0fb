import { StoreError } from "../../errors.ts";
import type { CreateChangeDecoder, CreateTextReader, SortAnswer, SortQuestion } from "../contract.ts";
import { decodeError, encodeError, type FeedCommand, type FeedNotice, type ReplyValue } from "../protocol.ts";
import { ChangeStream, type StreamHost } from "./change-stream.ts";

/** What the store worker is to its feeds. */
export interface FeedsHost extends Pick<StreamHost, "db" | "records" | "run" | "commitLoad" | "announce"> {
  send(notice: FeedNotice): void;
  reply(request: number, value: ReplyValue): void;
  fail(request: number, error: unknown, doing: string): void;
  readonly bytes: number;
}

/** Carries out main's commands to the change feed, of which there is one at a time. They wait for no other task. */
export class Feeds {
  readonly #host: FeedsHost;
  readonly #questions = new Map<number, PromiseWithResolvers<SortAnswer>>();
  #lastQuestion = 0;
  #stream: ChangeStream | null = null;
  /** The feed that was asked for last. */
  #number = 0;

  constructor(host: FeedsHost) {
    this.#host = host;
  }

  get stream(): ChangeStream | null {
    return this.#stream;
  }

  receive(command: FeedCommand): void {
    if (command.kind === "feed-open") {
      this.close();
      this.#number = command.feed;
      void this.#open(command.request, command.feed, command.decoder);
      return;
    }
    const stream = command.feed === this.#stream?.number ? this.#stream : null;
    switch (command.kind) {
      case "feed-batch":
        stream?.read(command.buffer);
        break;
      case "feed-retain":
        this.#retain(stream, command);
        break;
      case "feed-release":
        stream?.release(command.ids);
        break;
      case "feed-settled":
        stream?.settled(command.below);
        break;
      case "feed-sorted":
        this.#sorted(command.question, command.answer);
        break;
      case "feed-close":
        if (stream !== null) this.close();
        break;
    }
  }

  close(): void {
    this.#stream?.close();
    this.#stream = null;
    this.#number = 0;
    for (const { reject } of this.#questions.values()) reject(new StoreError("The change feed has ended"));
    this.#questions.clear();
  }

  async #open(request: number, feed: number, url: string): Promise<void> {
    try {
      const decoder: { createChangeDecoder?: CreateChangeDecoder; createTextReader?: CreateTextReader } = await import(
        url
      );
      const { createChangeDecoder, createTextReader } = decoder;
      if (createChangeDecoder === undefined || createTextReader === undefined) {
        throw new StoreError(`${url} has no createChangeDecoder and createTextReader`);
      }
      if (this.#number === feed) {
        this.#stream = new ChangeStream(feed, this.#streamHost(feed), { createChangeDecoder, createTextReader });
      }
      this.#host.reply(request, null);
    } catch (error) {
      this.#host.fail(request, error, "The change feed could not be opened");
    }
  }

  #streamHost(feed: number): StreamHost {
    const host = this.#host;
    return {
      get db() {
        return host.db;
      },
      get records() {
        return host.records;
      },
      run: (task) => host.run(task),
      commitLoad: () => host.commitLoad(),
      announce: (change) => host.announce(change),
      notify: (progress) => host.send({ kind: "feed-progress", progress, bytes: host.bytes }),
      failed: (error) => host.send({ kind: "feed-failed", feed, error: encodeError(error), bytes: host.bytes }),
      sort: (codec, questions) => this.#sort(feed, codec, questions),
    };
  }

  #retain(stream: ChangeStream | null, { request, tables }: Extract<FeedCommand, { kind: "feed-retain" }>): void {
    try {
      if (stream === null) throw new StoreError("The change feed has ended");
      this.#host.reply(request, { kind: "transactions", transactions: stream.retain(tables) });
    } catch (error) {
      this.#host.fail(request, error, "Changes could not be retained");
    }
  }

  #sort(feed: number, codec: unknown, questions: readonly SortQuestion[]): Promise<SortAnswer> {
    this.#lastQuestion += 1;
    const question = this.#lastQuestion;
    const asked = Promise.withResolvers<SortAnswer>();
    this.#questions.set(question, asked);
    this.#host.send({ kind: "feed-sort", feed, question, codec, questions, bytes: this.#host.bytes });
    return asked.promise;
  }

  #sorted(question: number, answer: Extract<FeedCommand, { kind: "feed-sorted" }>["answer"]): void {
    const asked = this.#questions.get(question);
    this.#questions.delete(question);
    if ("message" in answer) asked?.reject(decodeError(answer));
    else asked?.resolve(answer);
  }
}
