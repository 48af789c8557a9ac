/* From the sum of a channel to its number. `row` has the bias and the factor of each channel side by side; `more` has, where
   a kind needs it, the factor of sums below 0 and two shifts: in the lowest byte, and for sums below 0 in the next. */
enum {
    BYTE,    /* (sum factor + 2^31) >> 32 within 0 and 255 */
    HIGH,    /* clamp((sum factor + 2^31) >> 32) */
    LEAKY,   /* the same, with both factors */
    WIDE,    /* (sum factor + 2^31) >> 32 into 32 bits, which no limit of scores cuts */
    GENERAL, /* clamp((sum factor + 2^(shift - 1)) >> shift), with both of both */
    SCORES   /* as GENERAL, into 32 bits */
};

typedef struct {
    const int32_t *row, *more;
    int32_t kind, low, high;
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

/* The number of a sum that has its bias already, for all kinds; `at` counts numbers of the output. */
SEPARATE static void settle_any(const scaling *s, const int32_t *row, int32_t acc, void *y, int at)
{
    const int32_t *more = s->more + (row - s->row);
    int32_t found;
    if (s->kind >= GENERAL)
        found = acc < 0 ? requantise(acc, more[0], more[1] >> 8) : requantise(acc, row[1], more[1] & 255);
    else
#if BENT
        found = high_word(acc, s->kind == LEAKY && acc < 0 ? more[0] : row[1]);
#else
        found = high_word(acc, row[1]);
#endif
    found = within(found, s->low, s->high);
    if (s->kind == SCORES || s->kind == WIDE)
        ((int32_t *)y)[at] = found;
    else
        ((uint8_t *)y)[at] = (uint8_t)found;
}

/* The numbers of sums of two channels side by side. */
PERHAPS static inline void settle_two(const scaling *s, const int32_t *row, int32_t a, int32_t b, void *y, int at)
{
    uint8_t *bytes = (uint8_t *)y;
    if (s->kind == BYTE) {
        bytes[at] = (uint8_t)within(high_word(a, row[1]), 0, 255);
        bytes[at + 1] = (uint8_t)within(high_word(b, row[3]), 0, 255);
    } else if (s->kind == HIGH) {
        bytes[at] = (uint8_t)within(high_word(a, row[1]), s->low, s->high);
        bytes[at + 1] = (uint8_t)within(high_word(b, row[3]), s->low, s->high);
    } else {
        settle_any(s, row, a, y, at);
        settle_any(s, row + 2, b, y, at + 1);
    }
}
