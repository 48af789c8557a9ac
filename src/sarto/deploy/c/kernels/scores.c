/* The score of one output in counts of what one score is worth. */
static int32_t scaled(int32_t value, int32_t by, int shift)
{
    const int64_t wide = ((int64_t)value * by + ((int64_t)1 << (shift - 1))) >> shift;
    return (int32_t)(wide > SCORE_LIMIT ? SCORE_LIMIT : wide < -SCORE_LIMIT ? -SCORE_LIMIT : wide);
}

static int32_t score(const int32_t *sums, int c)
{
    return scaled(sums[c], factor_out[c], SHIFT_OUT) + bias_out[c];
}
