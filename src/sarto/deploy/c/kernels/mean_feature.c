/* One pooled feature of a sum; `scale` is the reciprocal of its steps. */
static inline int32_t mean_feature(int32_t sum, int32_t scale, int shift)
{
    return clamp(requantise(sum, scale, shift), FEATURE_LIMIT);
}
