/* Weights as one stream of rANS with the state x: the first value, then in turn the class of how many zeros come next, its
   lower bits, and the value that follows them. A symbol has the slots from first[s] to first[s + 1] of 2^12, and near[slot >> 7] is the symbol
   of the first of 128 slots, so that few are looked at. Whatever the stream says, symbols are those of the tables. */
typedef struct {
    const uint16_t *stream, *end;
    const uint16_t *gaps, *values;
    const uint8_t *near_gaps, *near_values;
    const int8_t *value; /* of each symbol */
} weights_coded;

typedef struct {
    const weights_coded *of;
    const uint16_t *at;
    uint32_t x, gap; /* gap: zeros up to the next value */
} reader_coded;

static inline void fill(reader_coded *d)
{
    while (d->x < 65536 && d->at != d->of->end)
        d->x = d->x << 16 | *d->at++;
}

static inline uint32_t symbol(reader_coded *d, const uint16_t *first, const uint8_t *near)
{
    fill(d);
    const uint32_t slot = d->x & 4095;
    const uint16_t *at = first + near[slot >> 7];
    while (slot >= at[1])
        at++;
    d->x = (at[1] - (uint32_t)at[0]) * (d->x >> 12) + slot - at[0];
    return (uint32_t)(at - first);
}

/* Classes 0 to 3 are 0 to 3; from then on two to each power of two, with as many lower bits as that needs. */
static inline uint32_t gap_coded(reader_coded *d)
{
    const uint32_t class = symbol(d, d->of->gaps, d->of->near_gaps);
    if (class < 4)
        return class;
    const uint32_t bits = class / 2 - 1;
    fill(d);
    const uint32_t gap = (2 + class % 2) << bits | (d->x & (((uint32_t)1 << bits) - 1));
    d->x >>= bits;
    return gap;
}

static inline int32_t value_coded(reader_coded *d)
{
    return d->of->value[symbol(d, d->of->values, d->of->near_values)];
}

static inline reader_coded begun_coded(const weights_coded *w)
{
    return (reader_coded){w, w->stream, 0, 0};
}
