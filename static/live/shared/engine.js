/**
 * Sends requests about models to a worker that all parts share.
 *
 * Every part has lines of its own for its requests. The latest request of a line wins: it replaces
 * one that is still waiting or half done, so that no queue builds up however fast requests come.
 * Requests for pictures are sent at once; others wait until no picture is being decoded, or until
 * they have waited for a while. While the server decodes, the worker answers other requests. A
 * worker that cannot be started, or dies, is replaced by the page's own thread; no request is lost.
 *
 * Pictures that the server decodes are requested as far apart as it takes for one, even if others
 * are still on their way: so it always has one to decode, and none that waits. Where it is asked by
 * many, it says nothing of time, and the page waits for answers.
 *
 * @typedef {import("./answers.js").Request} Request
 * @typedef {{id: number, request: Request}} Message
 * @typedef {{
 *   postMessage: (message: Message) => void,
 *   onmessage: ((event: MessageEvent) => void) | null,
 *   onerror: ((event: ErrorEvent) => void) | null,
 * }} Thread
 * @typedef {{request: Request, use: (answer: any) => void}} Asked
 * @typedef {{number: number, urgency: number, waiting: Asked | null, since: number, asked: number,
 *   sent: number, pace: number, job: number, dropped: number}} Line `since`: when the waiting
 *   request came; `asked`: how many are on their way, the last of them since `sent`; `pace`:
 *   milliseconds after which the next may follow, infinite where it waits for the answer; `job`:
 *   that of the latest request; `dropped`: the latest job that is no longer wanted, as it or a later
 *   one was answered
 */

import { Answers } from "./answers.js";

/** How urgent a line's requests are; 0 is the most urgent. */
export const URGENCY = { picture: 0, reading: 1, tiles: 2 };

/** Requests that the worker has at a time, besides pictures: one to work on, and the next one. */
const AT_ONCE = 2;
/** Pictures of a line that are on their way to or from the server at a time. */
const MOST_AWAY = 4;
/** Milliseconds that a request waits while pictures come without a pause, as with slow decoding. */
const PATIENCE = 300;
/** The same, as a multiple of the time that the server takes for a picture: a reading takes two. */
const PICTURES_BETWEEN = 20;

export class Engine {
  /** @type {Thread} */
  #thread;
  /** The most urgent first. @type {Line[]} */
  #lines = [];
  /** @type {Map<number, Asked>} */
  #asked = new Map();
  /** @type {Map<string, Request>} */
  #opened = new Map();
  #lastId = 0;
  #lastJob = 0;
  #lastLine = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Classes that conditional models decode, by the models' hashes. @type {Map<string, number>} */
  labels = new Map();

