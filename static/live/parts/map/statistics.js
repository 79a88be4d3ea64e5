/** Statistics of groups of images: means, deviations and differences. */

/**
 * Mean and standard deviation of each dimension over some images.
 *
 * @param {Float32Array} zMean @param {number} latentDim @param {Uint32Array} rows
 */
export function moments(zMean, latentDim, rows) {
  const mean = new Float32Array(latentDim);
  const deviation = new Float32Array(latentDim);
  for (let i = 0; i < latentDim; i++) {
    let [sum, squares] = [0, 0];
    for (const row of rows) sum += zMean[row * latentDim + i];
    mean[i] = sum / rows.length;
    for (const row of rows) squares += (zMean[row * latentDim + i] - mean[i]) ** 2;
    deviation[i] = Math.sqrt(squares / Math.max(rows.length - 1, 1));
  }
  return { mean, deviation };
}

/**
 * The differences of two groups along all dimensions, the largest first: the difference of their
 * means divided by their pooled standard deviation (Cohen's d). Where neither group varies, as with
 * single images, it is infinite, or 0 if the means are the same.
 *
 * @param {ReturnType<typeof moments> & {count: number}} one
 * @param {ReturnType<typeof moments> & {count: number}} other
 */
export function differences(one, other) {
  const weights = [Math.max(one.count - 1, 0), Math.max(other.count - 1, 0)];
  return Array.from(one.mean, (mean, dimension) => {
    const variance =
      (weights[0] * one.deviation[dimension] ** 2 + weights[1] * other.deviation[dimension] ** 2) /
      Math.max(weights[0] + weights[1], 1);
    const gap = mean - other.mean[dimension];
    return { dimension, difference: gap && gap / Math.sqrt(variance) };
  }).sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference) || 0);
}

/**
 * Mean and twice the standard deviation of images, pixel by pixel.
 *
 * @param {Iterable<ArrayLike<number>>} images four values for each pixel
 * @param {number} size number of values of an image
 */
export function momentsOfImages(images, size) {
  const [sum, squares] = [new Float64Array(size), new Float64Array(size)];
  let count = 0;
  for (const image of images) {
    count += 1;
    for (let i = 0; i < size; i++) {
      sum[i] += image[i];
      squares[i] += image[i] ** 2;
    }
  }
  const mean = Uint8ClampedArray.from(sum, (total) => total / count);
  const deviation = Uint8ClampedArray.from(squares, (total, i) =>
    i % 4 === 3 ? 255 : 2 * Math.sqrt(Math.max(total / count - (sum[i] / count) ** 2, 0)),
  );
  return { mean, deviation };
}
