/* h' = alpha h + beta tanh(W h + W_x x + b) with a dense W, into `next`. */
static void recurrent(const STATE *h, const int16_t *x, STATE *next)
{
    const int8_t *w = weights, *in = weights_in;
    int i = 0;
#if NEURONS >= 4
    for (; i < NEURONS - NEURONS % 4; i += 4) {
        int32_t driven[4], sum[4];
        in = dense_int16(in, x, CHANNELS, driven);
        w = DENSE_STATE(w, h, NEURONS, sum);
        for (int r = 0; r < 4; r++)
            next[i + r] = settle(i + r, h[i + r], sum[r] + driving(i + r, driven[r]));
    }
#endif
#if NEURONS % 4
    for (; i < NEURONS; i++) {
        int32_t driven = 0, sum = 0;
        for (int c = 0; c < CHANNELS; c++)
            driven += *in++ * x[c];
        for (int j = 0; j < NEURONS; j++)
            sum += *w++ * h[j];
        next[i] = settle(i, h[i], sum + driving(i, driven));
    }
#endif
}
