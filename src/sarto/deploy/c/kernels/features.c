/* One pooled feature: `value` is a sum, `scale` the reciprocal of its steps. */
static inline int32_t feature(int32_t value, int32_t scale, int shift)
{
    return clamp(requantise(value, scale, shift), FEATURE_LIMIT);
}
