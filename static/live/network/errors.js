/** What is wrong with a model's file, in a sentence for the page. */

export class NetworkError extends Error {
  name = "NetworkError";
}

/** @type {(isTrue: unknown, sentence: string) => asserts isTrue} */
export function demand(isTrue, sentence) {
  if (!isTrue) throw new NetworkError(sentence);
}
