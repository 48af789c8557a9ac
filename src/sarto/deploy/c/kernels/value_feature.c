/* One pooled feature of a single 16-bit value: the same as of a sum of one step, in 32 bits. From 2^20 on its share is 0. */
static inline int32_t value_feature(int32_t value, int shift)
{
    if (shift <= 30)
        return clamp(value * (1 << (30 - shift)), FEATURE_LIMIT);
    const int by = shift - 30 < 20 ? shift - 30 : 20;
    return clamp((value + (1 << (by - 1))) >> by, FEATURE_LIMIT);
}
