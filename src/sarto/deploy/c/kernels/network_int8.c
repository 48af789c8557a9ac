/* Four signed numbers of 8 bits in a word, as pairs of 16 bits. */
#if WORDS_DSP
PERHAPS static inline int16x2_t even_int8(uint32_t word)
{
    return even(word);
}

PERHAPS static inline int16x2_t odd_int8(uint32_t word)
{
    return odd(word);
}
#endif
