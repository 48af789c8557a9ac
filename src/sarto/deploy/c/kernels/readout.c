/* Pooled features and their share of the class sums; `count` is the number of steps in `total`. */
static void readout(const POOLED *total, uint32_t count, const int8_t *w, int32_t *sums)
{
    const int32_t scale = (int32_t)(((1u << 30) + count / 2) / count);
    for (int f = 0; f < UNITS; f++) {
        const int32_t z = clamp(requantise(total[f], scale, exponent[f]), FEATURE_LIMIT);
        for (int c = 0; c < CLASSES; c++)
            sums[c] += *w++ * z;
    }
}
