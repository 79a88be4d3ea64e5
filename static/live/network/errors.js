/** Errors about a model's file, each with a sentence that the page shows. */

export class NetworkError extends Error {
  name = "NetworkError";
}

/** @type {(isTrue: unknown, sentence: string) => asserts isTrue} */
export function demand(isTrue, sentence) {
  if (!isTrue) throw new NetworkError(sentence);
}
