/* h' = alpha h + beta tanh(W h + W_x x + b) with a dense W, into `next`. */
#if SLOTS
static void recurrent(const STATE *h, const int16_t *x, const int16_t *m, STATE *next)
#else
static void recurrent(const STATE *h, const int16_t *x, STATE *next)
#endif
{
    const int8_t *w = weights, *in = weights_in;
#if SLOTS
    const int8_t *out = memory_out;
#endif
#if TURNED
    const int8_t *turn = rotation;
#endif
    int i = 0;
#if NEURONS >= 4
    for (; i < NEURONS - NEURONS % 4; i += 4) {
        int32_t driven[4], sum[4];
        in = dense_int16(in, x, CHANNELS, driven);
        w = DENSE_STATE(w, h, NEURONS, sum);
#if SLOTS
        int32_t remembered[4];
        out = dense_int16(out, m, SLOTS, remembered);
        for (int r = 0; r < 4; r++)
            sum[r] += remembered[r] * (1 << MEMORY_SHIFT);
#endif
#if TURNED
        int32_t rotated[4];
        turn = DENSE_STATE(turn, h, NEURONS, rotated);
        for (int r = 0; r < 4; r++)
            next[i + r] = settle(i + r, turned(i + r, rotated[r]), sum[r] + driving(i + r, driven[r]));
#else
        for (int r = 0; r < 4; r++)
#if CYCLIC
            next[i + r] = settle(i + r, h[i + r > 0 ? i + r - 1 : NEURONS - 1], sum[r] + driving(i + r, driven[r]));
#else
            next[i + r] = settle(i + r, h[i + r], sum[r] + driving(i + r, driven[r]));
#endif
#endif
    }
#endif
#if NEURONS % 4
    for (; i < NEURONS; i++) {
        int32_t driven = 0, sum = 0;
        for (int c = 0; c < CHANNELS; c++)
            driven += *in++ * x[c];
        for (int j = 0; j < NEURONS; j++)
            sum += *w++ * h[j];
#if SLOTS
        int32_t remembered = 0;
        for (int j = 0; j < SLOTS; j++)
            remembered += *out++ * m[j];
        sum += remembered * (1 << MEMORY_SHIFT);
#endif
#if TURNED
        int32_t rotated = 0;
        for (int j = 0; j < NEURONS; j++)
            rotated += *turn++ * h[j];
        next[i] = settle(i, turned(i, rotated), sum + driving(i, driven));
#else
#if CYCLIC
        next[i] = settle(i, h[i > 0 ? i - 1 : NEURONS - 1], sum + driving(i, driven));
#else
        next[i] = settle(i, h[i], sum + driving(i, driven));
#endif
#endif
    }
#endif
}