  /** @param {() => Thread} start starts a worker */
  constructor(start = startWorker) {
    try {
      this.#thread = start();
      this.#thread.onerror = (event) => {
        event.preventDefault?.();
        this.#goOnHere();
      };
    } catch {
      this.#thread = new PageThread(); // where a page may not start workers
    }
    this.#listen();
  }

  /**
   * Builds a model's networks.
   *
   * @param {import("./model.js").Model} model
   * @param {(summary: import("./answers.js").Summary) => void} use
   */
  open({ content, payload }, use) {
    const request = /** @type {const} */ ({ kind: "open", content, payload });
    this.#opened.set(content, request);
    this.#send(request, use);
  }

  /** Lets go of a model. @param {string} content */
  forget(content) {
    this.#opened.delete(content);
    this.#send({ kind: "forget", content }, () => {});
  }

  /** A line of requests of which the latest wins. @param {number} urgency one of `URGENCY` */
  line(urgency) {
    /** @type {Line} */
    const line = {
      number: ++this.#lastLine,
      urgency,
      waiting: null,
      since: 0,
      asked: 0,
      sent: 0,
      pace: Infinity,
      job: 0,
      dropped: 0,
    };
    this.#lines = [...this.#lines, line].sort((one, other) => one.urgency - other.urgency);
    const drop = () => {
      line.job = 0;
      line.dropped = this.#lastJob;
      line.waiting = null;
      this.#sendDrop(line);
    };
    return {
      ask: (/** @type {Request} */ request, /** @type {(answer: any) => void} */ use) => {
        Object.assign(request, { line: line.number, job: ++this.#lastJob });
        if (!line.waiting) line.since = performance.now();
        line.waiting = { request, use };
        line.job = this.#lastJob;
        this.#sendNext();
      },
      /** Cancels what was asked. */
      drop,
      /** Closes the line: no answer comes after this. */
      close: () => {
        this.#lines = this.#lines.filter((other) => other !== line);
        drop();
      },
    };
  }

  #sendNext() {
    for (let line = this.#next(); line?.waiting; line = this.#next()) {
      const { request, use } = line.waiting;
      line.waiting = null;
      line.asked += 1;
      line.sent = performance.now();
      this.#send(request, (answer) => {
        line.asked -= 1;
        line.pace = answer?.pace ?? Infinity;
        const job = Number(request.job);
        if (answer?.goesOn) {
          // It has waited its time, or it was dropped while the server decoded
          if (job === line.job) line.waiting = { request, use };
          else if (!line.job) this.#sendDrop(line);
        } else if (answer !== null && job > line.dropped) {
          line.dropped = job;
          use(answer);
        }
      });
    }
    const pauses = this.#lines.map((line) => pauseOf(line)).filter((pause) => pause > 0);
    const pause = Math.min(...pauses);
    clearTimeout(this.#timer);
    if (pause < Infinity) this.#timer = setTimeout(() => this.#sendNext(), pause);
  }

  /** The line whose turn it is. */
  #next() {
    const busy = this.#lines.filter(({ asked }) => asked);
    const decoding = busy.filter(({ urgency }) => urgency === URGENCY.picture);
    const paces = decoding.map(({ pace }) => (pace < Infinity ? pace : 0));
    const patience = Math.max(PATIENCE, PICTURES_BETWEEN * Math.max(0, ...paces));
    const isFull = busy.length - decoding.length >= AT_ONCE;
    const now = performance.now();
    return this.#lines.find(
      (line) =>
        pauseOf(line) <= 0 &&
        (line.urgency === URGENCY.picture ||
          (!isFull && (!decoding.length || now - line.since > patience))),
    );
  }

  /** Cancels what was asked on a line. @param {Line} line */
  #sendDrop({ number }) {
    this.#send({ kind: "drop", content: "", line: number }, () => {});
  }

  /** @param {Request} request @param {(answer: any) => void} use */
  #send(request, use) {
    const id = ++this.#lastId;
    request.label ??= this.labels.get(request.content);
    this.#asked.set(id, { request, use });
    this.#thread.postMessage({ id, request });
    return id;
  }

  #listen() {
    this.#thread.onmessage = ({ data: { id, answer } }) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      try {
        asked?.use(answer);
      } finally {
        this.#sendNext();
      }
    };
  }

  /** Replaces a dead worker: the page's thread reopens the models and answers what is due. */
  #goOnHere() {
    this.#thread.onmessage = this.#thread.onerror = null;
    this.#thread = new PageThread();
    this.#listen();
    const due = [...this.#asked.values()].filter(
      ({ request }) => request.kind !== "forget" && request.kind !== "drop",
    );
    const isDue = new Set(due.map(({ request }) => request));
    this.#asked.clear();
    for (const request of this.#opened.values()) {
      if (!isDue.has(request)) this.#send(request, () => {});
    }
    for (const { request, use } of due) this.#send(request, use);
  }
}

/**
 * Milliseconds until a line may send its request; infinite where it has none, or has to wait for
 * an answer.
 *
 * @param {Line} line
 */
function pauseOf({ waiting, asked, sent, pace }) {
  if (!waiting || asked === MOST_AWAY) return Infinity;
  return asked ? sent + pace - performance.now() : 0;
}

/** Answers on the page's own thread, in between its other work. @implements {Thread} */
class PageThread {
  #answers = new Answers();
  /** @type {Thread["onmessage"]} */
  onmessage = null;
  onerror = null;

  /** @param {Message} message */
  postMessage({ id, request }) {
    setTimeout(() => {
      const data = { id, answer: this.#answers.answer(request) };
      this.onmessage?.(/** @type {MessageEvent} */ ({ data }));
    });
  }
}

/** @returns {Thread} */
function startWorker() {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}
