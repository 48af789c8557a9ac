/* The one rounding of the integer network: (acc*m + 2^(s-1)) >> s in 64 bits, half up. */
static inline int32_t requantise(int32_t acc, int32_t m, int s)
{
    return (int32_t)(((int64_t)acc * m + ((int64_t)1 << (s - 1))) >> s);
}
