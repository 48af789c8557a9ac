/* Random features of the vector, each with its share of the sums of the outputs. */
static void add_outputs(const int16_t *vector, int32_t *sums)
{
    const int8_t *w = weights_hidden, *out = weights_out;
    for (int i = 0; i < HIDDEN; i++) {
        int32_t acc = bias_hidden[i] * (1 << BIAS_SHIFT_HIDDEN);
        for (int j = 0; j < SEGMENTS * FEATURES; j++)
            acc += *w++ * vector[j];
        const int32_t value = activation(requantise(acc, factor_hidden[i * FACTOR_STRIDE], SHIFT_HIDDEN));
        for (int c = 0; c < OUTPUTS; c++)
            sums[c] += *out++ * value;
    }
}
