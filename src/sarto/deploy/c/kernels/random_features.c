/* Random features of the vector, each with its share of the sums of the outputs. */
static inline const int8_t *add_hidden(int i, int32_t acc, const int8_t *out, int32_t *sums)
{
    acc += bias_hidden[i] * (1 << BIAS_SHIFT_HIDDEN);
    const int32_t value = activation(requantise(acc, factor_hidden[i * FACTOR_STRIDE], SHIFT_HIDDEN));
    for (int c = 0; c < OUTPUTS; c++)
        sums[c] += *out++ * value;
    return out;
}

static void add_outputs(const int16_t *vector, int32_t *sums)
{
    const int8_t *w = weights_hidden, *out = weights_out;
    int i = 0;
#if HIDDEN >= 4
    for (; i < HIDDEN - HIDDEN % 4; i += 4) {
        int32_t acc[4];
        w = dense_int16(w, vector, SEGMENTS * FEATURES, acc);
        for (int r = 0; r < 4; r++)
            out = add_hidden(i + r, acc[r], out, sums);
    }
#endif
#if HIDDEN % 4
    for (; i < HIDDEN; i++) {
        int32_t acc = 0;
        for (int j = 0; j < SEGMENTS * FEATURES; j++)
            acc += *w++ * vector[j];
        out = add_hidden(i, acc, out, sums);
    }
#endif
}
