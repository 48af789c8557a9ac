/* Scores of all classes in one unit, and the class with the highest (the first of equals). */
static int decide(const int32_t *sums, int32_t *scores)
{
    int best = 0;
    for (int c = 0; c < CLASSES; c++) {
        scores[c] = requantise(sums[c], factor_out[c], SHIFT_OUT) + bias_out[c];
        if (scores[c] > scores[best])
            best = c;
    }
    return best;
}
