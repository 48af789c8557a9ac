#if WHOLE
/* Largest plus smallest product of a run of weights. */
static inline int32_t whole_number(const int8_t *w, const number_t *x, int length)
{
    extreme largest = NO_LARGEST, smallest = NO_SMALLEST;
#if WORDS_DSP
    UNROLLED
    for (int fours = length / 4; fours > 0; fours--, x += 4, w += 4) {
        const uint32_t numbers = loaded(x), weights = loaded(w);
        spread(products((uint32_t)even_number(numbers), (uint32_t)even(weights)), &largest, &smallest);
        spread(products((uint32_t)odd_number(numbers), (uint32_t)odd(weights)), &largest, &smallest);
    }
    for (int left = length % 4; left > 0; left--, x++, w++)
        spread(doubled(*w * *x), &largest, &smallest);
#else
    for (const int8_t *const end = w + length; w != end; x++, w++)
        spread(*w * *x, &largest, &smallest);
#endif
    return sum_of(largest, smallest);
}
#endif

#if KEPT
/* The same of those that were kept; where there are others, a product is 0. Weights and place go on from run to run. */
static inline int32_t kept_number(const uint8_t **entries, const number_t **x, int count, int length)
{
    const uint8_t *entry = *entries, *const end = entry + 2 * count;
    const number_t *seen = *x;
    extreme largest = count < length ? 0 : NO_LARGEST, smallest = count < length ? 0 : NO_SMALLEST;
#if WORDS_DSP
    for (const uint8_t *const last = end - 2 * (count & 1); entry != last; entry += 4) {
        const uint32_t two = loaded(entry);
        __asm__("uxtab %0, %0, %1, ror #8" : "+r"(seen) : "r"(two));
        const int32_t p = *seen;
        __asm__("add %0, %0, %1, lsr #24" : "+r"(seen) : "r"(two));
        spread(products_of(p, *seen, (uint32_t)even(two)), &largest, &smallest);
    }
    if (count & 1) {
        seen += entry[1];
        spread(doubled((int8_t)*entry * *seen), &largest, &smallest);
    }
#else
    for (; entry != end; entry += 2) {
        seen += entry[1];
        spread((int8_t)*entry * *seen, &largest, &smallest);
    }
#endif
    *entries = end;
    *x = seen;
    return sum_of(largest, smallest);
}
#endif

/* The outputs of a group, from `first` on, of what lies at x; returns where the weights of the next group begin. */
SEPARATE static const int8_t *mam_number(const mam_layer *l, int first, const int8_t *w, const number_t *x, void *y, int at)
{
    for (int output = first; output < first + l->rows; output++, at++) {
        const number_t *seen = x;
        int32_t acc = bias_of(l, output);
        for (int run = output * l->splits; run < (output + 1) * l->splits; run++) {
#if KEPT
            if (l->count) {
                const int count = l->wide ? ((const uint16_t *)l->count)[run] : ((const uint8_t *)l->count)[run];
                acc += kept_number((const uint8_t **)&w, &seen, count, l->length);
                continue;
            }
#endif
#if WHOLE
            acc += whole_number(w, seen, l->length);
            w += l->length;
            seen += l->length;
#endif
        }
        settle_output(l, output, acc, y, at);
    }
    return w;
}
