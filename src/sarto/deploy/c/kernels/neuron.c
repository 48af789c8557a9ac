/* What every reservoir cell shares: the drive of one neuron, and the state that its sum leads to. */
static inline int32_t drive(int i, const int16_t *x)
{
    const int8_t *w = weights_in + i * CHANNELS;
    int32_t acc = 0;
    for (int c = 0; c < CHANNELS; c++)
        acc += w[c] * x[c];
    return acc * (1 << INPUT_SHIFT) + bias[i] * (1 << BIAS_SHIFT);
}

static inline STATE settle(int i, int32_t old, int32_t acc)
{
    const int32_t target = tanh_lookup(requantise(acc, factor[i * ROW_STRIDE], SHIFT));
    return (STATE)clamp((old * ALPHA + target * BETA + (1 << 14)) >> 15, STATE_LIMIT);
}
