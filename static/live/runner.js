/** Runs a network whenever it is asked to, on the thread that suits it. */

import { Network } from "./decoder.js";

/** Up to so many multiply-adds, a run fits into a frame beside all else that a page does. */
export const LIGHT = 8e6;

/** A network is slow on this machine when `PATIENCE` runs in a row take longer, milliseconds. */
const SLOW = 8;
const PATIENCE = 5;

/**
 * The latest request wins: as long as one is being answered, or waits for the next frame, a
 * new request takes the place of the one before it, and no queue builds up however fast
 * they come. Results come in order, each with the input that it belongs to.
 *
 * A light network runs on the page's own thread, just before the page is drawn; a heavy one,
 * or one that proves slow, runs in a worker as soon as that is ready. The caller sees no
 * difference. Where the page may not start workers, everything runs on its own thread.
 */
export class Runner {
  #program;
  #weights;
  #onResult;
  /** @type {Network | null} null once the worker has taken over */
  #network;
  /** @type {Worker | null} */
  #worker = null;
  #slowRuns = 0;

  #inputSize;
  #outputSize;
  #wanted = new Float32Array(0);
  #input = new Float32Array(0);
  #output = new Float32Array(0);
  #isWaiting = false;
  #isBusy = false;
  #isClosed = false;
  #frame = 0;

  /**
   * @param {string} program JSON text from `explorer/live.py`
   * @param {Uint8Array} weights the half-precision weights that belong to it
   * @param {(output: Float32Array, input: Float32Array) => void} onResult gets arrays that
   *   are valid until it returns
   * @param {number} [light] multiply-adds up to which a network starts on the page's thread
   * @throws {Error} with a sentence for the page, when program or weights arrived damaged
   */
  constructor(program, weights, onResult, light = LIGHT) {
    this.#program = program;
    this.#weights = weights;
    this.#onResult = onResult;
    this.#network = new Network(program, weights);
    this.inputShape = this.#network.inputShape;
    this.outputShape = this.#network.outputShape;
    this.#inputSize = sizeOf(this.inputShape);
    this.#outputSize = sizeOf(this.outputShape);
    if (this.#network.multiplyAdds > light) this.#startWorker();
  }

  /** Whether a worker has taken over. */
  get inWorker() {
    return this.#network === null;
  }

  /**
   * @param {ArrayLike<number>} input one input, or several that follow each other and are
   *   answered together
   */
  request(input) {
    if (this.#isClosed) return;
    if (input.length === 0 || input.length % this.#inputSize !== 0) {
      throw new Error(`An input has ${this.#inputSize} numbers; got ${input.length}.`);
    }
    this.#wanted = ofLength(input.length, this.#wanted);
    this.#wanted.set(input);
    this.#isWaiting = true;
    this.#startNext();
  }

  /** Ends it: no result comes after this. */
  close() {
    this.#isClosed = true;
    cancelAnimationFrame(this.#frame);
    this.#worker?.terminate();
  }

  #startNext() {
    if (this.#isBusy || !this.#isWaiting || this.#isClosed) return;
    this.#isBusy = true;
    if (this.#network) this.#frame = requestAnimationFrame(this.#runHere);
    else this.#runThere();
  }

  #runHere = () => {
    if (!this.#network) {
      this.#runThere(); // the worker took over while the frame was awaited
      return;
    }
    this.#takeRequest();
    const started = performance.now();
    this.#network.run(this.#input, this.#output);
    const each = (performance.now() - started) / (this.#input.length / this.#inputSize);
    this.#slowRuns = each > SLOW ? this.#slowRuns + 1 : 0;
    if (this.#slowRuns === PATIENCE && !this.#worker) this.#startWorker();
    this.#deliver();
  };

  #runThere() {
    this.#takeRequest();
    const input = this.#input;
    const output = this.#output;
    this.#worker?.postMessage({ input, output }, [input.buffer, output.buffer]);
  }

  /** Takes the latest request, and leaves its place to the next. */
  #takeRequest() {
    [this.#input, this.#wanted] = [this.#wanted, this.#input];
    const count = this.#input.length / this.#inputSize;
    this.#output = ofLength(count * this.#outputSize, this.#output);
    this.#isWaiting = false;
  }

  #deliver() {
    if (this.#isClosed) return;
    this.#isBusy = false;
    this.#onResult(this.#output, this.#input);
    this.#startNext();
  }

  #startWorker() {
    let worker;
    try {
      worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    } catch {
      return; // the page's own thread goes on
    }
    worker.onmessage = () => {
      this.#network = null;
      worker.onmessage = ({ data }) => {
        this.#input = data.input; // the buffers were moved there and come back
        this.#output = data.output;
        this.#deliver();
      };
    };
    worker.postMessage({ program: this.#program, weights: this.#weights });
    this.#worker = worker;
  }
}

/**
 * A buffer of this length: the given one where it fits, so that like requests allocate none.
 *
 * @param {number} length
 * @param {Float32Array<ArrayBuffer>} buffer
 */
function ofLength(length, buffer) {
  return buffer.length === length ? buffer : new Float32Array(length);
}

function sizeOf(/** @type {number[]} */ shape) {
  return shape.reduce((product, length) => product * length, 1);
}
