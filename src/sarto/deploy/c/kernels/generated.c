/* h' = alpha h + beta tanh(G h + G_x (x, 1)) in place. The weights are stored nowhere: they come from a generator, four to
   a word, for four rows in turn, so that a part of the vector is loaded once for them. Of a word, bytes 0 and 2 are the
   first two weights, bytes 1 and 3 the others, as SXTB16 takes them. */
static inline uint32_t next_word(uint32_t word)
{
    word ^= word << 13;
    word ^= word >> 17;
    return word ^ word << 5;
}

/* Four rows of the weights that follow `word`, times so many numbers, a multiple of four; returns the last word. */
SEPARATE static uint32_t generated(uint32_t word, const int16_t *v, int columns, int32_t *acc)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (const int16_t *end = v + columns; v != end; v += 4) {
#if WORDS_DSP
        const int16x2_t first = (int16x2_t)loaded(v), second = (int16x2_t)loaded(v + 2);
#define PRODUCTS(acc) __smlad(odd(word), second, __smlad(even(word), first, acc))
#else
        const int32_t p = v[0], q = v[1], r = v[2], s = v[3];
#define PRODUCTS(acc) \
    ((acc) + (int8_t)word * p + (int8_t)(word >> 16) * q + (int8_t)(word >> 8) * r + (int8_t)(word >> 24) * s)
#endif
        word = next_word(word);
        a = PRODUCTS(a);
        word = next_word(word);
        b = PRODUCTS(b);
        word = next_word(word);
        c = PRODUCTS(c);
        word = next_word(word);
        d = PRODUCTS(d);
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = c;
    acc[3] = d;
    return word;
}
