/* Scores of all classes in one unit, and the class with the highest (the first of equals). */
static int decide(const int32_t *sums, int32_t *scores)
{
    int best = 0;
    for (int c = 0; c < CLASSES; c++) {
        int64_t wide = ((int64_t)sums[c] * factor_out[c] + ((int64_t)1 << (SHIFT_OUT - 1))) >> SHIFT_OUT;
        wide = wide > SCORE_LIMIT ? SCORE_LIMIT : wide < -SCORE_LIMIT ? -SCORE_LIMIT : wide;
        scores[c] = (int32_t)wide + bias_out[c];
        if (scores[c] > scores[best])
            best = c;
    }
    return best;
}
