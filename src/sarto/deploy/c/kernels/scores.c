/* The score of one output in counts of what one score is worth. */
static int32_t score(const int32_t *sums, int c)
{
    int64_t wide = ((int64_t)sums[c] * factor_out[c] + ((int64_t)1 << (SHIFT_OUT - 1))) >> SHIFT_OUT;
    wide = wide > SCORE_LIMIT ? SCORE_LIMIT : wide < -SCORE_LIMIT ? -SCORE_LIMIT : wide;
    return (int32_t)wide + bias_out[c];
}
