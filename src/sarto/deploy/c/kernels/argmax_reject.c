/* The scores of all classes, and what is beside them; the class with the highest score (the first of equals), or CLASSES
   where it is rejected. */
static int decide(const int32_t *sums, int32_t *scores)
{
    int best = 0;
    for (int c = 0; c < OUTPUTS; c++) {
        scores[c] = score(sums, c);
        if (c < CLASSES && scores[c] > scores[best])
            best = c;
    }
    return rejected(scores, best) ? CLASSES : best;
}
