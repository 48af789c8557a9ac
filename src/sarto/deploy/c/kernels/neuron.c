/* What every reservoir cell shares: what the inputs add to a neuron's sum, and the state that the sum leads to. */
static inline int32_t driving(int i, int32_t driven)
{
    return driven * (1 << INPUT_SHIFT) + bias[i] * (1 << BIAS_SHIFT);
}

static inline STATE settle(int i, int32_t old, int32_t acc)
{
    const int32_t target = tanh_lookup(requantise(acc, factor[i * ROW_STRIDE], SHIFT));
    const int32_t mixed = (old * ALPHA + target * BETA + (1 << 14)) >> 15;
#if ALPHA + BETA > 32768
    return (STATE)clamp(mixed, STATE_LIMIT);
#else
    return (STATE)mixed; /* a mean of two states, so within their limit */
#endif
}
