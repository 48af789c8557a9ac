/* The share of one feature in the sums of the outputs. */
static inline const int8_t *readout(int32_t z, const int8_t *w, int32_t *sums)
{
    for (int c = 0; c < OUTPUTS; c++)
        sums[c] += *w++ * z;
    return w;
}
