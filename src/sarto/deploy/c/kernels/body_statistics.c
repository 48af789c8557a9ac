/* Window statistics of every channel; the sample before is the sample itself where a sequence starts. */
#if DEVIATION
/* The square root, rounded down, bit by bit. */
static int32_t root(uint64_t value)
{
    uint64_t rest = value;
    uint32_t found = 0;
    for (int bit = 30; bit >= 0; bit--) {
        const uint64_t step = ((uint64_t)found << (bit + 1)) + ((uint64_t)1 << 2 * bit);
        if (rest >= step) {
            rest -= step;
            found |= (uint32_t)1 << bit;
        }
    }
    return (int32_t)found;
}
#endif

static void advance(model_arena *arena, model_bank *bank, int pooled)
{
    const int first = bank->count == 0, begins = first && bank->segment == 0;
    for (int c = 0; c < CHANNELS; c++) {
        const int32_t x = arena->x[c];
#if CHANGE || CROSSINGS
        const int32_t before = begins ? x : bank->before[c];
        bank->before[c] = (int16_t)x;
#endif
        if (!pooled)
            continue;
#if MEAN || DEVIATION
        bank->sum[c] += x;
#endif
#if DEVIATION
        bank->square[c] += (int64_t)x * x;
#endif
#if LEAST
        if (first || x < bank->low[c])
            bank->low[c] = (int16_t)x;
#endif
#if LARGEST
        if (first || x > bank->high[c])
            bank->high[c] = (int16_t)x;
#endif
#if CHANGE
        bank->moved[c] += (x > before ? x - before : before - x) >> 1;
#endif
#if CROSSINGS
        bank->crossed[c] += (x < 0) != (before < 0) ? CROSSING : 0;
#endif
    }
    (void)begins;
    (void)first;
}

static void hand_over(model_bank *bank, cursor at)
{
#if MEAN || DEVIATION || CHANGE || CROSSINGS
    const int32_t scale = reciprocal(bank->count);
#endif
    const uint8_t *shift = exponent;
#if MEAN
    for (int c = 0; c < CHANNELS; c++)
        at = take(bank, at, mean_feature(bank->sum[c], scale, *shift++));
#endif
#if DEVIATION
    for (int c = 0; c < CHANNELS; c++) {
        const int64_t sum = bank->sum[c];
        const int32_t spread = root((uint64_t)(bank->count * bank->square[c] - sum * sum));
        at = take(bank, at, mean_feature(spread, scale, *shift++));
        bank->square[c] = 0;
    }
#endif
#if MEAN || DEVIATION
    for (int c = 0; c < CHANNELS; c++)
        bank->sum[c] = 0;
#endif
#if LEAST
    for (int c = 0; c < CHANNELS; c++)
        at = take(bank, at, value_feature(bank->low[c], *shift++));
#endif
#if LARGEST
    for (int c = 0; c < CHANNELS; c++)
        at = take(bank, at, value_feature(bank->high[c], *shift++));
#endif
#if CHANGE
    for (int c = 0; c < CHANNELS; c++) {
        at = take(bank, at, mean_feature(bank->moved[c], scale, *shift++));
        bank->moved[c] = 0;
    }
#endif
#if CROSSINGS
    for (int c = 0; c < CHANNELS; c++) {
        at = take(bank, at, mean_feature(bank->crossed[c], scale, *shift++));
        bank->crossed[c] = 0;
    }
#endif
}
