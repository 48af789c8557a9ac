/* Rows of 8-bit weights times a vector. Four rows go at a time, so that a part of the vector is loaded once for them:
   their weights lie four columns by four rows, then what is left of the columns, row by row; rows that do not fill a
   four come last, one after the other. With SMLAD two products take one instruction; the sums are the same. */
#if defined(__GNUC__)
#define SEPARATE __attribute__((noinline)) /* within a larger function the registers would not suffice */
#else
#define SEPARATE
#endif

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
#define DENSE_DSP 1
#if defined(__OPTIMIZE_SIZE__)
#define UNROLLED
#else
#define UNROLLED _Pragma("GCC unroll 2")
#endif

static inline uint32_t four_weights(const int8_t *w)
{
    uint32_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(w, 4), 4);
    return word;
}

static inline uint32_t loaded(const void *at)
{
    uint32_t word;
    __builtin_memcpy(&word, at, 4);
    return word;
}

/* Bytes 0 and 2, and bytes 1 and 3, as two numbers of 16 bits each. */
static inline int16x2_t even(uint32_t word)
{
    return __sxtb16((int8x4_t)word);
}

static inline int16x2_t odd(uint32_t word)
{
    int16x2_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

static inline int32_t four_products(const int8_t *w, int16x2_t first, int16x2_t second, int32_t acc)
{
    const uint32_t word = four_weights(w);
    return __smlad(odd(word), second, __smlad(even(word), first, acc));
}
#else
#define DENSE_DSP 0
#define UNROLLED
#endif
