/* Largest and smallest products of a MAM layer with their indices, and the gradient; see search.py and kernel.py.

   32 outputs lie side by side, so that a compiler holds their extremes in vector registers. The first pass finds the
   extremes, the second the first index whose product is equal to one. No number may be NaN. */

#include <stddef.h>
#include <stdint.h>

#define T 32

/* One row x with T weight vectors w (input, T), of which `wide` are there. Outputs lie `step` apart. */
static void tile(int n, int first, const float *restrict x, const float *restrict w, int wide, ptrdiff_t step,
                 float *restrict y, int32_t *restrict largest, int32_t *restrict smallest)
{
    float high[T], low[T];
    int32_t p[T], q[T];
    for (int i = 0; i < T; i++) {
        high[i] = low[i] = x[0] * w[i];
        p[i] = q[i] = 0;
    }
    for (int k = 1; k < n; k++) {
        const float a = x[k];
        for (int i = 0; i < T; i++) {
            const float v = a * w[k * T + i];
            high[i] = v > high[i] ? v : high[i];
            low[i] = v < low[i] ? v : low[i];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        const float a = x[k];
        for (int i = 0; i < T; i++) {
            const float v = a * w[k * T + i];
            p[i] = v == high[i] ? k : p[i];
            q[i] = v == low[i] ? k : q[i];
        }
    }
    for (int i = 0; i < wide; i++) {
        y[i * step] += high[i] + low[i];
        largest[i * step] = first + p[i];
        smallest[i * step] = first + q[i];
    }
}

/* x (rows, inputs), w (neurons, inputs), packed (inputs / splits * T); y, largest and smallest are at
   row * row_step + neuron * neuron_step, the indices of a split after those of the one before. y begins at 0. */
void mam_forward(int rows, int inputs, int neurons, int splits, ptrdiff_t row_step, ptrdiff_t neuron_step,
                 const float *x, const float *w, float *packed, float *y, int32_t *largest, int32_t *smallest)
{
    const int n = inputs / splits;
    const size_t outputs = (size_t)rows * neurons;
    for (int s = 0; s < splits; s++)
        for (int i = 0; i < neurons; i += T) {
            const int wide = neurons - i < T ? neurons - i : T;
            for (int k = 0; k < n; k++)
                for (int j = 0; j < T; j++)
                    packed[k * T + j] = j < wide ? w[(size_t)(i + j) * inputs + s * n + k] : 0.0f;
            for (int b = 0; b < rows; b++) {
                const ptrdiff_t at = b * row_step + i * neuron_step;
                tile(n, s * n, x + (size_t)b * inputs + s * n, packed, wide, neuron_step, y + at,
                     largest + s * outputs + at, smallest + s * outputs + at);
            }
        }
}

/* One of the indices: winner (rows, neurons) passes g on to to_x (rows, inputs) and to_w (neurons, inputs). */
void mam_backward(int rows, int inputs, int neurons, const float *x, const float *w, const float *g,
                  const int32_t *winner, float *to_x, float *to_w)
{
    for (int b = 0; b < rows; b++)
        for (int i = 0; i < neurons; i++) {
            const size_t at = (size_t)b * neurons + i;
            const size_t from = (size_t)b * inputs + winner[at], weight = (size_t)i * inputs + winner[at];
            to_x[from] += g[at] * w[weight];
            to_w[weight] += g[at] * x[from];
        }
}
