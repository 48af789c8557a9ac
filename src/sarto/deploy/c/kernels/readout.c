/* One pooled feature and its share of the sums of the outputs: `value` is a sum, `scale` the reciprocal of its steps. */
static inline const int8_t *readout(int32_t value, int32_t scale, int shift, const int8_t *w, int32_t *sums)
{
    const int32_t z = clamp(requantise(value, scale, shift), FEATURE_LIMIT);
    for (int c = 0; c < OUTPUTS; c++)
        sums[c] += *w++ * z;
    return w;
}
