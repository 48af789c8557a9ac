/* The scores of all classes, and the class with the highest (the first of equals), or OUTPUTS where it is rejected. */
static int decide(const int32_t *sums, int32_t *scores)
{
    int best = 0;
    for (int c = 0; c < OUTPUTS; c++) {
        scores[c] = score(sums, c);
        if (scores[c] > scores[best])
            best = c;
    }
    return rejected(scores, best) ? OUTPUTS : best;
}
