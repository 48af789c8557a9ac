/* Whether the class with the highest score is not said: it wins by too little, or the outputs are strange for it. */
static uint32_t apart(int32_t a, int32_t b)
{
    return a < b ? (uint32_t)b - (uint32_t)a : (uint32_t)a - (uint32_t)b;
}

static int rejected(const int32_t *scores, int best)
{
#if BOX
    const int32_t *centre = reject_centre + best * BOXED, *radius = reject_radius + best * BOXED;
#endif
    int found = 0;
    for (int c = 0; c < CLASSES; c++)
        found |= c != best && apart(scores[best], scores[c]) < (uint32_t)reject_least[best];
#if BOX
    for (int o = 0; o < BOXED; o++)
        found |= apart(scores[o], centre[o]) > (uint32_t)radius[o];
#endif
    return found;
}
