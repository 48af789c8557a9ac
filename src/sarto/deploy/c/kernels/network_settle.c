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

/* The number of a sum that has its bias already, for all kinds; `at` counts numbers of the output. */
SEPARATE static void settle_any(const scaling *s, const int32_t *row, int32_t acc, void *y, int at)
{
    uint8_t *bytes = (uint8_t *)y + at;
    if (s->kind == SCORES)
        ((int32_t *)y)[at] = within(general(row, acc), s->low, s->high);
#if BENT
    else if (s->kind == GENERAL)
        *bytes = (uint8_t)within(general(row, acc), s->low, s->high);
    else if (s->kind == LEAKY)
        *bytes = (uint8_t)within(high_word(acc, row[acc < 0 ? 2 : 1]), s->low, s->high);
#endif
    else
        *bytes = (uint8_t)within(high_word(acc, row[1]), s->low, s->high);
}

/* Two sums of one channel, at two places, or of two channels, `step` numbers of `row` apart. */
static inline void settle_two(const scaling *s, const int32_t *row, int step, int32_t a, int32_t b, void *y, int at,
                              int next)
{
    if (s->kind == HIGH) {
        uint8_t *bytes = (uint8_t *)y;
        bytes[at] = (uint8_t)within(high_word(a, row[1]), s->low, s->high);
        bytes[next] = (uint8_t)within(high_word(b, row[step + 1]), s->low, s->high);
    } else {
        settle_any(s, row, a, y, at);
        settle_any(s, row + step, b, y, next);
    }
}
