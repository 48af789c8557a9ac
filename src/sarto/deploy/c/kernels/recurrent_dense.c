/* h' = alpha h + beta tanh(W h + W_x x + b) with a dense W, into `next`. */
static void recurrent(const STATE *h, const int16_t *x, STATE *next)
{
    const int8_t *w = weights;
    for (int i = 0; i < NEURONS; i++, w += NEURONS) {
        int32_t acc = drive(i, x);
        for (int j = 0; j < NEURONS; j++)
            acc += w[j] * h[j];
        next[i] = settle(i, h[i], acc);
    }
}
