/* Rows of 8-bit weights times a vector. Four rows go at a time, so that a part of the vector is loaded once for them:
   their weights lie four columns by four rows, then what is left of the columns, row by row; rows that do not fill a
   four come last, one after the other. With SMLAD two products take one instruction; the sums are the same. */
#if WORDS_DSP
static inline uint32_t four_weights(const int8_t *w)
{
    uint32_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(w, 4), 4);
    return word;
}

static inline int32_t four_products(const int8_t *w, int16x2_t first, int16x2_t second, int32_t acc)
{
    const uint32_t word = four_weights(w);
    return __smlad(odd(word), second, __smlad(even(word), first, acc));
}
#endif
