/* What every reservoir cell shares: the state that a neuron's sum leads to. */
static inline STATE settle(int i, int32_t old, int32_t acc)
{
#if LINEAR
    const int32_t straight = requantise(acc, factor[i * ROW_STRIDE], SHIFT);
    const int32_t target = LINEAR == 2 && straight < 0 ? 0 : clamp(straight, STATE_LIMIT);
#else
    const int32_t target = tanh_lookup(requantise(acc, factor[i * ROW_STRIDE], SHIFT));
#endif
#if OWN_MIX
    const int32_t mixed = (old * ALPHA + (target + LIFT) * BETA + (1 << (MIX_SHIFT - 1))) >> MIX_SHIFT;
    return (STATE)clamp(mixed, STATE_LIMIT);
#else
    const int32_t mixed = (old * ALPHA + target * BETA + (1 << 14)) >> 15;
#if ALPHA + BETA > 32768
    return (STATE)clamp(mixed, STATE_LIMIT);
#else
    return (STATE)mixed; /* a mean of two states, so within their limit */
#endif
#endif
}
