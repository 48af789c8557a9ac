/* Four unsigned numbers of 8 bits in a word, as pairs of 16 bits. */
#if WORDS_DSP
PERHAPS static inline int16x2_t even_uint8(uint32_t word)
{
    return (int16x2_t)__uxtb16((uint8x4_t)word);
}

PERHAPS static inline int16x2_t odd_uint8(uint32_t word)
{
    int16x2_t pair;
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}
#endif
