/* What every reservoir cell shares: the state that a neuron's sum leads to. */
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
