/* From the sum of a channel to its number: a row of `scaling` has what a channel is rescaled by. */
enum {
    HIGH,    /* bias, factor: clamp((sum factor + 2^31) >> 32) */
    LEAKY,   /* bias, factor, factor of sums below 0: the same */
    GENERAL, /* bias, factor, shift, and both for sums below 0: clamp((sum factor + 2^(shift - 1)) >> shift) */
    SCORES   /* as GENERAL, into 32 bits */
};

typedef struct {
    const int32_t *row;
    int16_t kind, length; /* of a row */
    int32_t low, high;
} scaling;

static inline int32_t within(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* (a b + 2^31) >> 32 */
static inline int32_t high_word(int32_t a, int32_t b)
{
#if WORDS_DSP
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
    return high;
#else
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#endif
}

static inline int32_t general(const int32_t *row, int32_t acc)
{
    const int32_t *by = row + (acc < 0 ? 3 : 1);
    return requantise(acc, by[0], by[1]);
}

/* The numbers of sums that have their bias already; `at` counts numbers of the output. */
static inline void settle(const scaling *s, const int32_t *row, const int32_t *acc, int count, void *y, int at)
{
    uint8_t *bytes = (uint8_t *)y + at;
    if (s->kind == HIGH) {
        for (int i = 0; i < count; i++, row += 2)
            bytes[i] = (uint8_t)within(high_word(acc[i], row[1]), s->low, s->high);
#if BENT
    } else if (s->kind == LEAKY) {
        for (int i = 0; i < count; i++, row += 3)
            bytes[i] = (uint8_t)within(high_word(acc[i], row[acc[i] < 0 ? 2 : 1]), s->low, s->high);
    } else if (s->kind == GENERAL) {
        for (int i = 0; i < count; i++, row += 5)
            bytes[i] = (uint8_t)within(general(row, acc[i]), s->low, s->high);
#endif
    } else {
        for (int i = 0; i < count; i++, row += 5)
            ((int32_t *)y)[at + i] = within(general(row, acc[i]), s->low, s->high);
    }
}
